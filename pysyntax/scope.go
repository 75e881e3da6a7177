package pysyntax

// scope is what names belong to: the module, a class, a function, a lambda, or a comprehension.
type scope struct {
	kind   scopeKind
	async  bool
	params int
	loops  int // that the statement stands in
	names  map[string]binding
	outer  *scope
	body   int32 // the node to check: scopes are checked after the one that they stand in, as the compiler does
}

type scopeKind uint8

const (
	moduleScope scopeKind = iota
	classScope
	functionScope
	lambdaScope
	comprehensionScope
)

// runs tells whether code of the scope can return, yield and await.
func (s *scope) runs() bool { return s.kind == functionScope || s.kind == lambdaScope }

// binding is how a scope knows a name.
type binding uint8

const (
	used binding = iota + 1
	local
	global
	nonlocal
)

func (b binding) String() string {
	return [...]string{"unknown", "used", "assigned", "declared global", "declared nonlocal"}[b]
}

func (s *scope) use(name string) {
	if s.names[name] == 0 {
		s.names[name] = used
	}
}

func (s *scope) bind(name string) {
	if s.names[name] <= used {
		s.names[name] = local
	}
}

// declare makes a name global or nonlocal, which it must be before all else; it returns what it is instead.
func (s *scope) declare(name string, as binding) (binding, bool) {
	if was := s.names[name]; was != 0 && was != as {
		return was, false
	}
	s.names[name] = as
	return as, true
}

// encloses tells whether a function around the scope has a name for its nonlocal.
func (s *scope) encloses(name string) bool {
	for s = s.outer; s != nil && s.kind != moduleScope; s = s.outer {
		if s.kind == classScope {
			if name == "__class__" {
				return true
			}
			if s.names[name] == local { // it hides what is further out
				return false
			}
			continue
		}
		switch s.names[name] {
		case local, nonlocal:
			return true
		}
	}
	return false
}

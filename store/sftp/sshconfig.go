package sftp

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// maxHops is how many hosts may stand in a row. More are a loop.
const maxHops = 8

// A place is a host as it was named, in a URL or in ProxyJump.
type place struct {
	user, host string
	port       int
}

// A hop is a host on the way, as ssh_config describes it.
type hop struct {
	named      string // as typed
	user       string
	host       string
	port       int
	knownAs    string // address to look up in known_hosts
	knownHosts []string
	identities []string // files that were configured
	only       bool     // no other keys than those
	jump       string   // ProxyJump
}

func (h hop) address() string { return net.JoinHostPort(h.host, strconv.Itoa(h.port)) }

// settings are the files of ssh_config, the person's own first.
type settings struct {
	files []*ssh_config.Config
	cfg   *Config
}

// readSettings reads ssh_config. A file that cannot be parsed is left out with a warning: it may well have nothing to do
// with our hosts. (Relative names in Include are below the account's home folder, whatever cfg.Home says.)
func readSettings(cfg *Config) *settings {
	s := &settings{cfg: cfg}
	for _, name := range append(cfg.inHome("config"), "/etc/ssh/ssh_config") {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			cfg.warn(fmt.Sprintf("%v; it was left out", err))
			continue
		}
		file, err := ssh_config.DecodeBytes(text)
		if err != nil {
			cfg.warn(fmt.Sprintf("%s: %v; it was left out", name, err))
			continue
		}
		s.files = append(s.files, file)
	}
	return s
}

func (c *Config) warn(text string) {
	if c.Warn != nil {
		c.Warn(text)
	}
}

func (s *settings) all(host, key string) (values []string) {
	for _, file := range s.files {
		found, err := file.GetAll(host, key)
		if err == nil {
			values = append(values, found...)
		}
	}
	return values
}

func (s *settings) get(host, key string) string {
	if values := s.all(host, key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// route returns the hosts to go through, the target last.
func (s *settings) route(p place, depth int) ([]hop, error) {
	if depth > maxHops {
		return nil, &ConfigError{"ProxyJump", p.host, fmt.Sprintf("more than %d hosts in a row", maxHops)}
	}
	h, err := s.resolve(p)
	if err != nil {
		return nil, err
	}
	if h.jump == "" {
		return []hop{h}, nil
	}
	var way []hop
	for i, text := range strings.Split(h.jump, ",") {
		via, err := parseJump(text)
		if err != nil {
			return nil, &ConfigError{"ProxyJump", p.host, err.Error()}
		}
		if i == 0 { // only the first one is reached from here, so only its own ProxyJump counts
			way, err = s.route(via, depth+1)
		} else {
			var next hop
			next, err = s.resolve(via)
			way = append(way, next)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(way) > maxHops {
		return nil, &ConfigError{"ProxyJump", p.host, fmt.Sprintf("more than %d hosts in a row", maxHops)}
	}
	return append(way, h), nil
}

// parseJump parses [user@]host[:port] or ssh://[user@]host[:port].
func parseJump(text string) (place, error) {
	rest := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "ssh://"), "/")
	var p place
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		p.user, rest = rest[:i], rest[i+1:]
	}
	p.host = strings.Trim(rest, "[]")
	if host, port, err := net.SplitHostPort(rest); err == nil {
		p.host = host
		if p.port, err = parsePort(port); err != nil {
			return p, err
		}
	}
	if p.host == "" {
		return p, fmt.Errorf("%q is not [user@]host[:port]", text)
	}
	return p, nil
}

// resolve completes what was typed by what ssh_config says of that host.
func (s *settings) resolve(p place) (hop, error) {
	h := hop{named: p.host, user: p.user, host: p.host, port: p.port, jump: s.get(p.host, "ProxyJump")}
	if strings.EqualFold(h.jump, "none") {
		h.jump = ""
	}
	if command := s.get(p.host, "ProxyCommand"); command != "" && !strings.EqualFold(command, "none") && h.jump == "" {
		return h, &ConfigError{"ProxyCommand", p.host, "is not supported, only ProxyJump is"}
	}
	switch strict := strings.ToLower(s.get(p.host, "StrictHostKeyChecking")); strict {
	case "no", "off", "accept-new":
		s.cfg.warn(fmt.Sprintf("StrictHostKeyChecking %s for %s in ssh_config is ignored: host keys are always checked", strict, p.host))
	}
	if name := s.get(p.host, "HostName"); name != "" {
		h.host = strings.NewReplacer("%%", "%", "%h", p.host).Replace(name)
	}
	h.host = strings.ToLower(h.host)
	if err := s.account(&h); err != nil {
		return h, err
	}
	return h, s.paths(&h)
}

// account fills in user and port.
func (s *settings) account(h *hop) (err error) {
	if h.port == 0 {
		if h.port, err = parsePort(s.get(h.named, "Port")); err != nil {
			return &ConfigError{"Port", h.named, err.Error()}
		}
	}
	if h.port == 0 {
		h.port = 22
	}
	for _, user := range []string{s.get(h.named, "User"), s.cfg.User} {
		if h.user == "" {
			h.user = user
		}
	}
	h.knownAs = h.address()
	if alias := s.get(h.named, "HostKeyAlias"); alias != "" {
		h.knownAs = net.JoinHostPort(strings.ToLower(alias), "22") // ssh looks an alias up without a port
	}
	return nil
}

// paths fills in the names of files.
func (s *settings) paths(h *hop) error {
	h.only = strings.EqualFold(s.get(h.named, "IdentitiesOnly"), "yes")
	for _, text := range s.all(h.named, "IdentityFile") {
		if strings.EqualFold(text, "none") {
			continue
		}
		file, err := s.expand("IdentityFile", text, h)
		if err != nil {
			return err
		}
		h.identities = append(h.identities, file)
	}
	for _, text := range strings.Fields(s.get(h.named, "UserKnownHostsFile")) {
		if strings.EqualFold(text, "none") {
			text = os.DevNull
		}
		file, err := s.expand("UserKnownHostsFile", strings.Trim(text, `"`), h)
		if err != nil {
			return err
		}
		h.knownHosts = append(h.knownHosts, file)
	}
	return nil
}

// expand replaces ~ and the %-tokens of ssh_config in the name of a file.
func (s *settings) expand(setting, text string, h *hop) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		i++
		value, ok := "", i < len(text)
		if ok {
			value, ok = map[byte]string{
				'%': "%", 'd': s.cfg.Home, 'h': h.host, 'n': h.named, 'p': strconv.Itoa(h.port), 'r': h.user, 'u': s.cfg.User,
			}[text[i]]
		}
		if !ok {
			return "", &ConfigError{setting, h.named, fmt.Sprintf("%q has a token that is not one of %%%% %%d %%h %%n %%p %%r %%u", text)}
		}
		b.WriteString(value)
	}
	name := b.String()
	if name == "~" || strings.HasPrefix(name, "~/") {
		return s.cfg.Home + name[1:], nil
	}
	return name, nil
}

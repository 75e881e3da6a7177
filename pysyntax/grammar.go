package pysyntax

// grammar is MicroPython's. In a rule [ ] are there once or not, { } any number of times, ( | ) are alternatives, and
// {, x } is the rest of a list: commas with an x behind each, but perhaps not behind the last. Which way to go is always
// decided by the next token.
//
// A rule marked ? makes a node only if it has more than one child. One marked ^ is a level of nesting.
const grammar = `
statement ?    : if | while | for | try | with | async | decorated | def | class | lines
if             : 'if' named ':' block { 'elif' named ':' block } [ 'else' ':' block ]
while          : 'while' named ':' block [ 'else' ':' block ]
for            : 'for' targets 'in' tests ':' block [ 'else' ':' block ]
try            : 'try' ':' block ( except { except } [ 'else' ':' block ] [ finally ] | finally )
except         : 'except' [ test [ 'as' NAME ] ] ':' block
finally        : 'finally' ':' block
with           : 'with' item { ',' item } ':' block
item           : test [ 'as' expr ]
async          : 'async' ( def | for | with )
decorated      : decorator { decorator } ( def | class | asyncdef )
decorator      : '@' dotted [ call ] NEWLINE
asyncdef       : 'async' def
def            : 'def' NAME '(' [ parameters ] ')' [ result ] ':' block
class          : 'class' NAME [ call ] ':' block
parameters     : parameter {, parameter }
parameter      : NAME [ annotation ] [ '=' test ] | '*' [ NAME [ annotation ] ] | '**' NAME [ annotation ]
annotation     : ':' test
result         : '->' test
block ^        : lines | NEWLINE INDENT statement { statement } DEDENT

lines ?        : small {; small } NEWLINE
small ?        : del | pass | break | continue | return | raise | yield | import | from | global | nonlocal | assert | expression
expression ?   : stars [ annotated | augmented | assigned { assigned } ]
annotated      : ':' test [ '=' ( yield | stars ) ]
augmented      : ( '+=' | '-=' | '*=' | '@=' | '/=' | '//=' | '%=' | '**=' | '&=' | '|=' | '^=' | '<<=' | '>>=' ) ( yield | tests )
assigned       : '=' ( yield | stars )
del            : 'del' targets
pass           : 'pass'
break          : 'break'
continue       : 'continue'
return         : 'return' [ tests ]
raise          : 'raise' [ test [ 'from' test ] ]
yield          : 'yield' [ 'from' test | tests ]
import         : 'import' module { ',' module }
module         : dotted [ 'as' NAME ]
from           : 'from' ( dots [ dotted ] | dotted ) 'import' ( '*' | '(' alias {, alias } ')' | alias {, alias } )
dots           : ( '.' | '...' ) { '.' | '...' }
dotted         : NAME { '.' NAME }
alias          : NAME [ 'as' NAME ]
global         : 'global' NAME { ',' NAME }
nonlocal       : 'nonlocal' NAME { ',' NAME }
assert         : 'assert' test [ ',' test ]

tests ?        : test {, test }
stars ?        : starred {, starred }
targets ?      : target {, target }
starred ?      : star | test
target ?       : star | expr
star           : '*' expr
named ?        : test [ ':=' test ]
test ?         : lambda | or [ 'if' or 'else' else ]
else ?^        : test
lambda ^       : 'lambda' [ lparameters ] ':' test
lparameters    : lparameter {, lparameter }
lparameter     : NAME [ '=' test ] | '*' [ NAME ] | '**' NAME
or ?           : and { 'or' and }
and ?          : not { 'and' not }
not ?          : negation | comparison
negation ^     : 'not' not
comparison ?   : expr { compare expr }
compare ?      : '<' | '>' | '==' | '>=' | '<=' | '!=' | 'in' | 'not' 'in' | 'is' [ 'not' ]
expr ?         : xor { '|' xor }
xor ?          : bitand { '^' bitand }
bitand ?       : shift { '&' shift }
shift ?        : sum { ( '<<' | '>>' ) sum }
sum ?          : product { ( '+' | '-' ) product }
product ?      : factor { ( '*' | '/' | '%' | '//' | '@' ) factor }
factor ?       : signed | power
signed ^       : ( '+' | '-' | '~' ) factor
power ?        : [ 'await' ] atom { call | index | attribute } [ exponent ]
exponent ^     : '**' factor
atom ?         : NAME | NUMBER | strings | 'None' | 'True' | 'False' | '...' | '__debug__' | group | list | braces
strings ?      : STRING { STRING }
group ^        : '(' [ yield | members ] ')'
list ^         : '[' [ members ] ']'
members ?      : member [ comprehension | {, member } ]
member ?       : star | named
braces ^       : '{' [ entry [ comprehension | {, entry } ] ] '}'
entry ?        : test [ ':' test ]
comprehension  : clause { clause | filter }
clause         : 'for' targets 'in' or
filter         : 'if' ( plainlambda | or )
plainlambda ^  : 'lambda' [ lparameters ] ':' ( plainlambda | or )
call ^         : '(' [ argument {, argument } ] ')'
argument ?     : '*' test | '**' test | test [ '=' test | ':=' test | comprehension ]
index ^        : '[' subscript {, subscript } ']'
subscript ?    : test [ slice ] | slice
slice          : ':' [ test ] [ ':' [ test ] ]
attribute      : '.' NAME
field          : argument {, argument } NEWLINE END
`

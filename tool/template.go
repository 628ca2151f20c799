package tool

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/yosida95/uritemplate/v3"
)

// maxURI is how many bytes a URI may have.
const maxURI = 8 << 10

// A uriTemplate finds the values that the variables of a URI template (RFC 6570)
// have in a URI. The syntax is checked by package uritemplate; matching is done
// by a regular expression, for these reasons: it takes linear time, where the
// matcher there copies all it has found at each byte; the order of query
// parameters does not matter; and a field decides whether commas part a list.
//
// A variable that is optional may be absent, if those behind it in its expression
// are too, or if it is one of a query.
type uriTemplate struct {
	exprs []expression
	re    *regexp.Regexp // a group for each variable, or for each named expression
}

// expression is one part of a template: an operator's variables, or a literal.
type expression struct {
	literal string
	op      operator
	vars    []variable
}

type variable struct {
	name     string
	explode  bool // {name*}
	list     bool // its values are a list
	optional bool
}

// operator is a row of the table in RFC 6570, appendix A.
type operator struct {
	first, sep string
	named      bool   // name=value
	class      string // of the characters in values
	slashes    bool   // values may hold them
}

const (
	escaped    = `|%[0-9A-Fa-f]{2})`
	unreserved = `(?:[A-Za-z0-9\-._~]` + escaped
	reserved   = `(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]` + escaped
	// More than a template expands to, but what people type.
	inQuery = `(?:[A-Za-z0-9\-._~:/?@!$'()*,;=]` + escaped
	inParam = `(?:[A-Za-z0-9\-._~,]` + escaped
)

var operators = map[byte]operator{
	0:   {"", ",", false, unreserved, false},
	'+': {"", ",", false, reserved, true},
	'#': {"#", ",", false, reserved, true},
	'.': {".", ".", false, unreserved, false},
	'/': {"/", "/", false, unreserved, false},
	';': {";", ";", true, inParam, false},
	'?': {"?", "&", true, inQuery, true},
	'&': {"&", "&", true, inQuery, true},
}

var scheme = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.\-]*:`) })

// parseTemplate parses text. What the variables are is not known yet: see
// prepare.
func parseTemplate(text string) (*uriTemplate, error) {
	if _, err := uritemplate.New(text); err != nil {
		return nil, fmt.Errorf("the template does not parse: %w", err)
	}
	t := &uriTemplate{}
	for text != "" {
		literal, rest, more := strings.Cut(text, "{")
		if literal != "" {
			t.exprs = append(t.exprs, expression{literal: literal})
		}
		if !more {
			break
		}
		inner, after, _ := strings.Cut(rest, "}")
		text = after
		if err := t.addExpression(inner); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *uriTemplate) addExpression(inner string) error {
	op, ok := operators[inner[0]]
	if ok {
		inner = inner[1:]
	} else {
		op = operators[0]
	}
	var vars []variable
	for spec := range strings.SplitSeq(inner, ",") {
		name, explode := strings.CutSuffix(spec, "*")
		if strings.Contains(name, ":") {
			return fmt.Errorf("{%s}: the rest of a value that is cut off cannot be told from its beginning: remove the prefix", spec)
		}
		if slices.Contains(t.names(), name) || slices.ContainsFunc(vars, func(v variable) bool { return v.name == name }) {
			return fmt.Errorf("the variable %s occurs twice: give it two names", name)
		}
		vars = append(vars, variable{name: name, explode: explode})
	}
	// {?a}{&b} is one query, and its parameters come in any order.
	if n := len(t.exprs); op.named && op.sep == "&" && n > 0 && t.exprs[n-1].op.named && op.first == "&" && t.exprs[n-1].op.sep == "&" {
		t.exprs[n-1].vars = append(t.exprs[n-1].vars, vars...)
		return nil
	}
	t.exprs = append(t.exprs, expression{op: op, vars: vars})
	return nil
}

// names returns the variables' names in order.
func (t *uriTemplate) names() []string {
	var names []string
	for _, e := range t.exprs {
		for _, v := range e.vars {
			names = append(names, v.name)
		}
	}
	return names
}

// prepare takes over from the schema of the function's arguments which variables
// are lists and which are optional, and checks that the two agree.
func (t *uriTemplate) prepare(known []argument) error {
	names := t.names()
	for _, a := range known {
		if a.required && !slices.Contains(names, a.name) {
			return fmt.Errorf("the function needs %s, which the template has no variable for: add it, or make the field optional with omitempty", a.name)
		}
	}
	for i := range t.exprs {
		for j := range t.exprs[i].vars {
			v := &t.exprs[i].vars[j]
			a := named(known, v.name)
			if a == nil {
				return fmt.Errorf("the function takes nothing for the variable %s: add a field with json:%q, or remove it", v.name, v.name)
			}
			v.optional = !a.required
			v.list = a.Type == "array" || v.explode && a.Type == ""
			switch {
			case a.Type == "object":
				return fmt.Errorf("the variable %s cannot hold an object: take a value or a list", v.name)
			case v.explode && !v.list:
				return fmt.Errorf("the variable %s* is a list: make its field one, or remove the *", v.name)
			}
		}
	}
	return t.compile()
}

func (t *uriTemplate) compile() error {
	var b strings.Builder
	b.WriteString(`\A`)
	for _, e := range t.exprs {
		switch {
		case e.literal != "":
			b.WriteString(literalPattern(e.literal))
		case e.op.named:
			b.WriteString(e.namedPattern())
		default:
			b.WriteString(e.pattern())
		}
	}
	b.WriteString(`\z`)
	var err error
	if t.re, err = regexp.Compile(b.String()); err != nil {
		return fmt.Errorf("the template is too much: %w", err)
	}
	return nil
}

// literalPattern matches a literal as it is and, where it is no ASCII, escaped as
// it should be.
func literalPattern(literal string) string {
	var b strings.Builder
	for _, r := range literal {
		quoted := regexp.QuoteMeta(string(r))
		if r >= 0x80 {
			quoted = "(?:" + quoted + "|(?i:" + percentAll(string(r)) + "))"
		}
		b.WriteString(quoted)
	}
	return b.String()
}

func percentAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// pattern matches variables by their order. A value is not empty.
func (e *expression) pattern() string {
	var rest string
	optional := true
	for i, v := range slices.Backward(e.vars) {
		lead := e.op.sep
		if i == 0 {
			lead = e.op.first
		}
		value := e.op.class + "+"
		if v.list {
			value += "(?:" + regexp.QuoteMeta(e.separator(v)) + value + ")*"
		}
		rest = regexp.QuoteMeta(lead) + "(" + value + ")" + rest
		if optional = optional && v.optional; optional {
			rest = "(?:" + rest + ")?"
		}
	}
	return rest
}

// namedPattern matches name=value pairs of e's variables, as one group.
func (e *expression) namedPattern() string {
	names := make([]string, len(e.vars))
	for i, v := range e.vars {
		names[i] = regexp.QuoteMeta(v.name)
	}
	pair := "(?:" + strings.Join(names, "|") + ")(?:=" + e.op.class + "*)?"
	return "((?:" + regexp.QuoteMeta(e.op.first) + pair + "(?:" + e.op.sep + pair + ")*)?)"
}

// separator returns what parts the elements of a list.
func (e *expression) separator(v variable) string {
	if v.explode {
		return e.op.sep
	}
	return ","
}

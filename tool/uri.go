package tool

import (
	"errors"
	"fmt"
	"strings"
)

// match returns the values of the variables that uri has, strings and lists of
// them, or false if the template does not describe uri or a value is not safe:
// see isSafe.
func (t *uriTemplate) match(uri string) (map[string]any, bool) {
	if len(uri) > maxURI {
		return nil, false
	}
	groups := t.re.FindStringSubmatchIndex(uri)
	if groups == nil {
		return nil, false
	}
	groups = groups[2:]
	values := make(map[string]any)
	for _, e := range t.exprs {
		raw := make(map[string][]string, len(e.vars))
		switch {
		case e.literal != "":
			continue
		case e.op.named:
			if groups[0] < groups[1] {
				e.pairs(uri[groups[0]:groups[1]], raw)
			}
			groups = groups[2:]
		default:
			for _, v := range e.vars {
				if groups[0] >= 0 {
					raw[v.name] = []string{uri[groups[0]:groups[1]]}
				}
				groups = groups[2:]
			}
		}
		for _, v := range e.vars {
			if !e.take(v, raw[v.name], values) {
				return nil, false
			}
		}
	}
	return values, true
}

// pairs takes apart what namedPattern has matched.
func (e *expression) pairs(text string, raw map[string][]string) {
	for pair := range strings.SplitSeq(text[len(e.op.first):], e.op.sep) {
		name, value, _ := strings.Cut(pair, "=")
		raw[name] = append(raw[name], value)
	}
}

// take decodes what was found of v into values.
func (e *expression) take(v variable, raw []string, values map[string]any) bool {
	switch {
	case len(raw) == 0:
		return v.optional
	case len(raw) > 1 && !(v.list && v.explode):
		return false // the same parameter twice
	}
	if v.list && !(e.op.named && v.explode) {
		raw = strings.Split(raw[0], e.separator(v))
	}
	list := make([]string, 0, len(raw))
	for _, s := range raw {
		s, ok := unescape(s)
		if !ok || !isSafe(s, e.op.slashes) {
			return false
		}
		list = append(list, s)
	}
	if !v.list {
		values[v.name] = list[0]
		return true
	}
	if len(list) == 1 && list[0] == "" { // x= has no elements
		list = list[:0]
	}
	values[v.name] = list
	return true
}

// checkURI checks a URI that is given once, by the author (RFC 3986, section 2).
func checkURI(uri string) error {
	switch {
	case !scheme().MatchString(uri):
		return errors.New("the URI has no scheme: write one such as docs://readme")
	case len(uri) > maxURI:
		return fmt.Errorf("the URI has more than %d bytes", maxURI)
	case scheme().FindString(uri) == uri:
		return errors.New("the URI has nothing behind its scheme: write one such as docs://readme")
	}
	for i, r := range uri {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r) {
			return fmt.Errorf("the URI has %q at byte %d: escape it as %%XX", r, i)
		}
	}
	if _, ok := unescape(uri); !ok {
		return errors.New("the URI has a % that escapes nothing, or bytes that are not UTF-8: write % itself as %25")
	}
	return nil
}

package bridge

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/transport"
)

// template is a text with places for connection arguments: see [Options].
type template []part

// part is text, or a place if it has a name.
type part struct {
	text     string // or what stands for an argument that is missing
	name     string
	optional bool
}

// parseTemplate reads a template.
func parseTemplate(s string) (template, error) {
	var t template
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			t = append(t, part{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c != '{' && c != '}':
			text.WriteByte(c)
		case i+1 < len(s) && s[i+1] == c:
			text.WriteByte(c)
			i++
		case c == '}':
			return nil, fmt.Errorf("a } at byte %d closes nothing: write }} for a brace", i)
		default:
			end := strings.IndexAny(s[i+1:], "{}")
			if end < 0 || s[i+1+end] != '}' {
				return nil, fmt.Errorf("the { at byte %d is not closed: write {{ for a brace", i)
			}
			p, err := parsePlace(s[i+1 : i+1+end])
			if err != nil {
				return nil, err
			}
			flush()
			t = append(t, p)
			i += 1 + end
		}
	}
	flush()
	return t, nil
}

// parsePlace reads what stands between braces.
func parsePlace(s string) (part, error) {
	name, fallback, optional := strings.Cut(s, "?")
	known := func(r rune) bool {
		return r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !known(r) }) {
		return part{}, fmt.Errorf("{%s} names no argument: in a name there are letters, digits, dots, _ and -", s)
	}
	if at := strings.IndexAny(fallback, "\r\n\x00"); at >= 0 {
		return part{}, fmt.Errorf("the default of {%s?…} has a line break or a NUL", name)
	}
	return part{text: fallback, name: name, optional: optional}, nil
}

// names are the arguments that t has places for.
func (t template) names() (names []string) {
	for _, p := range t {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	return names
}

// fill puts arguments into their places. Of one that was given more than once it
// takes the first. The error is a [*transport.Refusal] and holds no value.
func (t template) fill(args url.Values, place func(name, value string) (string, error)) (string, error) {
	var b strings.Builder
	for _, p := range t {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		values := args[p.name]
		if len(values) == 0 && !p.optional {
			return "", refuse("the connection argument %s is missing: connect with ?%[1]s=…", p.name)
		}
		value := p.text
		if len(values) > 0 {
			value = values[0]
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			return "", refuse("the connection argument %s has a line break or a NUL", p.name)
		}
		text, err := place(p.name, value)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func refuse(format string, args ...any) error {
	return &transport.Refusal{Status: http.StatusBadRequest, Reason: fmt.Sprintf(format, args...)}
}

// How a value is put into its place, so that it stays there.

func inEnv(_, value string) (string, error) { return value, nil }

func inHeader(name, value string) (string, error) {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "", refuse("the connection argument %s has a control character, which no header may have", name)
	}
	return value, nil
}

func inQuery(_, value string) (string, error) { return url.QueryEscape(value), nil }

func inPath(name, value string) (string, error) {
	if value == "" {
		return "", refuse("the connection argument %s is empty, and has a place in the path of a URL", name)
	}
	return url.PathEscape(value), nil
}

// place is a template with the name of what it is the value of.
type place struct {
	name  string
	value template
}

// parsePairs reads name=template pairs.
func parsePairs(what string, pairs []string) ([]place, error) {
	var places []place
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" || strings.ContainsAny(name, "\r\n\x00{}") {
			return nil, fmt.Errorf("%s: %q is not name=template", what, name)
		}
		t, err := parseTemplate(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", what, name, err)
		}
		places = append(places, place{name, t})
	}
	return places, nil
}

// urlTemplate is a URL with places in its path and its query.
type urlTemplate struct{ base, query template }

func parseURL(s string) (urlTemplate, error) {
	t, err := parseTemplate(s)
	if err != nil {
		return urlTemplate{}, err
	}
	var u urlTemplate
	for i, p := range t {
		if p.name == "" && strings.Contains(p.text, "#") {
			return u, fmt.Errorf("a URL with a fragment: leave out what follows the #")
		}
		before, after, ok := strings.Cut(p.text, "?")
		if p.name != "" || !ok {
			u.base = append(u.base, p)
			continue
		}
		u.base = append(u.base, part{text: before})
		if after != "" {
			u.query = append(u.query, part{text: after})
		}
		u.query = append(u.query, t[i+1:]...)
		break
	}
	return u, u.check()
}

// check reports an address that would be the client's to choose.
func (u urlTemplate) check() error {
	first := ""
	if len(u.base) > 0 {
		first = u.base[0].text
	}
	parsed, err := url.Parse(first)
	switch {
	case len(u.base) == 0 || u.base[0].name != "":
		return fmt.Errorf("it has to begin with http:// or https://")
	case err != nil:
		return fmt.Errorf("what stands before its first argument is no URL")
	case parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "":
		return fmt.Errorf("it has to begin with http:// or https:// and a host")
	case len(u.base) > 1 && parsed.Path == "":
		return fmt.Errorf("an argument in the host: it may stand in the path and the query alone, or a client could choose the server")
	}
	return nil
}

// fill returns the URL. A value is one segment of the path, or part of one.
func (u urlTemplate) fill(args url.Values) (string, error) {
	base, err := u.base.fill(args, inPath)
	if err != nil {
		return "", err
	}
	parsed, err := url.Parse(base)
	if err != nil {
		return "", refuse("a connection argument does not fit into the URL")
	}
	dots := func(segment string) bool { return segment == "." || segment == ".." }
	if len(u.base) > 1 && slices.ContainsFunc(strings.Split(parsed.EscapedPath(), "/"), dots) {
		return "", refuse("a connection argument would be . or .. in the path of a URL")
	}
	query, err := u.query.fill(args, inQuery)
	if err != nil || query == "" {
		return base, err
	}
	return base + "?" + query, nil
}

func (u urlTemplate) names() []string { return append(u.base.names(), u.query.names()...) }

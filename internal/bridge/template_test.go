package bridge

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/transport"
)

func TestTemplates(t *testing.T) {
	args := url.Values{
		"a": {"one", "two"}, "e": {""}, "sp": {"a b&c=d#e?f"}, "slash": {"../../etc/passwd"}, "up": {".."}, "dot": {"."},
		"shell": {"$(rm -rf /); `x` | y > z"}, "cr": {"x\r\nEvil: 1"}, "nul": {"x\x00y"}, "enc": {"%0d%0aEvil:1"}, "uni": {"é"}, "tab": {"a\tb"}, "bell": {"a\x07"},
		"brace": {"{a}"},
	}
	for _, c := range []struct{ in, env, header, query, path string }{
		{"plain", "plain", "plain", "plain", "plain"},
		{"", "", "", "", ""},
		{"{{a}} {a} }}{{", "{a} one }{", "{a} one }{", "{a} one }{", "{a} one }{"},
		{"<{a}>", "<one>", "<one>", "<one>", "<one>"},
		{"{none?}", "", "", "", "!is empty"},
		{"{none?x y}", "x y", "x y", "x+y", "x%20y"},
		{"{none?a?b}", "a?b", "a?b", "a%3Fb", "a%3Fb"},
		{"{a?other}", "one", "one", "one", "one"},
		{"{e?other}", "", "", "", "!is empty"},
		{"{none}", "!none is missing", "!none is missing", "!none is missing", "!none is missing"},
		{"{sp}", "a b&c=d#e?f", "a b&c=d#e?f", "a+b%26c%3Dd%23e%3Ff", "a%20b&c=d%23e%3Ff"},
		{"{slash}", "../../etc/passwd", "../../etc/passwd", "..%2F..%2Fetc%2Fpasswd", "..%2F..%2Fetc%2Fpasswd"},
		{"{shell}", "$(rm -rf /); `x` | y > z", "$(rm -rf /); `x` | y > z", "%24%28rm+-rf+%2F%29%3B+%60x%60+%7C+y+%3E+z", "$%28rm%20-rf%20%2F%29%3B%20%60x%60%20%7C%20y%20%3E%20z"},
		{"{cr}", "!cr has a line break", "!cr has a line break", "!cr has a line break", "!cr has a line break"},
		{"{nul}", "!nul has a line break or a NUL", "!nul has", "!nul has", "!nul has"},
		{"{enc}", "%0d%0aEvil:1", "%0d%0aEvil:1", "%250d%250aEvil%3A1", "%250d%250aEvil:1"},
		{"{uni}", "é", "é", "%C3%A9", "%C3%A9"},
		{"{tab}", "a\tb", "a\tb", "a%09b", "a%09b"},
		{"{bell}", "a\x07", "!control character", "a%07", "a%07"},
		{"{brace}{a}", "{a}one", "{a}one", "%7Ba%7Done", "%7Ba%7Done"},
	} {
		tm, err := parseTemplate(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		for _, place := range []struct {
			name, want string
			put        func(string, string) (string, error)
		}{{"env", c.env, inEnv}, {"header", c.header, inHeader}, {"query", c.query, inQuery}, {"path", c.path, inPath}} {
			got, err := tm.fill(args, place.put)
			if reason, bad := strings.CutPrefix(place.want, "!"); bad {
				refusal, ok := errors.AsType[*transport.Refusal](err)
				if !ok || refusal.Status != 400 || !strings.Contains(refusal.Reason, reason) {
					t.Errorf("%s of %q: %q, %v; want a refusal: %s", place.name, c.in, got, err, reason)
				}
				continue
			}
			if err != nil || got != place.want {
				t.Errorf("%s of %q: %q, %v; want %q", place.name, c.in, got, err, place.want)
			}
		}
	}
}

func TestTemplateErrors(t *testing.T) {
	for _, in := range []string{"{", "}", "{a", "a}", "{}", "{?x}", "{a b}", "{a{b}}", "{a/b}", "{a?x\ny}", "{é}"} {
		if _, err := parseTemplate(in); err == nil {
			t.Errorf("%q is a template", in)
		}
	}
}

func TestURLs(t *testing.T) {
	args := url.Values{"id": {"a/b"}, "up": {".."}, "q": {"x&y=z"}, "dot": {"."}}
	for _, c := range []struct{ in, want string }{
		{"https://h/mcp", "https://h/mcp"},
		{"https://h/mcp?a=b", "https://h/mcp?a=b"},
		{"https://h/u/{id}/mcp", "https://h/u/a%2Fb/mcp"},
		{"https://h/u/{id}/mcp?k={q}&l={none?1}", "https://h/u/a%2Fb/mcp?k=x%26y%3Dz&l=1"},
		{"https://h/mcp?{q}", "https://h/mcp?x%26y%3Dz"},
		{"https://h/x{up}", "https://h/x.."},
		{"https://h/{up}/mcp", "!would be . or .."},
		{"https://h/{dot}{dot}", "!would be . or .."},
		{"https://h/{none?..}", "!would be . or .."},
	} {
		u, err := parseURL(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		got, err := u.fill(args)
		if reason, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s: %s, %v; want %s", c.in, got, err, reason)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"", "{id}", "https://{id}/mcp", "https://h{id}/mcp", "https://h.{id}", "http://h:{id}/", "https://u:{id}@h/", "ftp://h/", "/mcp", "https://h/#{id}", "https://h/mcp#x", "https://"} {
		if _, err := parseURL(in); err == nil {
			t.Errorf("%q is a URL that may be filled in", in)
		}
	}
}

func TestNewErrors(t *testing.T) {
	command := &client.Command{Path: "x"}
	for want, o := range map[string]Options{
		"one of the two":            {},
		"one of":                    {Command: command, URL: "http://h/"},
		"Options.Env: A":            {Command: command, Env: []string{"A={"}},
		"is not name=template":      {Command: command, Env: []string{"A"}},
		"Options.Header: X":         {URL: "http://h/", Header: map[string][]string{"X": {"}"}}},
		"Options.URL":               {URL: "http://{h}/"},
		"neither http nor sse":      {URL: "http://h/", Transport: "ws"},
		"a shared upstream":         {URL: "http://h/{a}", Shared: true},
		"by InjectParams":           {URL: "http://h/", Shared: true, InjectParams: true},
		"this bridge has a Command": {Command: command, Query: []string{"a=b"}},
		"this bridge has a URL":     {URL: "http://h/", Env: []string{"a=b"}},
		"has no Path":               {Command: &client.Command{}},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"a{b}c", "{a?x}", "{{}}", "{a?{b}}", "}{", "{a}{a}"} {
		f.Add(seed, "value\r\n")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		tm, err := parseTemplate(text)
		if err != nil {
			return
		}
		args := url.Values{}
		for _, name := range tm.names() {
			args.Set(name, value)
		}
		if got, err := tm.fill(args, inQuery); err == nil && len(tm.names()) > 0 {
			if strings.ContainsAny(value, "\r\n\x00") {
				t.Errorf("%q holds %q", got, value)
			}
		}
		again, err := parseTemplate(strings.NewReplacer("{", "{{", "}", "}}").Replace(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := again.fill(nil, inEnv); err != nil || got != text {
			t.Errorf("%q with its braces doubled is %q, %v", text, got, err)
		}
	})
}

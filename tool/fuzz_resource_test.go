package tool_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yosida95/uritemplate/v3"

	"github.com/sessionmcp/sessionmcp/tool"
)

// seen is what the functions of the templates below were called with.
type seen struct {
	texts []string
	bare  []string // of variables that may hold no slash
}

// fuzzed makes one resource of each template in which a URI has one meaning.
func fuzzed(t testing.TB) (templates []string, resources []*tool.Resource, got *seen) {
	got = &seen{}
	one := func(x string) string { got.texts = []string{x}; return "" }
	bare := func(x string) string { got.texts, got.bare = []string{x}, []string{x}; return "" }
	two := func(x, y string) string { got.texts = []string{x, y}; return "" }
	list := func(x []string) string { got.texts, got.bare = x, x; return "" }
	for template, fn := range map[string]any{
		"a://{x}": bare, "a://{+x}": one, "a://z{#x}": one, "a://z{?x}": one, "a://z{;x}": bare, "a://z{/x}": bare, "a://z{.x}": bare,
		"a://z{/x*}": list, "a://z{?x}{&y}": two, "a://{x}/z{?y}": two, "a://{x}?z=1{&y}": two, "a://{x*}": list, "a://é{x}": bare,
	} {
		templates = append(templates, template)
		resources = append(resources, mustResource(t, template, fn, tool.Name("x")))
	}
	return templates, resources, got
}

// FuzzTemplateURI holds matching to its word that no value leads anywhere, as
// seen by someone who decodes it as often as can be.
func FuzzTemplateURI(f *testing.F) {
	for _, uri := range []string{
		"a://x", "a://../x", "a://%2e%2e%2f", "a://%252e%252E/x", "a://x%5C..%5cy", "a://z?x=1&y=2", "a://z?x=%00", "a://z/a/b//", "a://z;x=..",
		"a://z#x", "a://z.x.y", "a://%ff", "a://x?z=1&y=/", "a://a,b,c", "a://%25252525", "a://z?x&x", "a://\xc3\xa9x", "a://%C3%A9%2E",
	} {
		f.Add(uri)
	}
	templates, resources, got := fuzzed(f)
	f.Fuzz(func(t *testing.T, uri string) {
		for i, r := range resources {
			*got = seen{}
			_, err := r.Read(plainContext(t), uri)
			if matches := r.Matches(uri); matches != (err == nil) {
				t.Errorf("%s, %q: matches %v, read %v", templates[i], uri, matches, err)
			}
			for _, text := range got.texts {
				for last := ""; text != last; last, text = text, decodeLoosely(text) {
					if leads(text, got.bare != nil) {
						t.Errorf("%s, %q: a value is %q", templates[i], uri, text)
					}
				}
			}
		}
	})
}

// leads reports whether text may lead out of where it is used.
func leads(text string, bare bool) bool {
	slashed := strings.ReplaceAll(text, `\`, "/")
	return strings.Contains(text, "\x00") || bare && strings.Contains(slashed, "/") ||
		strings.HasPrefix(path.Clean(path.Join("x", slashed))+"/", "../") || slices.Contains(strings.Split(slashed, "/"), "..")
}

// decodeLoosely is another way to decode what can be decoded.
func decodeLoosely(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+3 <= len(s) {
			if c, err := url.QueryUnescape(strings.ReplaceAll(s[i:i+3], "+", "%2B")); s[i] == '%' && err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// FuzzTemplateValues has another implementation expand templates: what comes back
// is what went in. Beyond ASCII that one is wrong, so there the values are put in
// by hand.
func FuzzTemplateValues(f *testing.F) {
	for _, x := range []string{"x", "a b", "é", "a,b", "100%", "=&?#", "a/b", "...", "x..", "\u2028", "😀", "a+b", ";x=1"} {
		f.Add(x, "y")
		f.Add("x", x)
	}
	templates, resources, got := fuzzed(f)
	f.Fuzz(func(t *testing.T, x, y string) {
		for i, r := range resources {
			template, want := templates[i], []string{x, y}
			if !strings.ContainsAny(template, "y*") {
				want = want[:1]
			}
			if !harmless(x) || !harmless(y) {
				return
			}
			try := func(uri string) {
				if len(uri) > 8<<10 {
					return
				}
				*got = seen{}
				if _, err := r.Read(plainContext(t), uri); err != nil || !slices.Equal(got.texts, want) {
					t.Errorf("%s of %q is %q, which gives %q, %v", template, want, uri, got.texts, err)
				}
			}
			byHand := strings.NewReplacer("XX", percentAll(x), "YY", percentAll(y))
			try(byHand.Replace(expand(t, template, "XX", "YY")))
			if reserved := strings.Contains(template, "{+") || strings.Contains(template, "{#"); isASCII(x+y) && !(reserved && strings.Contains(x, "%")) {
				try(expand(t, template, x, y))
			}
		}
	})
}

func expand(t *testing.T, template, x, y string) string {
	values := uritemplate.Values{"x": uritemplate.String(x), "y": uritemplate.String(y)}
	if strings.Contains(template, "*") {
		values["x"] = uritemplate.List(x, y)
	}
	uri, err := uritemplate.MustNew(template).Expand(values)
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

func percentAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// harmless reports whether a value can be in any template at all.
func harmless(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsAny(s, "/\\\x00") && decodeLoosely(s) == s && strings.Trim(s, ". ") != ""
}

// FuzzFiles asks for every path there may be: what is above, beside or hidden
// never comes out, and neither does anything that is not there.
func FuzzFiles(f *testing.F) {
	served, secret := outside(f)
	inDir, _ := mustFiles(f, served)
	inMap, _ := mustFiles(f, library())
	for _, path := range []string{
		"in.txt", "sub/deep.txt", "../secret.txt", "up/secret.txt", "file.txt", "sub/abs/secret.txt", ".env", "%2e%2e/secret.txt", "..%5csecret.txt",
		"%252e%252e%252fsecret.txt", "sub/../../secret.txt", "README.md", ".git/config", "guide/.hidden/x.txt", "linked/a%20b.txt", "/", "guide/",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, r := range []*tool.Resource{inDir, inMap} {
			contents, err := r.Read(plainContext(t), docs+path)
			if err == nil && (len(contents) != 1 || strings.Contains(contents[0].Text+string(contents[0].Blob), "secret")) {
				t.Errorf("%q gives %+v", path, contents)
			}
			found, err := r.Complete(plainContext(t), tool.Completion{Argument: "path", Value: path})
			if err != nil || slices.ContainsFunc(found.Values, func(v string) bool { return strings.Contains(v, "secret") || strings.Contains("/"+v, "/.") }) {
				t.Errorf("%q is completed as %+v, %v", path, found, err)
			}
		}
		if contents, err := inMap.Read(plainContext(t), docs+url.PathEscape(path)); err == nil {
			if _, err := fs.Stat(library(), path); err != nil {
				t.Errorf("%q gives %+v and is not there", path, contents)
			}
		} else if !errors.Is(err, tool.ErrNotFound) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", path, err)
		}
	})
	if secret == "" {
		f.Error("there is nothing to find")
	}
}

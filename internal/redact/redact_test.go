package redact

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestHide: each secret is hidden, in every form, and nothing else.
func TestHide(t *testing.T) {
	const odd = `a b&c"d/é`
	s := Of("hunter2", "hunter2000", "2000-tail", odd, "abc", "", "1234")
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"no secret", "public abc", "public abc"},
		{"one", "auth=hunter2.", "auth=[redacted]."},
		{"each of them", "hunter2 1234 hunter2", "[redacted] [redacted] [redacted]"},
		{"one that begins like another", "hunter2000!", "[redacted]!"},
		{"two that overlap", "hunter2000-tail!", "[redacted]!"},
		{"side by side", "hunter21234", "[redacted]"},
		{"as it is", odd, "[redacted]"},
		{"in a query", "Get \"https://x.org/?p=" + url.QueryEscape(odd) + "\": EOF", `Get "https://x.org/?p=[redacted]": EOF`},
		{"in a query in small letters", "p=a+b%26c%22d%2f%c3%a9&q", "p=[redacted]&q"},
		{"in a query as browsers write it", "p=a%20b%26c%22d/%C3%A9&q", "p=[redacted]&q"},
		{"in a path", "https://x.org/" + url.PathEscape(odd) + "/", "https://x.org/[redacted]/"},
		{"in a query in a query", "?next=" + url.QueryEscape("/?p="+url.QueryEscape(odd)+"&q"), "?next=%2F%3Fp%3D[redacted]%26q"},
		{"quoted", fmt.Sprintf("%q", odd), `"[redacted]"`},
		{"quoted in ASCII", fmt.Sprintf("%+q", odd), `"[redacted]"`},
		{"in JSON", `{"p":"a b\u0026c\"d/é"}`, `{"p":"[redacted]"}`},
		{"in JSON of others", `{"p":"a b&c\"d\/\u00E9"}`, `{"p":"[redacted]"}`},
		{"in JSON in JSON", `{"p":"{\"p\":\"a b\\u0026c\\\"d/é\"}"}`, `{"p":"{\"p\":\"[redacted]\"}"}`},
		{"in HTML", "<p>a b&amp;c&#34;d/&#xe9;</p>", "<p>[redacted]</p>"},
		{"as a password", "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("me:hunter2")), "Authorization: Basic bWU6[redacted]g=="},
		{"in hex", "68756e74657232 and 68756E74657232", "[redacted] and [redacted]"},
		{"as numbers", fmt.Sprint([]byte("hunter2")), "[[redacted]]"},
		{"cut behind", "it said hunter… and then", "it said [redacted]… and then"},
		{"cut before", "…unter2 and then", "…[redacted] and then"},
		{"cut in a query", "?p=a+b%26c…", "?p=[redacted]…"},
		{"a letter at a cut", "a h…2 b", "a h…2 b"},
		{"a cut that was none", "a … b", "a … b"},
		{"escapes that are none", `50% of C:\dir & 3+4=7 &x; \`, `50% of C:\dir & 3+4=7 &x; \`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := s.Hide(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := Of("aaaa").Hide(strings.Repeat("a", 11) + "b"); got != "[redacted]b" {
		t.Errorf("one that overlaps itself: got %q", got)
	}
	if got := (*Secrets)(nil).Hide("text"); got != "text" {
		t.Errorf("nobody's: got %q", got)
	}
}

// spellings are the ways in which programs write a text into another: escaped, and
// from encodedFrom on in a form without its letters.
const encodedFrom = 9

var spellings = []func(string) string{
	func(s string) string { return s },
	url.QueryEscape,
	url.PathEscape,
	func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
	func(s string) string { // every byte
		return strings.ReplaceAll(fmt.Sprintf(" % x", s), " ", "%")
	},
	strconv.Quote,
	strconv.QuoteToASCII,
	func(s string) string { b, _ := json.Marshal(s); return string(b) },
	html.EscapeString,
	func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return base64.URLEncoding.EncodeToString([]byte("user:" + s)) },
	func(s string) string { return fmt.Sprintf("%x %X", s, s) },
	func(s string) string { return fmt.Sprint([]byte(s)) },
}

// TestHideHostile: a client that chooses the secret and the text cannot have this
// work for long. When it read the text again for each cut, one of these took an hour.
func TestHideHostile(t *testing.T) {
	const long = 30_000 // as a header may be
	for _, tt := range []struct{ secret, text string }{
		{strings.Repeat("a", long), strings.Repeat(Cut, 1<<20)},
		{strings.Repeat("a", long), strings.Repeat(strings.Repeat("a", 16)+Cut, 1<<17)},
		{strings.Repeat("a", long), strings.Repeat("a", 1<<22)},
		{strings.Repeat("a", long) + "b", strings.Repeat("a", 1<<22) + Cut},
		{strings.Repeat("ab", long/2), strings.Repeat("ba", 1<<20) + Cut + strings.Repeat("ab", 1<<20)},
		{strings.Repeat("%41", long/3), strings.Repeat("%2541", 1<<18) + Cut},
		{strings.Repeat(Cut, long/3), strings.Repeat(Cut, 1<<18)},
	} {
		if got := Of(tt.secret).Hide(tt.text); strings.Contains(got, tt.secret) {
			t.Errorf("%.10q… is left in %.20q…", tt.secret, tt.text)
		}
	}
}

// TestHideLeftovers: what is left of a secret at a cut is hidden, all of it, also
// where it overlaps itself.
func TestHideLeftovers(t *testing.T) {
	for text, want := range map[string]string{
		"ababX" + Cut:               "ababX" + Cut, // no beginning
		"xabab" + Cut:               "x[redacted]" + Cut,
		"aababab" + Cut:             "a[redacted]" + Cut,
		"abababababac":              "ab[redacted]",
		"ababababac" + Cut + "abac": "[redacted]" + Cut + "[redacted]",
		Cut + "babac, abac":         Cut + "[redacted], abac",
		Cut + "bac":                 Cut + "bac",
		"abab" + Cut + Cut + "abac": "[redacted]" + Cut + Cut + "[redacted]",
	} {
		if got := Of("ababababac").Hide(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// FuzzHide holds what is hidden to the encoders of the standard library: a secret
// does not survive in what any two of them make of it one after the other, wherever
// it stands; and a text in which no letter of it is stays as it is.
func FuzzHide(f *testing.F) {
	f.Add("s3cr3t/+&<\"é", "before ", " behind", byte(2), byte(7))
	f.Add(`\u0041%41\\x"`, `C:\`, "%", byte(6), byte(2))
	f.Add("tail\n\t&amp;", "&#", "…", byte(8), byte(1))
	f.Add("%%%%\\\\\\\\", "\\", "4141", byte(0), byte(0))
	f.Fuzz(func(t *testing.T, secret, before, behind string, first, second byte) {
		if len(secret) < minEncoded || len(secret) > 1000 || len(before)+len(behind) > 1000 || !utf8.ValidString(secret) {
			return
		}
		s := Of(secret)
		inner, outer := spellings[int(first)%encodedFrom], int(second)%len(spellings)
		if strings.ContainsAny(secret, `\%&`) { // what looks like an escape survives a way back that is exact
			inner, outer = spellings[0], []int{0, 1, 4, 9, 10, 11, 12}[outer%7]
		}
		whole := spellings[outer](inner(secret))
		if outer >= encodedFrom {
			whole = spellings[outer](secret)
		}
		// What stands around a secret does not make something else of it: that
		// needs a half of an escape there.
		const halves = `;\%&+#xuU0123456789abcdefABCDEF` + controls
		before, behind = strings.NewReplacer("%", "", "&", "", `\`, "").Replace(before), strings.TrimLeft(behind, halves)
		whole = before + whole + behind
		got := s.Hide(whole)
		if !strings.Contains(got, Mark) {
			t.Fatalf("%q in %q is not found: %q", secret, whole, got)
		}
		left := strings.ReplaceAll(got, Mark, "\xff") // which is in no secret
		for _, form := range spellings[:encodedFrom] {
			if strings.Contains(left, form(secret)) {
				t.Fatalf("%q in %q is left: %q", secret, whole, got)
			}
		}
		if out := s.Hide(before); !strings.Contains(out, Mark) && out != before {
			t.Fatalf("%q becomes %q", before, out)
		}
	})
}

package hostile

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// A planted secret is found again in whatever form it comes to light. Its head
// and its tail are letters and digits, which no escaping changes; what stands
// between them every escaping changes, each in its own way, so that whoever looks
// for the secret in one form, to hide it, misses it in another.
type planted string

// What can stand between head and tail, in some places.
const (
	inText   = ` +%/&="'\<é>` + "\t☃\u2028"
	inHeader = ` +%/&="'\<é>;,`
	inWord   = ` +%/&"'\<é>;,`
	inPath   = ` +%&="'\<é>`
)

// plant makes the secret of this name.
func plant(name, middle string) planted {
	hash := sha256.Sum256([]byte(name))
	word := strings.ToLower(base32.StdEncoding.EncodeToString(hash[:]))
	return planted(word[:10] + middle + word[10:20])
}

// in returns the form in which text gives the secret away, "" if it does not: the
// first eight characters are enough, and the last.
func (p planted) in(text string) string {
	lower := strings.ToLower(text)
	for _, part := range []string{string(p[:8]), string(p[len(p)-8:])} {
		for name, form := range formsOf(part) {
			if strings.Contains(text, form) || !strings.HasPrefix(name, "base64") && strings.Contains(lower, form) {
				return name + " " + form
			}
		}
	}
	return ""
}

// formsOf returns how a text of small letters and digits may be written, beside as
// it is.
func formsOf(s string) map[string]string {
	forms := map[string]string{
		"text":         s,
		"hex":          hex.EncodeToString([]byte(s)),
		"spaced hex":   fmt.Sprintf("% x", s),
		"Go syntax":    strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(s)), "[]byte{"), "}"),
		"decimal":      strings.Trim(fmt.Sprint([]byte(s)), "[]"),
		"decimal list": strings.ReplaceAll(strings.Trim(fmt.Sprint([]byte(s)), "[]"), " ", ","),
	}
	for at, shared := range []int{0, 2, 3} { // where the text begins in three bytes, and letters that are not its own
		text := base64.RawURLEncoding.EncodeToString([]byte("\x00\x00"[:at] + s))
		forms["base64-"+strconv.Itoa(at)] = text[shared : len(text)-1]
	}
	return forms
}

// wantNone fails if text gives one of the secrets away.
func wantNone(t *testing.T, what, text string, secrets ...planted) {
	t.Helper()
	for _, p := range secrets {
		if form := p.in(text); form != "" {
			_, sign, _ := strings.Cut(form, " ")
			i := max(0, strings.Index(strings.ToLower(text), sign))
			t.Errorf("%s gives %q away as %s: …%s…", what, string(p), form, text[max(0, i-400):min(len(text), i+120)])
		}
	}
}

// TestThePlantedAreFound: the search finds a secret in every form in which it may
// be written, whole or cut, and nothing where it is not.
func TestThePlantedAreFound(t *testing.T) {
	p := plant("found", inText)
	asJSON, err := json.Marshal("before " + p)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := json.Marshal(string(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"as it is": "x" + string(p) + "y", "in capitals": strings.ToUpper(string(p)), "its head": string(p[:8]) + "…", "its tail": "…" + string(p[len(p)-8:]),
		"in a query": url.QueryEscape(string(p)), "in a path": url.PathEscape(string(p)), "in small hex": strings.ToLower(url.QueryEscape(string(p))),
		"quoted": strconv.Quote(string(p)), "quoted in ASCII": strconv.QuoteToASCII(string(p)), "in JSON": string(asJSON), "in JSON in JSON": string(twice),
		"%x": fmt.Sprintf("%x", string(p)), "%X": fmt.Sprintf("%X", string(p)), "% x": fmt.Sprintf("% x", string(p)),
		"%#v of bytes": fmt.Sprintf("%#v", []byte(p)), "%d of bytes": fmt.Sprintf("%d", []byte(p)),
		"base64": base64.StdEncoding.EncodeToString([]byte(p)), "basic": base64.StdEncoding.EncodeToString([]byte("me:" + p)),
		"basic of another": base64.URLEncoding.EncodeToString([]byte("user:" + p)), "and a third": base64.StdEncoding.EncodeToString([]byte("users:" + p)),
	} {
		if p.in(text) == "" {
			t.Errorf("%s: not found in %s", name, text)
		}
	}
	if form := p.in("auth=[redacted] " + string(plant("another", inText))); form != "" {
		t.Errorf("found where it is not: %s", form)
	}
}

// quoted writes a text as JSON.
func quoted(text string) []byte {
	b, _ := json.Marshal(text) // of a string
	return b
}

package jsontext

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestAppendString looks for every byte at every place in a word, before and
// behind every kind of other.
func TestAppendString(t *testing.T) {
	for place := range 18 {
		for c := range 256 {
			for _, fill := range []string{"a", "\x7f", "\x80", "é", "\u2028", "\x1f", `"`, `\`, "!", "#", "]", " "} {
				b := []byte(strings.Repeat(fill, 26))[:26]
				b[place] = byte(c)
				var want bytes.Buffer
				enc := json.NewEncoder(&want)
				enc.SetEscapeHTML(false)
				if err := enc.Encode(string(b)); err != nil {
					t.Fatal(err)
				}
				if got := AppendString(nil, b); string(got)+"\n" != want.String() || !bytes.Equal(got, AppendString(nil, string(b))) {
					t.Fatalf("%q is written %s, want %s", b, got, want.Bytes())
				}
			}
		}
	}
}

func BenchmarkAppendString(b *testing.B) {
	var object strings.Builder
	for i := range 20 {
		fmt.Fprintf(&object, `{"date":"2026-01-%02d","high":20.5,"summary":"partly cloudy"},`, i)
	}
	for _, bb := range []struct{ name, text string }{
		{"short", "partly cloudy"},
		{"ascii", strings.Repeat("some words of a text, ", 50)},
		{"json", object.String()},
		{"cyrillic", strings.Repeat("переменная облачность ", 50)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(bb.text)))
			for b.Loop() {
				dst = AppendString(dst[:0], bb.text)
			}
		})
	}
}

// FuzzAppendText holds what is read of a string against encoding/json.
func FuzzAppendText(f *testing.F) {
	for _, s := range []string{
		`""`, `"a\"\\\/\b\f\n\r\t\u0000"`, `"\ud83d\ude00"`, `"\uD83D\uDE00x"`, `"\ud83d"`, `"\ud83d\n"`, `"\ud83d\u0061"`, `"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`,
		"\"\xff\\n\xc3\"", "\"\xe2\x80\\u2028é\"", `"some words\nof several\tlines\u00e9"`, `"\\u0061"`, `"\uFFFD\ufffe"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var want string
		if !valid(b) || json.Unmarshal(b, &want) != nil {
			return
		}
		r := Read(b)
		if raw, _ := r.Value(); raw[0] == '"' {
			if got := string(AppendText([]byte("before"), raw)); got != "before"+want {
				t.Fatalf("%q: %q, want %q", b, got, want)
			}
		}
	})
}

func BenchmarkAppendText(b *testing.B) {
	raw := []byte(`"` + strings.Repeat(`some \"words\" of a text,\n`, 50) + `"`)
	var dst []byte
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		dst = AppendText(dst[:0], raw)
	}
}

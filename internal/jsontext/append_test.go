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

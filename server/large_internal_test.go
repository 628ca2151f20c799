package server

import (
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

// largeTool answers with a MiB: one text, or many parts.
func largeTool(tb testing.TB, name string) *tool.Tool {
	type part struct {
		Name string `json:"name"`
		N    int    `json:"n"`
	}
	parts := make([]part, 1<<20/22)
	for i := range parts {
		parts[i] = part{"a part", i % 100}
	}
	text := struct{ Text string }{strings.Repeat("some words\n", 1<<20/12)}
	var fn any = func() any { return text }
	if name == "parts" {
		fn = func() []part { return parts }
	}
	t, err := tool.New(fn, tool.Name(name))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// BenchmarkLargeResult is what the server does with a result of a MiB, up to the
// response.
func BenchmarkLargeResult(b *testing.B) {
	for _, name := range []string{"text", "parts"} {
		b.Run(name, func(b *testing.B) {
			t := largeTool(b, name)
			ctx := tool.NewContext(b.Context(), tool.Call{})
			c := &call{revision: revisions[3]}
			spec := t.Spec()
			b.ReportAllocs()
			for b.Loop() {
				r, text, err := t.AppendCall(nil, ctx, nil)
				if err != nil || r != nil {
					b.Fatal(r, err)
				}
				out, err := c.appendResult(nil, &spec, &onlyText, text)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(out)))
			}
		})
	}
}

package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/tool"
)

// TestLargeResults: room for a result is made once, however large it is and
// whatever there is to escape.
func TestLargeResults(t *testing.T) {
	for _, part := range []string{"plain", `"`, `\`, "\n", "é"} {
		text := string(jsontext.AppendString(nil, strings.Repeat(part, 1<<18)))
		structured := []byte(`{"text":` + text + `}`)
		for _, r := range revisions[:4] {
			c := &call{revision: r}
			var out []byte
			allocs := testing.AllocsPerRun(5, func() {
				var err error
				if out, err = c.appendResult(nil, &tool.Spec{}, &onlyText, structured); err != nil {
					t.Fatal(err)
				}
			})
			if allocs > 1 {
				t.Errorf("%q, %s: %v allocations, want 1", part, r.Date, allocs)
			}
			want := fmt.Sprintf(`{"content":[{"type":"text","text":%s}]`, jsontext.AppendString(nil, structured))
			if r.structured {
				want += `,"structuredContent":` + string(structured)
			}
			if string(out) != want+"}" {
				t.Errorf("%q, %s: %.100s", part, r.Date, out)
			}
		}
	}
}

package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestAlike: items that only a comparison of each with each could tell apart are
// refused where items have to differ, and no others are.
func TestAlike(t *testing.T) {
	list := func(n int, item func(i int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	cut := func(i int) []any { return []any{strings.Repeat("a", i), strings.Repeat("a", 1000-i)} }
	bit := func(i, n int, zero, one string) string {
		if i>>n&1 == 0 {
			return zero
		}
		return one
	}
	bits := func(zero, one string) func(int) string {
		return func(i int) string {
			return list(10, func(n int) string { return bit(i, n, zero, one) })
		}
	}
	const refused = "items that are easier to tell apart"
	for name, tt := range map[string]struct {
		items string
		want  string // "" fits
	}{
		"texts cut elsewhere": {list(1000, func(i int) string { return fmt.Sprintf(`[%q,%q]`, cut(i)...) }), refused},
		"properties":          {list(1000, func(i int) string { return fmt.Sprintf(`{"a":%q,"aa":%q}`, cut(i)...) }), refused},
		"names of properties": {list(1000, func(i int) string { return fmt.Sprintf(`{"b%s":"%s"}`, cut(i)...) }), refused},
		"texts like booleans": {list(1000, bits(`true`, `"\u0001"`)), refused},
		"null and false":      {list(1000, bits(`null`, `false`)), refused},
		"texts like numbers":  {list(1000, bits(`5`, `"\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0002\u0005\u0001"`)), refused},
		"texts like lists":    {list(1000, bits(`[]`, `"\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"`)), refused},
		"deeper":              {`[[` + list(1000, bits(`true`, `"\u0001"`)) + `]]`, refused},
		"few":                 {list(maxAlike, func(i int) string { return fmt.Sprintf(`[%q,%q]`, cut(i)...) }), ""},
		"that differ": {list(10_000, func(i int) string {
			return fmt.Sprintf(`{"id":%d,"name":"n%[1]d","on":true,"of":[null,1.5,-%[1]d,18446744073709551615]}`, i)
		}), ""},
		"numbers":              {list(10_000, func(i int) string { return fmt.Sprintf(`[%d,%g]`, i, float64(i)/8) }), ""},
		"texts":                {list(10_000, func(i int) string { return fmt.Sprintf(`"%d"`, i) }), ""},
		"that are equal":       {list(1000, func(int) string { return `["a"]` }), "items that differ from each other"},
		"that are equal, far":  {list(10_000, func(i int) string { return fmt.Sprintf(`["%d"]`, i%9999) }), "items that differ from each other"},
		"equal as numbers are": {list(3, func(i int) string { return []string{`[1]`, `[2]`, `[1.0]`}[i] }), "items that differ from each other"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Compile(json.RawMessage(`{"type":"object","properties":{"a":{"uniqueItems":true}}}`))
			if err != nil {
				t.Fatal(err)
			}
			err = d.Validate([]byte(`{"a":` + tt.items + `}`))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			// Elsewhere nothing is said of them.
			if d, err = Compile(json.RawMessage(`{"type":"object"}`)); err == nil {
				err = d.Validate([]byte(`{"a":` + tt.items + `}`))
			}
			if err != nil {
				t.Errorf("without uniqueItems: %v", err)
			}
		})
	}
}

// TestAlikeNested: lists in lists do not make the check slow: what would take too
// long is refused.
func TestAlikeNested(t *testing.T) {
	d, err := Compile(json.RawMessage(`{"type":"object","properties":{"a":{"items":{"uniqueItems":true}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	deep := `"` + strings.Repeat("x", 1<<20) + `"`
	for range 900 {
		deep = `[` + strings.Repeat("[],", maxAlike) + deep + `]`
	}
	if err := d.Validate([]byte(`{"a":` + deep + `}`)); err == nil || !strings.Contains(err.Error(), "easier to tell apart") {
		t.Errorf("got %.300v", err)
	}
}

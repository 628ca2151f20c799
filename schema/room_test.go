package schema

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
)

type fat struct {
	A, B, C, D, E, F, G, H [64]uint64 `json:"-"`
	Name                   string     `json:"name,omitempty"`
}

type fatArgs struct {
	List    []fat          `json:"list,omitempty"`
	Lists   [][]fat        `json:"lists,omitempty"`
	Map     map[string]fat `json:"map,omitempty"`
	Pointer []*fat         `json:"pointer,omitempty"`
}

// TestRoom: a text of a MiB does not become hundreds of MiB of values, whatever they
// are made of, and one that is as it should be has room.
func TestRoom(t *testing.T) {
	const size = 1 << 20
	repeat := func(s string) string { return strings.Repeat(s, size/len(s)) }
	p := mustInput(t, reflect.TypeFor[fatArgs](), Options{})
	for name, in := range map[string]string{
		"list":     `{"list":[` + repeat(`{},`) + `{}]}`,
		"lists":    `{"lists":[` + repeat(`[{}],`) + `[]]}`,
		"pointers": `{"pointer":[` + repeat(`{},`) + `{}]}`,
		"map":      `{"map":{` + members(size/16) + `}}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var v fatArgs
		err := p.Decode([]byte(in), reflect.ValueOf(&v).Elem(), true)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "too much memory") {
			t.Errorf("%s: %v", name, err)
		}
		// The room, what a list had before it grew, and a map half empty.
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 4*(minRoom+16*size) {
			t.Errorf("%s: %d MiB are allocated", name, taken>>20)
		}
	}
	var v fatArgs
	in := `{"list":[` + strings.TrimSuffix(strings.Repeat(`{"name":"a"},`, 2000), ",") + `],"pointer":[` + strings.TrimSuffix(strings.Repeat(`{},`, 2000), ",") + `]}`
	if err := p.Decode([]byte(in), reflect.ValueOf(&v).Elem(), true); err != nil || len(v.List) != 2000 || v.List[1999].Name != "a" || len(v.Pointer) != 2000 {
		t.Errorf("a few large parts: %d and %d of them, %v", len(v.List), len(v.Pointer), err)
	}
}

// members are so many members of an object, each with another name.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.Repeat("a", i%7) + strings.Repeat("b", i/7%11) + strings.Repeat("c", i/77%13) + strings.Repeat("d", i/1001) + `":{}`)
	}
	return b.String()
}

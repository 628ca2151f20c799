package tool_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

// TestAppendCall: it appends what Call returns as structured, and returns the
// Result otherwise.
func TestAppendCall(t *testing.T) {
	const before = "before"
	object := tool.OutputSchema(json.RawMessage(`{"type":"object","required":["a"]}`))
	for name, tt := range map[string]struct {
		fn      any
		options []tool.Option
		text    string // what is appended
		fails   string // the error
	}{
		"struct":          {func() place { return oslo }, nil, `{"city":"Oslo <N>"}`, ""},
		"any":             {func() any { return []int{1} }, nil, `[1]`, ""},
		"nil map":         {func() (counts, error) { return nil, nil }, nil, `{}`, ""},
		"string":          {func() string { return "x" }, nil, "", ""},
		"string in any":   {func() any { return "x" }, nil, "", ""},
		"nothing":         {func() {}, nil, "", ""},
		"nil any":         {func() any { return nil }, nil, "", ""},
		"result":          {func() tool.Result { return tool.Result{Structured: 1} }, nil, "", ""},
		"promised":        {func() any { return counts{"a": 1} }, []tool.Option{object}, `{"a":1}`, ""},
		"broken promise":  {func() any { return counts{"b": 1} }, []tool.Option{object}, "", "does not fit tool.OutputSchema"},
		"none at all":     {func() any { return nil }, []tool.Option{object}, "", "there is none"},
		"not a number":    {func() []float64 { return []float64{1, math.NaN()} }, nil, "", "NaN"},
		"nil pointer":     {func() *place { return nil }, nil, "", "returned nothing"},
		"wrong arguments": {func(struct{ A int }) int { return 1 }, nil, "", "A: missing"},
		"failure":         {func() (place, error) { return oslo, fmt.Errorf("no luck") }, nil, "", "no luck"},
	} {
		made := must(t, tt.fn, append(tt.options, tool.Name("x"))...)
		ctx := tool.NewContext(t.Context(), tool.Call{})
		r, out, err := made.AppendCall([]byte(before), ctx, nil)
		if got, ok := strings.CutPrefix(string(out), before); !ok || got != tt.text {
			t.Errorf("%s: %s, want %s", name, out, tt.text)
		}
		if tt.fails != "" {
			if wantError(t, err, tt.fails); r != nil {
				t.Errorf("%s: a result beside the error", name)
			}
			continue
		}
		want, wantErr := made.Call(ctx, nil)
		if err != nil || wantErr != nil || (r == nil) != (tt.text != "") {
			t.Errorf("%s: %v, %v and %v", name, r, err, wantErr)
			continue
		}
		if r == nil {
			r = &tool.Result{Structured: json.RawMessage(tt.text)}
		}
		if !reflect.DeepEqual(r, want) {
			t.Errorf("%s: %v, Call returns %v", name, r, want)
		}
	}
}

// keeper remembers where it was decoded.
type keeper struct {
	N    int
	self *keeper
}

func (k *keeper) UnmarshalJSON(b []byte) error {
	k.self = k
	return json.Unmarshal(b, &k.N)
}

// TestArgumentsAreOnesOwn: a call's arguments stay what they are, though calls
// decode them into the same room.
func TestArgumentsAreOnesOwn(t *testing.T) {
	type part struct{ A, B string }
	type in struct {
		Name  string
		List  []string
		Map   map[string]int
		Ptr   *part
		Pair  [2][]int
		Inner part
		Any   any
	}
	var kept []in
	var pointers []*in
	var keepers []keeper
	tools := []*tool.Tool{
		must(t, func(v in) { kept = append(kept, v) }, tool.Name("struct")),
		must(t, func(v *in) { pointers = append(pointers, v) }, tool.Name("pointer")),
		must(t, func(name string, v in) { kept = append(kept, v) }, tool.Name("plain"), tool.Params("name", "v")),
		must(t, func(v struct{ K keeper }) { keepers = append(keepers, v.K) }, tool.Name("keeper")),
	}
	ctx := tool.NewContext(t.Context(), tool.Call{})
	const text = `{"Name":"%[1]d","List":["%[1]d","b"],"Map":{"%[1]d":%[1]d},"Ptr":{"A":"%[1]d","B":""},"Pair":[[%[1]d],[2]],"Inner":{"A":"","B":"%[1]d"},"Any":["%[1]d"]}`
	for i := range 20 {
		own := fmt.Sprintf(text, i)
		for j, arguments := range []string{own, own, `{"name":"x","v":` + own + `}`, fmt.Sprintf(`{"K":%d}`, i)} {
			if _, err := tools[j].Call(ctx, []byte(arguments)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 20 {
		want := fmt.Sprintf(text, i)
		for _, v := range []any{kept[2*i], kept[2*i+1], pointers[i]} {
			if got, _ := json.Marshal(v); string(got) != want {
				t.Errorf("call %d: %s, want %s", i, got, want)
			}
		}
		if k := keepers[i]; k.N != i || k.self.N != i {
			t.Errorf("call %d: %d, and %d where it was decoded", i, k.N, k.self.N)
		}
	}
}

// TestNoLeftovers: what an earlier call sent, right or wrong, is not there in the
// next one.
func TestNoLeftovers(t *testing.T) {
	type in struct {
		A string `json:"a,omitempty"`
		B []int  `json:"b,omitempty"`
		C int    `json:"c,omitempty" jsonschema:"default=7"`
	}
	made := must(t, func(v in) any { return v }, tool.Name("x"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			ctx := tool.NewContext(t.Context(), tool.Call{})
			for range 100 {
				_, _ = made.Call(ctx, []byte(`{"a":"secret","b":[1,"x"]}`))
				_, _ = made.Call(ctx, []byte(`{"a":"secret","b":[1,2],"c":3}`))
				if _, text, err := made.AppendCall(nil, ctx, nil); string(text) != `{"c":7}` {
					t.Errorf("%s, %v", text, err)
				}
			}
		})
	}
	wg.Wait()
}

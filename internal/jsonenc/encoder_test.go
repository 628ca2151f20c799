package jsonenc

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// compare holds what is appended for v against what encoding/json writes.
func compare(t *testing.T, v reflect.Value) (ok bool) {
	t.Helper()
	const before = "before"
	want, wantErr := appendStandard([]byte(before), v)
	got, gotErr := For(v.Type()).Append([]byte(before), v)
	if text(gotErr) != text(wantErr) || !bytes.Equal(got, want) {
		t.Fatalf("%v:\ngot  %s, %v\nwant %s, %v", v.Type(), got, gotErr, want, wantErr)
	}
	if gotErr == nil {
		if direct, err := For(v.Type()).write([]byte(before), v, 0); err == nil && !bytes.Equal(direct, want) {
			t.Fatalf("%v: %s, want %s", v.Type(), direct, want)
		}
	}
	return wantErr == nil
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// FuzzAppend: values of every shape are written as encoding/json writes them, and
// fail as they do there.
func FuzzAppend(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range len(richTypes) {
		b := make([]byte, 400)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		b[0] = byte(i)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &source{b}
		v := reflect.New(richTypes[int(s.next())%len(richTypes)])
		s.fill(v.Elem(), 6)
		compare(t, v)
		compare(t, v.Elem())
		if !v.Elem().IsZero() {
			compare(t, reflect.ValueOf(v.Elem().Interface())) // nothing in it can be addressed
		}
	})
}

// TestRandom is the fuzz test without a fuzzer.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	right := 0
	for range 40_000 {
		b := make([]byte, 20+r.IntN(400))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		s := &source{b}
		v := reflect.New(richTypes[int(s.next())%len(richTypes)]).Elem()
		s.fill(v, 6)
		if compare(t, v) {
			right++
		}
	}
	if right < 5000 {
		t.Errorf("only %d values could be written: the test proves little", right)
	}
}

// TestFloats: the shortest form, in all its shapes.
func TestFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 20.5, 1e15, 1e15 - 1, -1e15, 1e20, 1e21, 1e-6, 9.9e-7, 1e-9, 1e-10, 1e100, 1 << 53, 1<<53 - 1, math.MaxFloat64, math.SmallestNonzeroFloat64, math.MaxFloat32, math.NaN(), math.Inf(-1), math.MinInt64, 123456789.125} {
		compare(t, reflect.ValueOf(f))
		compare(t, reflect.ValueOf(float32(f)))
	}
	for range 100_000 {
		f := float64(r.Int64N(2e9)-1e9) / math.Pow10(r.IntN(7))
		for _, f := range []float64{f, math.Nextafter(f, 0), math.Float64frombits(r.Uint64())} {
			compare(t, reflect.ValueOf(f))
			compare(t, reflect.ValueOf(float32(f)))
		}
	}
}

// TestCycles: what contains itself fails as in encoding/json, and what is merely
// deep is written.
func TestCycles(t *testing.T) {
	ring := &tree{Name: "a"}
	ring.Next = ring
	byMap := map[string]any{}
	byMap["x"] = []any{byMap}
	bySlice := []any{nil}
	bySlice[0] = bySlice
	for _, v := range []any{ring, *ring, byMap, bySlice, tree{Kids: []tree{*ring}}, tree{Any: ring}} {
		if compare(t, reflect.ValueOf(v)) {
			t.Errorf("a cycle of %T is written", v)
		}
	}
	for _, depth := range []int{maxDepth - 1, maxDepth, maxDepth + 1, 5000} {
		var list *tree
		for range depth {
			list = &tree{Next: list}
		}
		if !compare(t, reflect.ValueOf(list)) {
			t.Errorf("%d levels are not written", depth)
		}
	}
}

// TestTooDeep: what is nested deeper than anybody reads is refused, whatever it
// consists of, and does not end the process; a cycle behind it, or before it, is
// told as one where encoding/json comes to it first.
func TestTooDeep(t *testing.T) {
	type boxed struct{ Box any }
	var byPointer *tree
	var bySlice, byMap, mixed any
	for range 100_000 {
		byPointer = &tree{Next: byPointer}
		bySlice = []any{bySlice}
		byMap = map[string]any{"x": byMap}
		mixed = boxed{[]any{&boxed{mixed}}}
	}
	ring := map[string]any{}
	ring["ring"] = ring
	const deep, cycle = "nested more than 10000 deep", "encountered a cycle"
	for _, tt := range []struct {
		v    any
		want string
	}{
		{byPointer, deep}, {bySlice, deep}, {byMap, deep}, {mixed, deep},
		{map[string]any{"a": ring, "b": byPointer}, cycle},
		{map[string]any{"a": byPointer, "b": ring}, deep},
	} {
		v := reflect.ValueOf(tt.v)
		got, err := For(v.Type()).Append([]byte("before"), v)
		if string(got) != "before" || !strings.Contains(text(err), tt.want) {
			t.Errorf("%T: %.50s, %v, want %s", tt.v, got, err, tt.want)
		}
	}
	var list *tree
	for range mostDepth {
		list = &tree{Next: list}
	}
	if _, err := For(reflect.TypeOf(list)).Append(nil, reflect.ValueOf(list)); err != nil {
		t.Errorf("%d levels are not written: %v", mostDepth, err)
	}
}

// TestConcurrent: Encoders of types that refer to each other are made at once.
func TestConcurrent(t *testing.T) {
	type b struct{ A []any }
	type a struct {
		B []b
		M map[string]*a
	}
	done := make(chan string)
	for range 8 {
		go func() {
			v := reflect.ValueOf(a{B: []b{{A: []any{1}}}, M: map[string]*a{"x": {}}})
			out, _ := For(v.Type()).Append(nil, v)
			done <- string(out)
		}()
	}
	for range 8 {
		if got, want := <-done, `{"B":[{"A":[1]}],"M":{"x":{"B":null,"M":null}}}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestGrowth: a large result is not copied at each step.
func TestGrowth(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	many := make([]string, 100_000)
	for _, tt := range []struct {
		v    any
		most float64
	}{{long, 1}, {strings.Repeat("a\n\"", 1<<19), 1}, {many, 14}, {struct{ A, B string }{"a", long}, 3}} {
		v := reflect.ValueOf(tt.v)
		e := For(v.Type())
		if n := testing.AllocsPerRun(10, func() { _, _ = e.Append(nil, v) }); n > tt.most {
			t.Errorf("%T: %v allocations, want at most %v", tt.v, n, tt.most)
		}
	}
}

type day struct {
	Date    string  `json:"date"`
	High    float64 `json:"high"`
	Low     float64 `json:"low"`
	Summary string  `json:"summary"`
}

type small struct {
	City string `json:"city"`
	Days []day  `json:"days"`
}

// wide has 60 fields, in it and below.
type wide struct {
	ID      int64     `json:"id"`
	Created time.Time `json:"created"`
	A, B, C part
	Parts   []part   `json:"parts"`
	Labels  []string `json:"labels,omitempty"`
	Next    *part    `json:"next,omitempty"`
	part
}

type part struct {
	Name, Kind, Unit string
	Count, Size, Age int
	Ratio, Sum       float64
	On, Off          bool
	Note             string `json:"note,omitempty"`
	Left             *int   `json:"left,omitempty"`
}

func onePart(i int) part {
	return part{"name", "a kind of \"part\"", "m", i, 1 << 20, 7, 0.25 * float64(i), 1234.5, true, false, "", nil}
}

var benchValues = map[string]any{
	"small": small{"Oslo", []day{{"2026-01-01", 20.5, 10.5, "partly cloudy"}, {"2026-01-02", 21.5, 11.5, "partly cloudy"}, {"2026-01-03", 22.5, 12.5, "partly cloudy"}}},
	"wide":  wide{ID: 7, Created: time.Unix(1.7e9, 0).UTC(), A: onePart(1), B: onePart(2), C: onePart(3), Parts: []part{onePart(4)}, Labels: []string{"x", "y"}, part: onePart(5)},
	"any":   map[string]any{"a": []any{1.5, "x", true, nil}, "b": map[string]any{"c": "d"}},
}

// TestAllocs: structs, lists and scalars take nothing but the bytes.
func TestAllocs(t *testing.T) {
	for name, most := range map[string]float64{"small": 0, "wide": 0} {
		v := reflect.ValueOf(benchValues[name])
		e := For(v.Type())
		buf := make([]byte, 0, 1<<12)
		if n := testing.AllocsPerRun(200, func() { _, _ = e.Append(buf, v) }); n > most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, most)
		}
		compare(t, v)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"small", "wide", "any"} {
		v := reflect.ValueOf(benchValues[name])
		b.Run(name, func(b *testing.B) {
			e := For(v.Type())
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = e.Append(buf[:0], v)
			}
		})
		b.Run(name+"/encoding-json", func(b *testing.B) {
			var buf bytes.Buffer
			enc := json.NewEncoder(&buf)
			enc.SetEscapeHTML(false)
			value := v.Interface()
			b.ReportAllocs()
			for b.Loop() {
				buf.Reset()
				_ = enc.Encode(value)
			}
		})
	}
}

package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
)

// place is the input of a small tool.
type smallArgs struct {
	City  string `json:"city"`
	Days  int    `json:"days" jsonschema:"minimum=1,maximum=7"`
	Units string `json:"units" jsonschema:"enum=metric,enum=imperial"`
}

const smallInput = `{"city":"Zurich","days":5,"units":"metric"}`

// wideArgs has 60 fields, in it and below.
type wideArgs struct {
	A, B, C, D, E widePart
	Name          string            `json:"name" jsonschema:"minLength=1,maxLength=100"`
	Labels        map[string]string `json:"labels"`
	Numbers       []float64         `json:"numbers"`
	Names         []string          `json:"names"`
	Parts         []widePart        `json:"parts"`
}

type widePart struct {
	ID     int64   `json:"id" jsonschema:"minimum=0"`
	Code   string  `json:"code" jsonschema:"pattern=^[a-z]+$"`
	Kind   string  `json:"kind" jsonschema:"enum=one,enum=two,enum=three,enum=four"`
	Ratio  float64 `json:"ratio" jsonschema:"minimum=0,maximum=1"`
	Count  uint16  `json:"count"`
	On     bool    `json:"on"`
	Off    *bool   `json:"off"`
	Title  string  `json:"title" jsonschema:"maxLength=80"`
	Note   string  `json:"note,omitempty"`
	Weight float32 `json:"weight"`
	Level  int8    `json:"level" jsonschema:"default=3"`
}

func wideInput() []byte {
	part := func(i int) string {
		return fmt.Sprintf(`{"id":%d,"code":"abc","kind":"three","ratio":0.%d,"count":%d,"on":true,"off":false,"title":"Title of %d","note":"a \"quoted\" note","weight":%d.5}`, 1000+i, 1+i, i, i, i)
	}
	var b bytes.Buffer
	for i, name := range []string{"A", "B", "C", "D", "E"} {
		fmt.Fprintf(&b, `%c"%s":%s`, "{,,,,"[i], name, part(i))
	}
	fmt.Fprintf(&b, `,"name":"wide","labels":{"a":"1","b":"2"},"numbers":[1,2.5,3e2,-4.75],"names":["x","y","z"],"parts":[%s,%s]}`, part(7), part(8))
	return b.Bytes()
}

// listInput is n numbers.
func listInput(n int) []byte {
	b := []byte("[0")
	for i := 1; i < n; i++ {
		b = fmt.Appendf(b, ",%d", i*37)
	}
	return append(b, ']')
}

// benchInputs are what the benchmarks read.
var benchInputs = []struct {
	name  string
	typ   reflect.Type
	input []byte
	most  float64 // allocations
}{
	{"small", reflect.TypeFor[smallArgs](), []byte(smallInput), 1},
	{"mixed", reflect.TypeFor[benchArgs](), benchInput, 4},
	{"wide", reflect.TypeFor[wideArgs](), wideInput(), 36},
	{"ints", reflect.TypeFor[[]int](), listInput(1000), 10},
}

// TestAllocsOfInputs: what is read takes what its values need.
func TestAllocsOfInputs(t *testing.T) {
	for _, tt := range benchInputs {
		p := mustInput(t, tt.typ, Options{})
		v := reflect.New(tt.typ).Elem()
		if n := testing.AllocsPerRun(100, func() {
			if err := p.Decode(tt.input, v, false); err != nil {
				t.Fatal(err)
			}
		}); n > tt.most+2*dropped { // a decoder has two buffers
			t.Errorf("%s: %v allocations, want at most %v", tt.name, n, tt.most)
		}
	}
}

func BenchmarkInputs(b *testing.B) {
	for _, tt := range benchInputs {
		v := reflect.New(tt.typ)
		b.Run(tt.name, func(b *testing.B) {
			p := mustInput(b, tt.typ, Options{})
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Decode(tt.input, v.Elem(), false); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(tt.name+"/encoding-json", func(b *testing.B) { // which checks nothing
			b.ReportAllocs()
			for b.Loop() {
				v.Elem().SetZero()
				if err := json.Unmarshal(tt.input, v.Interface()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

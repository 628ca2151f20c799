package schema

import (
	"encoding/json"
	"reflect"
	"testing"
)

type benchArgs struct {
	City  string   `json:"city" jsonschema:"minLength=1,maxLength=100"`
	Days  int      `json:"days" jsonschema:"minimum=1,maximum=7,default=3"`
	Units string   `json:"units,omitempty" jsonschema:"enum=metric,enum=imperial,default=metric"`
	Lat   float64  `json:"lat,omitempty"`
	Live  bool     `json:"live,omitempty"`
	Tags  []string `json:"tags,omitempty" jsonschema:"maxItems=8"`
	Box   struct {
		X int8 `json:"x"`
		Y int8 `json:"y"`
	} `json:"box,omitzero"`
}

var benchInput = []byte(`{"city":"Zürich","days":5,"units":"metric","lat":47.37,"live":true,"tags":["wind","snow"],"box":{"x":1,"y":-2}}`)

// TestAllocs: a call allocates what its values need: two strings, a slice
// and its two strings.
func TestAllocs(t *testing.T) {
	p := mustInput(t, reflect.TypeFor[benchArgs](), Options{})
	for _, tt := range []struct {
		in   string
		most float64
	}{
		{string(benchInput), 5},
		{`{"city":"x","days":3}`, 1},
		{`{"city":"x","days":3,"live":true,"box":{"x":1,"y":2},"tags":[]}`, 1},
	} {
		var v benchArgs
		target := reflect.ValueOf(&v).Elem()
		data := []byte(tt.in)
		if n := testing.AllocsPerRun(200, func() {
			if err := p.Decode(data, target, false); err != nil {
				t.Fatal(err)
			}
		}); n > tt.most+dropped {
			t.Errorf("%s: %v allocations, want at most %v", tt.in, n, tt.most)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	p := mustInput(b, reflect.TypeFor[benchArgs](), Options{})
	var v benchArgs
	target := reflect.ValueOf(&v).Elem()
	b.ReportAllocs()
	b.SetBytes(int64(len(benchInput)))
	for b.Loop() {
		if err := p.Decode(benchInput, target, false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodingJSON is what decoding alone costs, with no check at all.
func BenchmarkEncodingJSON(b *testing.B) {
	var v benchArgs
	b.ReportAllocs()
	b.SetBytes(int64(len(benchInput)))
	for b.Loop() {
		v = benchArgs{}
		if err := json.Unmarshal(benchInput, &v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkValidate is the general validator on the same document.
func BenchmarkValidate(b *testing.B) {
	doc, err := Compile(mustInput(b, reflect.TypeFor[benchArgs](), Options{}).Document())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := doc.Validate(benchInput); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProblems(b *testing.B) {
	p := mustInput(b, reflect.TypeFor[benchArgs](), Options{})
	var v benchArgs
	target := reflect.ValueOf(&v).Elem()
	data := []byte(`{"citty":"x","days":9,"units":"kelvin"}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Decode(data, target, false); err == nil {
			b.Fatal("accepted")
		}
	}
}

// A type that has a plan already.
func BenchmarkInput(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Input(reflect.TypeFor[benchArgs](), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// What a tool costs when a server starts: a type that no plan was made of before.
func BenchmarkPlan(b *testing.B) {
	for name, out := range map[string]bool{"Input": false, "Output": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := makePlan(reflect.TypeFor[benchArgs](), Options{}, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

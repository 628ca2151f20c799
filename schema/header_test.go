package schema

import (
	"reflect"
	"strings"
	"testing"
)

type regional struct {
	Region string `json:"region" mcpheader:"Region"`
	Rows   int    `json:"rows,omitempty" jsonschema:"minimum=1" mcpheader:"Rows"`
	Dry    *bool  `json:"dry" mcpheader:"Dry-Run"`
	Quoted int64  `json:"quoted,string" mcpheader:"Quoted"`
	Plain  string `json:"plain"`
}

func TestHeaderTag(t *testing.T) {
	p := mustInput(t, reflect.TypeFor[regional](), Options{})
	doc := string(p.Document())
	for _, want := range []string{
		`"region":{"type":"string","x-mcp-header":"Region"}`,
		`"minimum":1,"x-mcp-header":"Rows"}`,
		`"dry":{"type":"boolean","x-mcp-header":"Dry-Run"}`,
		`"x-mcp-header":"Quoted"}`,
		`"plain":{"type":"string"}`,
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("the document lacks %s:\n%s", want, doc)
		}
	}
	var got regional
	if err := p.Decode([]byte(`{"region":"eu","rows":3,"quoted":"7","plain":"x"}`), reflect.ValueOf(&got).Elem(), true); err != nil {
		t.Fatal(err)
	}
	if got.Region != "eu" || got.Rows != 3 || got.Quoted != 7 {
		t.Errorf("decoded %+v", got)
	}
	// A type may be what a tool returns too.
	out, err := Output(reflect.TypeFor[regional](), Options{})
	if err != nil || strings.Contains(string(out.Document()), headerKeyword) {
		t.Errorf("what is written is marked: %s, %v", out.Document(), err)
	}
}

func TestHeaderTagThatCannotBe(t *testing.T) {
	type cyclic struct {
		Next *cyclic `json:"next,omitempty" mcpheader:"Next"`
	}
	for name, test := range map[string]struct {
		typ  reflect.Type
		want string
	}{
		"empty": {reflect.TypeFor[struct {
			A string `mcpheader:""`
		}](), "mcpheader tag is empty"},
		"number": {reflect.TypeFor[struct {
			A float64 `mcpheader:"A"`
		}](), "not number"},
		"list": {reflect.TypeFor[struct {
			A []string `mcpheader:"A"`
		}](), "not array"},
		"struct": {reflect.TypeFor[struct {
			A struct{} `mcpheader:"A"`
		}](), "not object"},
		"any": {reflect.TypeFor[struct {
			A any `mcpheader:"A"`
		}](), "not a value of any type"},
		"a definition": {reflect.TypeFor[cyclic](), "not a value of any type"},
		"nullable": {reflect.TypeFor[struct {
			A string `jsonschema:"nullable" mcpheader:"A"`
		}](), "remove nullable"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Input(test.typ, Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "mcpheader") {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

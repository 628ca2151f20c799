package schema

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden documents")

func mustInput(t testing.TB, typ reflect.Type, o Options) *Plan {
	t.Helper()
	p, err := Input(typ, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDocuments compares the documents of every Go construct with those in
// testdata, which are indented for the reader.
func TestDocuments(t *testing.T) {
	for _, tt := range documents {
		for direction, plan := range map[string]func(reflect.Type, Options) (*Plan, error){"input": Input, "output": Output} {
			t.Run(tt.name+"/"+direction, func(t *testing.T) {
				p, err := plan(tt.t, tt.o)
				if err != nil {
					t.Fatal(err)
				}
				lint(t, p)
				var got bytes.Buffer
				if err := json.Indent(&got, p.Document(), "", "\t"); err != nil {
					t.Fatal(err)
				}
				got.WriteByte('\n')
				file := filepath.Join("testdata", tt.name+"."+direction+".json")
				if *update {
					if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Bytes(), want) {
					t.Errorf("the document is\n%s\nwant\n%s", got.Bytes(), want)
				}
			})
		}
	}
}

var defName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// lint checks what every client relies on.
func lint(t *testing.T, p *Plan) {
	t.Helper()
	if _, err := Compile(p.Document()); err != nil {
		t.Error(err)
	}
	var root map[string]any
	if err := json.Unmarshal(p.Document(), &root); err != nil {
		t.Fatalf("%s: %v", p.Document(), err)
	}
	if _, ok := root["$ref"]; ok {
		t.Error("the root is a $ref")
	}
	if obj := root["type"] == "object"; obj != p.IsObject() {
		t.Errorf("IsObject is %v", p.IsObject())
	}
	defs, _ := root["$defs"].(map[string]any)
	refs := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, k := range []string{"$schema", "$id"} {
				if _, ok := v[k]; ok {
					t.Errorf("the document has %s", k)
				}
			}
			if _, ok := v["type"].([]any); ok {
				t.Errorf("an array of types: %v", v)
			}
			if ref, ok := v["$ref"].(string); ok {
				refs[strings.TrimPrefix(ref, "#/$defs/")] = true
			}
			for _, k := range []string{"items", "additionalProperties"} {
				if v[k] == true {
					t.Errorf("%s is true, not {}", k)
				}
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(root)
	for name := range defs {
		if !defName.MatchString(name) {
			t.Errorf("the definition name %q", name)
		}
	}
	for ref := range refs {
		if defs[ref] == nil {
			t.Errorf("no definition for the $ref %q", ref)
		}
	}
}

package tool_test

import (
	"context"
	_ "embed"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sessionmcp/sessionmcp/tool"
)

// The functions and types that this file documents are compiled into the test
// and read from its text, as a program does that embeds its source.

//go:embed source_test.go
var thisFile string

// source parses this file as one that stands in a folder of the given name.
func source(t testing.TB, dir string) *tool.Source {
	t.Helper()
	name := "documented.go"
	if dir != "." {
		name = dir + "/" + name
	}
	return parse(t, map[string]string{name: thisFile})
}

func parse(t testing.TB, files map[string]string) *tool.Source {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	s, err := tool.ParseSource(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Documented says what it does.
//
// It has a second paragraph.
//
//go:noinline
func Documented(in documented) (out documentedOut) { return }

// documented is not shown: its fields are.
type documented struct {
	// Above wins.
	Above string // Behind loses.

	Behind        string // Behind is all there is.
	First, Second int    // Two at once.
	Tagged        string `jsonschema_description:"The tag wins."` // The comment loses.
	Renamed       string `json:"other_name"`                      // By its Go name.
	Plain         string

	OfBase    Base    `json:"of_base"`
	OfPointed Pointed `json:"of_pointed"`

	embedded
	Base `json:"base"` // Base, as a field.
	*Pointed
	Inner   struct{ X int } // Inner, whose X nobody describes.
	Generic generic[int]    `json:"generic"`
}

type embedded struct {
	Promoted string // Promoted from within.
}

// The comment of the group describes no type.
type (
	// Base stands in a group.
	Base struct {
		Grouped string // Grouped is in a group.
	}

	Pointed struct {
		Far string // Far is behind a pointer.
	}
)

type generic[T any] struct {
	Value T // Value of any type.
}

type documentedOut struct {
	Temperature float64 // Temperature in Celsius.
}

// Plain takes plain values.
func Plain(ctx context.Context, city string, days, hours int) {}

// NoContext takes none either.
func NoContext(city string) {}

// Undescribed parameters have no names.
func Undescribed(string, int) {}

// Blank has one that cannot be used.
func Blank(_ string) {}

// Generic is instantiated.
func Generic[T any](in T) {}

type methods struct{}

// Value has a value receiver.
func (methods) Value(city string) {}

// Pointer has a pointer receiver.
func (m *methods) Pointer(ctx *tool.Context, town string) {}

// Value is a function of the same name.
func Value() {}

type genericMethods[K, V any] struct{}

// Get has a generic receiver.
func (g *genericMethods[K, _]) Get(key string) {}

func uncommented(in documented) {}

func TestCommentsOfFunctions(t *testing.T) {
	tests := []struct {
		name   string
		fn     any
		want   string
		params []string
	}{
		{"function, without its directive", Documented, "Documented says what it does.\n\nIt has a second paragraph.", nil},
		{"parameter names behind a context", Plain, "Plain takes plain values.", []string{"city", "days", "hours"}},
		{"parameter names", NoContext, "NoContext takes none either.", []string{"city"}},
		{"generic function", Generic[embedded], "Generic is instantiated.", nil},
		{"value receiver", methods{}.Value, "Value has a value receiver.", []string{"city"}},
		{"function of a method's name", Value, "Value is a function of the same name.", nil},
		{"pointer receiver", new(methods).Pointer, "Pointer has a pointer receiver.", []string{"town"}},
		{"generic receiver", new(genericMethods[int, string]).Get, "Get has a generic receiver.", []string{"key"}},
		{"no comment", uncommented, "", nil},
	}
	for _, dir := range []string{".", "tool_test", "sessionmcp/tool_test"} {
		comments := tool.Comments(source(t, dir))
		for _, test := range tests {
			t.Run(dir+"/"+test.name, func(t *testing.T) {
				spec := must(t, test.fn, comments).Spec()
				if spec.Description != test.want {
					t.Errorf("got %q, want %q", spec.Description, test.want)
				}
				for _, name := range test.params {
					if _, ok := properties(t, spec.Input)[name]; !ok {
						t.Errorf("no property %q in %s", name, spec.Input)
					}
				}
			})
		}
	}
}

func TestOptionsWinOverComments(t *testing.T) {
	spec := must(t, Plain, tool.Comments(source(t, ".")), tool.Description("By hand."), tool.Params("x", "y", "z")).Spec()
	if spec.Description != "By hand." {
		t.Errorf("the description is %q", spec.Description)
	}
	if p := properties(t, spec.Input); len(p) != 3 || p["y"].Type != "integer" {
		t.Errorf("the properties are %v", p)
	}
}

func TestParametersThatTheSourceCannotName(t *testing.T) {
	comments := tool.Comments(source(t, "."))
	_, err := tool.New(Undescribed, comments)
	wantError(t, err, "tool_test.Undescribed", "plain parameters need names")
	_, err = tool.New(Blank, comments)
	wantError(t, err, "tool_test.Blank", `"_" cannot be a name`)
	stale := parse(t, map[string]string{"a.go": "package tool_test\nfunc NoContext(city string, added int) {}"})
	_, err = tool.New(NoContext, tool.Comments(stale))
	wantError(t, err, "tool_test.NoContext", "plain parameters need names")
}

func TestCommentsOfFields(t *testing.T) {
	spec := must(t, Documented, tool.Comments(source(t, "."))).Spec()
	got := properties(t, spec.Input)
	for name, want := range map[string]string{
		"Above": "Above wins.", "Behind": "Behind is all there is.",
		"First": "Two at once.", "Second": "Two at once.",
		"Tagged": "The tag wins.", "other_name": "By its Go name.", "Plain": "",
		"Promoted": "Promoted from within.", "Far": "Far is behind a pointer.", "base": "Base, as a field.",
		"of_base": "Base stands in a group.", "of_pointed": "",
		"Inner": "Inner, whose X nobody describes.",
	} {
		if p, ok := got[name]; !ok || p.Description != want {
			t.Errorf("%s: got %q, want %q", name, p.Description, want)
		}
	}
	if d := got["base"].Properties["Grouped"].Description; d != "Grouped is in a group." {
		t.Errorf("base.Grouped: got %q", d)
	}
	if d := got["generic"].Properties["Value"].Description; d != "Value of any type." {
		t.Errorf("generic.Value: got %q", d)
	}
	if d := properties(t, spec.Output)["Temperature"].Description; d != "Temperature in Celsius." {
		t.Errorf("Temperature of the result: got %q", d)
	}
}

func TestCommentsBehindAnEmbeddedPointer(t *testing.T) {
	fn := func() (out struct{ *Base }) { return }
	spec := must(t, fn, tool.Name("x"), tool.Comments(source(t, "."))).Spec()
	if d := properties(t, spec.Output)["Grouped"].Description; d != "Grouped is in a group." {
		t.Errorf("got %q", d)
	}
}

// Opaque has a comment, which makes no schema.
type Opaque struct{}

func (Opaque) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

func TestACommentAloneIsNoSchema(t *testing.T) {
	spec := must(t, func() (o Opaque) { return }, tool.Name("x"), tool.Comments(source(t, "."))).Spec()
	if spec.Output != nil {
		t.Errorf("got %s", spec.Output)
	}
}

func TestParseSourceNamesWhatDoesNotParse(t *testing.T) {
	for name, test := range map[string]struct{ file, text, want string }{
		"in the root":  {"bad.go", "package p\n\nfunc (", "bad.go:3:"},
		"in a folder":  {"a/b/bad.go", "package p\nvar x = = 1", "a/b/bad.go:2:"},
		"not Go":       {"bad.go", "<html>", "bad.go:1:"},
		"empty":        {"bad.go", "", "bad.go:1:"},
		"generated":    {"bad.go", "//line good.y:7\np", "bad.go: good.y:7:"},
		"far too deep": {"bad.go", "package p\nvar x = " + strings.Repeat("(", 1<<17), "bad.go:2:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tool.ParseSource(fstest.MapFS{
				"good.go": {Data: []byte("package p")},
				test.file: {Data: []byte(test.text)},
			})
			wantError(t, err, test.want)
		})
	}
	_, err := tool.ParseSource(os.DirFS("/does/not/exist"))
	wantError(t, err, "reading source comments")
}

func TestParseSourceLeavesOut(t *testing.T) {
	const broken = "this is not Go"
	parse(t, map[string]string{"a_test.go": broken, "sub/b_test.go": broken, "README.md": broken, "x.go.txt": broken})
	s := parse(t, map[string]string{"a_test.go": thisFile})
	if d := must(t, Value, tool.Comments(s)).Spec().Description; d != "" {
		t.Errorf("a test file described it: %q", d)
	}
}

package tool_test

import (
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

// Twin is looked for in several packages.
func Twin(in twin) {}

type twin struct {
	A string
	B int
}

const (
	twinText  = "\n// Twin %.\nfunc Twin(in twin) {}\n\ntype twin struct {\n\tA string // A %.\n\tB int\n}\n"
	elsewhere = "package elsewhere"
)

// twinIn is the text of a package that has a Twin, described with a word.
func twinIn(clause, word string) string {
	text := []byte("package " + clause)
	for _, c := range []byte(twinText) {
		if c == '%' {
			text = append(text, word...)
		} else {
			text = append(text, c)
		}
	}
	return string(text)
}

func TestWhichPackageIsMeant(t *testing.T) {
	tests := []struct {
		name            string
		files           map[string]string
		function, field string
	}{
		{"the root, by its name", map[string]string{"a.go": twinIn("tool_test", "here")}, "Twin here.", "A here."},
		{"another name", map[string]string{"a.go": twinIn("tool", "there")}, "", ""},
		{"a program", map[string]string{"a.go": twinIn("main", "there")}, "", ""},
		{"a folder of the path", map[string]string{"tool_test/a.go": twinIn("tool_test", "here")}, "Twin here.", "A here."},
		{"another folder", map[string]string{"other/a.go": twinIn("tool_test", "there")}, "", ""},
		{"a folder that only ends alike", map[string]string{"l_test/a.go": twinIn("tool_test", "there")}, "", ""},
		{"two folders", map[string]string{
			"other/a.go": twinIn("tool_test", "there"), "tool_test/a.go": twinIn("tool_test", "here"),
		}, "Twin here.", "A here."},
		{"two folders of one name", map[string]string{
			"x/tool_test/a.go": twinIn("tool_test", "there"), "sessionmcp/tool_test/a.go": twinIn("tool_test", "here"),
		}, "Twin here.", "A here."},
		{"the longer folder", map[string]string{
			"tool_test/a.go": twinIn("tool_test", "there"), "sessionmcp/tool_test/a.go": twinIn("tool_test", "here"),
		}, "Twin here.", "A here."},
		{"the root and a folder", map[string]string{
			"a.go": twinIn("tool_test", "there"), "tool_test/a.go": twinIn("tool_test", "here"),
		}, "Twin here.", "A here."},
		{"two variants for build tags", map[string]string{
			"a_linux.go": twinIn("tool_test", "here"), "a_windows.go": twinIn("tool_test", "there"),
		}, "Twin here.", "A here."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec := must(t, Twin, tool.Comments(parse(t, test.files))).Spec()
			if spec.Description != test.function {
				t.Errorf("function: got %q, want %q", spec.Description, test.function)
			}
			if d := properties(t, spec.Input)["A"].Description; d != test.field {
				t.Errorf("field: got %q, want %q", d, test.field)
			}
		})
	}
}

func TestTypesAreToldApartByTheirFields(t *testing.T) {
	s := parse(t, map[string]string{"a.go": `package tool_test
		type twin struct {
			A string // A of another twin.
			C int
		}
		func f() {
			type twin struct {
				A string // A of the right one.
				B int
			}
		}`})
	spec := must(t, Twin, tool.Comments(s)).Spec()
	if d := properties(t, spec.Input)["A"].Description; d != "A of the right one." {
		t.Errorf("got %q", d)
	}
}

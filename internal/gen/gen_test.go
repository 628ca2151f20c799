package gen

import (
	"bytes"
	"flag"
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/modcache"
	"github.com/sessionmcp/sessionmcp/tool"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestMain leaves the flags of whoever runs the tests out of the modules in them.
func TestMain(m *testing.M) {
	os.Setenv("GOFLAGS", "-buildvcs=false")
	os.Setenv("GOWORK", "")
	modcache.Fill()
	os.Setenv("GOPROXY", "off")
	os.Exit(m.Run())
}

// TestMainGolden compares the program of a package with what it should be.
func TestMainGolden(t *testing.T) {
	p, err := Load(t.Context(), "testdata/clinic", "./internal/desk")
	if err != nil {
		t.Fatal(err)
	}
	p.Version = "1.2.3"
	got, err := p.Main()
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "clinic.golden")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("run go test -update and look at the difference; got\n%s", got)
	}
}

// module writes a module of these files and returns its folder.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if files["go.mod"] == "" {
		files["go.mod"] = "module example.com/m\n\ngo 1.22\n"
	}
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestWrongFunctions wants every mistake told at once, where it stands.
func TestWrongFunctions(t *testing.T) {
	const fix = ": change it, give the function a small letter, or leave it out by //mcp:skip"
	dir := module(t, map[string]string{"lib/lib.go": `package lib

import "context"

type Deep struct{ Inner struct{ C []map[string]chan int } }

type Odd struct{ A int }

func (*Odd) UnmarshalJSON([]byte) error { return nil }

type inner struct{ B int }

type Outer struct{ *inner }

type Fail struct{}

func (Fail) Error() string { return "" }

func A(c chan int)                       {}
func B(string)                           {}
func C(xs ...int)                        {}
func D[T any](x T)                       {}
func E(x int, ctx context.Context)       {}
func F() (int, int)                      { return 0, 0 }
func G() (int, int, error)               { return 0, 0, nil }
func H(in Deep)                          {}
func I(in Odd)                           {}
func J(in Outer)                         {}
func K() Fail                            { return Fail{} }
func L(m map[float64]int, é int)         {}
func M(e error, c complex64) func()      { return nil }
func HTTPGet()                           {}
func HttpGet()                           {}
func N(ctx context.Context, ok []string) {}
`})
	_, err := Load(t.Context(), dir, "./lib")
	want := []string{
		"lib/lib.go:19:8: A: c: JSON has no chan int" + fix,
		"lib/lib.go:20:8: B: a parameter without a name cannot be an argument" + fix,
		"lib/lib.go:21:8: C: a variadic parameter cannot be an argument, a slice can" + fix,
		"lib/lib.go:22:6: D: a generic function has no one schema" + fix,
		"lib/lib.go:23:15: E: a context must be the first parameter" + fix,
		"lib/lib.go:24:10: F: it returns more than one result, and the last is no error" + fix,
		"lib/lib.go:25:10: G: it returns more than one result before the error, put them into a struct" + fix,
		"lib/lib.go:26:8: H: Inner.C[][]: JSON has no chan int" + fix,
		"lib/lib.go:27:8: I: lib.Odd reads itself from JSON, so its fields are no arguments" + fix,
		"lib/lib.go:28:8: J: inner: an embedded pointer to a type without an exported name cannot be set" + fix,
		"lib/lib.go:29:10: K: the result lib.Fail is an error that is not declared as error" + fix,
		"lib/lib.go:30:8: L: m: float64 cannot be the name of a JSON property" + fix,
		"lib/lib.go:30:27: L: the name of the parameter é is not of A-Z a-z 0-9 _" + fix,
		"lib/lib.go:31:8: M: e: JSON does not tell which error to make" + fix,
		"lib/lib.go:31:17: M: c: JSON has no complex64" + fix,
		"lib/lib.go:31:30: M: the result: JSON has no func()" + fix,
		"lib/lib.go:33:6: HttpGet and HTTPGet (line 32) are both the tool http_get: rename one by //mcp:name, or leave it out by //mcp:skip",
	}
	compare(t, err, want)
}

func compare(t *testing.T, err error, want []string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	got := strings.Split(err.Error(), "\n")
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = filepath.ToSlash(got[i])
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("line %d:\n got %s\nwant %s", i+1, g, w)
		}
	}
}

func TestWrongDirectives(t *testing.T) {
	dir := module(t, map[string]string{"lib.go": `// Package lib is.
//
//mcp:verison 1
//mcp:name
package lib

// A does.
//
//mcp:readonly=false
//mcp:destructive=perhaps
//mcp:timeout 5
//mcp:titel X
//mcp:openworld
//mcp:openworld
func A() {}

// B does.
// mcp:readonly
//
//mcp:title
//mcp:name a b
func B() {}

//mcp:readonly
func c() {}

// T is.
//
//mcp:enum
type T string

var _ = c
`})
	_, err := Load(t.Context(), dir, ".")
	compare(t, err, []string{
		`lib.go:3:1: there is no directive //mcp:verison here; did you mean //mcp:version? (there are name, version, instructions)`,
		`lib.go:4:1: //mcp:name needs a value, as in //mcp:name VALUE`,
		`lib.go:9:1: //mcp:readonly: it takes no value: remove "false"`,
		`lib.go:10:1: //mcp:destructive: "perhaps" is neither true nor false`,
		`lib.go:11:1: //mcp:timeout: "5" is no duration: write one such as 30s`,
		`lib.go:12:1: there is no directive //mcp:titel here; did you mean //mcp:title? (there are readonly, destructive, idempotent, openworld, name, title, timeout, skip)`,
		`lib.go:14:1: //mcp:openworld stands here twice: remove one`,
		`lib.go:18:1: a space keeps this from being a directive: write //mcp:readonly`,
		`lib.go:20:1: //mcp:title: it needs a value, as in //mcp:title VALUE`,
		`lib.go:22:6: B: the name "a b" is not 1 to 128 of A-Z a-z 0-9 _ - and '.': give it another by //mcp:name`,
		`lib.go:24:1: //mcp:readonly has no effect here: it belongs into the doc comment of an exported function, of a type or of the package`,
		`lib.go:29:1: there is no directive //mcp:enum here; did you mean //mcp:noenum? (there are noenum)`,
	})
}

// TestWrongPackages names what can be no server at all.
func TestWrongPackages(t *testing.T) {
	dir := module(t, map[string]string{
		"cmd/main.go":    "package main\n\nfunc main() {}\n",
		"none/x.go":      "package none\n\nfunc x() {}\n\nvar _ = x\n",
		"broken/x.go":    "package broken\n\nfunc X() int { return y }\n",
		"syntax/x.go":    "package syntax\n\nfunc X( {}\n",
		"empty/x.txt":    "",
		"test/x_test.go": "package test\n\nfunc X() {}\n",
	})
	for pattern, want := range map[string]string{
		"./cmd":     "is package main, which no other can import",
		"./none":    "has no exported function",
		"./broken":  "broken/x.go:3:23: undefined: y",
		"./syntax":  "x.go:3:",
		"./empty":   "no Go files",
		"./test":    "has no Go files",
		"./missing": "directory not found",
		"./...":     "packages: name one",
		"strings":   "is not of this module",
		"./x.go":    "is a file: name the folder",
	} {
		_, err := Load(t.Context(), dir, pattern)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", pattern, err, want)
		}
	}
}

// HTTPGetAll, UserIDs and Simple are named by tool.New and by this package.
func HTTPGetAll() {}
func UserIDs()    {}
func Simple_Go2() {}

func TestSnake(t *testing.T) {
	for name, fn := range map[string]any{"HTTPGetAll": HTTPGetAll, "UserIDs": UserIDs, "Simple_Go2": Simple_Go2} {
		made, err := tool.New(fn)
		if err != nil {
			t.Fatal(err)
		}
		if made.Name() != snake(name) {
			t.Errorf("%s: the framework says %s, we say %s", name, made.Name(), snake(name))
		}
	}
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"plain":             `"plain"`,
		"a `b` \"c\"":       "\"a `b` \\\"c\\\"\"",
		"two\nlines \"x\"":  "`two\nlines \"x\"`",
		"two\n`lines`":      "\"two\\n\" +\n\"`lines`\"",
		"bell\a\nand more":  "\"bell\\a\\n\" +\n\"and more\"",
		"ž\nlines\twithtab": "`ž\nlines\twithtab`",
	} {
		if got := quote(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
		if _, err := format.Source([]byte("package p\nvar x = " + quote(text))); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestGoDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "time.Hour", 90 * time.Second: "90 * time.Second", 1500 * time.Millisecond: "1500 * time.Millisecond", 7: "time.Duration(7)",
	} {
		if got := goDuration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

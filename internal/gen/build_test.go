package gen

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checkout is the framework that the tests build with.
func checkout(t *testing.T) Framework {
	t.Helper()
	f, err := FindFramework("../..")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// answers runs a server on standard input and output and returns its answers.
func answers(t *testing.T, binary string, requests ...string) string {
	t.Helper()
	hello := `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}` +
		"\n" + `{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n"
	cmd := exec.CommandContext(t.Context(), binary, "--stdio")
	cmd.Stdin = strings.NewReader(hello + strings.Join(requests, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", binary, err)
	}
	return string(out)
}

func call(id int, tool, arguments string) string {
	return `{"jsonrpc":"2.0","id":` + string(rune('0'+id)) + `,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + arguments + `}}`
}

// TestBuild compiles an internal package of a module that does not know us, and
// asks the server everything that matters.
func TestBuild(t *testing.T) {
	dir := t.TempDir()
	module := filepath.Join(dir, "clinic")
	if err := os.CopyFS(module, os.DirFS("testdata/clinic")); err != nil {
		t.Fatal(err)
	}
	before := tree(t, module)
	o := Options{Dir: module, Pattern: "./internal/desk", Version: "1.2.3", Output: filepath.Join(dir, "one"), Framework: checkout(t)}
	r, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "clinic" || r.Version != "1.2.3" || r.Size == 0 || len(r.Tools) != 3 || r.File != o.Output {
		t.Errorf("the report is %+v", r)
	}
	if after := tree(t, module); !slices.Equal(before, after) {
		t.Errorf("the module has changed: %q, before %q", after, before)
	}
	got := answers(t, r.File,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
		call(2, "find_slot", `{"urgency":2,"species":"dog"}`),
		call(3, "find_slot", `{"urgency":4,"species":"ghost"}`),
		call(4, "register", `{"pet":{}}`),
		call(5, "find_slot", `{"urgency":1,"species":"lynx"}`))
	for _, want := range []string{
		`"serverInfo":{"name":"clinic","version":"1.2.3"}`,
		`"instructions":"Package desk takes appointments.\n\nAsk for a slot first."`,
		`"title":"Register a pet"`,
		"It answers with a `visit`,\\n\\\"quoted\\\", and a backslash \\\\ — in two lines.",
		`"name":{"type":"string","description":"Name that it listens to: \"Tom\", ` + "`Felix`" + ` or Žofka."}`,
		`"species":{"type":"string","enum":["cat","dog","lynx"],"description":"Species of an animal."}`,
		`"urgency":{"type":"integer","enum":[1,2,3]`,
		`"description":"Colours of the coat."`,
		`"description":"Phone with the country's code."`,
		`"description":"Text of the note."`,
		`"description":"Items on this page."`,
		`"readOnlyHint":true,"openWorldHint":false`,
		`"name":"close_desk"`,
		`"text":"dog in 2"`,
		`urgency: expected one of 1, 2, 3, got 4`,
		`species: expected one of \"cat\", \"dog\", \"lynx\", got \"ghost\"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the server does not say %s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}

	// Elsewhere, later, within a workspace: the same bytes.
	other := filepath.Join(dir, "other", "clinic")
	if err := os.CopyFS(other, os.DirFS("testdata/clinic")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "other", "go.work"), "go 1.26\n\nuse ./clinic\n")
	o.Dir, o.Output = other, filepath.Join(dir, "two")
	if _, err := Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, r.File), content(t, o.Output)) {
		t.Error("the second build differs from the first")
	}
	if bytes.Contains(content(t, o.Output), []byte(dir)) || bytes.Contains(content(t, o.Output), []byte(o.Framework.Dir+"/")) {
		t.Error("the binary holds a path of this machine")
	}
}

// TestBuildOfUser builds a package that uses the framework itself, of a module that
// replaces it, vendors it, and sets flags that a workspace does not take.
func TestBuildOfUser(t *testing.T) {
	f := checkout(t)
	dir := module(t, map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26.0\n\nrequire " + ours + " v0.0.0\n\nreplace " + ours + " => " + f.Dir + "\n",
		"go.sum": string(content(t, filepath.Join(f.Dir, "go.sum"))),
		"who/who.go": `// Package who answers.
//
//mcp:version 3.0.0
package who

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"` + ours + `/tool"
)

// What follows is what the framework takes: the server would not start if not.

type Node struct {
	Next  *Node  ` + "`json:\"next,omitempty\"`" + `
	Ready chan int ` + "`json:\"-\"`" + `
	done  func()
}

type Text struct{ c chan int }

func (*Text) UnmarshalText([]byte) error { return nil }

func Stringer(n *Node) fmt.Stringer { return nil }
func Moment(at time.Time, d time.Duration, month time.Month, text Text) time.Time { return at }
func Raw(raw json.RawMessage, n json.Number, m map[int8]*Node, v any) (json.RawMessage, error) { return raw, nil }
func Unnamed(context.Context, Node) error { return nil }
func Blocks(ctx *tool.Context, nodes []Node) []tool.Content { return nil }
func Full() (*tool.Result, error) { return nil, nil }

// Ami tells who calls.
func Ami(ctx *tool.Context, _ struct{}) (tool.Content, error) {
	return tool.Text{Text: ctx.Arg("client_id", "nobody")}, nil
}
`,
		"who/sessionmcp_main/x.go": "package other\n",
	})
	for _, args := range [][]string{{"mod", "tidy"}, {"mod", "vendor"}} {
		if _, err := runGo(t.Context(), dir, []string{"GOFLAGS=-mod=mod"}, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, flags := range []string{"-mod=mod", "-mod=vendor"} {
		t.Setenv("GOFLAGS", flags)
		r, err := Build(t.Context(), Options{Dir: filepath.Join(dir, "who"), Pattern: ".", Framework: f})
		if err != nil {
			t.Fatal(err)
		}
		if r.Version != "3.0.0" || r.File != filepath.Join(dir, "who", "who") {
			t.Errorf("the report is %+v", r)
		}
		if got := answers(t, r.File, call(1, "ami", "{}")); !strings.Contains(got, `"text":"nobody"`) {
			t.Errorf("got %s", got)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tree lists the files of a folder with their content.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, name+"\n"+string(content(t, name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBuildRefuses leaves what is there alone.
func TestBuildRefuses(t *testing.T) {
	dir := module(t, map[string]string{
		"server/x.go":  "package server\n\nfunc X() {}\n",
		"cmd/main.go":  "package main\n\nfunc main() {}\n",
		"old/main.go":  header + "\npackage main\n",
		"folder/x.txt": "",
	})
	for name, test := range map[string]struct {
		o    Options
		want string
	}{
		"a folder":       {Options{Output: "folder"}, "is a folder: name a file by -o"},
		"not ours":       {Options{Emit: "cmd"}, "main.go was not generated"},
		"its own folder": {Options{Emit: "server"}, "is the package's own folder"},
	} {
		test.o.Dir, test.o.Pattern, test.o.Framework = dir, "./server", checkout(t)
		if _, err := Build(t.Context(), test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	if got := string(content(t, filepath.Join(dir, "cmd", "main.go"))); !strings.HasPrefix(got, "package main") {
		t.Errorf("the file was replaced: %s", got)
	}
}

// TestEmit writes the program, over an earlier one and into a new folder; the name
// of the package is also one that the program needs.
func TestEmit(t *testing.T) {
	dir := module(t, map[string]string{
		"server/x.go": "package server\n\n// X does.\nfunc X() {}\n",
		"old/main.go": header + "\npackage main\n",
	})
	for _, folder := range []string{"old", "new/cmd"} {
		r, err := Build(t.Context(), Options{Dir: dir, Pattern: "./server", Emit: folder, Version: "1"})
		if err != nil {
			t.Fatal(err)
		}
		got := string(content(t, filepath.Join(dir, folder, "main.go")))
		if !strings.HasPrefix(got, header) || !strings.Contains(got, `servertools "example.com/m/server"`) || !strings.Contains(got, "srv.Tool(servertools.X,") {
			t.Errorf("got %s", got)
		}
		if r.File != filepath.Join(dir, folder, "main.go") || r.Target != "" {
			t.Errorf("the report is %+v", r)
		}
	}
}

func TestReport(t *testing.T) {
	p, err := Load(t.Context(), "testdata/clinic", "./internal/desk")
	if err != nil {
		t.Fatal(err)
	}
	r := &Report{Name: "clinic", Version: "1", Package: p.Path, File: "desk", Size: 8_400_000, Target: "linux/amd64", Tools: p.Tools}
	var b bytes.Buffer
	r.Print(&b)
	want := "clinic 1 from example.com/clinic/internal/desk\n  desk, 8.4 MB, for linux/amd64\n\n" +
		"  register    name species [colours] [owner] Notes  Register admits a patient.\n" +
		"  find_slot   urgency species [days]                FindSlot finds a free hour.\n" +
		"  close_desk                                        Dismiss ends the day.\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	encoded, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if part := `"name":"species","type":"model.Species","required":true,"description":"Species of an animal.","enum":["cat","dog","lynx"]`; !strings.Contains(string(encoded), part) {
		t.Errorf("got %s", encoded)
	}
}

func TestFindFramework(t *testing.T) {
	f, err := FindFramework("../..")
	if err != nil || !filepath.IsAbs(f.Dir) {
		t.Errorf("got %+v, %v", f, err)
	}
	if _, err := FindFramework(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no checkout of") {
		t.Errorf("got %v", err)
	}
	t.Setenv(SourceVariable, t.TempDir())
	if _, err := FindFramework(""); err == nil {
		t.Error("the environment is not asked")
	}
	t.Setenv(SourceVariable, "")
	if own, err := FindFramework(""); err != nil || own.Dir != f.Dir {
		t.Errorf("got %+v, %v, want %s", own, err, f.Dir)
	}
}

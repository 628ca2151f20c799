package scaffold

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"go/format"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/internal/modcache"
)

// made makes a module of a template, offline.
func made(t *testing.T, template string) string {
	t.Helper()
	modcache.Fill()
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOFLAGS", "-buildvcs=false")
	framework, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := New(t.Context(), Options{Dir: t.TempDir(), Name: "my-server", Template: template, Framework: framework})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func run(t *testing.T, dir, stdin string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "MY_SERVER_USERS=ada=secret")
	cmd.Stdin = strings.NewReader(stdin)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s%s", command, err, out, &said)
	}
	return string(out)
}

const hello = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`

// TestTemplates makes a module of each template, tests it, builds it, and calls a
// tool over each transport.
func TestTemplates(t *testing.T) {
	for template, test := range map[string]struct{ call, query, want, command, printed string }{
		"hello":   {`"greet","arguments":{"greeting":"Hi"}`, "client_id=ada", "Hi, ada!", "greet greeting=Hi", "Hi, ada!"},
		"weather": {`"forecast","arguments":{"city":"Oslo","days":1}`, "", `\"high\":10`, "forecast city=Oslo --days 1", `"high": 10`},
		"args":    {`"add_note","arguments":{"text":"milk"}`, "user=ada&key=secret", `"text":"1"`, "add_note text=milk", "1"},
	} {
		t.Run(template, func(t *testing.T) {
			dir := made(t, template)
			run(t, dir, "", "go", "vet", "./...")
			run(t, dir, "", "go", "test", "./...")
			run(t, dir, "", "go", "build")
			binary := filepath.Join(dir, "my-server")
			call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":` + test.call + `}}`
			args := []string{binary, "--stdio"}
			for pair := range strings.SplitSeq(test.query, "&") {
				if pair != "" {
					args = append(args, "--arg", pair)
				}
			}
			if got := run(t, dir, hello+"\n"+call+"\n", args...); !strings.Contains(got, test.want) {
				t.Errorf("over stdio: got %s, want %s", got, test.want)
			}
			command := append(append([]string{binary, "call"}, strings.Fields(test.command)...), args[2:]...)
			if got := run(t, dir, "", command...); !strings.Contains(got, test.printed) {
				t.Errorf("%q: got %s, want %s", test.command, got, test.printed)
			}
			if got := overHTTP(t, binary, test.query, call); !strings.Contains(got, test.want) {
				t.Errorf("over HTTP: got %s, want %s", got, test.want)
			}
		})
	}
}

var served = regexp.MustCompile(`http://\S+/mcp`)

// overHTTP serves with the binary and returns the answer to one call.
func overHTTP(t *testing.T, binary, query, call string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "--http", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "MY_SERVER_USERS=ada=secret")
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	var url string
	for lines := bufio.NewScanner(said); url == "" && lines.Scan(); {
		url = served.FindString(lines.Text())
	}
	session := ""
	var answer []byte
	for _, message := range []string{hello, call} {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"?"+query, strings.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		if session != "" {
			req.Header.Set("Mcp-Session-Id", session)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, err = io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		session = res.Header.Get("Mcp-Session-Id")
	}
	return string(answer)
}

// TestFormatted wants the templates to be as gofmt writes them, for every name.
func TestFormatted(t *testing.T) {
	for _, template := range Templates {
		entries, err := templates.ReadDir("templates/" + template)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !strings.HasSuffix(entry.Name(), ".go.tmpl") {
				continue
			}
			o := Options{Name: "a", Module: "example.com/a", Version: "v1.0.0"}
			text, err := o.execute("templates/" + template + "/" + entry.Name())
			if err != nil {
				t.Fatal(err)
			}
			formatted, err := format.Source(text)
			if err != nil || !bytes.Equal(formatted, text) {
				t.Errorf("%s/%s is not formatted: %v\n%s", template, entry.Name(), err, formatted)
			}
		}
	}
}

// TestRefused changes nothing when it refuses.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"full/x", "file"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		o    Options
		want string
	}{
		"full":     {Options{Name: "full"}, "is there and is not empty"},
		"file":     {Options{Name: "file"}, "is there and is no folder"},
		"path":     {Options{Name: "../x"}, "letters, digits"},
		"dot":      {Options{Name: "."}, "letters, digits"},
		"none":     {Options{Name: ""}, "letters, digits"},
		"flag":     {Options{Name: "-x"}, "letters, digits"},
		"module":   {Options{Name: "x", Module: "a b"}, "cannot be the path of a module"},
		"template": {Options{Name: "x", Template: "nosuch"}, "there are hello, weather, args"},
		"checkout": {Options{Name: "x", Framework: filepath.Join(dir, "nowhere")}, "go.sum"},
	} {
		if test.o.Framework == "" {
			test.o.Version = "v1.0.0"
		}
		test.o.Dir = dir
		if _, err := New(t.Context(), test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if !slices.Equal(left, []string{"file", "full"}) {
		t.Errorf("there is %q", left)
	}
}

// TestUntidy leaves the module when there is no network to get a release from.
func TestUntidy(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOFLAGS", "-buildvcs=false")
	parent := t.TempDir()
	if err := os.Mkdir(filepath.Join(parent, "x"), 0o755); err != nil { // empty: it may be there
		t.Fatal(err)
	}
	dir, err := New(t.Context(), Options{Dir: parent, Name: "x", Version: "v0.0.1"})
	if !errors.Is(err, ErrTidy) || !strings.Contains(err.Error(), "run go mod tidy in "+dir) {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{"go.mod", "main.go", "greet_test.go", "Dockerfile", ".gitignore", ".dockerignore", "README.md"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

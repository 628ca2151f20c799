// Package examples_test builds the examples, runs each as a process of its own,
// and talks to it as a client would.
package examples_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	// What the examples are built from: go test does not reuse an earlier
	// result when it has changed.
	_ "github.com/sessionmcp/sessionmcp/server"
)

// patience bounds the life of one example, so that one that hangs fails by
// itself and not by the timeout of the whole run.
const patience = 2 * time.Minute

// A dial connects a client with these connection arguments.
type dial func(args url.Values) *client

// examples are the folders of this one, and what to try in each.
var examples = map[string]struct {
	tools []string
	try   func(t *testing.T, base string, connect dial)
}{
	"everything": {everythingTools, tryEverything},
	"hello":      {[]string{"greet"}, tryHello},
	"techdebt":   {[]string{"collect_tech_debt", "list_tech_debts"}, tryTechdebt},
	"weather":    {[]string{"forecast", "compare", "alerts", "whoami"}, tryWeather},
}

func TestExamples(t *testing.T) {
	binaries := build(t)
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("there is no SIGTERM to send")
			}
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			p := start(t, exec.CommandContext(ctx, filepath.Join(binaries, name), "--http", "127.0.0.1:0"))
			base := p.url()
			connect := func(args url.Values) *client { return dialSSE(ctx, t, base, args) }

			got := connect(url.Values{"auth": {"KEY"}, "client_id": {"me"}}).tools()
			if !slices.Equal(got, example.tools) {
				t.Errorf("the tools are %q, want %q", got, example.tools)
			}
			example.try(t, base, connect)
			p.terminate() // while its clients are connected
		})
	}
	t.Run("stdio", func(t *testing.T) { tryStdio(t, filepath.Join(binaries, "weather")) })
}

func tryStdio(t *testing.T, weather string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, weather, "--stdio", "--arg", "client_id=me", "--arg", "auth=KEY", "--arg", "units=imperial")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, cmd)
	lines := bufio.NewReader(out)
	c := &client{
		t:    t,
		send: func(text []byte) error { _, err := in.Write(append(text, '\n')); return err },
		next: func() ([]byte, error) { return lines.ReadBytes('\n') },
	}
	c.initialize()
	var got struct{ For, Units string }
	c.call("forecast", map[string]any{"city": "Oslo"}, &got)
	if got.For != "me" || got.Units != "imperial" {
		t.Errorf("the forecast is %+v, want the connection's client_id and units", got)
	}
	wantWhoami(t, c, "me", true, "stdio")
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	p.wait()
}

func tryHello(t *testing.T, _ string, connect dial) {
	one, two, anyone := connect(url.Values{"client_id": {"one"}}), connect(url.Values{"client_id": {"two"}}), connect(nil)
	wantText(t, one, "greet", map[string]any{"greeting": "Hello"}, "Hello, one!")
	wantText(t, two, "greet", map[string]any{"greeting": "Hei"}, "Hei, two!")
	wantText(t, anyone, "greet", map[string]any{"greeting": "Hello"}, "Hello, stranger!")
}

func tryTechdebt(t *testing.T, base string, connect dial) {
	if res := get(t.Context(), t, base+"/sse"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("connecting without auth: %s, want 400", res.Status)
	}
	one, two := connect(url.Values{"auth": {"KEY-1"}}), connect(url.Values{"auth": {"KEY-2"}})
	wantText(t, one, "collect_tech_debt", map[string]any{
		"concept_name":        "no retries",
		"concept_description": "a failed request is not tried again",
		"code":                "resp, _ := http.Get(url)",
		"file_path":           "client/get.go",
		"start_line":          12,
		"end_line":            12,
	}, `Collected "no retries"; you have 1.`)
	for c, want := range map[*client]int{one: 1, two: 0} {
		var list struct{ Debts []any }
		if c.call("list_tech_debts", nil, &list); len(list.Debts) != want {
			t.Errorf("a caller has %d debts, want %d", len(list.Debts), want)
		}
	}
}

func tryWeather(t *testing.T, _ string, connect dial) {
	known, anyone := connect(url.Values{"auth": {"KEY"}, "client_id": {"one"}}), connect(nil)
	for c, want := range map[*client]string{known: "one", anyone: "anonymous"} {
		var forecast struct {
			For  string
			Days []any
		}
		c.call("forecast", map[string]any{"city": "Oslo"}, &forecast)
		if forecast.For != want || len(forecast.Days) != 3 {
			t.Errorf("the forecast is %+v, want 3 days for %s", forecast, want)
		}
		wantWhoami(t, c, want, want == "one", "sse")
	}
	if text, isError := known.call("alerts", map[string]any{"city": "Oslo"}, nil); isError {
		t.Errorf("alerts for a caller with auth: %s", text)
	}
	if text, isError := anyone.call("alerts", map[string]any{"city": "Oslo"}, nil); !isError {
		t.Errorf("alerts for a caller without auth: %s", text)
	}
}

func wantText(t *testing.T, c *client, tool string, arguments map[string]any, want string) {
	t.Helper()
	if got, isError := c.call(tool, arguments, nil); got != want || isError {
		t.Errorf("%s answered %q (error: %t), want %q", tool, got, isError, want)
	}
}

func wantWhoami(t *testing.T, c *client, clientID string, authenticated bool, transport string) {
	t.Helper()
	type whoami struct {
		ClientID      string `json:"client_id"`
		Authenticated bool   `json:"authenticated"`
		Transport     string `json:"transport"`
		Revision      string `json:"protocol_version"`
	}
	var got whoami
	c.call("whoami", nil, &got)
	if want := (whoami{clientID, authenticated, transport, "2025-06-18"}); got != want {
		t.Errorf("whoami answered %+v, want %+v", got, want)
	}
}

// build builds the examples and returns the folder they are in.
func build(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*/*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		// Reading makes the file one that this test's result depends on.
		if _, err := os.ReadFile(file); err == nil && filepath.Base(file) == "main.go" {
			found = append(found, filepath.Dir(file))
		}
	}
	for _, name := range found {
		if _, ok := examples[name]; !ok {
			t.Errorf("example %s is in no row of the table", name)
		}
	}
	if len(found) < len(examples) {
		t.Errorf("found the examples %q, want %d", found, len(examples))
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), "./...")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

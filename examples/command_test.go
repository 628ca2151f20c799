package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommands tries the commands that every server program has with weather, as
// somebody does at a shell.
func TestCommands(t *testing.T) {
	weather := filepath.Join(t.TempDir(), "weather")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", weather, "./weather").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := start(t, exec.CommandContext(ctx, weather, "serve", "--http", "127.0.0.1:0"))
	base := p.url()
	for _, tt := range []struct {
		args []string
		code int
		want string // in what is printed; to standard error if code is not 0
	}{
		{[]string{"tools"}, 0, "  days   integer          default 3"},
		{[]string{"call", "forecast", "--help"}, 0, "City to forecast"},
		{[]string{"call", "forecast", "city=Oslo", "--days", "2", "--arg", "client_id=me"}, 0, `"for": "me"`},
		{[]string{"call", "--arg", "auth=KEY", "alerts", `{"city": "Oslo"}`}, 0, `"country": "Norway"`},
		{[]string{"call", "alerts", "city=Oslo"}, 1, "call alerts: alerts need a key: connect with an auth argument"},
		{[]string{"call", "forecast", "city=Olso"}, 1, `call forecast: unknown city "Olso": did you mean Oslo`},
		{[]string{"call", "forcast"}, 1, "did you mean forecast?"},
		{[]string{"call", "forecast"}, 1, "missing city"},
		{[]string{"version"}, 0, "weather 1.0.0\nmodule github.com/sessionmcp/sessionmcp"},
		{[]string{"healthcheck", base}, 0, "ok\n"},
		{[]string{"--http", strings.TrimPrefix(base, "http://"), "healthcheck"}, 0, "ok\n"},
		{[]string{"tols"}, 1, "did you mean tools?"},
		{[]string{"--nonsense"}, 2, "flag provided but not defined: -nonsense"},
	} {
		out, stderr, code := shell(ctx, t, weather, tt.args...)
		said := out
		if tt.code != 0 {
			said = stderr
		}
		if code != tt.code || strings.Count(said, tt.want) != 1 {
			t.Errorf("%q: exit code %d, want %d with %q; printed\n%s%s", tt.args, code, tt.code, tt.want, out, stderr)
		}
	}
	out, _, _ := shell(ctx, t, weather, "tools", "--json")
	var tools []struct{ Name string }
	if err := json.Unmarshal([]byte(out), &tools); err != nil || len(tools) != len(examples["weather"].tools) {
		t.Errorf("tools --json has %d tools, %v", len(tools), err)
	}
	p.terminate()
	if _, stderr, code := shell(ctx, t, weather, "healthcheck", base); code != 1 || !strings.Contains(stderr, "healthcheck: ") {
		t.Errorf("once the server has gone: exit code %d\n%s", code, stderr)
	}
}

// shell runs a program to its end.
func shell(ctx context.Context, t *testing.T, program string, args ...string) (out, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &said
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return stdout.String(), said.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), said.String(), 0
}

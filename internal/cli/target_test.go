package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/transport"
)

func TestSplitWords(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a backslash is part of a path here")
	}
	for _, tt := range []struct {
		text string
		want []string // nil is an error
	}{
		{"npx -y server", []string{"npx", "-y", "server"}},
		{"  a\t b \n", []string{"a", "b"}},
		{`a 'b c' "d e"f`, []string{"a", "b c", "d ef"}},
		{`a '' ""`, []string{"a", "", ""}},
		{`a\ b "c\"d" 'e\f'`, []string{"a b", `c"d`, `e\f`}},
		{`$HOME ~ * $(x)`, []string{"$HOME", "~", "*", "$(x)"}},
		{`a "b`, nil},
		{`a 'b`, nil},
		{`a\`, nil},
		{"", nil},
		{"   ", nil},
		{"''", nil},
	} {
		got, err := splitWords(tt.text)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("%q: %q, %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

func FuzzSplitWords(f *testing.F) {
	f.Add(`npx -y "a b" 'c'`)
	f.Add(`\`)
	f.Fuzz(func(t *testing.T, text string) {
		words, err := splitWords(text)
		if err == nil && (len(words) == 0 || words[0] == "") {
			t.Errorf("%q has the words %q", text, words)
		}
		if err != nil && words != nil {
			t.Errorf("%q has the words %q and the error %v", text, words, err)
		}
	})
}

func TestReadTarget(t *testing.T) {
	self, err := os.Executable() // of which this module is part
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "a program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for _, tt := range []struct {
		text    string
		command []string
		url     string
		code    int
		err     string
	}{
		{text: "https://example.com/mcp?a=b", url: "https://example.com/mcp?a=b"},
		{text: program, command: []string{program}},
		{text: `"` + program + `" --x`, command: []string{program, "--x"}},
		{text: `'a program' http://a/`, command: []string{"a program", "http://a/"}},
		{text: self, command: []string{self, "--stdio"}},
		{text: self + " --arg a=b", command: []string{self, "--arg", "a=b", "--stdio"}},
		{text: self + " --stdio", command: []string{self, "--stdio"}},
		{text: self + " -stdio=true", command: []string{self, "-stdio=true"}},
		{text: self + " --http=:80", command: []string{self, "--http=:80"}},
		{text: " ", code: exitUsage, err: "is empty"},
		{text: dir, code: exitUsage, err: "is a folder"},
		{text: "ws://example.com/", code: exitUsage, err: "want http://"},
		{text: "http:///path", code: exitUsage, err: "no URL of a server"},
		{text: "http://me:hunter22@exa mple/?k=hunter22", code: exitUsage, err: "no URL of a server"},
		{text: "example.com:80/mcp?k=hunter22", code: exitNoServer, err: "write http://example.com:80/mcp"},
		{text: "./nothing", code: exitNoServer, err: "look at the path"},
		{text: "nothing -y", code: exitNoServer, err: "in PATH"},
	} {
		got, err := readTarget(tt.text)
		if err != nil {
			exit, ok := errors.AsType[*exitError](err)
			if !ok || exit.code != tt.code || tt.err == "" || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "hunter22") {
				t.Errorf("%s: %v, want %d and %q", tt.text, err, tt.code, tt.err)
			}
			continue
		}
		if tt.err != "" || got.url != tt.url || !slices.Equal(got.command, tt.command) {
			t.Errorf("%s: %q %q, want %q %q %s", tt.text, got.url, got.command, tt.url, tt.command, tt.err)
		}
	}
}

func TestIsServer(t *testing.T) {
	ours, other := debug.Module{Path: module}, debug.Module{Path: "example.com/x"}
	for _, tt := range []struct {
		info debug.BuildInfo
		want bool
	}{
		{debug.BuildInfo{Path: module + "/examples/weather", Main: ours}, true},
		{debug.BuildInfo{Path: module + "/cmd/smcp", Main: ours}, false},
		{debug.BuildInfo{Path: "example.com/x/cmd/server", Main: other, Deps: []*debug.Module{&other, &ours}}, true},
		{debug.BuildInfo{Path: "example.com/x", Main: other, Deps: []*debug.Module{&other}}, false},
	} {
		if got := isServer(&tt.info); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.info.Path, got, tt.want)
		}
	}
}

func TestReadHeaders(t *testing.T) {
	h, err := readHeaders([]string{"X-A: b:c", "x-a:d", "Authorization: Bearer hunter22"})
	if err != nil || len(h["X-A"]) != 2 || h.Get("X-A") != "b:c" || h.Get("Authorization") != "Bearer hunter22" {
		t.Errorf("%v, %v", h, err)
	}
	for _, line := range []string{"hunter22", ": hunter22", "A b: hunter22", "A=hunter22:", "A: b\r\nhunter22: c"} {
		if _, err := readHeaders([]string{line}); err == nil || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestSplitCall(t *testing.T) {
	for _, tt := range []struct{ line, own, rest, err string }{
		{"T N a=b", "", "T N a=b", ""},
		{"--json T N", "--json", "T N", ""},
		{"T --json N a=b --json", "--json --json", "T N a=b", ""},
		{"T N --city Oslo --dry-run", "", "T N --city Oslo --dry-run", ""},
		{"T N --arg a=b --city Oslo", "--arg a=b", "T N --city Oslo", ""},
		{"T N --arg=a=b -o F -vx", "--arg=a=b -o F -vx", "T N", ""},
		{"-oF T N -", "-oF", "T N -", ""},
		{"T N -- --json", "", "T N -- --json", ""},
		{"--json -- T N --json", "--json", "T N -- --json", ""},
		{"-- T", "", "T --", ""},
		{"T N a=-5", "", "T N a=-5", ""},
		{"--city T N", "", "", "unknown flag --city"},
		{"-x T N", "", "", "unknown flag -x"},
		{"T N --arg", "", "", "--arg has no value"},
		{"T N -o", "", "", "-o has no value"},
	} {
		fs := pflag.NewFlagSet("call", pflag.ContinueOnError)
		fs.Bool("json", false, "")
		fs.BoolP("verbose", "v", false, "")
		fs.StringArray("arg", nil, "")
		fs.StringP("output", "o", "", "")
		own, rest, err := splitCall(fs, strings.Fields(tt.line))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if strings.Join(own, " ") != tt.own || strings.Join(rest, " ") != tt.rest || (tt.err == "") != (err == nil) || !strings.Contains(text, tt.err) {
			t.Errorf("%s: %q, %q, %v", tt.line, own, rest, err)
		}
	}
}

// TestNotConnected: what can be done about it is said, and an interrupt is one.
func TestNotConnected(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for _, tt := range []struct {
		ctx  context.Context
		err  error
		code int
		want string
	}{
		{t.Context(), &transport.StatusError{Status: 401}, exitNoServer, "--arg auth=KEY"},
		{t.Context(), &transport.StatusError{Status: 404}, exitNoServer, "often ends in /mcp"},
		{t.Context(), fmt.Errorf("connecting: %w", refused), exitNoServer, "is the server running"},
		{t.Context(), errors.New("x"), exitNoServer, "x"},
		{ended, refused, exitInterrupted, "interrupted"},
	} {
		err := (&remote{}).notConnected(tt.ctx, tt.err)
		exit, ok := errors.AsType[*exitError](err)
		if !ok || exit.code != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %d and %s", tt.err, err, tt.code, tt.want)
		}
	}
	r := &remote{}
	for _, tt := range []struct {
		ctx  context.Context
		err  error
		code int
	}{
		{t.Context(), fmt.Errorf("%w: broken", client.ErrLost), exitNoServer},
		{t.Context(), errors.New("x"), exitFailed},
		{ended, client.ErrLost, exitInterrupted},
	} {
		code := exitFailed
		if exit, ok := errors.AsType[*exitError](r.failed(tt.ctx, "call x", tt.err)); ok {
			code = exit.code
		}
		if code != tt.code {
			t.Errorf("%v: %d, want %d", tt.err, code, tt.code)
		}
	}
}

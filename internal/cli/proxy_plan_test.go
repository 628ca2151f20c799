package cli

import (
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// planOf plans a command line, its arguments separated by |.
func planOf(t *testing.T, args string) (*proxyPlan, error) {
	t.Helper()
	var f proxyFlags
	set := pflag.NewFlagSet("proxy", pflag.ContinueOnError)
	f.addAll(set)
	r := argReader{fs: set}
	if args != "" {
		r.rest = strings.Split(args, "|")
	}
	if err := r.all(); err != nil {
		return nil, err
	}
	if err := set.Parse(r.args()); err != nil {
		return nil, usagef("%w", err)
	}
	pl := planner{flags: &f, set: set, program: testProgram(), logger: slog.New(slog.DiscardHandler)}
	return pl.plan(set.Args())
}

// cleanEnvironment is one with a program to start, and nothing else of ours.
func cleanEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"SSE_URL", "API_ACCESS_TOKEN", "SESSIONMCP_API_KEY", "MCP_PROXY_API_KEY"} {
		t.Setenv(name, "")
	}
	dir, name := t.TempDir(), "prog"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

func TestPlan(t *testing.T) {
	cleanEnvironment(t)
	config := filepath.Join(t.TempDir(), "s.json")
	if err := os.WriteFile(config, []byte(`{"mcpServers": {"b": {"command": "x"}, "a": {"url": "http://a"}, "off": {"disabled": true}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.json")
	if err := os.WriteFile(empty, []byte(`{"mcpServers": {}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ args, want string }{
		// Where it is served.
		{`prog`, `127.0.0.1:0; : prog []`},
		{`prog|-x|y`, `127.0.0.1:0; : prog ["-x" "y"]`},
		{`--port|1|prog`, `127.0.0.1:1; : prog []`},
		{`--sse-port|1|--sse-host|h|prog`, `h:1; : prog []`},
		{`--sse-port|1|--port|2|--sse-host|h|--host|::1|prog`, `[::1]:2; : prog []`},
		{`--sse-port|1|--port|0|prog`, `127.0.0.1:0; : prog []`},
		{`--http|:8080|prog`, `:8080; : prog []`},
		{`--host|[::]|prog`, `[::]:0; : prog []`},
		{`http://x/sse`, `stdio; : http://x/sse`},
		{`http://x|--port|0`, `127.0.0.1:0; : http://x`},
		{`http://x|--sse-port|0`, `127.0.0.1:0; : http://x`},
		{`http://x|--http|h:1`, `h:1; : http://x`},
		{`http://x|--named-server|a|prog`, `127.0.0.1:0; : http://x; a: prog []`},
		{`--http|h:1|--port|2|prog`, `error: --http is --host and --port in one`},
		{`--http|8080|prog`, `error: --http 8080: want HOST:PORT`},
		{`--port|65536|prog`, `error: --port 65536: want 0 to 65535`},
		{`--port|x|prog`, `error: invalid argument "x"`},

		// What is offered.
		{``, `error: name a server to offer`},
		{`--named-server|a|prog -x 'b c'|--named-server|u|https://x/{auth}`, `127.0.0.1:0; a: prog ["-x" "b c"]; u: https://x/{auth}`},
		{`--named-server|a|prog 'x`, `error: --named-server a: `},
		{`--named-server|a|`, `error: --named-server a: `},
		{`--named-server|..|prog`, `error: --named-server: ".." cannot be`},
		{`--named-server|a|prog|--named-server|a|prog`, `error: there are two servers of the name a`},
		{`--named-server-config|` + config, `127.0.0.1:0; a: http://a; b: x []`},
		{`--named-server-config|` + config + `|prog`, `127.0.0.1:0; : prog []; a: http://a; b: x []`},
		{`--named-server-config|` + config + `|--named-server|b|prog`, `error: there are two servers of the name b`},
		{`--named-server-config|` + empty, `error: ` + empty + `: no server is switched on`},
		{`--named-server-config|/nowhere`, `error: --named-server-config: open /nowhere`},
		{`--|http://x|y`, `error: "y" behind the URL`},
		{`progg`, `error: there is no program "progg" in PATH`},
		{`lisst`, `error: there is no program "lisst" in PATH, and no such command, did you mean list?`},
		{`./nowhere`, `127.0.0.1:0; : ./nowhere []`},

		// How.
		{`-e|K={auth}|-e|J|{}|--cwd|/w|prog`, `127.0.0.1:0; : prog [] in /w env ["K={auth}" "J={{}}"]`},
		{`-e|=V|prog`, `error: --env: want NAME=VALUE`},
		{`-e=K|prog`, `error: --env: want NAME=VALUE`},
		{`http://x|-H|A: {auth}|--headers|b|c`, `stdio; : http://x A: ["{auth}"] B: ["c"]`},
		{`http://x|-H=A`, `error: --header: want "NAME: VALUE"`},
		{`http://x|--query|q={auth}`, `stdio; : http://x query ["q={auth}"]`},
		{`http://x|--query|q`, `error: --query: want NAME=VALUE`},
		{`http://x|--transport|sse`, `stdio; : http://x by sse`},
		{`http://x|--transport|streamablehttp`, `stdio; : http://x by http`},
		{`http://x|--transport|http`, `stdio; : http://x by http`},
		{`http://x|--transport|ftp`, `error: --transport ftp: want sse or streamablehttp`},
		{`http://x|--arg|auth=K`, `stdio; : http://x`},
		{`--allow-origin|https://a/|prog`, `error: --allow-origin https://a/: want https://HOST`},
		{`--allow-origin|a.example|prog`, `error: --allow-origin a.example: want https://HOST`},
		{`--allow-origin|https://a,*|--expose-header|X-A|prog`, `127.0.0.1:0; : prog []`},
		{`--expose-header|X A|prog`, `error: --expose-header "X A"`},
		{`--path|/k/{auth}/|prog`, `127.0.0.1:0; : prog []`},
		{`--path|k|prog`, `error: --path k: want`},
		{`--path|/{a...}|prog`, `error: --path`},
		{`--path|/{a}x/|prog`, `error: --path`},
		{`--path|/{a}/{a}|prog`, `error: --path /{a}/{a}: the argument {a} is there twice`},
		{`--api-key||prog`, `error: --api-key is empty`},

		{`--max-upstreams|0|prog`, `error: --max-upstreams 0: want 1 or more`},
		{`--idle|0|prog`, `error: --idle 0: want`},
		{`--idle|-1s|--start-timeout|5s|--max-upstreams|1|prog`, `127.0.0.1:0; : prog []`},
		{`--start-timeout|-5s|prog`, `error: --start-timeout -5s`},

		// Flags without an effect.
		{`http://x|--host|h`, `error: --host is for serving HTTP: add --port or --http`},
		{`http://x|--api-key|k`, `error: --api-key is for serving HTTP`},
		{`http://x|--stateless`, `error: --stateless is for serving HTTP`},
		{`http://x|-e|K=V`, `error: --env is for a command`},
		{`-H|A: b|prog`, `error: --header is for a URL`},
		{`--named-server|a|prog|-e|K=V`, `error: --env is for a command that is the default server`},
		{`--arg|a=b|prog`, `error: --arg is for a client on standard input`},
	} {
		plan, err := planOf(t, tt.args)
		got := ""
		if err != nil {
			got = "error: " + err.Error()
		} else {
			got = plan.addr
			if plan.stdio {
				got = "stdio"
			}
			for i := range plan.offers {
				got += "; " + describe(&plan.offers[i])
			}
		}
		if strings.HasPrefix(tt.want, "error: ") && strings.HasPrefix(got, tt.want) {
			continue
		}
		if got != tt.want {
			t.Errorf("%s:\nis   %s\nwant %s", tt.args, got, tt.want)
		}
	}
}

// Whoever mistypes gets the code for that.
func TestPlanCodes(t *testing.T) {
	cleanEnvironment(t)
	for args, want := range map[string]int{"": exitUsage, "http://x|-e|K=V": exitUsage, "progg": exitNoServer, "--verify-ssl=/nowhere|http://x": exitUsage} {
		_, err := planOf(t, args)
		known, ok := errors.AsType[*exitError](err)
		if !ok || known.code != want {
			t.Errorf("%s: the error is %v, want one of code %d", args, err, want)
		}
	}
}

func TestPlanEnvironment(t *testing.T) {
	cleanEnvironment(t)
	t.Setenv("HOME", "/home/me")
	t.Setenv("USERPROFILE", "/home/me")
	t.Setenv("LANG", "() { evil; }")
	t.Setenv("PROXY_SECRET", "s")
	has := func(args, variable string) bool {
		t.Helper()
		plan, err := planOf(t, args)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(plan.offers[0].Command.Env, variable)
	}
	home := "HOME=/home/me"
	if runtime.GOOS == "windows" {
		home = "USERPROFILE=/home/me"
	}
	for _, args := range []string{"prog", "--no-pass-environment|prog", "--named-server|a|prog"} {
		if !has(args, home) || !has(args, "PATH="+os.Getenv("PATH")) {
			t.Errorf("%s: the program lacks PATH or %s", args, home)
		}
		if has(args, "PROXY_SECRET=s") || has(args, "LANG=() { evil; }") {
			t.Errorf("%s: the program gets what is the proxy's", args)
		}
	}
	if !has("--pass-environment|prog", "PROXY_SECRET=s") {
		t.Error("--pass-environment passes nothing on")
	}
}

func TestPlanOfEnvironment(t *testing.T) {
	cleanEnvironment(t)
	t.Setenv("SSE_URL", "http://old/sse")
	t.Setenv("API_ACCESS_TOKEN", "to{k}en")
	for args, want := range map[string]string{
		"":                                     `: http://old/sse Authorization: ["Bearer to{{k}}en"]`,
		"http://new":                           `: http://new Authorization: ["Bearer to{{k}}en"]`,
		"prog":                                 `: prog []`,
		"--named-server|a|prog":                `a: prog []`,
		"--named-server|a|http://x":            `a: http://x`,
		"http://new|-H|authorization: Basic x": `: http://new Authorization: ["Basic x"]`,
	} {
		plan, err := planOf(t, args)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if got := describe(&plan.offers[0]); got != want || len(plan.offers) != 1 {
			t.Errorf("%s: is %s, want %s", args, got, want)
		}
	}
}

func TestVerifySSL(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		verify    string
		own, fits bool
		fails     bool
	}{
		{verify: "true"}, {verify: ""}, {verify: "YES"},
		{verify: "false", own: true, fits: true},
		{verify: "0", own: true, fits: true},
		{verify: ca, own: true, fits: true},
		{verify: key, fails: true},
		{verify: "/nowhere", fails: true},
	} {
		c, err := httpClient(tt.verify, slog.New(slog.DiscardHandler))
		if (err != nil) != tt.fails || (c != nil) != tt.own {
			t.Errorf("%s: client %v, error %v", tt.verify, c, err)
		}
		if c == nil {
			continue
		}
		res, err := c.Get(srv.URL)
		if err == nil {
			res.Body.Close()
		}
		if (err == nil) != tt.fits {
			t.Errorf("%s: the request says %v", tt.verify, err)
		}
		c.CloseIdleConnections()
	}
}

func TestLogLevel(t *testing.T) {
	for level, want := range map[string]slog.Level{"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "Warning": slog.LevelWarn, "warn": slog.LevelWarn, "ERROR": slog.LevelError, "critical": slog.LevelError} {
		logger, err := newLogger(testProgram().err, level, false)
		if err != nil {
			t.Fatal(err)
		}
		if !logger.Enabled(t.Context(), want) || logger.Enabled(t.Context(), want-1) {
			t.Errorf("%s is not %v", level, want)
		}
		if logger, _ = newLogger(testProgram().err, level, true); !logger.Enabled(t.Context(), slog.LevelDebug) {
			t.Errorf("--debug does not win over %s", level)
		}
	}
	if _, err := newLogger(testProgram().err, "loud", false); err == nil {
		t.Error("--log-level loud is accepted")
	}
}

package hostile

import (
	"bytes"
	"context"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ran is a command that has ended: what it printed, to standard output and error.
type ran struct {
	out, err string
	code     int
}

// runProgram runs a command to its end.
func runProgram(t *testing.T, env []string, in, path string, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var out, err bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &err
	cmd.Env = append(append(os.Environ(), "HOME="+t.TempDir()), env...)
	_ = cmd.Run() // its code says it
	if ctx.Err() != nil {
		t.Fatalf("%s %q does not end: %s", path, args, err.String())
	}
	return ran{out.String(), err.String(), cmd.ProcessState.ExitCode()}
}

// nowhere are addresses at which there is no server, or one that is hostile, each with
// secrets in it.
func nowhere(t *testing.T, p planted) map[string]string {
	query := "?auth=" + url.QueryEscape(string(p)) + "&x=" + url.QueryEscape(string(p))
	user := "user:" + url.QueryEscape(string(p)) + "@"
	all := map[string]string{
		"nobody there":     "http://" + user + "127.0.0.1:1/k/" + url.PathEscape(string(p)) + "/mcp" + query,
		"no such host":     "http://" + user + "nothing.invalid/mcp" + query,
		"no port":          "http://" + user + "127.0.0.1:999999/mcp" + query,
		"no host":          "http:///mcp" + query,
		"no scheme":        "127.0.0.1:1/mcp" + query,
		"another scheme":   "ftp://" + user + "127.0.0.1/mcp" + query,
		"a bad escape":     "http://" + user + "127.0.0.1:1/%zz" + query,
		"a bad host":       "http://" + user + "[::1/mcp" + query,
		"a bad query":      "http://127.0.0.1:1/mcp" + query + "%zz",
		"a space":          "http://127.0.0.1:1/mcp " + query,
		"a folder of it":   "./nowhere" + query,
		"a key for a path": "http://127.0.0.1:1/" + url.PathEscape(string(p)),
	}
	for name, answer := range tellers() {
		web := httptest.NewServer(answer)
		t.Cleanup(web.Close)
		all[name] = strings.Replace(web.URL, "//", "//"+user, 1) + "/k/" + url.PathEscape(string(p)) + "/mcp" + query
		all[name+", over TLS"] = strings.Replace(all[name], "http:", "https:", 1)
	}
	return all
}

// TestCommandsTellNoSecret: what goes wrong with a command is told without what is
// secret in its command line, whatever is at the other end and however it answers.
func TestCommandsTellNoSecret(t *testing.T) {
	path := builtCommand(t)
	p := plant("command", inHeader)
	n := 0
	for name, place := range nowhere(t, p) {
		given := []string{"--arg", "token=" + string(p), "-H", "Authorization: Bearer " + string(p), "-H", "X-Key: " + string(p)}
		for _, command := range [][]string{
			{"list", "--verbose", "--log", "debug", place}, {"call", "--verbose", place, "tool"}, {"read", place, "mine://x"},
			{"prompt", place, "greet"}, {"proxy", "--log-level", "debug", place},
		} {
			n++
			args := append([]string{command[0]}, append(given, command[1:]...)...)
			if command[0] == "proxy" {
				args = append([]string{command[0], "--header", given[3], "--arg", given[1]}, command[1:]...)
			}
			r := runProgram(t, nil, initialize("2025-11-25")+"\n", path, args...)
			wantNone(t, command[0]+", "+name, r.out+r.err, p)
			if r.code == 0 && command[0] != "proxy" || r.err == "" && r.out == "" {
				t.Errorf("%s, %s: it ended with %d, and says %q", command[0], name, r.code, r.err)
			}
		}
	}
	if n < 100 {
		t.Errorf("%d commands were run", n)
	}
}

// TestMistypedTellsNoSecret: a command line that cannot be meant is not repeated
// where a secret may stand in it.
func TestMistypedTellsNoSecret(t *testing.T) {
	path := builtCommand(t)
	p := plant("mistyped", inWord)
	s := string(p)
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte("# keys\n"+strings.ReplaceAll(s, " ", "")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"list", "--arg", s, "http://127.0.0.1:1/mcp"}, {"list", "-H", s, "http://127.0.0.1:1/mcp"}, {"list", "-e", s, "x"}, {"list", "-e", "KEY=" + s, "http://127.0.0.1:1/mcp"},
		{"list", "-H", "Authorization: " + s, "nothing"}, {"call", "--arg", "X=" + s, "nothing", "tool"}, {"call", "--answer", s, "x", "y"},
		{"proxy", "--env", s, "--", "true"}, {"proxy", "--env", "KEY=" + s + "{", "--", "true"}, {"proxy", "--header", s, "http://127.0.0.1:1/"}, {"proxy", "--query", s, "http://127.0.0.1:1/"},
		{"proxy", "--api-key", s, "--api-key", s, "--port", "0", "--", "true"}, {"proxy", "--api-keys", file, "--port", "0", "--", "true"}, {"proxy", "--arg", s, "http://127.0.0.1:1/"},
		{"proxy", "--port", "0", "--header", "A: " + s + "}", "http://127.0.0.1:1/"}, {"proxy", "--port", s, "--", "true"}, {"proxy", "--port", "0", "http://127.0.0.1:1/?a=" + url.QueryEscape(s) + "{"},
		{"install", "--client", "cursor", "--arg", s, "http://127.0.0.1:1/mcp"}, {"install", "--client", "vscode", "--arg", "auth=" + s, "http://127.0.0.1:1/mcp"},
	} {
		r := runProgram(t, nil, "", path, args...)
		wantNone(t, strings.Join(args[:2], " "), r.out+r.err, p)
		if r.out+r.err == "" {
			t.Errorf("%q says nothing", args[:2])
		}
	}
}

// TestRunTellsNoSecret: nor does a server of its own command line, of the
// environment, or of what a client on standard input is and says.
func TestRunTellsNoSecret(t *testing.T) {
	principal, p := plant("run's principal", inHeader), plant("run", inHeader)
	arg := []string{"--arg", "auth=" + string(p), "--arg", "tenant=" + string(p)}
	env := []string{"MCP_ARG_TOKEN=" + string(p), "CARELESS_PASSPORT=" + string(p), "MCP_ARG_API_KEY=" + string(p)}
	in := initialize("2025-11-25") + "\n" + `{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"debug"}}` + "\n"
	for _, how := range []string{"log", "error", "url", "panic", "panic with bytes", "cancel"} {
		in += `{"jsonrpc":"2.0","id":"` + how + `","method":"tools/call","params":{"name":"careless","arguments":{"how":"` + how + `","text":"x"}}}` + "\n"
	}
	in += stateless("tools/call", `"name":"careless","arguments":{"how":"error","text":"x"}`) + "\n{bad\n"
	for name, args := range map[string][]string{ // what is called for has to tell something
		"called on stdio": append([]string{"--stdio"}, arg...), "refused": append([]string{"--stdio", "--arg", "deny=1"}, arg...),
		"told why": append([]string{"--stdio", "--arg", "deny=told"}, arg...), "crash": append([]string{"--stdio", "--arg", "crash=1"}, arg...),
		"wrong type": append([]string{"--stdio", "--arg", "limit=" + string(p)}, arg...),
		"call":       append([]string{"call", "careless", "how=error", "text=x"}, arg...), "call that panics": append([]string{"call", "careless", "how=panic", "text=x"}, arg...),
		"help": append(arg, "--help"), "help of call": append([]string{"call", "careless", "--help"}, arg...), "tools": append(arg, "tools"), "version": append(arg, "version"),
		"mistyped": {"--stdio", "--arg", strings.ReplaceAll(string(p), "=", "")}, "unknown flag": append(arg, "--nothing"), "http": append([]string{"--http", "127.0.0.1:0"}, arg...), "health": append(arg, "healthcheck", "127.0.0.1:1"),
	} {
		cmd := carelessCommand(principal)
		r := runProgram(t, append(cmd.Env, env...), in, cmd.Path, args...)
		wantNone(t, name, r.out+r.err, p, principal)
		if strings.HasPrefix(name, "call") && !strings.Contains(r.err, "[redacted]") || r.out+r.err == "" {
			t.Errorf("%s: it says too little to prove anything: %q", name, r.err)
		}
	}
}

// TestExampleTellsNoSecret: nor does the example of the weather, which is a server
// as users write it.
func TestExampleTellsNoSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weather")
	if out, err := exec.Command("go", "build", "-o", path, "github.com/sessionmcp/sessionmcp/examples/weather").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	principal := plant("no principal", inText)
	p := startProcess(t, exec.Command(path, "--http", "127.0.0.1:0"))
	var secrets []planted
	for _, b := range bearers()[:3] {
		said, _ := b.talk(t, p.host())
		wantNone(t, "what is answered to "+b.name, said, b.secret, principal)
		secrets = append(secrets, b.secret)
	}
	if err := p.terminate(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	wantNone(t, "the log", p.log.String(), secrets...)
	for _, args := range [][]string{{"call", "whoami"}, {"call", "alerts", "city=Oslo"}, {"call", "nothing"}, {"tools"}} {
		r := runProgram(t, nil, "", path, append(args, "--arg", "auth="+string(secrets[0]))...)
		wantNone(t, strings.Join(args, " "), r.out+r.err, secrets...)
	}
}

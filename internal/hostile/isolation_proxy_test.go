package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

// stdioEnv has this program be a server on standard input and output, for a proxy to
// start.
const stdioEnv = "SESSIONMCP_HOSTILE_STDIO"

// child is what such a server knows of who it is for.
type child struct {
	PID int    `json:"pid"`
	Key string `json:"key"`
	Env string `json:"env"` // all of it
}

// serveStdio is the main function of a server behind a proxy.
func serveStdio() {
	t := newTarget(targetOptions{}, slog.New(slog.DiscardHandler))
	t.Tool(sampled, tool.Params("text"))
	t.Tool(func(ctx *tool.Context) child {
		return child{os.Getpid(), os.Getenv("USER_KEY"), strings.Join(os.Environ(), "\n")}
	}, tool.Name("child"))
	t.Tool(func(ctx *tool.Context) map[string]json.RawMessage { return ctx.Meta() }, tool.Name("meta"))
	t.Tool(func(ctx *tool.Context) { os.Exit(3) }, tool.Name("die"))
	if err := t.ServeStdio(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// proxy is a proxy as users have it, in a process of its own.
type proxy struct {
	site
	process *process
}

// startProxy starts one with these flags.
func startProxy(t *testing.T, command string, args ...string) *proxy {
	t.Helper()
	cmd := exec.Command(command, append([]string{"--port", "0", "--log-level", "warn"}, args...)...)
	cmd.Env = append(os.Environ(), "SESSIONMCP_API_KEY=", "MCP_PROXY_API_KEY=", endsAtOnce)
	p := startProcess(t, cmd)
	host, _, _ := strings.Cut(p.host(), "/")
	t.Cleanup(func() {
		if err := p.terminate(); err != nil {
			t.Errorf("the proxy ends with %v", err)
		}
	})
	return &proxy{site{t, host}, p}
}

// endsAtOnce has a program with the race detector not wait for a second in the end.
const endsAtOnce = "GORACE=atexit_sleep_ms=0"

// upstream are the flags for a child of this program, for the user whose key it gets.
func upstream(more ...string) []string {
	flags := append([]string{"--env", stdioEnv + "=1", "--env", endsAtOnce, "--env", "USER_KEY={auth?nobody}", "--env", "MCP_ARG_CLIENT_ID={client_id?nobody}"}, more...)
	return append(flags, "--", os.Args[0])
}

// text is what a tool said, in an answer that may be a stream.
func (p *site) text(answer string) string {
	p.t.Helper()
	for line := range strings.Lines(answer) {
		data, isEvent := strings.CutPrefix(line, "data: ")
		if isEvent || strings.HasPrefix(line, "{") {
			answer = data
		}
	}
	var m struct {
		Result struct{ Content []struct{ Text string } }
	}
	if err := json.Unmarshal([]byte(answer), &m); err != nil || len(m.Result.Content) == 0 {
		p.t.Fatalf("an answer without a text: %s", answer)
	}
	return m.Result.Content[0].Text
}

// child returns what the server behind the proxy says of itself.
func (p *site) child(text string) (c child) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(text), &c); err != nil || c.PID == 0 {
		p.t.Fatalf("the child says %s, %v", text, err)
	}
	return c
}

// alone calls a tool in a request of the latest revision.
func (p *site) alone(target, name string, header ...string) string {
	p.t.Helper()
	got := p.send("POST", target, stateless("tools/call", fmt.Sprintf(`"name":%q`, name)), append(header, named("tools/call", name)...)...)
	wantStatus(p.t, target+": "+name, got, http.StatusOK)
	return p.text(got.body)
}

// in calls a tool in a session.
func (p *site) in(id, target, name string, header ...string) string {
	p.t.Helper()
	got := p.send("POST", target, call(5, name, "{}", "same"), append(header, "Mcp-Session-Id: "+id)...)
	wantStatus(p.t, target+": "+name, got, http.StatusOK)
	return p.text(got.body)
}

// TestProxyIsolation: behind the proxy each user has a server of his own, and all else
// that the subtests say.
func TestProxyIsolation(t *testing.T) {
	command := filepath.Join(t.TempDir(), "sessionmcp")
	build := exec.Command("go", "build", raceFlag, "-o", command, "github.com/sessionmcp/sessionmcp/cmd/sessionmcp")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the proxy: %v\n%s", err, out)
	}
	for _, tt := range []struct {
		name string
		test func(t *testing.T, command string)
	}{
		{"processes", testProxyProcesses},
		{"marks", testProxyMarks},
		{"names", testProxyNames},
		{"keys", testProxyKeys},
		{"shared", testProxyShared},
		{"arguments", testProxyArguments},
		{"deaths", testProxyDeaths},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, command) })
	}
}

// testProxyProcesses: users with different keys never share a process, and no process
// has another's key anywhere in its environment. Sessions share none at all, and
// requests without a session share one only where all their arguments are the same.
func testProxyProcesses(t *testing.T, command string) {
	p := startProxy(t, command, upstream()...)
	var mu sync.Mutex
	owners := make(map[int]string) // of processes, by their ids
	note := func(owner, key string, c child) {
		mu.Lock()
		defer mu.Unlock()
		if known := owners[c.PID]; known != "" && known != owner {
			t.Errorf("%s has the process of %s", owner, known)
		}
		owners[c.PID] = owner
		if c.Key != key || strings.Count(c.Env, "~") != 2*2 { // in USER_KEY and MCP_ARG_CLIENT_ID
			t.Errorf("the process of %s has the key %s, and the environment\n%s", owner, c.Key, c.Env)
		}
	}
	var users sync.WaitGroup
	for n := range 3 {
		users.Go(func() {
			key := userMark(n)
			at := fmt.Sprintf("?auth=%s&client_id=%s", key, sessionMark(n))
			for i := range 2 {
				id := p.begin("/mcp" + at)
				note(fmt.Sprintf("session %d of %d", i, n), key, p.child(p.in(id, "/mcp"+at, "child")))
				note(fmt.Sprintf("session %d of %d", i, n), key, p.child(p.in(id, "/mcp"+at, "child")))
			}
			s, endpoint := p.openSSE("/sse" + at)
			wantStatus(t, "a call", p.send("POST", endpoint, call(5, "child", "{}", "same")), http.StatusAccepted)
			note(fmt.Sprintf("stream of %d", n), key, p.child(p.text(s.next())))
			for range 2 {
				note(fmt.Sprintf("requests of %d", n), key, p.child(p.alone("/mcp"+at, "child")))
				note(fmt.Sprintf("requests of %d", n), key, p.child(p.alone("/mcp?client_id="+sessionMark(n), "child", "Authorization: Bearer "+key)))
			}
			other := fmt.Sprintf("/mcp?auth=%s&client_id=%s", key, sessionMark(100+n))
			note(fmt.Sprintf("requests of %d with another argument", n), key, p.child(p.alone(other, "child")))
		})
	}
	users.Wait()
	if want := 3 * (2 + 1 + 1 + 1); len(owners) != want {
		t.Errorf("there were %d processes, and not %d: %v", len(owners), want, owners)
	}
}

// testProxyMarks: through the proxy, too, each session receives all that is its own, on
// streams that are cut, and not a byte of another's.
func testProxyMarks(t *testing.T, command string) {
	p := startProxy(t, command, upstream()...)
	w := &crowd{url: "http://" + p.host}
	var sessions sync.WaitGroup
	for n := range often(8, 80) {
		x := newWire(w, n, revisions[n%4], nil)
		sessions.Go(func() {
			defer x.client.CloseIdleConnections()
			if err := x.comes(1); err != nil {
				t.Errorf("%s: %v", x, err)
			}
			x.o.verdict(t)
		})
	}
	sessions.Wait()
}

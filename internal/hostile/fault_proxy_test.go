//go:build unix

package hostile

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/cli"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server/servertest"
)

func init() {
	mains["proxy"] = func() { os.Exit(cli.Main()) }
	mains["sleeper"] = sleeper
	mains["noisy"] = noisy
}

// sleeper is what a server has started, and heeds nothing.
func sleeper() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	time.Sleep(10 * time.Minute) // a test that is killed leaves nobody behind for ever
}

// noisy is a server on standard input and output that prints 16 MiB of garbage to
// each of its outputs before each answer.
func noisy() {
	garbage := strings.Repeat("garbage {\"jsonrpc\": \xff \x00 ", 40) + "\n"
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if json.Unmarshal(in.Bytes(), &m) != nil || m.ID == nil {
			continue
		}
		for range 16 << 20 / len(garbage) {
			os.Stdout.WriteString(garbage)
			os.Stderr.WriteString(garbage)
		}
		switch m.Method {
		case "initialize":
			fmt.Printf(`{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"noisy","version":"1"}}}`+"\n", m.ID)
		case "tools/call":
			fmt.Printf(`{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"heard"}]}}`+"\n", m.ID)
		default:
			fmt.Printf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}`+"\n", m.ID)
		}
	}
}

// proxyCommand is the proxy in front of this program as a server, which is what main
// says, with flags of the proxy.
func proxyCommand(main string, flags ...string) *exec.Cmd {
	args := append([]string{"proxy"}, flags...)
	args = append(args, "--env", mainEnv+"="+main, "--env", "USER_KEY={auth}", "--", os.Args[0], "--stdio")
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), mainEnv+"=proxy")
	return cmd
}

func startFaultyProxy(t testing.TB, main string, flags ...string) *process {
	t.Helper()
	return startProcess(t, proxyCommand(main, append([]string{"--http", "127.0.0.1:0"}, flags...)...))
}

// user connects a user of the proxy, with a server of his own.
func user(t testing.TB, p *process, key, revision string) *client.Client {
	t.Helper()
	return connect(t, p.url+"/mcp", client.Options{Revision: revision, Args: url.Values{"auth": {key}}})
}

// number calls a tool that returns a process id.
func number(t testing.TB, c *client.Client, name string) int {
	t.Helper()
	got, err := c.Call(patiently(t), name, nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	pid, err := strconv.Atoi(got.Text())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return pid
}

// waiting begins a call that lasts until it is cancelled, and returns what becomes of
// it.
func waiting(t testing.TB, ctx context.Context, c *client.Client) <-chan error {
	t.Helper()
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		_, err := c.Call(ctx, "wait", nil, client.OnProgress(func(client.Progress) { begun <- struct{}{} }))
		ended <- err
	}()
	arrives(t, "the call", begun)
	return ended
}

// runs reports whether there is such a process, and more of it than its exit status.
func runs(pid int) bool {
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		return !strings.Contains(string(text), ") Z ") // whose parent has not looked yet
	}
	return syscall.Kill(pid, 0) == nil
}

// stopped reports whether no thread of a process runs; true where that is not to be
// seen.
func stopped(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, path := range threads {
		if text, err := os.ReadFile(path); err == nil && !strings.Contains(string(text), ") T ") {
			return false
		}
	}
	return err == nil
}

func end(t testing.TB, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// TestFaultProxyChildKilled: the user whose server is killed is told so in the call
// under way, and has a new one for the next. Nobody else notices, and what the server
// had started is ended, too.
func TestFaultProxyChildKilled(t *testing.T) {
	t.Parallel()
	p := startFaultyProxy(t, "faulty")
	for _, revision := range []string{servertest.Latest, servertest.Stateless} {
		t.Run(revision, func(t *testing.T) {
			ada, bob := user(t, p, "ada", revision), user(t, p, "bob", revision)
			pid, sleeper, bobs := number(t, ada, "pid"), number(t, ada, "fork"), number(t, bob, "pid")
			ctx, cancel := context.WithCancel(patiently(t))
			adaWaits, bobWaits := waiting(t, ctx, ada), waiting(t, ctx, bob)
			end(t, pid, syscall.SIGKILL)
			err := arrives(t, "the end of the call", adaWaits)
			if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != -32010 || !strings.Contains(e.Message, "killed") {
				t.Errorf("the call got %v", err)
			}
			comesTrue(t, "the end of what the server had started", func() bool { return !runs(sleeper) })
			if again := number(t, ada, "pid"); again == pid || !runs(again) {
				t.Errorf("after process %d came %d", pid, again)
			}
			if now := number(t, bob, "pid"); now != bobs {
				t.Errorf("another user's process %d has become %d", bobs, now)
			}
			select {
			case err := <-bobWaits:
				t.Errorf("another user's call ended with %v", err)
			default:
			}
			cancel()
			arrives(t, "the end of the other call", bobWaits)
		})
	}
}

// TestFaultProxyChildStopped: a server that does nothing any more holds up its own
// user, who can give up. It is ended with his connection, with all that it started.
func TestFaultProxyChildStopped(t *testing.T) {
	t.Parallel()
	p := startFaultyProxy(t, "faulty")
	ada, bob := user(t, p, "ada", servertest.Latest), user(t, p, "bob", servertest.Latest)
	pid, sleeper := number(t, ada, "pid"), number(t, ada, "fork")
	end(t, pid, syscall.SIGSTOP)
	comesTrue(t, "all threads of the server have stopped", func() bool { return stopped(pid) })
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := ada.Call(ctx, "pid", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a server that is stopped: %v", err)
		}
		cancel()
		number(t, bob, "pid")
	}
	if err := ada.Close(); err != nil {
		t.Error(err)
	}
	comesTrue(t, "the end of the server and what it started", func() bool { return !runs(pid) && !runs(sleeper) })
	number(t, bob, "pid")
}

// TestFaultProxyNoise: a server that floods its outputs with garbage is heard all the
// same, and the proxy keeps little of it.
func TestFaultProxyNoise(t *testing.T) {
	t.Parallel()
	p := startFaultyProxy(t, "noisy", "--log-level", "error")
	c := user(t, p, "ada", servertest.Latest)
	for range often(3, 30) {
		if got, err := c.Call(patiently(t), "speak", nil); err != nil || got.Text() != "heard" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if _, peak := p.resident(); peak > 150<<20 {
		t.Errorf("the proxy had %d MB", peak>>20)
	}
}

// TestFaultProxyLoop: a server that cannot start, and one that ends in each call, are
// what their users are told; the proxy starts neither for ever. The one beside them
// works.
func TestFaultProxyLoop(t *testing.T) {
	t.Parallel()
	p := startFaultyProxy(t, "faulty", "--named-server", "bad", "/bin/false")
	for range 3 {
		c, err := client.Connect(patiently(t), client.URL(p.url+"/servers/bad/mcp"), client.Options{Logger: unlogged, Args: url.Values{"auth": {"ada"}}})
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "/bin/false exited with status 1") {
			t.Errorf("connecting to what ends at once: %v", err)
		}
	}
	ada, bob := user(t, p, "ada", servertest.Latest), user(t, p, "bob", servertest.Latest)
	bobs := number(t, bob, "pid")
	want := "exited with status 42"
	for n := range often(3, 7) {
		if n == 6 { // five times it was started again
			want = "ended too often"
		}
		_, err := ada.Call(patiently(t), "crash", map[string]string{"how": "exit"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("call %d that ends the server: %v", n, err)
		}
	}
	if now := number(t, bob, "pid"); now != bobs {
		t.Errorf("another user's process %d has become %d", bobs, now)
	}
}

// TestFaultProxyKilled: when the proxy is killed its servers end, for their inputs do,
// also one that is busy with a call. What a server started and that heeds nothing is
// left behind, as docs/proxy.md says.
func TestFaultProxyKilled(t *testing.T) {
	t.Parallel()
	p := startFaultyProxy(t, "faulty")
	ada, bob := user(t, p, "ada", servertest.Latest), user(t, p, "bob", servertest.Latest)
	idle, sleeper, busy := number(t, ada, "pid"), number(t, ada, "fork"), number(t, bob, "pid")
	lost := waiting(t, patiently(t), bob)
	t.Cleanup(func() { _ = syscall.Kill(sleeper, syscall.SIGKILL) })
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := arrives(t, "the end of the call", lost); !errors.Is(err, client.ErrLost) {
		t.Errorf("the call got %v", err)
	}
	comesTrue(t, "the end of the servers", func() bool { return !runs(idle) && !runs(busy) })
	if !runs(sleeper) {
		t.Error("what heeds nothing has ended: docs/proxy.md says otherwise")
	}
}

// TestFaultProxyTerminated: at SIGTERM the calls under way are answered, then the
// servers end with all that they started, and the proxy with 0; also if nobody reads
// its standard error any more.
func TestFaultProxyTerminated(t *testing.T) {
	t.Parallel()
	traces := filepath.Join(t.TempDir(), "traces")
	addr := freeAddress(t)
	cmd := proxyCommand("faulty", "--http", addr, "--env", countEnv+"="+traces)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	cmd.Stderr = w
	p := startSilent(t, cmd)
	p.url = "http://" + addr
	comesTrue(t, "the proxy is up", func() bool {
		res, err := http.Get(p.url + "/healthz")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
	c := user(t, p, "ada", servertest.Latest)
	pid, sleeper := number(t, c, "pid"), number(t, c, "fork")
	if _, err := c.Call(patiently(t), "print", map[string]string{"text": "on standard error, which the proxy logs"}); err != nil {
		t.Fatal(err)
	}
	type result struct {
		text string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		text, err := client.Call[string](patiently(t), c, "count", map[string]any{"id": "x", "ms": 500})
		got <- result{text, err}
	}()
	waitForTraces(t, traces, 1)
	sigterm(t, p)
	if r := arrives(t, "the answer", got); r.err != nil || r.text != "x" {
		t.Errorf("the call got %+v", r)
	}
	arrives(t, "the end of the proxy", p.gone)
	if p.err != nil {
		t.Errorf("the proxy ended with %v", p.err)
	}
	if runs(pid) || runs(sleeper) {
		t.Errorf("the server runs: %v, what it started: %v", runs(pid), runs(sleeper))
	}
}

package hostile

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// brokenHandler is a log handler that fails, or panics, in the method of this name.
type brokenHandler struct{ in string }

func (h brokenHandler) at(method string) {
	if h.in == method {
		panic("in " + method)
	}
}

func (h brokenHandler) Enabled(context.Context, slog.Level) bool { h.at("Enabled"); return true }

func (h brokenHandler) Handle(context.Context, slog.Record) error {
	h.at("Handle")
	return errors.New("the disk is full")
}

func (h brokenHandler) WithAttrs([]slog.Attr) slog.Handler { h.at("WithAttrs"); return h }

func (h brokenHandler) WithGroup(string) slog.Handler { h.at("WithGroup"); return h }

// TestFaultLogHandler: a log handler that fails, or panics, disturbs nothing: neither
// calls, whether they fail, panic or log themselves, nor what the server logs by
// itself.
func TestFaultLogHandler(t *testing.T) {
	over(t, faultWires, func(t *testing.T, wire servertest.Options) {
		for _, in := range []string{"", "Enabled", "Handle", "WithAttrs", "WithGroup"} {
			srv := server.New("log", "1", server.Options{
				Logger: slog.New(brokenHandler{in}),
				OnOpen: func(*server.Session) { panic("in OnOpen") },
			})
			srv.Tool(func() error { return errors.New("failed") }, tool.Name("fail"))
			srv.Tool(func() { panic("in a tool") }, tool.Name("panic"))
			srv.Tool(func(ctx *tool.Context) string {
				ctx.Log().With("a", 1).WithGroup("g").Error("a line", "b", 2)
				return "logged"
			}, tool.Name("log"))
			h := servertest.Start(t, srv)
			c := h.Connect(wire)
			if got := mustCall(t, c, "fail", nil); !got.IsError || got.Text() != "failed" {
				t.Errorf("%s: got %+v", in, got)
			}
			if got := mustCall(t, c, "panic", nil); !got.IsError {
				t.Errorf("%s: got %+v", in, got)
			}
			if got := mustCall(t, c, "log", nil); got.Text() != "logged" {
				t.Errorf("%s: got %+v", in, got)
			}
			c.Close()
		}
	})
}

// TestFaultLogHandlerOfTimers: a log handler that panics does not end the process by
// what is logged where nobody else is: a session that has been idle for too long.
func TestFaultLogHandlerOfTimers(t *testing.T) {
	closed := make(chan error, 1)
	srv := server.New("log", "1", server.Options{
		Logger:  slog.New(brokenHandler{"Handle"}),
		Limits:  server.Limits{Idle: 10 * time.Millisecond},
		OnClose: func(_ *server.Session, cause error) { closed <- cause; panic("in OnClose") },
	})
	h := servertest.Start(t, srv)
	begin(t, strings.TrimPrefix(h.URL(), "http://"), "")
	if cause := arrives(t, "the end of the session", closed); cause != transport.ErrIdle {
		t.Errorf("it ended for %v", cause)
	}
}

// serverAt starts the program faulty with a standard error of the test's, at an
// address that it cannot tell, and connects to it.
func serverAt(t *testing.T, stderr *os.File) (*process, *client.Client) {
	t.Helper()
	addr := freeAddress(t)
	cmd := faultyCommand([]string{"--http", addr}, drainEnv+"=10ms")
	cmd.Stderr = stderr
	p := startSilent(t, cmd)
	comesTrue(t, "the server is up", func() bool {
		select {
		case <-p.gone:
			t.Fatalf("the server has ended: %v", p.err)
		default:
		}
		res, err := http.Get("http://" + addr + "/healthz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	p.url = "http://" + addr
	return p, connect(t, p.url+"/mcp", client.Options{})
}

// endsWell sends SIGTERM, upon which a process ends with 0.
func endsWell(t *testing.T, p *process) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	arrives(t, "the end of the process", p.gone)
	if p.err != nil {
		t.Errorf("the process ended with %v", p.err)
	}
}

// TestFaultStderr: a server whose standard error is full, or is a pipe whose reader
// has gone, serves on, and ends as it should.
func TestFaultStderr(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /dev/full")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	r, gone, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	r.Close()
	for name, stderr := range map[string]*os.File{"full": full, "a pipe without a reader": gone} {
		t.Run(name, func(t *testing.T) {
			p, c := serverAt(t, stderr)
			for range 20 {
				for _, name := range []string{"fail", "panic"} {
					got, err := c.Call(patiently(t), name, map[string]string{"text": "x"})
					if err != nil || !got.IsError {
						t.Fatalf("%s: %+v, %v", name, got, err)
					}
				}
				if got, err := client.Call[string](patiently(t), c, "echo", map[string]string{"text": "x"}); err != nil || got != "x" {
					t.Fatalf("echo: %s, %v", got, err)
				}
			}
			endsWell(t, p)
		})
	}
}

// TestFaultStderrUnread: where nobody reads standard error and its pipe is full, who
// has something to log waits, and nobody else: calls, new sessions and the end of the
// process go on.
func TestFaultStderrUnread(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	p, c := serverAt(t, w)
	failing := connect(t, p.url+"/sse", client.Options{Transport: "sse"})
	var waiting sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{}, 1000)
	for range 400 { // each with about 300 bytes, of which a pipe holds 64 KiB
		waiting.Go(func() {
			if _, err := failing.Call(ctx, "fail", map[string]string{"text": strings.Repeat("x", 300)}); err == nil {
				answered <- struct{}{}
			}
		})
	}
	for range 50 { // the first lines have room
		arrives(t, "an answer", answered)
	}
	for range 20 {
		if got, err := client.Call[string](patiently(t), c, "echo", map[string]string{"text": "x"}); err != nil || got != "x" {
			t.Fatalf("echo: %s, %v", got, err)
		}
	}
	_ = w.Close() // the server has its own
	endsWell(t, p)
	cancel()
	waiting.Wait()
	text, err := io.ReadAll(r)
	if err != nil || len(answered)+50 >= 400 {
		t.Errorf("all %d calls were answered, with %d bytes logged: nothing was full; %v", len(answered)+50, len(text), err)
	}
}

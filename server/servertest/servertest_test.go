package servertest_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

var quiet = slog.New(slog.DiscardHandler)

// recorder is a test that is watched instead of run.
type recorder struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Failed() bool     { return r.errors != nil }
func (r *recorder) Error(args ...any) {
	r.errors = append(r.errors, fmt.Sprint(args...))
}

func (r *recorder) end() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

// TestCheckLeaks: a goroutine that outlives its test fails it, and one that was
// there before does not.
func TestCheckLeaks(t *testing.T) {
	release := make(chan struct{})
	wait := func() { <-release }
	go wait() // before
	clean := &recorder{TB: t}
	servertest.CheckLeaks(clean)
	clean.end()
	if clean.errors != nil {
		t.Errorf("a test without a leak fails: %s", clean.errors)
	}
	leaky := &recorder{TB: t}
	servertest.CheckLeaks(leaky)
	go wait()
	leaky.end()
	close(release)
	if leaky.errors == nil || !strings.Contains(leaky.errors[0], "TestCheckLeaks") {
		t.Errorf("a leak is reported as %q", leaky.errors)
	}
}

// TestDial: a client that the server refuses is told so over each transport, and
// leaves nothing behind.
func TestDial(t *testing.T) {
	srv := server.New("refusing", "1", server.Options{
		Logger:       quiet,
		Authenticate: func(*server.Connect) (any, error) { return nil, tool.Errorf("not today") },
	})
	h := servertest.Start(t, srv)
	_, err := h.Dial(servertest.Options{Transport: servertest.SSE})
	if e, ok := errors.AsType[*servertest.RefusedError](err); !ok || e.Status != http.StatusUnauthorized || !strings.Contains(e.Body, "not today") {
		t.Errorf("over SSE: %v", err)
	}
	_, err = h.Dial(servertest.Options{})
	if e, ok := errors.AsType[*transport.Refusal](err); !ok || e.Reason != "not today" {
		t.Errorf("over a pipe: %v", err)
	}
	if _, err = h.Dial(servertest.Options{Transport: servertest.Stdio}); err == nil {
		t.Error("over stdio: connected")
	}
}

// TestSessions: each client has its own arguments, over each transport.
func TestSessions(t *testing.T) {
	srv := server.New("sessions", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) string { return ctx.Arg("n", "") }, tool.Name("n"))
	h := servertest.Start(t, srv)
	transports := []string{servertest.Pipe, servertest.SSE, servertest.Stdio}
	clients := h.Sessions(9, func(i int) servertest.Options {
		return servertest.Options{Transport: transports[i%3], Args: url.Values{"n": {fmt.Sprint(i)}}}
	})
	for i, c := range clients {
		if got := c.Call("n", nil).Text(); got != fmt.Sprint(i) {
			t.Errorf("client %d got %q", i, got)
		}
		c.Close()
		if _, err := c.TryCall("n", nil); err == nil {
			t.Errorf("client %d can call after Close", i)
		}
	}
}

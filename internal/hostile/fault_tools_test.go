package hostile

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// stuck is a server with functions that heed nothing until they are released.
type stuck struct {
	*server.Server
	running  chan *tool.Context // gets one for each call
	released chan struct{}
	once     sync.Once
}

func newStuck(t testing.TB, o server.Options) *stuck {
	s := &stuck{running: make(chan *tool.Context, 1000), released: make(chan struct{})}
	o.Logger = unlogged
	s.Server = server.New("stuck", "1", o)
	hang := func(ctx *tool.Context) string {
		s.running <- ctx
		<-s.released
		return "late"
	}
	s.Tool(hang, tool.Name("hang"))
	s.Tool(hang, tool.Name("timed"), tool.Timeout(10*time.Millisecond))
	s.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
	t.Cleanup(s.release)
	return s
}

func (s *stuck) release() { s.once.Do(func() { close(s.released) }) }

// TestFaultNeverReturns: a function that heeds nothing keeps its own call alone. Its
// client can cancel that, or is told of the timeout; the other calls of the same
// client, over the same connections, and those of others go on.
func TestFaultNeverReturns(t *testing.T) {
	over(t, faultWires, func(t *testing.T, wire servertest.Options) {
		s := newStuck(t, server.Options{})
		h := servertest.Start(t, s.Server)
		c, other := h.Connect(wire), h.Connect(wire)
		t.Cleanup(s.release)
		goOn := func(after string) {
			for range 3 {
				for _, c := range []*servertest.Client{c, other} {
					if got := mustCall(t, c, "echo", map[string]any{"text": "x"}); got.Text() != "x" {
						t.Errorf("%s: got %+v", after, got)
					}
				}
			}
		}
		ctx, cancel := context.WithCancel(patiently(t))
		left := make(chan error, 1)
		go func() {
			_, err := c.RequestContext(ctx, "tools/call", map[string]any{"name": "hang"})
			left <- err
		}()
		seen := arrives(t, "the call", s.running)
		goOn("during a call")
		cancel()
		if err := arrives(t, "the end of the client's waiting", left); !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled call got %v", err)
		}
		arrives(t, "the end of the function's context", seen.Done())
		goOn("after a call was cancelled")
		for range 3 {
			if got := mustCall(t, c, "timed", nil); !got.IsError || got.Text() != "the tool timed out after 10ms" {
				t.Errorf("got %+v", got)
			}
			goOn("after a call timed out")
		}
	})
}

// TestFaultStuckCallsAreBounded: functions that never return take the places of
// their own session, in which a client is told so, and nobody else's.
func TestFaultStuckCallsAreBounded(t *testing.T) {
	over(t, faultWires[:4], func(t *testing.T, wire servertest.Options) {
		s := newStuck(t, server.Options{Limits: server.Limits{Calls: 3}})
		h := servertest.Start(t, s.Server)
		c, other := h.Connect(wire), h.Connect(wire)
		t.Cleanup(s.release)
		var calls sync.WaitGroup
		ctx, cancel := context.WithCancel(patiently(t))
		for range 3 {
			calls.Go(func() { _, _ = c.RequestContext(ctx, "tools/call", map[string]any{"name": "hang"}) })
			arrives(t, "a call", s.running)
		}
		cancel()
		calls.Wait()
		_, err := c.RequestContext(patiently(t), "tools/call", map[string]any{"name": "echo", "arguments": map[string]any{"text": "x"}})
		wantBusy(t, err)
		mustCall(t, other, "echo", map[string]any{"text": "x"})
		s.release()
		comesTrue(t, "the places are given back", func() bool {
			_, err := c.RequestContext(patiently(t), "ping", nil)
			return err == nil
		})
	})
}

// TestFaultShutdownWhileStuck: a server shuts down although functions never return,
// and says that it cut them.
func TestFaultShutdownWhileStuck(t *testing.T) {
	over(t, httpWires, func(t *testing.T, wire servertest.Options) {
		s := newStuck(t, server.Options{})
		c := servertest.Connect(t, s.Server, wire)
		t.Cleanup(s.release)
		lost := make(chan error, 1)
		go func() {
			_, err := c.RequestContext(patiently(t), "tools/call", map[string]any{"name": "hang"})
			lost <- err
		}()
		arrives(t, "the call", s.running)
		at, cancel := context.WithCancel(t.Context())
		cancel()
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(at) }()
		if err := arrives(t, "the end of the shutdown", ended); err == nil {
			t.Error("the shutdown does not say that it cut a call")
		}
		s.release()
		_ = arrives(t, "the end of the call", lost)
	})
}

// TestFaultStdioEndsWhileStuck: a server on standard input and output that is told to
// end does, although a function never returns.
func TestFaultStdioEndsWhileStuck(t *testing.T) {
	s := newStuck(t, server.Options{Drain: time.Millisecond})
	in, toServer := io.Pipe()
	defer toServer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.ServeStreams(ctx, in, io.Discard, nil) }()
	_, _ = io.WriteString(toServer, initialize("2025-11-25")+"\n"+`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"hang"}}`+"\n")
	arrives(t, "the call", s.running)
	cancel()
	if err := arrives(t, "the end of the server", ended); err != nil {
		t.Error(err)
	}
}

// TestFaultPipeClosesWhileStuck: a client of a server in its own process closes
// although a function never returns.
func TestFaultPipeClosesWhileStuck(t *testing.T) {
	s := newStuck(t, server.Options{})
	c, err := client.Connect(patiently(t), client.InProcess(s.Server), client.Options{Logger: unlogged})
	if err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 1)
	go func() {
		_, err := c.Call(patiently(t), "hang", nil)
		lost <- err
	}()
	arrives(t, "the call", s.running)
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	if err := arrives(t, "the end of the call", lost); !errors.Is(err, client.ErrClosed) {
		t.Errorf("the call got %v", err)
	}
	if err := arrives(t, "the end of the client", closed); err != nil {
		t.Error(err)
	}
}

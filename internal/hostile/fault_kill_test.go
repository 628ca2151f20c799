package hostile

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// TestFaultKilled: a server that is killed is lost to its clients: package client says
// so of the calls under way, and finds the server again that is started in its place.
func TestFaultKilled(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]client.Options{
		"session": {Revision: servertest.Latest}, "alone": {Revision: servertest.Stateless}, "sse": {Transport: "sse"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := freeAddress(t)
			p := startProcess(t, faultyCommand([]string{"--http", addr}))
			url := map[bool]string{true: "/sse", false: "/mcp"}[name == "sse"]
			o.Logger = unlogged
			c, err := client.Connect(patiently(t), client.URL("http://"+addr+url), o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begun, lost := make(chan struct{}, 1), make(chan error, 1)
			go func() {
				_, err := c.Call(patiently(t), "wait", nil, client.OnProgress(func(client.Progress) { begun <- struct{}{} }))
				lost <- err
			}()
			arrives(t, "the call", begun)
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-p.gone
			startProcess(t, faultyCommand([]string{"--http", addr}))
			if err := arrives(t, "the end of the call", lost); !errors.Is(err, client.ErrLost) {
				t.Errorf("the call got %v", err)
			}
			if got, err := client.Call[string](patiently(t), c, "echo", map[string]string{"text": "again"}); err != nil || got != "again" {
				t.Errorf("the next call got %q, %v", got, err)
			}
		})
	}
}

// tardy makes requests, and has no response to a call before the caller gives up.
type tardy struct {
	http.RoundTripper
	on atomic.Bool
}

// RoundTrip implements [http.RoundTripper].
func (d *tardy) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := d.RoundTripper.RoundTrip(r)
	if err != nil || r.GetBody == nil || !d.on.Load() {
		return res, err
	}
	body, err := r.GetBody()
	if err != nil {
		return res, nil
	}
	if text, _ := io.ReadAll(body); !strings.Contains(string(text), "tools/call") {
		return res, nil
	}
	<-r.Context().Done()
	res.Body.Close()
	return nil, context.Cause(r.Context())
}

// TestFaultGivingUp: callers give up, many at once, also while the response to the POST
// that took the call is still on its way, as it is for longer behind a proxy. The
// server is told of each.
func TestFaultGivingUp(t *testing.T) {
	const callers = 32
	began, cancelled := make(chan struct{}, callers), make(chan error, callers)
	srv := server.New("given up", "1", server.Options{Logger: unlogged})
	srv.Tool(func(ctx *tool.Context) {
		began <- struct{}{}
		<-ctx.Done()
		cancelled <- context.Cause(ctx)
	}, tool.Name("linger"))
	h := servertest.Start(t, srv)
	pool := &http.Transport{}
	t.Cleanup(pool.CloseIdleConnections)
	for name, o := range map[string]client.Options{
		"session": {Revision: servertest.Latest}, "alone": {Revision: servertest.Stateless}, "sse": {Transport: "sse"},
	} {
		late := &tardy{RoundTripper: pool}
		o.Logger, o.HTTPClient = unlogged, &http.Client{Transport: late}
		c, err := client.Connect(patiently(t), client.URL(h.URL()+map[bool]string{true: "/sse", false: "/mcp"}[name == "sse"]), o)
		if err != nil {
			t.Fatal(err)
		}
		rounds := often(15, 1000)
		for n := range rounds {
			late.on.Store(n == rounds-1)
			ctx, cancel := context.WithCancel(t.Context())
			var calls sync.WaitGroup
			for range callers {
				calls.Go(func() {
					if _, err := c.Call(ctx, "linger", nil); !errors.Is(err, context.Canceled) {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			for range callers {
				arrives(t, name+": a call", began)
			}
			cancel()
			calls.Wait()
			for range callers {
				arrives(t, name+": the end of a function's context", cancelled)
			}
		}
		c.Close()
	}
}

package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// misbehaving is middleware that does something wrong for each method.
func misbehaving(next server.Handler) server.Handler {
	return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
		switch r.Method {
		case "ping":
			panic("middleware in the order of arrival")
		case "tools/list":
			return json.RawMessage("{\"tools\":[\n"), nil
		case "prompts/list":
			return json.RawMessage(`{},"id":1,"x":{}`), nil
		case "resources/list":
			return nil, panickyError{}
		case "resources/templates/list":
			return nil, panickyUnwrap{}
		case "resources/read":
			return json.RawMessage(`{}`), &jsonrpc.Error{Code: -1, Message: "with data", Data: json.RawMessage(`}`)}
		case "prompts/get":
			for range 8 {
				_, _ = next(ctx, r)
			}
		}
		return next(ctx, r)
	}
}

// TestFaultMiddleware: whatever middleware does, each request has one answer, which
// is JSON, and the next is served.
func TestFaultMiddleware(t *testing.T) {
	over(t, faultWires, func(t *testing.T, wire servertest.Options) {
		srv := server.New("misbehaving", "1", server.Options{Logger: unlogged})
		srv.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
		srv.Resource("test://x", func() string { return "x" }, tool.Name("x"))
		srv.Prompt(func() string { return "x" }, tool.Name("x"))
		said := &tap{t: t}
		wire.Tap = said.take
		c := servertest.Connect(t, srv, wire)
		srv.Use(misbehaving)
		for _, method := range []string{"ping", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read", "prompts/get"} {
			if method == "ping" && wire.Revision == servertest.Stateless { // which has none
				continue
			}
			_, err := c.RequestContext(patiently(t), method, map[string]any{"name": "x", "uri": "test://x"})
			e, ok := errors.AsType[*jsonrpc.Error](err)
			switch {
			case method == "prompts/get" && err == nil:
			case !ok || e.Message == "":
				t.Errorf("%s: %v", method, err)
			case strings.HasPrefix(e.Message, "in ") || len(e.Data) > 0:
				t.Errorf("%s tells its client %v %s", method, err, e.Data)
			}
		}
		if got := mustCall(t, c, "echo", map[string]any{"text": "x"}); got.Text() != "x" {
			t.Errorf("got %+v", got)
		}
	})
}

// TestFaultOtherFunctions: what goes wrong in resources, prompts, completions and
// their middleware is one request's.
func TestFaultOtherFunctions(t *testing.T) {
	over(t, faultWires, func(t *testing.T, wire servertest.Options) {
		srv := server.New("others", "1", server.Options{Logger: unlogged})
		fail := func() (string, error) { return "", panickyError{} }
		srv.Resource("test://fails", fail, tool.Name("fails"))
		srv.Resource("test://panics", func() string { panic(panickyString{}) }, tool.Name("panics"))
		srv.Resource("test://nothing", func() *tool.Embed { return nil }, tool.Name("nothing"))
		srv.Prompt(fail, tool.Name("fails"))
		srv.Prompt(func() string { runtime.Goexit(); return "" }, tool.Name("panics"))
		srv.Prompt(func() *tool.PromptResult { return nil }, tool.Name("nothing"))
		srv.Tool(func() string { return "x" }, tool.Name("echo"))
		said := &tap{t: t}
		wire.Tap = said.take
		c := servertest.Connect(t, srv, wire)
		for _, what := range []string{"fails", "panics", "nothing"} {
			for _, method := range []string{"resources/read", "prompts/get"} {
				_, err := c.RequestContext(patiently(t), method, map[string]any{"name": what, "uri": "test://" + what})
				if _, ok := errors.AsType[*jsonrpc.Error](err); err != nil && !ok || err == nil && what != "nothing" {
					t.Errorf("%s %s: %v", method, what, err)
				}
			}
		}
		mustCall(t, c, "echo", nil)
		srv.UseTools(func(next server.ToolHandler) server.ToolHandler {
			return func(*tool.Context, *tool.Tool, json.RawMessage) (*tool.Result, error) { return nil, nil }
		})
		if got := mustCall(t, c, "echo", nil); !got.IsError {
			t.Errorf("a tool without a result and without an error: %+v", got)
		}
	})
}

// TestFaultHooks: a hook that blocks holds up its own session, and one that panics
// nobody. The others come and go, and the server shuts down.
func TestFaultHooks(t *testing.T) {
	over(t, httpWires[:2], func(t *testing.T, wire servertest.Options) {
		release, blocked := make(chan struct{}), make(chan struct{}, 10)
		hook := func(args tool.Args) {
			switch args.Get("hook") {
			case "block":
				blocked <- struct{}{}
				<-release
			case "panic":
				panic(panickyError{})
			}
		}
		hooks := []string{"open", "close"}
		if wire.Transport == servertest.HTTP {
			hooks[0] = "authenticate"
		}
		for _, where := range hooks {
			o := server.Options{Logger: unlogged}
			switch where {
			case "open":
				o.OnOpen = func(s *server.Session) { hook(s.Args) }
			case "close":
				o.OnClose = func(s *server.Session, _ error) { hook(s.Args) }
			case "authenticate":
				o.Authenticate = func(c *server.Connect) (any, error) { hook(c.Args); return nil, nil }
			}
			srv := server.New("hooks", "1", o)
			srv.Tool(func() string { return "x" }, tool.Name("echo"))
			h := servertest.Start(t, srv)
			var clients sync.WaitGroup
			clients.Go(func() { connectBriefly(h, wire, "block") })
			arrives(t, "the hook that blocks", blocked)
			connectBriefly(h, wire, "panic")
			for range 3 {
				c := h.Connect(wire)
				mustCall(t, c, "echo", nil)
				c.Close()
			}
			at, cancel := context.WithCancel(t.Context())
			cancel()
			ended := make(chan error, 1)
			go func() { ended <- srv.Shutdown(at) }()
			arrives(t, "the end of the shutdown", ended)
			release <- struct{}{}
			clients.Wait()
		}
	})
}

// connectBriefly connects a client with an argument for the hooks, and leaves.
func connectBriefly(h *servertest.Harness, wire servertest.Options, hook string) {
	wire.Args = map[string][]string{"hook": {hook}}
	if c, err := h.Dial(wire); err == nil {
		c.Close()
	}
}

// TestFaultHookOfTheEvicted: the session that has to make room for a newcomer has a
// hook that blocks. The newcomer does not wait for it.
func TestFaultHookOfTheEvicted(t *testing.T) {
	release := make(chan struct{})
	causes := make(chan error, 10)
	srv := server.New("evicting", "1", server.Options{Logger: unlogged, Limits: server.Limits{Sessions: 2}, OnClose: func(_ *server.Session, cause error) {
		<-release
		causes <- cause
	}})
	h := servertest.Start(t, srv)
	host := strings.TrimPrefix(h.URL(), "http://")
	const newcomers = 10
	for range 2 + newcomers {
		got := raw(t, host, post(host, initialize("2025-11-25"), "Connection: close"))
		wantStatus(t, "a newcomer", got, http.StatusOK)
	}
	close(release)
	for range newcomers {
		if cause := arrives(t, "the hook of one that made room", causes); cause == nil || !strings.Contains(cause.Error(), "idle") {
			t.Errorf("it was told %v", cause)
		}
	}
}

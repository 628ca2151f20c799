package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// notes is what happened, in order.
type notes struct {
	mu  sync.Mutex
	all []string
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, fmt.Sprintf(format, args...))
}

func (n *notes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all
	n.all = nil
	return all
}

type contextKey struct{}

// TestMiddleware: what is added first is outermost, around every method and
// around each kind of function; it sees who is calling, changes what goes in and
// what comes out, and its context reaches the function.
func TestMiddleware(t *testing.T) {
	var seen notes
	srv := server.New("middleware", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context, in struct {
		N int `json:"n"`
	}) string {
		return fmt.Sprint(in.N, ctx.Value(contextKey{}))
	}, tool.Name("n"))
	srv.Resource("test://{id}", func(id string) string { return id }, tool.Name("r"))
	srv.Prompt(func(in struct {
		Who string `json:"who"`
	}) string {
		return "hi " + in.Who
	}, tool.Name("p"))
	for _, name := range []string{"outer", "inner"} {
		srv.Use(func(next server.Handler) server.Handler {
			return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
				seen.add("%s %s for %s", name, r.Method, r.Args.Get("client_id"))
				result, err := next(context.WithValue(ctx, contextKey{}, name), r)
				seen.add("%s done %t", name, err == nil)
				return result, err
			}
		})
	}
	srv.Use(func(next server.Handler) server.Handler {
		return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
			if strings.Contains(string(r.Params), "forbidden") {
				return nil, jsonrpc.Errorf(-32001, "not for you")
			}
			return next(ctx, r)
		}
	})
	srv.UseTools(func(next server.ToolHandler) server.ToolHandler {
		return func(ctx *tool.Context, tl *tool.Tool, arguments json.RawMessage) (*tool.Result, error) {
			seen.add("tool %s %s", tl.Name(), arguments)
			if string(arguments) == "{}" {
				return nil, tool.Errorf("no n")
			}
			r, err := next(ctx, tl, json.RawMessage(`{"n":2}`))
			if err == nil {
				r.Content = append(r.Content, tool.Text{Text: "changed"})
			}
			return r, err
		}
	})
	srv.UseResources(func(next server.ResourceHandler) server.ResourceHandler {
		return func(ctx *tool.Context, r *tool.Resource, uri string) ([]tool.Embed, error) {
			seen.add("resource %s %s", r.Spec().Name, uri)
			return next(ctx, r, uri)
		}
	})
	srv.UsePrompts(func(next server.PromptHandler) server.PromptHandler {
		return func(ctx *tool.Context, p *tool.Prompt, arguments map[string]string) (*tool.PromptResult, error) {
			seen.add("prompt %s %v", p.Name(), arguments)
			return next(ctx, p, map[string]string{"who": "you"})
		}
	})
	c := servertest.Connect(t, srv, servertest.Options{Args: map[string][]string{"client_id": {"me"}}})
	if got := seen.take(); !slices.Equal(got, []string{"outer initialize for me", "inner initialize for me", "inner done true", "outer done true"}) {
		t.Errorf("initialize: %q", got)
	}
	for _, tt := range []struct {
		method string
		params any
		want   string
		notes  []string
	}{
		{"tools/call", map[string]any{"name": "n", "arguments": map[string]any{"n": 1}}, `[{"type":"text","text":"2inner"},{"type":"text","text":"changed"}]`, []string{`tool n {"n":1}`}},
		{"tools/call", map[string]any{"name": "n", "arguments": map[string]any{}}, `"text":"no n"}],"isError":true`, []string{`tool n {}`}},
		{"resources/read", map[string]any{"uri": "test://7"}, `"text":"7"`, []string{"resource r test://7"}},
		{"prompts/get", map[string]any{"name": "p", "arguments": map[string]any{"who": "me"}}, `"text":"hi you"`, []string{"prompt p map[who:me]"}},
		{"tools/list", nil, `"tools":[`, nil},
	} {
		raw, err := c.Request(tt.method, tt.params)
		if err != nil || !strings.Contains(string(raw), tt.want) {
			t.Errorf("%s: %s, %v", tt.method, raw, err)
		}
		want := slices.Concat([]string{"outer " + tt.method + " for me", "inner " + tt.method + " for me"}, tt.notes, []string{"inner done true", "outer done true"})
		if got := seen.take(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", tt.method, got, want)
		}
	}
	_, err := c.Request("tools/call", map[string]any{"name": "forbidden"})
	wantError(t, err, -32001, "")
}

// TestMiddlewarePanics: a panic in middleware is answered like one in a tool.
func TestMiddlewarePanics(t *testing.T) {
	srv := server.New("panics", "1", server.Options{Logger: quiet})
	srv.Tool(func() {}, tool.Name("t"))
	srv.Resource("test://a", func() string { panic("secret detail") }, tool.Name("a"))
	srv.Use(func(next server.Handler) server.Handler {
		return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
			if r.Method == "tools/list" || r.Method == "ping" {
				panic("secret detail")
			}
			return next(ctx, r)
		}
	})
	c := servertest.Connect(t, srv, servertest.Options{})
	for _, method := range []string{"tools/list", "ping"} {
		_, err := c.Request(method, nil)
		wantError(t, err, -32603, "")
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the caller is told %v", method, err)
		}
	}
	_, err := c.Request("resources/read", map[string]any{"uri": "test://a"})
	wantError(t, err, -32603, "")
	if got := c.Call("t", nil); got.IsError {
		t.Errorf("afterwards: %+v", got)
	}
}

// TestHooks: a session is opened once and closed once, with the cause, over every
// transport; requests without one do neither.
func TestHooks(t *testing.T) {
	for _, wire := range wires {
		t.Run(wireName(wire), func(t *testing.T) {
			opened, closed := make(chan *server.Session, 10), make(chan error, 10)
			srv := server.New("hooks", "1", server.Options{
				Logger:       quiet,
				Authenticate: func(*server.Connect) (any, error) { return "someone", nil },
				OnOpen: func(s *server.Session) {
					opened <- s
					panic("of the user's code")
				},
				OnClose: func(s *server.Session, cause error) {
					if s.ID == "" || s.Principal != "someone" {
						t.Errorf("closed: %+v", s)
					}
					closed <- cause
				},
			})
			srv.Tool(func() {}, tool.Name("t"))
			wire.Args = map[string][]string{"client_id": {"me"}}
			c := servertest.Connect(t, srv, wire)
			c.Call("t", nil)
			c.Close()
			if wire.Transport == servertest.HTTP && wire.Revision != "" {
				if len(opened)+len(closed) > 0 {
					t.Error("a session was opened or closed")
				}
				return
			}
			s := <-opened
			if s.ID == "" || s.Transport != wire.Transport || s.Args.Get("client_id") != "me" || s.Principal != "someone" {
				t.Errorf("opened: %+v", s)
			}
			want := transport.ErrClientGone
			if wire.Transport == servertest.HTTP {
				want = transport.ErrDeleted
			}
			if cause := <-closed; !errors.Is(cause, want) {
				t.Errorf("closed because of %v, want %v", cause, want)
			}
			if len(opened)+len(closed) > 0 {
				t.Error("opened or closed more than once")
			}
		})
	}
}

package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// boundArgs is a struct for connection arguments, as an author writes it who does
// not want to print secrets.
type boundArgs struct {
	Auth   tool.Secret   `arg:"auth"`
	Token  *tool.Secret  `arg:"token"`
	Keys   []tool.Secret `arg:"key"`
	Client string        `arg:"client_id"`
}

// handed gathers what a server and a client hand to whoever wrote them.
type handed struct {
	mu sync.Mutex
	m  map[string]any
}

func (h *handed) keep(name string, v any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.m[name] = v
}

// handing makes a server that keeps all that it hands out.
func handing(h *handed, key planted) *server.Server {
	srv := server.New("values", "1", server.Options{
		Args:         boundArgs{},
		StateKey:     []byte(key + key),
		ArgHeaders:   map[string]string{"Authorization": "token", "X-Ticket": "ticket"},
		SecretArgs:   []string{"ticket"},
		Authenticate: func(c *server.Connect) (any, error) { h.keep("server.Connect", c); return "ada", nil },
		OnOpen:       func(s *server.Session) { h.keep("server.Session", s) },
		Logger:       slog.New(slog.DiscardHandler),
	})
	srv.Use(func(next server.Handler) server.Handler {
		return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
			h.keep("server.Request", r)
			return next(ctx, r)
		}
	})
	srv.Tool(func(ctx *tool.Context) {
		h.keep("tool.Context", ctx)
		h.keep("a copy of tool.Context", *ctx)
		h.keep("tool.Args", ctx.Args())
		h.keep("tool.Secret", ctx.Args().Secret("auth"))
		h.keep("what binds connection arguments", tool.ArgsOf[boundArgs](ctx))
	}, tool.Name("look"))
	srv.Tool(func() error { return errors.New("no") }, tool.Name("fail"))
	h.keep("server.Server", srv)
	return srv
}

// handedOut is what the two hand out when a client has connected and called a tool,
// with secrets in the query, in headers and in the options of both.
func handedOut(t *testing.T, arg, header planted) (all map[string]any, id string) {
	h := &handed{m: make(map[string]any)}
	web := httptest.NewServer(handing(h, arg).Handler())
	t.Cleanup(web.Close)
	o := client.Options{
		Revision: "2025-11-25",
		Args:     url.Values{"auth": {string(arg)}, "key": {string(arg), string(arg)}},
		Header:   http.Header{"Authorization": {"Bearer " + string(header)}, "X-Ticket": {string(header)}},
		Logger:   slog.New(slog.DiscardHandler),
	}
	u := client.URL(web.URL + "/mcp?client_id=me&password=" + url.QueryEscape(string(arg)))
	c, err := client.Connect(t.Context(), u, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Call(t.Context(), "look", nil); err != nil {
		t.Fatal(err)
	}
	h.keep("client.Client", c)
	h.keep("client.Options", o)
	h.keep("client.URL", u)
	h.keep("client.URL with a path", client.URL("https://example.com/k/"+url.PathEscape(string(arg))+"/mcp"))
	h.keep("client.Command", client.Command{Path: "x", Env: []string{"KEY=" + string(arg)}, Args: []string{"--key", string(arg)}})
	h.keep("server.Options", server.Options{StateKey: []byte(arg + arg)})
	h.keep("transport.Peer", &transport.Peer{ID: "12345678" + string(arg), Args: o.Args, Header: o.Header})
	s, ok := h.m["server.Session"].(*server.Session)
	if !ok {
		t.Fatal("no session was opened")
	}
	return h.m, s.ID
}

// shut are those whose secrets nothing in the language prints, but for what asks
// for them by name.
var shut = map[string]bool{
	"tool.Context": true, "a copy of tool.Context": true, "tool.Args": true, "tool.Secret": true, "what binds connection arguments": true,
	"server.Server": true, "client.Client": true,
}

// TestNothingHandedOutGivesASecretAway: what servers and clients hand to their
// authors shows no secret when it is printed, logged or encoded as JSON. Where the
// secret is in no exported field, reflection finds none either.
func TestNothingHandedOutGivesASecretAway(t *testing.T) {
	arg, header := plant("argument", inText), plant("header", inHeader)
	all, id := handedOut(t, arg, header)
	secrets := []planted{arg, header, planted(id[9:])} // its start may be told
	for name, v := range all {
		found := given(v, openHolders, printers(), secrets)
		if shut[name] {
			found = append(found, given(v, openHolders, prying(), secrets)...)
			found = append(found, given(v, closedHolders, printers(), secrets)...)
			found = append(found, given(v, closedHolders, prying(), secrets)...)
		}
		for i, what := range found {
			if i < 3 {
				t.Errorf("%s, in %s", name, what)
			}
		}
	}
	if len(all) != 16 {
		t.Errorf("%d values were looked at, not 16", len(all))
	}
}

// TestThePrintersFind: the search of the test above finds what is not hidden, by
// every printer that prints strings.
func TestThePrintersFind(t *testing.T) {
	p := plant("open", inText)
	type open struct{ S, T string }
	type closed struct{ in *open }
	for name, print := range printers() {
		if name != "fmt %T" && name != "fmt %10.3s" && p.in(print(struct{ V open }{open{S: string(p)}})) == "" {
			t.Errorf("%s does not find it in an open struct", name)
		}
	}
	for name, print := range prying() {
		if p.in(print(open{S: string(p)})) == "" {
			t.Errorf("%s does not find it in an open struct", name)
		}
	}
	if p.in(prying()["reflection"]([]any{closed{&open{T: string(p)}}})) == "" {
		t.Error("reflection does not find it in a closed struct")
	}
	if len(given([]byte(p), closedHolders, printers(), []planted{p})) == 0 {
		t.Error("bytes are not found")
	}
}

package bridge

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// remote is a server at a URL, which tells who called.
func remote(t *testing.T) string {
	t.Helper()
	srv := server.New("remote", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) string {
		return ctx.Arg("auth", "nobody") + " " + ctx.Arg("team", "none") + " " + ctx.Arg("user", "none")
	}, tool.Name("who"))
	mux := http.NewServeMux()
	mux.Handle("/u/{user}/", srv.Handler())
	web := httptest.NewServer(mux)
	t.Cleanup(func() {
		_ = srv.Shutdown(soon(t))
		web.Close()
	})
	return web.URL
}

// TestURL: an upstream at a URL gets a connection's arguments where the templates
// put them, by each transport.
func TestURL(t *testing.T) {
	for _, path := range []string{"mcp", "sse"} {
		for _, down := range []string{handshake, stateless} {
			t.Run(path+" "+down, func(t *testing.T) {
				address := remote(t)
				o := Options{
					URL:       address + "/u/{user}/" + path + "?team={team?red}",
					Header:    http.Header{"Authorization": {"Bearer {auth}"}},
					Query:     []string{"x={auth}"},
					Transport: map[string]string{"mcp": "http", "sse": "sse"}[path],
				}
				f := newFront(t, nil, "", o)
				for _, who := range []string{"ann", "bob"} {
					c := f.connect("http", client.Options{Revision: down, Args: url.Values{"auth": {"key-" + who}, "user": {who + "/../x y"}}})
					got, err := c.Call(soon(t), "who", nil)
					if want := fmt.Sprintf("key-%s red %[1]s/../x y", who); err != nil || got.Text() != want {
						t.Errorf("got %v, %v; want %s", got, err, want)
					}
				}
				if s := f.b.Status(); s.Target != address+"/…/"+path || s.Upstreams != 2 {
					t.Errorf("the status is %+v", s)
				}
			})
		}
	}
}

// TestSessionOver: a session that a server has ended is begun again, with what the
// one before had been told, and the client does not notice.
func TestSessionOver(t *testing.T) {
	f := rawFront(t, Options{})
	n := 0
	var made chan *fake
	made = f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		if n++; method != "tools/call" || n > 4 {
			return fmt.Sprintf(`{"n":%d}`, n), nil
		}
		up := <-made
		close(up.done)
		return "", &transport.StatusError{Status: http.StatusNotFound, Ended: true}
	})
	p, said := f.pipe(nil)
	send(t, p, helloText)
	await(t, said)
	send(t, p, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	for i, method := range []string{"logging/setLevel", "resources/subscribe", "resources/subscribe"} {
		send(t, p, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":{"uri":"u:%[1]d","level":"info"}}`, i, method))
		await(t, said)
	}
	send(t, p, `{"jsonrpc":"2.0","id":9,"method":"tools/call"}`)
	if got := await(t, said); !strings.Contains(got, `"level":"error"`) {
		t.Errorf("the session was told %s", got)
	}
	expect(t, said, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
	expect(t, said, `{"jsonrpc":"2.0","id":9,"result":{"n":7}}`) // after both subscriptions
	if got := (<-made).said(); got != "notifications/initialized ; level info" {
		t.Errorf("the new session was told %q", got)
	}
	if s := f.b.Status(); s.Restarted != 1 {
		t.Errorf("the status is %+v", s)
	}
}

// TestUnreachable: a server that is not there is an error with no secret in it.
func TestUnreachable(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	web.Close()
	f := newFront(t, nil, "", Options{URL: web.URL + "/{user}/mcp", Header: http.Header{"X-Key": {"{auth}"}}})
	_, err := f.tryConnect("http", client.Options{Revision: handshake, Args: url.Values{"auth": {"s3cret"}, "user": {"annabel"}}})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(CodeUpstream)) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "annabel") {
		t.Errorf("got %v", err)
	}
}

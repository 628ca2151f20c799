package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// TestTimeoutInQuestion: a timeout ends a question as well. The client is told
// that it need not answer any more, before it gets the answer to its own call.
func TestTimeoutInQuestion(t *testing.T) {
	for _, wire := range wires[:4] {
		t.Run(wireName(wire), func(t *testing.T) {
			returned := make(chan error, 1)
			srv := server.New("timeout", "1", server.Options{Logger: quiet})
			srv.Tool(func(ctx *tool.Context) error {
				_, err := tool.Elicit[guest](ctx, "Who?")
				returned <- err
				return err
			}, tool.Name("ask"), tool.Timeout(30*time.Millisecond))
			said := make(chan string, 10)
			wire.Tap = func(text []byte) { said <- string(text) }
			wire.Capabilities = everything
			release := make(chan struct{})
			wire.Answer = func(string, json.RawMessage) (any, error) {
				<-release
				return nil, errors.New("too late")
			}
			c := servertest.Connect(t, srv, wire)
			<-said // initialize
			if got := c.Call("ask", nil); !got.IsError || !strings.Contains(got.Text(), "timed out") {
				t.Errorf("got %+v", got)
			}
			if err := <-returned; err == nil {
				t.Error("the question has no error")
			}
			close(release)
			for _, want := range []string{"elicitation/create", "notifications/cancelled", `"isError":true`} {
				if got := <-said; !strings.Contains(got, want) {
					t.Errorf("the server said %s, want %s", got, want)
				}
			}
		})
	}
}

// TestGoexit: a function that ends its goroutine is answered for, over every
// transport.
func TestGoexit(t *testing.T) {
	for _, wire := range wires {
		t.Run(wireName(wire), func(t *testing.T) {
			srv := server.New("goexit", "1", server.Options{Logger: quiet})
			srv.Tool(func() { runtime.Goexit() }, tool.Name("exit"))
			c := servertest.Connect(t, srv, wire)
			if got := c.Call("exit", nil); !got.IsError || !strings.Contains(got.Text(), "internal error (ref ") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestGoexitOnTheReader: middleware that ends the goroutine that reads standard
// input ends the server, and does not hang it.
func TestGoexitOnTheReader(t *testing.T) {
	srv := server.New("goexit", "1", server.Options{Logger: quiet})
	srv.Use(func(next server.Handler) server.Handler {
		return func(context.Context, *server.Request) (json.RawMessage, error) {
			runtime.Goexit()
			return nil, nil
		}
	})
	in, toServer := io.Pipe()
	defer toServer.Close()
	go io.WriteString(toServer, `{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n")
	if err := srv.ServeStreams(t.Context(), in, io.Discard, nil); err == nil {
		t.Error("no error says so")
	}
}

// TestAbandonedHandler: middleware that gives up on the next handler does not
// show it the requests of others.
func TestAbandonedHandler(t *testing.T) {
	gaveUp, saw := make(chan struct{}), make(chan string, 1)
	srv := server.New("abandoned", "1", server.Options{Logger: quiet})
	srv.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
	srv.Use(func(next server.Handler) server.Handler {
		return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
			if !strings.Contains(string(r.Params), "slow") {
				return next(ctx, r)
			}
			go func() {
				<-gaveUp
				result, err := next(ctx, r)
				saw <- fmt.Sprintf("%s %v %s", result, err, r.Name)
			}()
			return nil, errors.New("given up")
		}
	})
	h := servertest.Start(t, srv)
	c := h.Connect(servertest.Options{Transport: servertest.HTTP})
	if _, err := c.TryCall("echo", map[string]any{"text": "slow"}); err == nil {
		t.Error("it was answered")
	}
	for i := range 20 {
		c.Call("echo", map[string]any{"text": fmt.Sprint("another's ", i)})
	}
	close(gaveUp)
	if got := <-saw; strings.Contains(got, "another") || !strings.HasSuffix(got, " echo") {
		t.Errorf("the late handler answers %s", got)
	}
}

// TestStateOfCallExpires: the time that the options say is for the call, with all
// its rounds.
func TestStateOfCallExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b booking
		c := byHand(t, hotel(&b, server.Options{StateTTL: time.Minute}), nil)
		defer c.Close()
		first, err := ask(t, c, "tools/call", bookParams("7", "", nil))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Second)
		second, err := ask(t, c, "tools/call", bookParams("7", first.State, isAda))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Second)
		_, err = ask(t, c, "tools/call", bookParams("7", second.State, isSure))
		wantError(t, err, -32602, "")
	})
}

// TestUnknownCallers: where callers cannot be told apart no state is given out.
func TestUnknownCallers(t *testing.T) {
	var b booking
	type hidden struct{ name string }
	srv := hotel(&b, server.Options{
		ArgHeaders:   map[string]string{},
		Authenticate: func(c *server.Connect) (any, error) { return &hidden{c.Header.Get("X-User")}, nil },
	})
	c := servertest.Connect(t, srv, servertest.Options{Transport: servertest.HTTP, Revision: servertest.Stateless, Raw: true, Header: http.Header{"X-User": {"alice"}}})
	_, err := ask(t, c, "tools/call", bookParams("7", "", nil))
	wantError(t, err, -32603, "")
}

// TestWhatIsKept: what a client has a server keep for it is bounded in bytes.
func TestWhatIsKept(t *testing.T) {
	srv := server.New("kept", "1", server.Options{Logger: quiet})
	srv.Resource("test://{id}", func(id string) string { return id }, tool.Name("any"))
	h := servertest.Start(t, srv)
	c := h.Connect(servertest.Options{})
	long := func(i int) string { return fmt.Sprintf("test://%d%s", i, strings.Repeat("x", 8000)) }
	subscribed := 0
	for ; subscribed < 1000; subscribed++ {
		if _, err := c.Request("resources/subscribe", map[string]any{"uri": long(subscribed)}); err != nil {
			wantError(t, err, -32602, "")
			break
		}
	}
	if subscribed != 32 {
		t.Errorf("%d URIs of 8 kB are kept", subscribed)
	}
	for _, uri := range []string{long(1), long(1), long(99)} { // ending twice what was once
		if _, err := c.Request("resources/unsubscribe", map[string]any{"uri": uri}); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Request("resources/subscribe", map[string]any{"uri": long(100)}); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
	_, err := c.Request("resources/subscribe", map[string]any{"uri": long(101)})
	wantError(t, err, -32602, "")
	var uris []string
	for i := range 40 {
		uris = append(uris, long(i))
	}
	stateless := h.Connect(servertest.Options{Revision: servertest.Stateless})
	_, err = stateless.Request("subscriptions/listen", map[string]any{"notifications": map[string]any{"resourceSubscriptions": uris}})
	wantError(t, err, -32602, "")
}

// TestNoRoom: what sessions make the server keep counts against one limit for all;
// when nothing is left a client is told so, and what it gives back counts again.
func TestNoRoom(t *testing.T) {
	uri := func(i, size int) map[string]any {
		return map[string]any{"uri": fmt.Sprintf("test://%d%s", i, strings.Repeat("x", size))}
	}
	for _, wire := range []servertest.Options{{Transport: servertest.SSE}, {Transport: servertest.HTTP}} {
		srv := server.New("full", "1", server.Options{Logger: quiet, Limits: server.Limits{Memory: 20_000, Sessions: 10}}) // a share is 1,000
		srv.Resource("test://{id}", func(id string) string { return id }, tool.Name("any"))
		h := servertest.Start(t, srv)
		first, second := h.Connect(wire), h.Connect(wire)
		for i := range 3 {
			if _, err := first.Request("resources/subscribe", uri(i, 7000)); err != nil {
				t.Errorf("%s: %v", wire.Transport, err)
			}
		}
		_, err := second.Request("resources/subscribe", uri(0, 1000))
		wantError(t, err, -32000, "")
		if _, err := second.Request("resources/subscribe", uri(0, 10)); err != nil {
			t.Errorf("%s: less than its share: %v", wire.Transport, err)
		}
		wire.Header = http.Header{"X-Long": {strings.Repeat("x", 1000)}}
		if _, err := h.Dial(wire); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("%s: a client with long headers: %v", wire.Transport, err)
		}
		if _, err := first.Request("resources/unsubscribe", uri(0, 7000)); err != nil {
			t.Error(err)
		}
		if _, err := second.Request("resources/subscribe", uri(1, 1000)); err != nil {
			t.Errorf("%s: when there is room again: %v", wire.Transport, err)
		}
		first.Close()
		second.Close()
	}
}

// TestManyCapabilities: a client declares so many capabilities, or is refused: they
// are kept, and take more than their text.
func TestManyCapabilities(t *testing.T) {
	many := make(map[string]any)
	for i := range 101 {
		many[fmt.Sprint(i)] = map[string]any{}
	}
	h := servertest.Start(t, server.New("capabilities", "1", server.Options{Logger: quiet}))
	for _, transport := range transports {
		_, err := h.Dial(servertest.Options{Transport: transport, Capabilities: many})
		wantError(t, err, -32602, "")
	}
}

// TestStatelessRemembersNothing: a request without a session has none, whatever
// connection it came by.
func TestStatelessRemembersNothing(t *testing.T) {
	for _, wire := range wires[4:] {
		t.Run(wireName(wire), func(t *testing.T) {
			srv := server.New("nothing", "1", server.Options{Logger: quiet})
			srv.Tool(func(ctx *tool.Context) string {
				old, _ := ctx.Get("old")
				ctx.Set("old", "kept")
				return fmt.Sprintf("%v %q", old, ctx.SessionID())
			}, tool.Name("remember"))
			c := servertest.Connect(t, srv, wire)
			for range 2 {
				if got := c.Call("remember", nil).Text(); got != `<nil> ""` {
					t.Errorf("got %s", got)
				}
			}
		})
	}
}

// TestUnknownVersions: also a GET and a DELETE name a revision that there is.
func TestUnknownVersions(t *testing.T) {
	h := servertest.Start(t, httpServer(server.Options{}))
	c := h.Connect(servertest.Options{Transport: servertest.HTTP})
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		req, err := http.NewRequest(method, h.URL()+"/mcp", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Mcp-Session-Id": {c.SessionID}, "Mcp-Protocol-Version": {"1999-01-01"}, "Accept": {"text/event-stream"}}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", method, res.Status)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if _, err := c.Request("ping", nil); err != nil {
		t.Errorf("the session has ended: %v", err)
	}
}

// TestOpeningHookExits: a hook that ends its goroutine leaves no session behind.
func TestOpeningHookExits(t *testing.T) {
	for _, path := range []string{"/sse", "/mcp"} {
		srv := server.New("hook", "1", server.Options{Logger: quiet, OnOpen: func(*server.Session) { runtime.Goexit() }})
		h := servertest.Start(t, srv)
		method, body := http.MethodGet, io.Reader(nil)
		if path == "/mcp" {
			method, body = http.MethodPost, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`)
		}
		req, err := http.NewRequest(method, h.URL()+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if res, err := client.Do(req); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: shutting down: %v", path, err)
		}
	}
}

// TestUntypedMedia: the type of a picture is told by its bytes, and what has
// neither type nor address is an error and not sent.
func TestUntypedMedia(t *testing.T) {
	png := []byte("\x89PNG\r\n\x1a\n")
	for _, tt := range []struct {
		block tool.Content
		want  string
	}{
		{tool.Image{Data: png}, `"mimeType":"image/png"`},
		{tool.Image{Data: []byte("text")}, "no MIME is given for the image"},
		{tool.Audio{Data: png}, "no MIME is given for the audio"},
		{tool.Link{Name: "x"}, "a link without a URI"},
		{tool.Embed{Text: "x"}, "an embedded resource without a URI"},
	} {
		srv := server.New("media", "1", server.Options{Logger: quiet})
		srv.Tool(func() []tool.Content { return []tool.Content{tt.block} }, tool.Name("media"))
		c := servertest.Connect(t, srv, servertest.Options{Args: url.Values{}})
		raw, err := c.Request("tools/call", map[string]any{"name": "media"})
		if err != nil || !strings.Contains(string(raw), tt.want) {
			t.Errorf("%+v: %s, %v", tt.block, raw, err)
		}
	}
}

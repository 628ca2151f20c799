package transport

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

func TestSSE(t *testing.T) {
	w := serve(t, options(), nil)
	s := w.open("/sse?client_id=me", nil)
	for name, want := range map[string]string{
		"Content-Type":           "text/event-stream",
		"Cache-Control":          "no-cache, no-transform",
		"X-Accel-Buffering":      "no",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := s.res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name := range s.res.Header {
		if strings.HasPrefix(name, "Access-Control") || name == "Vary" {
			t.Errorf("%s without allowed origins", name)
		}
	}
	p := w.last()
	if want := "messages/?session_id=" + p.ID; s.endpoint != want {
		t.Errorf("endpoint %s, want %s", s.endpoint, want)
	}
	if p.Kind != "sse" || p.RemoteAddr == "" || p.Header == nil || p.Args.Get("client_id") != "me" {
		t.Errorf("the peer is %+v", p)
	}
	s.send(request(1, "echo", `{"a":"é\u0000"}`))
	s.want(result(1, `{"a":"é\u0000"}`))
	s.send(request(2, "pretty", `{}`))
	s.want(`{"jsonrpc":"2.0","id":2,"result":{   "a": 1,    "b": "x\ny" }}`)
	s.send(`{"jsonrpc":"2.0","method":"note"}`)
	if w.noted() != "note" {
		t.Errorf("noted %q before the 202", w.noted())
	}
	if err := p.Send(t.Context(), &jsonrpc.Message{Method: "hello"}); err != nil {
		t.Error(err)
	}
	p.Notify(&jsonrpc.Message{Method: "changed"})
	s.want(`{"jsonrpc":"2.0","method":"hello"}`)
	s.want(`{"jsonrpc":"2.0","method":"changed"}`)
}

// The endpoint is found wherever the handler stands.
func TestSSEMounts(t *testing.T) {
	mux := func(pattern string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			m := http.NewServeMux()
			m.Handle(pattern, h)
			return m
		}
	}
	for _, tt := range []struct {
		name, path string
		wrap       func(http.Handler) http.Handler
		endpoint   string // up to the id
		args       string
	}{
		{name: "bare", path: "/sse", endpoint: "messages/?session_id=", args: `{}`},
		{name: "slash", path: "/sse/", endpoint: "../messages/?session_id=", args: `{}`},
		{name: "below", path: "/a/b/sse?x=1", endpoint: "messages/?session_id=", args: `{"x":["1"]}`},
		{name: "mux", path: "/mcp/sse", wrap: mux("/mcp/"), endpoint: "messages/?session_id=", args: `{}`},
		{name: "strip", path: "/mcp/sse", endpoint: "messages/?session_id=", args: `{}`, wrap: func(h http.Handler) http.Handler {
			return mux("/mcp/")(http.StripPrefix("/mcp", h))
		}},
		{name: "strip all but the name", path: "/mcp/sse/", endpoint: "../messages/?session_id=", args: `{}`, wrap: func(h http.Handler) http.Handler {
			return mux("/mcp/")(http.StripPrefix("/mcp/", h))
		}},
		{name: "nested", path: "/a/b/c/sse", endpoint: "messages/?session_id=", args: `{}`, wrap: func(h http.Handler) http.Handler {
			return mux("/a/")(http.StripPrefix("/a", mux("/b/")(mux("/b/c/")(h))))
		}},
		{name: "wildcard", path: "/k/s%20ecret/sse", wrap: mux("/k/{auth}/"), endpoint: "messages/?session_id=", args: `{"auth":["s ecret"]}`},
		{name: "wildcard, slash", path: "/k/x/sse/", wrap: mux("/k/{client_id}/"), endpoint: "../messages/?session_id=", args: `{"client_id":["x"]}`},
		{name: "wildcards", path: "/k/a/b/sse", wrap: mux("/k/{auth}/{client_id}/{rest...}"), endpoint: "messages/?session_id="},
		{name: "nested wildcard", path: "/v1/k/x/sse", endpoint: "messages/?session_id=", args: `{"auth":["x"]}`, wrap: func(h http.Handler) http.Handler {
			return mux("/v1/")(http.StripPrefix("/v1", mux("/k/{auth}/")(h)))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(t, options(), tt.wrap)
			s := w.open(tt.path, nil)
			if want := tt.endpoint + w.last().ID; s.endpoint != want {
				t.Errorf("endpoint %s, want %s", s.endpoint, want)
			}
			if tt.args == "" { // of a rest that differs between the two requests
				return
			}
			s.send(request(1, "args", `{}`))
			s.want(result(1, tt.args))
		})
	}
}

func TestSSEPublicURL(t *testing.T) {
	for public, want := range map[string]string{
		"/":                         "/messages/?session_id=",
		"/prefix":                   "/prefix/messages/?session_id=",
		"/prefix/":                  "/prefix/messages/?session_id=",
		"https://example.com/a":     "https://example.com/a/messages/?session_id=",
		"https://example.com:8443/": "https://example.com:8443/messages/?session_id=",
	} {
		o := options()
		o.PublicURL = public
		w := serve(t, o, nil)
		for _, path := range []string{"/x/sse", "/x/sse/"} {
			if s := w.open(path, nil); s.endpoint != want+w.last().ID {
				t.Errorf("%s, %s: endpoint %s, want %s", public, path, s.endpoint, want)
			}
		}
	}
}

// A proxy that adds a prefix, and TLS, does not have to be told about.
func TestSSEBehindProxy(t *testing.T) {
	for _, tls := range []bool{false, true} {
		w := serve(t, options(), nil)
		backend, err := url.Parse(w.url)
		if err != nil {
			t.Fatal(err)
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend)
			r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, "/public/prefix")
			r.Out.URL.RawPath = ""
		}}
		front := httptest.NewUnstartedServer(proxy)
		if tls {
			front.StartTLS()
		} else {
			front.Start()
		}
		w.url, w.client = front.URL, front.Client()
		for _, path := range []string{"/public/prefix/sse", "/public/prefix/sse/"} {
			s := w.open(path+"?auth=KEY", nil)
			s.send(request(1, "args", `{}`))
			s.want(result(1, `{"auth":["KEY"]}`))
			s.close()
		}
		front.CloseClientConnections()
		front.Close()
	}
}

func TestSSEClientGone(t *testing.T) {
	w := serve(t, options(), nil)
	s := w.open("/sse", nil)
	s.send(request(1, "block", `{}`))
	<-w.started
	p, began := w.last(), time.Now()
	s.close()
	endsWith(t, p, ErrClientGone)
	t.Log("noticed after", time.Since(began))
	w.allGone() // with the call
	if r := w.do(http.MethodPost, s.post, request(2, "echo", `{}`), nil); r.StatusCode != http.StatusNotFound {
		t.Error(r)
	}
	if err := p.Send(t.Context(), &jsonrpc.Message{Method: "m"}); err != ErrClientGone {
		t.Errorf("sending to a client that has gone: %v", err)
	}
}

func TestSSEServerCloses(t *testing.T) {
	w := serve(t, options(), nil)
	s := w.open("/sse", nil)
	why := errors.New("logged out")
	p := w.last()
	for range 3 {
		p.Notify(&jsonrpc.Message{Method: "bye"})
	}
	p.Close(why)
	p.Close(errors.New("a later reason"))
	for range 3 {
		s.want(`{"jsonrpc":"2.0","method":"bye"}`) // queued before the end
	}
	s.ends()
	endsWith(t, p, why)
	w.allGone()
}

// What was queued before the end is written after it.
func TestSSELastMessage(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		for range 20 { // the writer may see either first, the message or the end
			s := w.open("/sse", nil)
			s.send(request(1, "big", `[100000]`))
			synctest.Wait() // it is being written, until somebody reads
			w.last().Notify(&jsonrpc.Message{Method: "bye"})
			w.last().Close(ErrExpired)
			s.want(result(1, `"`+strings.Repeat("x", 100_000)+`"`))
			s.want(`{"jsonrpc":"2.0","method":"bye"}`)
			s.ends()
		}
	})
}

// A silent stream does not hold what it sent last.
func TestSSELetsGo(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		s.send(request(1, "big", `[100000]`))
		s.want(result(1, `"`+strings.Repeat("x", 100_000)+`"`))
		synctest.Wait()
		q := &w.last().out.(*sseStream).queue
		for _, text := range append(q.texts[:cap(q.texts)], q.spare[:cap(q.spare)]...) {
			if text != "" {
				t.Errorf("%d bytes are held", len(text))
			}
		}
		s.close()
	})
}

func TestSSERefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		status int
		body   string
	}{
		{"told", &Refusal{Status: 401, Reason: "no key", Header: http.Header{"www-authenticate": {"Bearer"}}}, 401, "no key"},
		{"internal", errors.New("secret of the database"), 500, "internal error"},
		{"busy", &Refusal{Status: 503, Reason: "later"}, 503, "later"},
		{"no status", &Refusal{Reason: "a mistake"}, 500, "a mistake"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(t, options(), nil)
			w.refuse = tt.err
			_, err := w.get("/sse?auth=x", nil)
			r := refusalOf(t, err)
			m, err := jsonrpc.Parse([]byte(r.body))
			if r.StatusCode != tt.status || err != nil || m.Error.Message != tt.body {
				t.Error(r)
			}
			if tt.status == 401 && r.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Error(r.Header)
			}
			w.allGone()
		})
	}
}

func TestSSEWithoutFlush(t *testing.T) {
	w := serve(t, options(), func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
		})
	})
	_, err := w.get("/sse", nil)
	r := refusalOf(t, err)
	if r.StatusCode != http.StatusInternalServerError || !strings.Contains(r.body, "cannot be streamed") || r.Header.Get("Content-Type") != "application/json" {
		t.Error(r)
	}
	endsWith(t, w.last(), errNotStreamable)
}

// A writer that panics, as a middleware's may, leaves nothing behind.
func TestSSEWriterPanics(t *testing.T) {
	f := newFake()
	h := NewHTTP(new(Table), f.accept, options())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		h.ServeHTTP(panicWriter{httptest.NewRecorder()}, httptest.NewRequest("GET", "/sse", nil))
	}()
	endsWith(t, f.last(), ErrClientGone)
	if h.table.Len() != 0 || h.streams.running() != 0 {
		t.Error("the session is still there")
	}
}

type panicWriter struct{ http.ResponseWriter }

func (panicWriter) Flush()                    {}
func (panicWriter) Write([]byte) (int, error) { panic("broken pipe") }

// An HTTP/2 connection carries streams and messages side by side.
func TestSSEOverHTTP2(t *testing.T) {
	w := serve(t, options(), nil)
	front := httptest.NewUnstartedServer(w.h)
	front.EnableHTTP2 = true
	front.StartTLS()
	w.url, w.client = front.URL, front.Client()
	s := w.open("/sse", nil)
	if s.res.ProtoMajor != 2 {
		t.Fatal(s.res.Proto)
	}
	s.send(request(1, "big", `[300000]`))
	s.want(result(1, `"`+strings.Repeat("x", 300_000)+`"`))
	p := w.last()
	s.close()
	endsWith(t, p, ErrClientGone)
	front.CloseClientConnections()
	front.Close()
}

package transport

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

func TestPostHeaders(t *testing.T) {
	w := serve(t, options(), nil)
	s := w.open("/sse", nil)
	for _, tt := range []struct {
		header http.Header
		status int
	}{
		{http.Header{"Content-Type": {"application/json"}}, 202},
		{http.Header{"Content-Type": {"Application/JSON; charset=UTF-8"}}, 202},
		{http.Header{"Content-Type": {"application/json; charset=latin1"}}, 415},
		{http.Header{"Content-Type": {"application/json;"}, "Content-Encoding": {"identity"}}, 202},
		{http.Header{"Content-Type": {"text/plain"}}, 415},
		{http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 415},
		{http.Header{"Content-Type": {""}}, 415},
		{http.Header{"Content-Encoding": {"gzip"}}, 415},
		{http.Header{"Content-Encoding": {"br"}}, 415},
		{http.Header{"Accept": {"text/html"}}, 202}, // the answer to a POST has no body
	} {
		r := w.do(http.MethodPost, s.post, `{"jsonrpc":"2.0","method":"note"}`, tt.header)
		if r.StatusCode != tt.status {
			t.Errorf("%v: %v, want %d", tt.header, r, tt.status)
		}
	}
}

func TestAccept(t *testing.T) {
	w := serve(t, options(), nil)
	for accept, ok := range map[string]bool{
		"text/event-stream":                   true,
		"application/json, text/event-stream": true,
		"text/*;q=0.1":                        true,
		"*/*":                                 true,
		"application/json":                    false,
		"text/event-stream;q=0":               false,
		"text/event-stream;q=0.0, text/html":  false,
	} {
		s, err := w.get("/sse", http.Header{"Accept": {accept}})
		if (err == nil) != ok {
			t.Errorf("%s: %v", accept, err)
		}
		if err == nil {
			s.close()
		} else if r := refusalOf(t, err); r.StatusCode != http.StatusNotAcceptable {
			t.Errorf("%s: %v", accept, r)
		}
	}
	w.open("/sse", http.Header{"Accept": nil}).close()
}

func TestRoutes(t *testing.T) {
	w := serve(t, options(), nil)
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"POST", "/sse", 405, "GET, OPTIONS"},
		{"DELETE", "/sse/", 405, "GET, OPTIONS"},
		{"HEAD", "/sse", 405, "GET, OPTIONS"},
		{"GET", "/messages/", 405, "POST, OPTIONS"},
		{"PUT", "/messages", 405, "POST, OPTIONS"},
		{"OPTIONS", "/sse", 204, "GET, OPTIONS"},
		{"OPTIONS", "/messages/", 204, "POST, OPTIONS"},
		{"GET", "/healthz", 200, ""},
		{"GET", "/a/b/healthz/", 200, ""},
		{"GET", "/", 404, ""},
		{"GET", "/ssex", 404, ""},
		{"GET", "/sse//", 404, ""},
		{"GET", "/a%2Fsse", 404, ""}, // a client would look for messages/ elsewhere
		{"POST", "/messages/x", 404, ""},
		{"OPTIONS", "/mcp", 204, "POST, GET, DELETE, OPTIONS"},
		{"PUT", "/a/mcp/", 405, "POST, GET, DELETE, OPTIONS"},
		{"GET", "/mcpx", 404, ""},
		{"GET", "/a%2Fmcp", 404, ""},
		{"POST", "/messages/?session_id=", 404, ""},
		{"POST", "/messages/", 404, ""},
		{"POST", "/messages/?session_id=6f1c37ae-61ff-4a0c-8a0e-0a3f2f4f7c11", 404, ""},
	} {
		r := w.do(tt.method, w.url+tt.path, request(1, "echo", `{}`), nil)
		if r.StatusCode != tt.status || r.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %v, Allow %q", tt.method, tt.path, r, r.Header.Get("Allow"))
		}
		if tt.status < 400 || tt.method == "HEAD" {
			continue
		}
		m, err := jsonrpc.Parse([]byte(r.body))
		if err != nil || m.Error == nil || m.ID != "" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: the body is %s", tt.method, tt.path, r.body)
		}
	}
}

func TestHealth(t *testing.T) {
	w := serve(t, options(), nil)
	if r := w.do(http.MethodGet, w.url+"/healthz", "", nil); r.StatusCode != 200 || r.body != "ok\n" {
		t.Error(r)
	}
	w.h.runs.end()
	if r := w.do(http.MethodGet, w.url+"/healthz", "", nil); r.StatusCode != 503 {
		t.Error(r)
	}
}

// What is no message is answered where its sender looks: on the stream if it has
// an id, else by the POST. The session lives on.
func TestPostInvalid(t *testing.T) {
	w := serve(t, options(), nil)
	s := w.open("/sse", nil)
	for _, tt := range []struct {
		name, body string
		status     int
		code       int
		stream     string // the start of what comes on the stream
	}{
		{name: "no JSON", body: `{"jsonrpc"`, status: 400, code: jsonrpc.CodeParseError},
		{name: "nothing", body: ``, status: 400, code: jsonrpc.CodeParseError},
		{name: "scalar", body: `7`, status: 400, code: jsonrpc.CodeInvalidRequest},
		{name: "no method", body: `{"jsonrpc":"2.0","id":"q"}`, status: 202, stream: `{"jsonrpc":"2.0","id":"q","error":{"code":-32600,`},
		{name: "no version", body: `{"id":5,"method":"m"}`, status: 202, stream: `{"jsonrpc":"2.0","id":5,"error":{"code":-32600,`},
		{name: "null id", body: `{"jsonrpc":"2.0","id":null,"method":"m"}`, status: 400, code: jsonrpc.CodeInvalidRequest},
		{name: "notification with scalar params", body: `{"jsonrpc":"2.0","method":"m","params":1}`, status: 400, code: jsonrpc.CodeInvalidRequest},
		{name: "response that is broken", body: `{"jsonrpc":"2.0","id":9,"error":{}}`, status: 400, code: jsonrpc.CodeInvalidRequest},
		{name: "empty batch", body: ` []`, status: 400, code: jsonrpc.CodeInvalidRequest},
		{name: "broken batch", body: `[{]`, status: 400, code: jsonrpc.CodeParseError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := w.do(http.MethodPost, s.post, tt.body, nil)
			if r.StatusCode != tt.status {
				t.Fatal(r)
			}
			if tt.status == 400 {
				if m, err := jsonrpc.Parse([]byte(r.body)); err != nil || m.ID != "" || m.Error.Code != tt.code {
					t.Error(r)
				}
			} else if e, err := s.next(); err != nil || !strings.HasPrefix(e.data, tt.stream) {
				t.Errorf("on the stream: %v, %v", e, err)
			}
			s.send(request(1, "echo", `{}`))
			s.want(result(1, `{}`))
		})
	}
}

// A Receiver that panics costs its request and nothing else.
func TestReceivePanics(t *testing.T) {
	w := serve(t, options(), nil)
	w.mayPanic = true
	s := w.open("/sse", nil)
	req, err := http.NewRequest(http.MethodPost, s.post, strings.NewReader(request(1, "panic", `{}`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if res, err := w.client.Do(req); err == nil {
		res.Body.Close()
		t.Errorf("the request was answered with %s", res.Status)
	}
	if n, m := w.h.runs.running(), w.last().calls.running(); n != 0 || m != 0 {
		t.Errorf("%d and %d are still counted", n, m)
	}
	s.send(request(2, "echo", `{}`))
	s.want(result(2, `{}`))
}

// A POST that meets the end of its session is refused, not lost.
func TestPostToSessionThatEnds(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		p := w.last()
		if !p.calls.endIdle() { // as the writer does, before it closes the peer
			t.Fatal("the session is not idle")
		}
		if r := w.do(http.MethodPost, s.post, request(1, "echo", `{}`), nil); r.StatusCode != http.StatusNotFound {
			t.Error(r)
		}
		p.Close(ErrIdle)
		synctest.Wait()
		if r := w.do(http.MethodPost, s.post, request(1, "echo", `{}`), nil); r.StatusCode != http.StatusNotFound {
			t.Error(r)
		}
		s.ends()
		if len(w.started) != 0 {
			t.Error("a refused request ran")
		}
		s = w.open("/sse", nil) // one that ends while a message is delivered
		if r := w.do(http.MethodPost, s.post, request(1, "close", `{}`), nil); r.StatusCode != http.StatusNotFound {
			t.Error(r)
		}
		s.ends()
		if w.last().calls.begin() {
			t.Error("a message may begin after the end")
		}
	})
}

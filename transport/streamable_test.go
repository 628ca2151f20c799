package transport

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

const (
	jsonType   = "application/json"
	streamType = "text/event-stream"
)

// TestPostAnswers: what comes back is JSON or a stream, by what the client takes
// and by what is sent.
func TestPostAnswers(t *testing.T) {
	noted := `{"jsonrpc":"2.0","method":"note"}`
	for _, tt := range []struct {
		name, in string
		accept   http.Header
		status   int
		kind     string // of content; "" for no body
		want     string // the body, or the messages of the stream, a line each
	}{
		{name: "result", in: request(1, "echo", `{"a":1}`), accept: takesBoth, status: 200, kind: jsonType, want: result(1, `{"a":1}`)},
		{name: "anything", in: request(1, "echo", `{}`), status: 200, kind: jsonType, want: result(1, `{}`)},
		{name: "wildcard", in: request(1, "echo", `{}`), accept: http.Header{"Accept": {"text/html, */*;q=0.1"}}, status: 200, kind: jsonType, want: result(1, `{}`)},
		{name: "JSON", in: request(1, "echo", `{}`), accept: takesJSON, status: 200, kind: jsonType, want: result(1, `{}`)},
		{name: "stream", in: request(1, "echo", `{}`), accept: takesStream, status: 200, kind: streamType, want: result(1, `{}`)},
		{name: "neither", in: request(1, "echo", `{}`), accept: http.Header{"Accept": {"text/html, application/json;q=0"}}, status: 406, kind: jsonType, want: "*"},
		{name: "several lines", in: request(1, "pretty", `{}`), accept: takesBoth, status: 200, kind: jsonType, want: result(1, pretty)},
		{name: "several lines in a stream", in: request(1, "pretty", `{}`), accept: takesStream, status: 200, kind: streamType, want: result(1, `{   "a": 1,    "b": "x\ny" }`)},
		{name: "progress", in: request(1, "steps", `[2]`), accept: takesBoth, status: 200, kind: streamType, want: step(0, 1) + "\n" + step(1, 1) + "\n" + result(1, `2`)},
		{name: "progress that is dropped", in: request(1, "steps", `[2]`), accept: takesJSON, status: 200, kind: jsonType, want: result(1, `2`)},
		{name: "request", in: request(1, "ask", `{}`), accept: takesBoth, status: 200, kind: streamType, want: `{"jsonrpc":"2.0","id":"q","method":"ask"}` + "\n" + result(1, `false`)},
		{name: "request that cannot be sent", in: request(1, "ask", `{}`), accept: takesJSON, status: 200, kind: jsonType, want: result(1, `true`)},
		{name: "status", in: request(1, "status", `[404]`), accept: takesBoth, status: 404, kind: jsonType, want: result(1, `{}`)},
		{name: "status of an error, stream", in: request(1, "status", `[404]`), accept: takesStream, status: 404, kind: jsonType, want: result(1, `{}`)},
		{name: "status of a success, stream", in: request(1, "status", `[201]`), accept: takesStream, status: 200, kind: streamType, want: result(1, `{}`)},
		{name: "notification", in: noted, accept: takesBoth, status: 202},
		{name: "notification, stream", in: noted, accept: takesStream, status: 202},
		{name: "response", in: `{"jsonrpc":"2.0","id":1,"result":{}}`, accept: takesBoth, status: 202},
		{name: "notification with a status", in: `{"jsonrpc":"2.0","method":"status","params":[400]}`, accept: takesBoth, status: 400},
		{name: "notification with an error", in: `{"jsonrpc":"2.0","method":"nameless"}`, accept: takesStream, status: 400, kind: jsonType, want: `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}`},
		{name: "no answer", in: request(1, "silent", `{}`), accept: takesBoth, status: 200, kind: streamType},
		{name: "no answer, JSON", in: request(1, "silent", `{}`), accept: takesJSON, status: 202},
		{name: "batch", in: "[" + request(1, "echo", `{}`) + "," + noted + "," + request(2, "pretty", `{}`) + "]", accept: takesBoth, status: 200, kind: jsonType, want: "[" + result(1, `{}`) + "," + result(2, pretty) + "]"},
		{name: "batch, stream", in: "[" + request(1, "echo", `{}`) + "]", accept: takesStream, status: 200, kind: streamType, want: "[" + result(1, `{}`) + "]"},
		{name: "batch with progress", in: "[" + request(1, "steps", `[1]`) + "," + request(2, "echo", `{}`) + "]", accept: takesBoth, status: 200, kind: streamType, want: step(0, 1) + "\n[" + result(1, `1`) + "," + result(2, `{}`) + "]"},
		{name: "batch of notifications", in: "[" + noted + "]", accept: takesBoth, status: 202},
		{name: "batch with an invalid element", in: "[1]", accept: takesBoth, status: 200, kind: jsonType, want: "*"},
		{name: "empty batch", in: "[]", accept: takesStream, status: 400, kind: jsonType, want: "*"},
		{name: "no JSON", in: "{", accept: takesBoth, status: 400, kind: jsonType, want: "*"},
		{name: "invalid with an id", in: `{"jsonrpc":"2.0","id":"q","method":""}`, accept: takesStream, status: 400, kind: jsonType, want: `{"jsonrpc":"2.0","id":"q","error":{"code":-32600,"message":"invalid message: \"method\" must be a string that is not empty"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, session := range []bool{false, true} {
				w := serve(t, options(), nil)
				header := tt.accept
				if session {
					header = with(w.beginWith("/mcp", `["plain"]`, nil), "Accept", strings.Join(tt.accept["Accept"], ","))
					if tt.accept == nil {
						header.Del("Accept")
					}
				}
				r := w.post(tt.in, header)
				body := r.body
				if tt.kind == streamType {
					body = w.texts(r, session)
				} else if r.ContentLength != int64(len(r.body)) {
					t.Errorf("the Content-Length is %d, of %d", r.ContentLength, len(r.body))
				}
				if r.StatusCode != tt.status || r.Header.Get("Content-Type") != tt.kind || body != tt.want && tt.want != "*" {
					t.Errorf("session %v: %s, %s\n%s\nwant %d\n%s", session, r.Status, r.Header.Get("Content-Type"), body, tt.status, tt.want)
				}
				if m, err := jsonrpc.Parse([]byte(r.body)); tt.want == "*" && tt.status >= 400 && (err != nil || m.Error == nil) {
					t.Errorf("the body is no error: %s", r.body)
				}
				if tt.kind != "" {
					wantHeaders(t, r)
				}
			}
		})
	}
}

// wantHeaders checks what every body comes with.
func wantHeaders(t *testing.T, r *reply) {
	t.Helper()
	cache, buffering := "no-store", ""
	if r.Header.Get("Content-Type") == streamType {
		cache, buffering = "no-cache, no-transform", "no"
	}
	if h := r.Header; h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != cache || h.Get("X-Accel-Buffering") != buffering {
		t.Errorf("the headers are %v", h)
	}
}

// texts returns the messages of a stream. Outside of a session they have no ids.
func (w *world) texts(r *reply, ids bool) string {
	s := &stream{w: w, r: newReader(r.body)}
	var texts []string
	for {
		e, err := s.next()
		if err != nil {
			return strings.Join(texts, "\n")
		}
		if e.name != "message" || (e.id != "") != ids {
			w.t.Errorf("got %+v", e)
		}
		texts = append(texts, e.data)
	}
}

// TestPostRefused: every refusal has its status, and repeats the id of a request.
func TestPostRefused(t *testing.T) {
	refused := &Refusal{Status: 401, Reason: "who are you", Header: http.Header{"Www-Authenticate": {"Bearer"}}}
	w := serve(t, options(), nil)
	session := w.begin()
	pipe, err := OpenPipe(t.Context(), w.table, w.accept, func([]byte) {}, PipeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	sse := w.open("/sse", nil)
	for _, tt := range []struct {
		name, path, in string
		header         http.Header
		refuse         error
		status         int
		id             jsonrpc.ID
	}{
		{name: "by accept", in: request(7, "echo", `{}`), refuse: refused, status: 401, id: "7"},
		{name: "by accept, a notification", in: `{"jsonrpc":"2.0","method":"note"}`, refuse: refused, status: 401},
		{name: "by accept, a batch", in: "[" + request(7, "echo", `{}`) + "]", refuse: refused, status: 401},
		{name: "a response", in: `{"jsonrpc":"2.0","id":7,"result":{}}`, refuse: refused, status: 401},
		{name: "query", path: "?a=%zz", in: request(7, "echo", `{}`), status: 400, id: "7"},
		{name: "content type", in: request(7, "echo", `{}`), header: http.Header{"Content-Type": {"text/plain"}}, status: 415},
		{name: "unknown session", in: request(7, "echo", `{}`), header: http.Header{"Mcp-Session-Id": {"x"}}, status: 404, id: "7"},
		{name: "a pipe", in: request(7, "echo", `{}`), header: http.Header{"Mcp-Session-Id": {pipe.SessionID()}}, status: 404, id: "7"},
		{name: "an SSE session", in: request(7, "echo", `{}`), header: http.Header{"Mcp-Session-Id": {strings.TrimPrefix(sse.endpoint, "messages/?session_id=")}}, status: 404, id: "7"},
		{name: "another credential", path: "?auth=x", in: request(7, "echo", `{}`), header: session, status: 403, id: "7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.refuse = tt.refuse
			r := w.do(http.MethodPost, w.url+"/mcp"+tt.path, tt.in, tt.header)
			m, err := jsonrpc.Parse([]byte(r.body))
			if r.StatusCode != tt.status || err != nil || m.Error == nil || m.ID != tt.id {
				t.Errorf("%v", r)
			}
			if (tt.refuse != nil) != (r.Header.Get("Www-Authenticate") != "") {
				t.Errorf("the headers are %v", r.Header)
			}
		})
	}
	w.refuse = nil
	if r := w.do(http.MethodPost, w.url+"/messages/?session_id="+session.Get("Mcp-Session-Id"), request(1, "echo", `{}`), nil); r.StatusCode != 404 {
		t.Errorf("a session of streamable HTTP took a message as one of SSE: %v", r)
	}
}

// TestTransient: a message without a session has a connection of its own, with
// the arguments of its own request, that ends with it.
func TestTransient(t *testing.T) {
	o := options()
	o.Alone = func(h http.Header, m *jsonrpc.Message) bool { return h.Get("Alone") != "" && m.Method != "no" }
	w := serve(t, o, nil)
	r := w.do(http.MethodPost, w.url+"/mcp?client_id=me", request(1, "args", `{}`), nil)
	p := w.last()
	if r.body != result(1, `{"client_id":["me"]}`) || r.Header.Get("Mcp-Session-Id") != "" {
		t.Error(r)
	}
	if p.ID != "" || p.Kind != "http" || p.RemoteAddr == "" || p.Header == nil {
		t.Errorf("the peer is %+v", p)
	}
	endsWith(t, p, errServed)
	if opened, closed := w.observed(p); opened != 0 || closed != nil {
		t.Errorf("it was observed: %d, %v", opened, closed)
	}
	if r := w.post(request(1, "notify", `{}`), takesBoth); r.body != result(1, `{}`) || w.noted() != "true" {
		t.Errorf("%v, noted %s", r, w.noted())
	}
	if r := w.post(request(1, "late", `{}`), takesBoth); r.body != result(1, `{}`) || w.noted() != "true true" {
		t.Errorf("%v, noted %s", r, w.noted())
	}

	for _, header := range []http.Header{takesBoth, takesStream} {
		w.notes = nil
		if r := w.post(request(1, "twice", `{}`), header); strings.Count(r.body, "result") != 1 || w.noted() != errServed.Error() {
			t.Errorf("%v, noted %s", r, w.noted())
		}
	}

	session := w.beginWith("/mcp?client_id=session", `{}`, nil)
	if r := w.do(http.MethodPost, w.url+"/mcp?client_id=me", request(1, "args", `{}`), session); r.body != result(1, `{"client_id":["session"]}`) {
		t.Error("in the session: ", r)
	}
	session.Set("Alone", "1")
	if r := w.do(http.MethodPost, w.url+"/mcp?client_id=me", request(1, "args", `{}`), session); r.body != result(1, `{"client_id":["me"]}`) {
		t.Error("alone: ", r)
	}
	if r := w.post(request(1, "keep", `{}`), session); r.body != result(1, `{}`) || r.Header.Get("Mcp-Session-Id") != "" {
		t.Error("a message that stands alone was kept: ", r)
	}
	if r := w.post("["+request(1, "args", `{}`)+"]", session); r.body != "["+result(1, `{"client_id":["session"]}`)+"]" {
		t.Error("a batch stood alone: ", r)
	}
	if n := w.table.Len(); n != 1 {
		t.Errorf("%d connections are open", n)
	}
}

// TestTransientLeaves: a client that goes away cancels its request.
func TestTransientLeaves(t *testing.T) {
	for _, method := range []string{"gated", "detached"} {
		w := serve(t, options(), nil)
		s, cancel := w.leaving(request(1, method, `[5]`), takesBoth)
		<-w.started
		found := false
		for p := range w.table.All() {
			found = found || p == w.last()
		}
		if !found || w.table.find("") != nil || w.table.Len() != 1 {
			t.Error("the connection is not in the table, or can be found there")
		}
		cancel()
		<-s
		endsWith(t, w.last(), ErrClientGone)
		<-w.started // it has ended
		if w.noted() != ErrClientGone.Error() {
			t.Errorf("noted %s", w.noted())
		}
	}
}

// TestTransientStreamLeaves is the same with a stream that has begun.
func TestTransientStreamLeaves(t *testing.T) {
	w := serve(t, options(), nil)
	s := w.callAsync(request(1, "gated", `[5]`), takesBoth)
	w.release <- struct{}{}
	stream := <-s
	stream.want(step(0, 1))
	stream.close()
	endsWith(t, w.last(), ErrClientGone)
}

func TestNoSessions(t *testing.T) {
	o := options()
	o.NoSessions = true
	w := serve(t, o, nil)
	if r := w.post(request(1, "keep", `{}`), with(nil, "Mcp-Session-Id", "x")); r.body != result(1, `{}`) || r.Header.Get("Mcp-Session-Id") != "" {
		t.Error(r)
	}
	for _, method := range []string{"GET", "DELETE", "PUT"} {
		r := w.do(method, w.url+"/mcp", "", with(takesStream, "Mcp-Session-Id", "x"))
		if r.StatusCode != 405 || r.Header.Get("Allow") != "POST, OPTIONS" {
			t.Errorf("%s: %v", method, r)
		}
	}
	if w.table.Len() != 0 {
		t.Error("a connection was kept")
	}
}

// A middleware that cannot be flushed leaves JSON.
func TestPostThatCannotStream(t *testing.T) {
	w := serve(t, options(), func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
		})
	})
	if r := w.post(request(1, "steps", `[2]`), takesBoth); r.body != result(1, `2`) || r.Header.Get("Content-Type") != jsonType {
		t.Error(r)
	}
	if r := w.post(request(1, "steps", `[2]`), takesStream); r.StatusCode != 500 {
		t.Error(r)
	}
	session := with(w.begin(), "Accept", streamType)
	if _, err := w.get("/mcp", session); refusalOf(t, err).StatusCode != 500 {
		t.Error(err)
	}
}

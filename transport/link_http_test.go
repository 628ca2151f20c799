package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

const note = `{"jsonrpc":"2.0","method":"note"}`

// What comes back for a request is heard, or it is lost.
func TestHTTPLinkResponses(t *testing.T) {
	failure := `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}`
	for _, tt := range []struct {
		name   string
		status int
		typ    string
		body   string
		heard  []string
		lost   string // part of the error
		rpc    string // the message of the JSON-RPC error in it
	}{
		{name: "answer", body: result(1, `{}`), heard: []string{result(1, `{}`)}},
		{name: "failure", body: failure, heard: []string{failure}},
		{name: "batch", body: "[" + note + "," + result(1, `[2]`) + "]", heard: []string{note, result(1, `[2]`)}},
		{name: "stream", typ: "text/event-stream; charset=utf-8", body: ": hi\n\n" + data("", note) + data("7", result(1, `{}`)), heard: []string{note, result(1, `{}`)}},
		{name: "stream of a batch", typ: "text/event-stream", body: data("", "["+note+","+result(1, `{}`)+"]"), heard: []string{note, result(1, `{}`)}},
		{name: "stream with lines", typ: "text/event-stream", body: "data: {\"jsonrpc\":\"2.0\",\ndata: \"method\":\"note\"}\r\n\r\n" + data("", result(1, `{}`)), heard: []string{note, result(1, `{}`)}},
		{name: "answered twice", typ: "text/event-stream", body: data("", result(1, `{}`)) + data("", result(1, `{}`)) + data("", note), heard: []string{result(1, `{}`), note}},
		{name: "other event", typ: "text/event-stream", body: "event: other\ndata: " + note + "\n\n" + data("", result(1, `{}`)), heard: []string{result(1, `{}`)}},
		{name: "no message on the way", typ: "text/event-stream", body: data("", "hi") + data("", result(1, `{}`)), heard: []string{result(1, `{}`)}},
		{name: "invalid answer", body: `{"jsonrpc":"2.0","id":1,"error":7}`, heard: []string{`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid message: \"error\" must be an object with an integer \"code\" and a string \"message\""}}`}},
		{name: "error status with the id", status: 404, body: failure, heard: []string{failure}},
		{name: "error status, id null", status: 400, body: strings.Replace(failure, `"id":1`, `"id":null`, 1), lost: "400 Bad Request: no such method", rpc: "no such method"},
		{name: "error status, no id", status: 400, body: strings.Replace(failure, `"id":1,`, ``, 1), lost: "400 Bad Request: no such method", rpc: "no such method"},
		{name: "error status, id of another", status: 400, body: strings.Replace(failure, `"id":1`, `"id":2`, 1), lost: "400", rpc: "no such method"},
		{name: "error of another kind", status: 401, body: `{"error":"invalid_token"}`, lost: `401 Unauthorized: {"error":"invalid_token"}`},
		{name: "error in words", status: 503, typ: "text/plain", body: "come\nback  later " + strings.Repeat("é", 200), lost: "503 Service Unavailable: come back later é"},
		{name: "error page", status: 502, typ: "text/html", body: "<html>oops", lost: "502 Bad Gateway"},
		{name: "taken", status: 202, typ: "-", lost: "as if it were a notification: the server answered 202 Accepted"},
		{name: "empty", status: 204, typ: "-", lost: "as if it were a notification: the server answered 204"},
		{name: "page", typ: "text/html", body: "<html>", lost: `"text/html", neither JSON nor an event stream; is this the URL of an MCP server?`},
		{name: "untyped", typ: "-", body: result(1, `{}`), lost: `neither JSON nor`},
		{name: "no JSON", body: "{", lost: "the response is not a message"},
		{name: "answer to another", body: result(2, `{}`), heard: []string{result(2, `{}`)}, lost: "holds no answer"},
		{name: "too long", body: result(1, `"`+strings.Repeat("x", 9000)+`"`), lost: "longer than the limit of 9000 bytes: see LinkOptions.Message"},
		{name: "too long in a stream", typ: "text/event-stream", body: data("1", result(1, `"`+strings.Repeat("x", 9000)+`"`)), lost: "longer than the limit of 9000 bytes"},
		{name: "stream without an answer", typ: "text/event-stream", body: data("", note), heard: []string{note}, lost: "the server ended the stream without an answer"},
		{name: "stream of no message", typ: "text/event-stream", body: data("", "hi"), lost: "the server ended the stream without an answer (what came was not a message"},
		{name: "stream with half an answer", typ: "text/event-stream", body: "data: " + result(1, `{}`) + "\n", lost: "the server ended the stream without an answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.typ == "" {
					tt.typ = "application/json"
				}
				w.Header()["Content-Type"] = []string{tt.typ}
				if tt.typ == "-" {
					w.Header()["Content-Type"] = nil
				}
				w.WriteHeader(max(tt.status, 200))
				fmt.Fprint(w, tt.body)
			})
			l := f.dial("/mcp", LinkOptions{Message: 9000})
			f.send(l, request(1, "m", `{}`))
			for _, text := range tt.heard {
				f.want(about("1", text))
			}
			if tt.lost != "" {
				err := await(t, f.lost)
				if !strings.Contains(err.Error(), tt.lost) {
					t.Errorf("lost with %v, want %s", err, tt.lost)
				}
				if len(err.Error()) > 400 {
					t.Errorf("an error of %d bytes: %v", len(err.Error()), err)
				}
				status, _ := errors.AsType[*StatusError](err)
				if tt.status != 0 && (status == nil || status.Status != tt.status || status.Ended) {
					t.Errorf("lost with %#v, want the status %d", err, tt.status)
				}
				rpc, _ := errors.AsType[*jsonrpc.Error](err)
				if (rpc != nil) != (tt.rpc != "") || rpc != nil && tt.rpc != "" && rpc.Message != tt.rpc {
					t.Errorf("the error in it is %v, want %q", rpc, tt.rpc)
				}
			}
			l.Close()
			f.silent()
			f.ears.t = t
			f.lost.none(t)
		})
	}
}

// What a request says in its header, in a session and alone.
func TestHTTPLinkHeader(t *testing.T) {
	headers := make(chan http.Header, 1)
	f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header
		switch body := body(r); {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case strings.Contains(body, "id"):
			w.Header().Set("Mcp-Session-Id", "s-"+r.Header.Get("X-Nth"))
			answerJSON(w, 200, result(1, `{}`))
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	})
	h := http.Header{"Authorization": {"Bearer x"}}
	l := f.dial("/mcp", LinkOptions{Header: h})
	h.Set("Authorization", "changed")
	expect := func(session, version string, more ...string) {
		t.Helper()
		got := await(t, headers)
		for name, want := range map[string]string{
			"Accept": "application/json, text/event-stream", "Content-Type": "application/json", "Authorization": "Bearer x",
			"Mcp-Session-Id": session, "Mcp-Protocol-Version": version, "X-Nth": strings.Join(more, ""),
		} {
			if got.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, got.Get(name), want)
			}
		}
	}
	send := func(text, nth string, alone bool) {
		t.Helper()
		o := f.lost.lose(t, text)
		o.Alone, o.Header = alone, http.Header{"x-nth": {nth}}
		if err := l.Send(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if o.Message.IsRequest() {
			f.want(about("1", result(1, `{}`)))
		}
	}
	send(request(1, "m", `{}`), "0", true)
	expect("", "", "0")
	if l.SessionID() != "" {
		t.Errorf("a request that stands alone began the session %q", l.SessionID())
	}
	send(request(1, "m", `{}`), "1", false)
	expect("", "", "1")
	l.SetHeader("Mcp-Protocol-Version", "2025-11-25")
	for range 2 { // the first session is the one
		send(request(1, "m", `{}`), "2", false)
		expect("s-1", "2025-11-25", "2")
	}
	send(note, "3", false)
	expect("s-1", "2025-11-25", "3")
	send(request(1, "m", `{}`), "4", true)
	expect("", "", "4")
	if l.SessionID() != "s-1" || l.Kind() != "http" {
		t.Errorf("session %q of kind %s", l.SessionID(), l.Kind())
	}
	l.Close()
	got := await(t, headers)
	if got.Get("Mcp-Session-Id") != "s-1" || got.Get("Mcp-Protocol-Version") != "2025-11-25" || got.Get("Authorization") != "Bearer x" {
		t.Errorf("the session is ended with %v", got)
	}
}

// A notification or a response that is refused is an error of Send.
func TestHTTPLinkTell(t *testing.T) {
	status := 0
	f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
		switch status {
		case 404:
			w.Header().Set("Mcp-Session-Id", "x") // that of a refusal begins nothing
		case -1:
			eventStream(w)
			<-r.Context().Done() // the client does not read it
			return
		}
		answerJSON(w, status, `{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"}}`)
	})
	l := f.dial("/mcp", LinkOptions{})
	for status = range map[int]bool{200: true, 202: true, 204: true} {
		f.send(l, note)
		f.send(l, result(3, `{}`))
	}
	for status = range map[int]bool{400: true, 404: true, 500: true} {
		err := l.Send(t.Context(), &Outbound{Message: message(t, note)})
		e, _ := errors.AsType[*StatusError](err)
		rpc, _ := errors.AsType[*jsonrpc.Error](err)
		if e == nil || e.Status != status || e.Ended || rpc == nil || rpc.Code != -32000 {
			t.Errorf("%d: %v", status, err)
		}
	}
	status = -1 // a stream
	f.send(l, note)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Send(ctx, &Outbound{Message: message(t, note)}); err != context.Canceled {
		t.Errorf("sent with %v when the context had ended", err)
	}
}

// A session that the server has ended is told, and not ended again.
func TestHTTPLinkSessionEnded(t *testing.T) {
	f := newRemote(t, steps(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Mcp-Session-Id", "x")
		answerJSON(w, 200, result(1, `{}`))
	}, func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, 404, `{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}`)
	}))
	l := f.dial("/mcp", LinkOptions{})
	f.send(l, request(1, "m", `{}`))
	f.want(about("1", result(1, `{}`)))
	f.send(l, request(2, "m", `{}`))
	if e, _ := errors.AsType[*StatusError](await(t, f.lost)); e == nil || !e.Ended {
		t.Errorf("lost with %#v", e)
	}
	if err := l.Close(); err != nil || l.Err() != nil {
		t.Errorf("closed with %v and %v", err, l.Err())
	}
}

// A server asks in the response to a request, and is answered in the session or
// alone, as the request was.
func TestHTTPLinkIsAsked(t *testing.T) {
	for _, alone := range []bool{false, true} {
		answers := make(chan string, 1)
		f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
			text := body(r)
			switch {
			case r.Method == http.MethodDelete:
			case strings.Contains(text, "begin"):
				w.Header().Set("Mcp-Session-Id", "x")
				answerJSON(w, 200, result(1, `{}`))
			case strings.Contains(text, "method"):
				write := eventStream(w)
				write(data("", note))
				write(data("", request(9, "ask", `{}`)))
				write(data("", result(2, await(t, answers))))
			default:
				w.WriteHeader(http.StatusAccepted)
				answers <- fmt.Sprintf("[%q,%s]", r.Header.Get("Mcp-Session-Id"), text)
			}
		})
		l := f.dial("/mcp", LinkOptions{})
		f.send(l, request(1, "begin", `{}`))
		f.want(about("1", result(1, `{}`)))
		o := f.lost.lose(t, request(2, "m", `{}`))
		o.Alone = alone
		if err := l.Send(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		session := "x"
		if alone {
			session = ""
		}
		f.want(about("2", note), about("2", request(9, "ask", `{}`)), about("2", result(2, fmt.Sprintf("[%q,%s]", session, result(9, `{}`)))))
		if err := await(t, f.sent); err != nil {
			t.Error(err)
		}
	}
}

// The end of the context hangs up for a request that stands alone, whatever it
// waits for. For another it bounds the sending.
func TestHTTPLinkAlone(t *testing.T) {
	for name, begin := range map[string]func(w http.ResponseWriter){
		"no response": func(http.ResponseWriter) {},
		"half an answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"jsonrpc":`)
			_ = http.NewResponseController(w).Flush()
		},
		"stream": func(w http.ResponseWriter) { eventStream(w)(data("3", note)) },
	} {
		t.Run(name, func(t *testing.T) {
			begun, left := make(chan struct{}), make(chan struct{})
			f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
				body(r)
				begin(w)
				close(begun)
				<-r.Context().Done()
				close(left)
			})
			l := f.dial("/mcp", LinkOptions{})
			ctx, cancel := context.WithCancelCause(t.Context())
			o := f.lost.lose(t, request(1, "m", `{}`))
			o.Alone = true
			if err := l.Send(ctx, o); err != nil {
				t.Fatal(err)
			}
			await(t, begun)
			why := errors.New("no longer wanted")
			cancel(why)
			await(t, left)
			f.lost.want(t, why)
		})
	}
	t.Run("in a session", func(t *testing.T) {
		release := make(chan struct{})
		f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
			<-release
			answerJSON(w, 200, result(1, `{}`))
		})
		l := f.dial("/mcp", LinkOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		if err := l.Send(ctx, f.lost.lose(t, request(1, "m", `{}`))); err != nil {
			t.Fatal(err)
		}
		cancel()
		close(release)
		f.want(about("1", result(1, `{}`)))
	})
}

// Close ends what waits, and the session. Each request has the whole URL: its query
// may hold the credential that the session was opened with.
func TestHTTPLinkClose(t *testing.T) {
	deleted := make(chan string, 1)
	f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
		text := body(r)
		if r.URL.RequestURI() != "/k/A/mcp?auth=B" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		w.Header().Set("Mcp-Session-Id", "x")
		switch {
		case r.Method == http.MethodDelete:
			deleted <- r.Header.Get("Mcp-Session-Id")
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.Method == http.MethodGet, strings.Contains(text, "stream"):
			eventStream(w)(data("1", note))
			<-r.Context().Done()
		case strings.Contains(text, "wait"):
			<-r.Context().Done()
		default:
			answerJSON(w, 200, result(1, `{}`))
		}
	})
	l := f.dial("/k/A/mcp?auth=B", LinkOptions{})
	f.send(l, request(1, "m", `{}`))
	f.want(about("1", result(1, `{}`)))
	if err := l.Listen(t.Context(), func(err error) { t.Errorf("the stream is lost: %v", err) }); err != nil {
		t.Fatal(err)
	}
	f.want(about("", note))
	f.send(l, request(2, "stream", `{}`))
	f.want(about("2", note))
	f.send(l, request(3, "wait", `{}`))
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			<-l.Done()
		})
	}
	closing.Wait()
	if got := await(t, deleted); got != "x" {
		t.Errorf("the session %q was ended", got)
	}
	f.lost.want(t, ErrClosed)
	f.lost.want(t, ErrClosed)
	if l.Err() != nil || l.Send(t.Context(), f.lost.lose(t, note)) != ErrClosed || l.Listen(t.Context(), nil) != ErrClosed {
		t.Errorf("it is not closed: %v", l.Err())
	}
	f.lost.none(t)
	f.silent()
}

// What cannot be sent is an error of Send, and only that.
func TestHTTPLinkNotSent(t *testing.T) {
	f := newRemote(t, func(http.ResponseWriter, *http.Request) {})
	l := f.dial("/mcp?key=secret", LinkOptions{})
	f.Close()
	for _, text := range []string{note, request(1, "m", `{}`)} {
		err := l.Send(t.Context(), f.lost.lose(t, text))
		if err == nil || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
	f.lost.none(t)
}

// Requests that are sent one after the other arrive one after the other, and many
// at once are all answered.
func TestHTTPLinkOrder(t *testing.T) {
	var mu sync.Mutex
	var arrived []string
	all := make(chan struct{})
	const n = 200
	f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
		m := message(t, body(r))
		mu.Lock()
		arrived = append(arrived, string(m.ID))
		if len(arrived) == n {
			close(all)
		}
		mu.Unlock()
		<-all // none is answered before all have come
		answerJSON(w, 200, string((&jsonrpc.Message{ID: m.ID, Result: []byte("1")}).Append(nil)))
	})
	l := f.dial("/mcp", LinkOptions{})
	var sending sync.WaitGroup
	for i := range n {
		sending.Go(func() {
			if err := l.Send(t.Context(), f.lost.lose(t, request(i, "m", `{}`))); err != nil {
				t.Error(err)
			}
		})
	}
	sending.Wait()
	seen := make(map[string]bool)
	for range n {
		seen[await(t, f.heard)] = true
	}
	if len(seen) != n {
		t.Errorf("%d different answers to %d requests", len(seen), n)
	}
	f.lost.none(t)
}

// The same over HTTP/2, where all share one connection.
func TestHTTPLinkHTTP2(t *testing.T) {
	f := &remote{t: t, ears: newEars(t), lost: make(losses, 10)}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("by %s", r.Proto)
		}
		eventStream(w)(data("", note) + data("", result(1, `{}`)))
	}))
	f.EnableHTTP2 = true
	f.StartTLS()
	t.Cleanup(f.Close)
	l := f.dial("/mcp", LinkOptions{Client: f.Client()})
	for range 3 {
		f.send(l, request(1, "m", `{}`))
		f.want(about("1", note), about("1", result(1, `{}`)))
	}
}

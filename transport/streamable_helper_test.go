package transport

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// streamable answers by method, what streamable HTTP has beside the rest:
//
//	keep      {}, once the connection is kept; "plain" in the params is without priming
//	early     as keep, but Receive keeps it
//	keepLate  as keep, when it is released, after a notification
//	keepSlow  as keep, when it is released
//	untilClosing  a notification, and {} when the connection takes nothing new
//	steps     n notifications, then n, of the params [n]
//	gated     the same, each when it is released
//	detached  the same on a goroutine of its own; a release of "suspend" is no step
//	ask       what Send says of a request to the client
//	late      {}, then a notification, whose error is noted
//	twice     {}, and again, whose error is noted
//	silent    nothing
//	quiet     a notification, and when it is released nothing
//	nameless  an error without an id
//	status    {} or, as a notification, nothing, with the status [n]
//	notify    {}, after Peer.Notify and Peer.Send
func (s fakeSession) streamable(ctx context.Context, x *Exchange) (run func(), ok bool) {
	m := &x.Message
	send := func(m *jsonrpc.Message) error { return x.Reply.Send(s.p.Context(), m) }
	answer := func(result string) {
		_ = send(&jsonrpc.Message{ID: m.ID, Result: []byte(result)})
	}
	switch m.Method {
	case "keep":
		return func() { s.keep(m); answer(`{}`) }, true
	case "early":
		s.keep(m)
		return func() { answer(`{}`) }, true
	case "keepLate":
		return func() {
			_ = send(&jsonrpc.Message{Method: "begun"})
			<-s.f.release
			s.keep(m)
			answer(`{}`)
		}, true
	case "keepSlow":
		return func() { <-s.f.release; s.keep(m); answer(`{}`) }, true
	case "untilClosing":
		return func() {
			_ = send(&jsonrpc.Message{Method: "begun"})
			<-s.p.Closing()
			answer(`{}`)
		}, true
	case "steps", "gated", "detached":
		x.Detach = m.Method == "detached"
		return func() { s.steps(ctx, x); s.f.started <- "stepped" }, true
	case "ask":
		return func() {
			answer(fmt.Sprintf("%t", errors.Is(send(&jsonrpc.Message{ID: `"q"`, Method: "ask"}), ErrNoStream)))
		}, true
	case "late":
		return func() { answer(`{}`); s.note(fmt.Sprint(send(&jsonrpc.Message{Method: "late"}) != nil)) }, true
	case "twice":
		return func() { answer(`{}`); s.note(fmt.Sprint(send(&jsonrpc.Message{ID: m.ID}))) }, true
	case "quiet":
		return func() { _ = send(&jsonrpc.Message{Method: "begun"}); <-s.f.release }, true
	case "silent":
		return func() {}, true
	case "nameless":
		return func() { _ = send(&jsonrpc.Message{Error: jsonrpc.Errorf(-32600, "no")}) }, true
	case "status":
		x.Status = count(m)
		if m.IsNotification() {
			return nil, true
		}
		return func() { answer(`{}`) }, true
	case "notify":
		return func() {
			s.p.Notify(&jsonrpc.Message{Method: "changed"})
			s.note(fmt.Sprint(s.p.Send(ctx, &jsonrpc.Message{Method: "changed"}) == ErrNoStream))
			answer(`{}`)
		}, true
	}
	return nil, false
}

func (s fakeSession) keep(m *jsonrpc.Message) {
	if err := s.p.Keep(!strings.Contains(string(m.Params), "plain")); err != nil {
		s.note(err.Error())
	}
}

func (s fakeSession) note(text string) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.notes = append(s.f.notes, text)
}

func count(m *jsonrpc.Message) int {
	var n [1]int
	if err := json.Unmarshal(m.Params, &n); err != nil {
		panic(err)
	}
	return n[0]
}

// suspend released instead of nothing suspends the stream of detached.
var suspend = time.Millisecond

func (s fakeSession) steps(ctx context.Context, x *Exchange) {
	s.f.started <- x.Message.Method
	n := count(&x.Message)
	for i := range n {
		if x.Message.Method != "steps" {
			select {
			case <-s.f.release:
			case <-ctx.Done():
				s.note(context.Cause(ctx).Error())
				return
			}
		}
		if x.Message.Method == "detached" && i%2 == 0 {
			s.note(fmt.Sprint(x.Reply.(Suspender).Suspend(suspend)))
			continue
		}
		step := &jsonrpc.Message{Method: "step", Params: fmt.Appendf(nil, "[%d,\n%s]", i, x.Message.ID)}
		if err := x.Reply.Send(s.p.Context(), step); err != nil {
			s.note(err.Error())
			return
		}
	}
	if x.Message.Method != "steps" {
		<-s.f.release
	}
	_ = x.Reply.Send(s.p.Context(), &jsonrpc.Message{ID: x.Message.ID, Result: fmt.Appendf(nil, "%d", n)})
}

// step is the notification that steps sends for a request.
func step(i, id int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":"step","params":[%d, %d]}`, i, id)
}

// How a client says what it takes.
var (
	takesBoth   = http.Header{"Accept": {"application/json, text/event-stream"}}
	takesJSON   = http.Header{"Accept": {"application/json"}}
	takesStream = http.Header{"Accept": {"text/event-stream"}}
)

// with returns a header with more in it.
func with(h http.Header, pairs ...string) http.Header {
	h = h.Clone()
	if h == nil {
		h = make(http.Header)
	}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// post posts a message to the streamable HTTP endpoint.
func (w *world) post(body string, header http.Header) *reply {
	w.t.Helper()
	return w.do(http.MethodPost, w.url+"/mcp", body, header)
}

// begin begins a session, and returns the header that its requests have.
func (w *world) begin() http.Header {
	w.t.Helper()
	return w.beginWith("/mcp", `{}`, nil)
}

func (w *world) beginWith(path, params string, header http.Header) http.Header {
	w.t.Helper()
	r := w.do(http.MethodPost, w.url+path, request(0, "keep", params), header)
	id := r.Header.Get("Mcp-Session-Id")
	if r.StatusCode != http.StatusOK || id == "" || r.body != result(0, `{}`) || w.last().ID != id {
		w.t.Fatalf("%v, session %q: %v", r, id, w.noted())
	}
	return with(header, "Mcp-Session-Id", id)
}

// call posts a message that is answered with a stream.
func (w *world) call(body string, header http.Header) *stream {
	w.t.Helper()
	s, err := w.stream(http.MethodPost, "/mcp", body, with(header, "Content-Type", "application/json"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.close)
	return s
}

// listen opens the session's own stream, or with an id resumes one.
func (w *world) listen(header http.Header, lastID string) *stream {
	w.t.Helper()
	if lastID != "" {
		header = with(header, "Last-Event-ID", lastID)
	}
	s, err := w.get("/mcp", header)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.close)
	return s
}

// must reads an event that is no comment.
func (s *stream) must() seen {
	s.w.t.Helper()
	for {
		e, err := s.next()
		if err != nil {
			s.w.t.Fatal(err)
		}
		if e.name != "comment" {
			return e
		}
	}
}

// wantEvent reads an event with an id.
func (s *stream) wantEvent(id, text string) {
	s.w.t.Helper()
	if e := s.must(); e != (seen{name: "message", data: text, id: id, hasData: true}) {
		s.w.t.Fatalf("got %+v, want %s %s", e, id, text)
	}
}

// primed reads the event that a stream begins with.
func (s *stream) primed(id string) {
	s.w.t.Helper()
	if e := s.must(); e != (seen{id: id, hasData: true}) {
		s.w.t.Fatalf("got %+v, want an event %s without data", e, id)
	}
}

func newReader(text string) *bufio.Reader { return bufio.NewReader(strings.NewReader(text)) }

// leaving posts a message for a client that leaves when leave is called; done is
// closed when it has left.
func (w *world) leaving(body string, header http.Header) (done <-chan struct{}, leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/mcp", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header = with(header, "Content-Type", "application/json")
	left := make(chan struct{})
	go func() {
		defer close(left)
		res, err := w.client.Do(req)
		if err == nil {
			res.Body.Close()
			w.t.Errorf("the client was answered: %s", res.Status)
		}
	}()
	return left, cancel
}

// callAsync is call for an answer that does not come at once.
func (w *world) callAsync(body string, header http.Header) <-chan *stream {
	opened := make(chan *stream, 1)
	go func() {
		s, err := w.stream(http.MethodPost, "/mcp", body, with(header, "Content-Type", "application/json"))
		if err != nil {
			w.t.Error(err)
			close(opened)
			return
		}
		w.t.Cleanup(s.close)
		opened <- s
	}()
	return opened
}

// awaitStart waits until a method runs.
func (w *world) awaitStart(method string) {
	for started := range w.started {
		if started == method {
			return
		}
	}
}

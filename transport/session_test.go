package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

func TestSession(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.beginWith("/mcp?client_id=me", `{}`, nil)
	p := w.last()
	if p.Kind != "http" || p.Args.Get("client_id") != "me" || w.table.find(p.ID) != p {
		t.Errorf("the peer is %+v", p)
	}
	if r := w.post(request(1, "args", `{}`), session); r.body != result(1, `{"client_id":["me"]}`) || r.Header.Get("Mcp-Session-Id") != "" {
		t.Error(r)
	}
	if r := w.post(request(1, "keep", `{}`), session); r.body != result(1, `{}`) || w.last() != p {
		t.Error("kept twice: ", r)
	}
	if opened, closed := w.observed(p); opened != 1 || closed != nil {
		t.Errorf("observed: %d, %v", opened, closed)
	}
	if r := w.do(http.MethodDelete, w.url+"/mcp", "", session); r.StatusCode != 204 || r.body != "" {
		t.Error(r)
	}
	endsWith(t, p, ErrDeleted)
	if _, closed := w.observed(p); len(closed) != 1 || closed[0] != ErrDeleted {
		t.Errorf("observed: %v", closed)
	}
	for _, method := range []string{"POST", "GET", "DELETE"} {
		if r := w.do(method, w.url+"/mcp", request(1, "echo", `{}`), session); r.StatusCode != 404 || !strings.Contains(r.body, "initialize again") {
			t.Errorf("%s after the end: %v", method, r)
		}
	}
}

// TestSessionEndpoint: what GET and DELETE refuse.
func TestSessionEndpoint(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	for _, tt := range []struct {
		name, method string
		header       http.Header
		status       int
	}{
		{"no id", "GET", nil, 400},
		{"no id", "DELETE", nil, 400},
		{"unknown id", "GET", with(nil, "Mcp-Session-Id", "x"), 404},
		{"unknown id", "DELETE", with(nil, "Mcp-Session-Id", "x"), 404},
		{"JSON alone", "GET", with(session, "Accept", jsonType), 406},
		{"another method", "PUT", session, 405},
		{"another method", "HEAD", session, 405},
	} {
		r := w.do(tt.method, w.url+"/mcp", "", tt.header)
		if r.StatusCode != tt.status || tt.status == 405 && r.Header.Get("Allow") != "POST, GET, DELETE, OPTIONS" {
			t.Errorf("%s, %s: %v", tt.name, tt.method, r)
		}
	}
}

// TestSessionCaller: every request comes from whoever began the session.
func TestSessionCaller(t *testing.T) {
	bearer := func(token string) http.Header { return with(nil, "Authorization", "Bearer "+token) }
	for _, tt := range []struct {
		name, begin, path string
		began, now        http.Header
		status            int // 0 if it is served
	}{
		{name: "nobody", begin: "/mcp", path: "/mcp"},
		{name: "header again", begin: "/mcp", began: bearer("A"), path: "/mcp", now: bearer("A")},
		{name: "header missing", begin: "/mcp", began: bearer("A"), path: "/mcp", status: 401},
		{name: "header differs", begin: "/mcp", began: bearer("A"), path: "/mcp", now: bearer("B"), status: 403},
		{name: "header of nobody's", begin: "/mcp", path: "/mcp", now: bearer("B"), status: 403},
		{name: "query again", begin: "/mcp?auth=A", path: "/mcp?auth=A"},
		{name: "query missing", begin: "/mcp?auth=A", path: "/mcp", status: 401},
		{name: "query, then header", begin: "/mcp?auth=A", path: "/mcp", now: bearer("A")},
		{name: "header, then query", begin: "/mcp", began: bearer("A"), path: "/mcp?auth=A", status: 401},
		{name: "query differs", begin: "/mcp?auth=A", path: "/mcp?auth=B", status: 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(t, options(), nil)
			id := w.beginWith(tt.begin, `{}`, tt.began).Get("Mcp-Session-Id")
			header := with(tt.now, "Mcp-Session-Id", id)
			want := func(method string, got *reply, served int) {
				t.Helper()
				if tt.status != 0 {
					served = tt.status
				}
				if got.StatusCode != served {
					t.Errorf("%s: %v, want %d", method, got, served)
				}
			}
			want("POST", w.do("POST", w.url+tt.path, request(1, "echo", `{}`), header), 200)
			if s, err := w.get(tt.path, header); err != nil {
				want("GET", refusalOf(t, err), 200)
			} else {
				s.close()
				want("GET", &reply{Response: s.res}, 200)
			}
			want("DELETE", w.do("DELETE", w.url+tt.path, "", header), 204)
			if (tt.status == 0) != (w.last().Context().Err() != nil) {
				t.Error("a request that was refused ended the session, or the other way round")
			}
		})
	}
}

// TestDeleteDuringCall: DELETE cancels what is under way and ends the streams.
func TestDeleteDuringCall(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	own := w.listen(session, "")
	opening := w.callAsync(request(1, "gated", `[2]`), session)
	w.release <- struct{}{}
	s := <-opening
	s.primed("1-0")
	s.wantEvent("1-1", step(0, 1))
	w.last().Notify(&jsonrpc.Message{Method: "last"})
	if r := w.do(http.MethodDelete, w.url+"/mcp", "", session); r.StatusCode != 204 {
		t.Error(r)
	}
	own.primed("0-0")
	own.wantEvent("0-1", `{"jsonrpc":"2.0","method":"last"}`) // was queued before
	own.ends()
	s.ends()
	if w.noted() != ErrDeleted.Error() {
		t.Errorf("noted %s", w.noted())
	}
	if err := w.last().Send(t.Context(), &jsonrpc.Message{Method: "late"}); err != ErrDeleted {
		t.Errorf("Send after the end: %v", err)
	}
}

// TestObserver: each connection that lasts is observed to open and to end once,
// with the cause, in whatever way it ends.
func TestObserver(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cause error
		run   func(w *world)
	}{
		{"deleted", ErrDeleted, func(w *world) {
			w.do(http.MethodDelete, w.url+"/mcp", "", w.begin())
		}},
		{"idle", ErrIdle, func(w *world) {
			w.begin()
			time.Sleep(24 * time.Hour)
		}},
		{"expired", ErrExpired, func(w *world) {
			session := w.begin()
			for range 8 {
				time.Sleep(21 * time.Hour)
				w.post(request(1, "echo", `{}`), session)
			}
			time.Sleep(time.Hour)
		}},
		{"shutdown", ErrShutdown, func(w *world) {
			w.begin()
			if err := w.h.Shutdown(context.Background()); err != nil {
				w.t.Error(err)
			}
		}},
		{"closed", ErrSlowReader, func(w *world) {
			w.begin()
			w.last().Close(ErrSlowReader)
		}},
		{"SSE", ErrClientGone, func(w *world) {
			w.open("/sse", nil).close()
		}},
		{"pipe", ErrClientGone, func(w *world) {
			pipe, err := OpenPipe(context.Background(), w.table, w.accept, func([]byte) {}, PipeOptions{})
			if err != nil {
				w.t.Fatal(err)
			}
			pipe.Close()
		}},
		{"stdio", ErrClientGone, func(w *world) {
			if err := ServeStdio(context.Background(), w.table, w.accept, strings.NewReader(""), httptest.NewRecorder(), StdioOptions{}); err != nil {
				w.t.Error(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			o.Limits.Age = 7 * 24 * time.Hour
			bubble(t, o, nil, func(t *testing.T, w *world) {
				tt.run(w)
				synctest.Wait()
				opened, closed := w.observed(w.last())
				if opened != 1 || len(closed) != 1 || closed[0] != tt.cause {
					t.Errorf("opened %d times, closed with %v, want %v", opened, closed, tt.cause)
				}
			})
		})
	}
}

// TestSessionIdle: the limits of a session hold without a stream, too.
func TestSessionIdle(t *testing.T) {
	o := options()
	o.Limits.Idle = time.Hour
	o.KeepAlive = -1
	bubble(t, o, nil, func(t *testing.T, w *world) {
		began := time.Now()
		session := w.begin()
		own := w.listen(session, "") // is no activity
		own.primed("0-0")
		time.Sleep(30 * time.Minute)
		w.post(`{"jsonrpc":"2.0","method":"note"}`, session)
		time.Sleep(30 * time.Minute)
		answer := make(chan *reply)
		go func() { answer <- w.post(request(1, "stubborn", `{}`), session) }()
		time.Sleep(3 * time.Hour)
		close(w.release)
		if r := <-answer; r.body != result(1, `"released"`) {
			t.Error(r)
		}
		endsWith(t, w.last(), ErrIdle)
		if d, want := time.Since(began), 5*time.Hour; d < want || d > want+time.Second {
			t.Errorf("the session ended after %v, want %v", d, want)
		}
		own.ends()
		if r := w.post(request(1, "echo", `{}`), session); r.StatusCode != 404 {
			t.Error(r)
		}
	})
}

// TestKeepRefused: nothing is left of a session that cannot be.
func TestKeepRefused(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		opening := w.callAsync(request(1, "keepLate", `{}`), takesBoth)
		s := <-opening
		s.must()
		w.release <- struct{}{}
		s.must()
		s.ends()
		if !strings.Contains(w.noted(), "has begun") {
			t.Errorf("Keep said %s", w.noted())
		}
		answer := make(chan *reply)
		go func() { answer <- w.post(request(1, "keepSlow", `{}`), takesBoth) }()
		synctest.Wait()
		done := w.shutdown(time.Hour)
		w.release <- struct{}{}
		if r := <-answer; r.body != result(1, `{}`) || r.Header.Get("Mcp-Session-Id") != "" || !strings.Contains(w.noted(), "shutting down") {
			t.Errorf("%v, %v: %s", r, r.Header, w.noted())
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestSessionLimits: connections of one message count while they last, and those
// that are kept go on counting.
func TestSessionLimits(t *testing.T) {
	o := options()
	o.Limits.SessionsPerPrincipal = 2
	o.Limits.Sessions = 3
	w := serve(t, o, nil)
	begin := func(auth string) *reply {
		return w.do(http.MethodPost, w.url+"/mcp?auth="+auth, request(1, "keep", `{}`), nil)
	}
	first, second := begin("A"), begin("A")
	if first.StatusCode != 200 || second.StatusCode != 200 {
		t.Error(first, second)
	}
	if r := begin("A"); r.StatusCode != 503 || !strings.Contains(r.body, "one principal") || !strings.HasPrefix(r.body, `{"jsonrpc":"2.0","id":1,`) {
		t.Error(r)
	}
	opening := w.callAsync(request(2, "gated", `[1]`), takesBoth) // a third, for as long as it lasts
	w.release <- struct{}{}
	s := <-opening
	// A newcomer takes the place of the session that was idle for longest.
	if r := begin("B"); r.StatusCode != 200 {
		t.Error(r)
	}
	idle := with(nil, "Mcp-Session-Id", first.Header.Get("Mcp-Session-Id"))
	if r := w.do(http.MethodDelete, w.url+"/mcp", "", idle); r.StatusCode != 404 {
		t.Error(r)
	}
	w.release <- struct{}{}
	s.must()
	s.must()
	s.ends()
	w.do(http.MethodDelete, w.url+"/mcp", "", with(nil, "Mcp-Session-Id", second.Header.Get("Mcp-Session-Id")))
	if r := begin("A"); r.StatusCode != 200 {
		t.Error(r)
	}
}

// TestSessionsInUse: what has a call or a stream gives its place to nobody.
func TestSessionsInUse(t *testing.T) {
	o := options()
	o.Limits.Sessions = 2
	w := serve(t, o, nil)
	busy, reading := w.begin(), w.begin()
	answer := make(chan *reply, 1)
	go func() { answer <- w.post(request(1, "stubborn", `{}`), busy) }()
	w.awaitStart("stubborn")
	s := w.listen(reading, "")
	if r := w.do(http.MethodPost, w.url+"/mcp", request(1, "keep", `{}`), nil); r.StatusCode != 503 || !strings.Contains(r.body, "too many sessions: ") {
		t.Error(r)
	}
	w.release <- struct{}{}
	<-answer
	if r := w.do(http.MethodPost, w.url+"/mcp", request(1, "keep", `{}`), nil); r.StatusCode != 200 {
		t.Error(r)
	}
	w.do(http.MethodDelete, w.url+"/mcp", "", reading)
	s.ends()
}

// TestSessionCalls: too many messages at once are refused, with their ids.
func TestSessionCalls(t *testing.T) {
	o := options()
	o.Limits.Calls = 1
	w := serve(t, o, nil)
	session := w.begin()
	answers := make(chan *reply, 2)
	for i := range 2 {
		go func() { answers <- w.post(request(i, "stubborn", `{}`), session) }()
		w.awaitStart("stubborn")
	}
	if r := w.post(request(7, "echo", `{}`), session); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.body, `"id":7,`) {
		t.Error(r)
	}
	close(w.release)
	<-answers
	<-answers
	if r := w.post(request(7, "echo", `{}`), session); r.StatusCode != 200 {
		t.Error(r)
	}
}

// TestSessionShutdown: what is open ends in order: calls may answer, and streams
// are written to their end. What would stay is told at once.
func TestSessionShutdown(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		session := w.begin()
		p := w.last()
		own := w.listen(session, "")
		opening := w.callAsync(request(2, "untilClosing", `{}`), takesBoth) // as a subscription does
		subscribed := <-opening
		subscribed.must()
		answer := make(chan *reply)
		go func() { answer <- w.post(request(1, "stubborn", `{}`), session) }()
		synctest.Wait()
		done := w.shutdown(time.Hour)
		if e := subscribed.must(); e.data != result(2, `{}`) {
			t.Errorf("got %+v", e)
		}
		subscribed.ends()
		waits(t, done)
		for _, header := range []http.Header{nil, session} {
			if r := w.post(request(7, "echo", `{}`), header); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.body, `"id":7,`) {
				t.Error(r)
			}
		}
		_, err := w.get("/mcp", session)
		if r := refusalOf(t, err); r.StatusCode != 503 {
			t.Error(r)
		}
		p.Notify(&jsonrpc.Message{Method: "last"})
		close(w.release)
		if r := <-answer; r.body != result(1, `"released"`) {
			t.Error(r)
		}
		own.primed("0-0")
		own.wantEvent("0-1", `{"jsonrpc":"2.0","method":"last"}`)
		own.ends()
		if err := <-done; err != nil {
			t.Error(err)
		}
		endsWith(t, p, ErrShutdown)
	})
}

// TestSessionShutdownCuts: calls that do not end are told why, and may still answer.
func TestSessionShutdownCuts(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		session := w.begin()
		answers := make(chan *reply, 2)
		for _, header := range []http.Header{nil, session} {
			go func() { answers <- w.post(request(1, "block", `{}`), header) }()
		}
		synctest.Wait()
		began := time.Now()
		done := w.shutdown(15 * time.Second)
		for range 2 {
			if r := <-answers; r.body != result(1, fmt.Sprintf("%q", ErrShutdown.Error())) || time.Since(began) != 15*time.Second {
				t.Errorf("after %v: %v", time.Since(began), r)
			}
		}
		if <-done == nil {
			t.Error("Shutdown does not say that it cut calls")
		}
	})
}

// TestSessionPanics: a Receiver that panics costs its request and nothing else.
func TestSessionPanics(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	for _, header := range []http.Header{nil, session} {
		req := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(request(1, "panic", `{}`)))
		req.Header = with(header, "Content-Type", jsonType)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			w.h.ServeHTTP(httptest.NewRecorder(), req)
		}()
	}
	if n := w.h.runs.running(); n != 0 {
		t.Errorf("%d are still counted", n)
	}
	if r := w.post(request(2, "echo", `{}`), session); r.body != result(2, `{}`) || w.table.Len() != 1 {
		t.Errorf("%v, and %d connections", r, w.table.Len())
	}
	if r := w.post(request(2, "close", `{}`), session); r.StatusCode != 404 || !strings.Contains(r.body, `"id":2,`) {
		t.Error("a message that ended its session: ", r)
	}
}

// TestSessionHTTP2 streams, resumes and suspends over HTTP/2.
func TestSessionHTTP2(t *testing.T) {
	w := &world{fake: newFake(), t: t}
	w.start(w.accept, options(), nil, func(s *httptest.Server) {
		s.EnableHTTP2 = true
		s.StartTLS()
	})
	session := w.begin()
	if r := w.post(request(1, "echo", `{}`), session); r.ProtoMajor != 2 || r.body != result(1, `{}`) {
		t.Error(r.Proto, r)
	}
	opening := w.callAsync(request(7, "gated", `[2]`), session)
	w.release <- struct{}{}
	s := <-opening
	s.primed("1-0")
	s.wantEvent("1-1", step(0, 7))
	s.close()
	w.release <- struct{}{}
	w.release <- struct{}{}
	s = w.listen(session, "1-1")
	s.wantEvent("1-2", step(1, 7))
	s.wantEvent("1-3", result(7, `2`))
	s.ends()
	opening = w.callAsync(request(8, "detached", `[1]`), session)
	w.release <- struct{}{}
	s = <-opening
	if e := s.must(); e.retry != "1" || e.id != "2-0" {
		t.Errorf("got %+v", e)
	}
	s.ends()
	w.release <- struct{}{}
	s = w.listen(session, "2-0")
	s.wantEvent("2-1", result(8, `1`))
	s.ends()
	left, leave := w.leaving(request(9, "gated", `[1]`), takesBoth)
	w.awaitStart("stepped")
	w.awaitStart("stepped")
	w.awaitStart("gated")
	leave()
	<-left
	endsWith(t, w.last(), ErrClientGone)
}

// TestLifecycles: sessions that have ended leave nothing behind.
func TestLifecycles(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	w := serve(t, options(), nil)
	serveOne := func(method, body string, header http.Header) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/mcp", strings.NewReader(body))
		r.Header = header
		res := httptest.NewRecorder()
		w.h.ServeHTTP(res, r)
		return res
	}
	lifecycle := func() {
		header := http.Header{"Content-Type": {jsonType}}
		begun := serveOne(http.MethodPost, request(1, "keep", `{}`), header)
		header.Set("Mcp-Session-Id", begun.Header().Get("Mcp-Session-Id"))
		streamed := serveOne(http.MethodPost, request(1, "steps", `[3]`), header)
		deleted := serveOne(http.MethodDelete, "", header)
		if begun.Code != 200 || !strings.Contains(streamed.Body.String(), `"result":3`) || deleted.Code != 204 {
			t.Fatal(begun, streamed, deleted)
		}
		if n := w.table.Len(); n != 0 { // when the client reads that it has ended, it has
			t.Fatalf("%d connections are open", n)
		}
		w.mu.Lock()
		w.peers, w.opens, w.ends = nil, nil, make(map[*Peer][]error)
		w.mu.Unlock()
		for len(w.started) > 0 {
			<-w.started
		}
	}
	measure := func() (goroutines int, heap uint64) {
		_ = w.h.streams.wait(t.Context()) // for what ends sessions
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	for range 100 {
		lifecycle()
	}
	goroutines, heap := measure()
	for range n {
		lifecycle()
	}
	g, after := measure()
	if g > goroutines+2 || after > heap+1<<20 {
		t.Errorf("after %d sessions %d goroutines and %d bytes, before %d and %d", n, g, after, goroutines, heap)
	}
}

// TestSessionOfAnother: what another handler began on the same table is not this
// one's, which does not know its limits.
func TestSessionOfAnother(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	r := httptest.NewRequest(http.MethodDelete, "/mcp", nil)
	r.Header = session
	res := httptest.NewRecorder()
	NewHTTP(w.table, w.accept, options()).ServeHTTP(res, r)
	if res.Code != 404 {
		t.Errorf("%d", res.Code)
	}
}

// TestSessionWhileShutdownAccepts: a message that is being accepted when the
// shutdown looks for what to close is not served any more.
func TestSessionWhileShutdownAccepts(t *testing.T) {
	f := newFake()
	accepting, goOn := make(chan struct{}), make(chan struct{})
	h := NewHTTP(new(Table), func(p *Peer) (Receiver, error) {
		close(accepting)
		<-goOn
		return f.accept(p)
	}, options())
	answered := make(chan *httptest.ResponseRecorder)
	go func() {
		r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(request(1, "keep", `{}`)))
		r.Header.Set("Content-Type", jsonType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		answered <- w
	}()
	<-accepting
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan error)
	go func() { done <- h.Shutdown(ended) }()
	for !h.streams.hasEnded() {
		runtime.Gosched()
	}
	close(goOn)
	if w := <-answered; w.Code != 503 || !strings.Contains(w.Body.String(), `"id":1,`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	<-done
	if h.table.Len() != 0 || len(f.opens) != 0 {
		t.Error("a session was kept")
	}
}

// TestClosing: what would stay as long as its connection does is told in time.
func TestClosing(t *testing.T) {
	var l latch
	before := l.done()
	select {
	case <-before:
		t.Error("it is set")
	default:
	}
	l.set()
	l.set()
	<-before
	<-l.done()

	f := newFake()
	var table Table
	served := make(chan error)
	ctx, cancel := context.WithCancelCause(t.Context())
	in := &blockingReader{strings.NewReader(request(1, "stubborn", `{}`) + "\n"), make(chan struct{})}
	go func() {
		served <- ServeStdio(ctx, &table, f.accept, in, httptest.NewRecorder(), StdioOptions{})
	}()
	<-f.started
	cancel(errors.New("enough"))
	<-f.last().Closing()
	if f.last().Context().Err() != nil {
		t.Error("it was closed before it was told")
	}
	close(f.release)
	if err := <-served; err != nil {
		t.Error(err)
	}
	close(in.end)
}

// blockingReader is at its end when end is closed.
type blockingReader struct {
	io.Reader
	end chan struct{}
}

func (r *blockingReader) Read(b []byte) (int, error) {
	if n, err := r.Reader.Read(b); err == nil {
		return n, nil
	}
	<-r.end
	return 0, io.EOF
}

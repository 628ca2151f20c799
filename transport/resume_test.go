package transport

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// TestPriming: in a session events have ids, and a stream begins with an event
// that has nothing else if the session was kept so.
func TestPriming(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	for n := 1; n < 3; n++ {
		s := w.call(request(7, "steps", `[1]`), session)
		s.primed(fmt.Sprintf("%d-0", n))
		s.wantEvent(fmt.Sprintf("%d-1", n), step(0, 7))
		s.wantEvent(fmt.Sprintf("%d-2", n), result(7, `1`))
		s.ends()
	}
	own := w.listen(with(session, "Accept", streamType), "")
	own.primed("0-0")
	w.last().Notify(&jsonrpc.Message{Method: "changed"})
	own.wantEvent("0-1", `{"jsonrpc":"2.0","method":"changed"}`)

	session = w.beginWith("/mcp", `["plain"]`, nil)
	s := w.call(request(7, "steps", `[0]`), with(session, "Accept", streamType))
	s.wantEvent("1-1", result(7, `0`))
	own = w.listen(session, "")
	w.last().Notify(&jsonrpc.Message{Method: "changed"})
	own.wantEvent("0-1", `{"jsonrpc":"2.0","method":"changed"}`)
	if r := w.post(request(7, "early", `{}`), takesStream); r.Header.Get("Mcp-Session-Id") == "" || !strings.HasPrefix(r.body, "id: 1-0\ndata: \n\n") {
		t.Error("a session that begins with a stream: ", r, r.body)
	}
}

// TestResume cuts a stream at each event in turn, and again at each event of what
// resumes it: nothing is lost and nothing comes twice.
func TestResume(t *testing.T) {
	const steps = 3
	want := []string{step(0, 7), step(1, 7), step(2, 7), result(7, `3`)}
	for _, method := range []string{"gated", "steps"} {
		for first := 1; first <= steps+2; first++ { // events that are read, priming included
			for second := 0; second <= steps+2-first; second++ {
				w := serve(t, options(), nil)
				session := w.begin()
				opening := w.callAsync(request(7, method, `[3]`), session)
				<-w.started
				released := 0
				release := func() {
					if method == "gated" && released <= steps {
						w.release <- struct{}{}
						released++
					}
				}
				release()
				s := <-opening
				s.primed("1-0")
				var got []string
				last := "1-0"
				read := func(s *stream) {
					e := s.must()
					got, last = append(got, e.data), e.id
				}
				for i := 1; i < first; i++ {
					read(s)
					release()
				}
				s.close()
				release() // and what comes meanwhile is kept
				s = w.listen(session, last)
				for range second {
					read(s)
					release()
				}
				s.close()
				for range steps {
					release()
				}
				s = w.listen(session, last)
				for len(got) < len(want) {
					read(s)
				}
				s.ends()
				if strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Errorf("%s, cut at %d and %d: %q", method, first, second, got)
				}
				<-w.started // it ran to its end
			}
		}
	}
}

// TestResumeWhileWritten: a GET takes over a stream that its POST still writes,
// and another GET takes over from that.
func TestResumeWhileWritten(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	opening := w.callAsync(request(7, "gated", `[2]`), session)
	w.release <- struct{}{}
	post := <-opening
	post.primed("1-0")
	post.wantEvent("1-1", step(0, 7))
	older := w.listen(session, "1-0")
	older.wantEvent("1-1", step(0, 7))
	younger := w.listen(session, "1-1")
	older.ends()
	w.release <- struct{}{}
	younger.wantEvent("1-2", step(1, 7))
	w.release <- struct{}{}
	younger.wantEvent("1-3", result(7, `2`))
	younger.ends()
	if e, err := post.next(); err == nil {
		t.Errorf("the POST went on with %v", e)
	}
	again := w.listen(session, "1-1") // it is kept for a while
	again.wantEvent("1-2", step(1, 7))
	again.wantEvent("1-3", result(7, `2`))
	again.ends()
	w.listen(session, "1-3").ends()
}

// TestResumeRefused: what is not there is not resumed.
func TestResumeRefused(t *testing.T) {
	w := serve(t, options(), nil)
	other, session := w.begin(), w.begin()
	w.call(request(7, "steps", `[1]`), session).ends()
	for _, tt := range []struct {
		id     string
		header http.Header
		status int
	}{
		{"1-0", session, 200},
		{"1-2", session, 200},
		{"1-3", session, 400},
		{"2-0", session, 400},
		{"1-0", other, 400},
		{"0-0", other, 200},
		{"0-1", session, 400},
		{"1", session, 400},
		{"-1", session, 400},
		{"x", session, 400},
		{"1-00", session, 400},
	} {
		s, err := w.get("/mcp", with(tt.header, "Last-Event-ID", tt.id, "Accept", streamType))
		status := 200
		if err != nil {
			status = refusalOf(t, err).StatusCode
		} else {
			s.close()
		}
		if status != tt.status {
			t.Errorf("%s: %d, want %d", tt.id, status, tt.status)
		}
	}
}

// TestSuspend: the server ends a response and the client comes back for the rest.
func TestSuspend(t *testing.T) {
	for _, tt := range []struct {
		name, params string
	}{{"primed", `{}`}, {"plain", `["plain"]`}} {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(t, options(), nil)
			session := w.beginWith("/mcp", tt.params, nil)
			opening := w.callAsync(request(7, "detached", `[4]`), session)
			w.release <- struct{}{} // the first thing that happens is Suspend
			s := <-opening
			if e := s.must(); e != (seen{id: "1-0", retry: "1", hasData: true}) {
				t.Errorf("got %+v", e)
			}
			s.ends()
			w.release <- struct{}{} // a step that nobody reads
			s = w.listen(session, "1-0")
			s.wantEvent("1-1", step(1, 7))
			w.release <- struct{}{} // and a response to a GET can be suspended as well
			if e := s.must(); e != (seen{retry: "1"}) {
				t.Errorf("got %+v", e)
			}
			s.ends()
			w.release <- struct{}{}
			w.release <- struct{}{}
			s = w.listen(session, "1-1")
			s.wantEvent("1-2", step(3, 7))
			s.wantEvent("1-3", result(7, `4`))
			s.ends()
			if w.noted() != "true true" {
				t.Errorf("Suspend said %s", w.noted())
			}
		})
	}
}

// TestSuspendInVain: where the client could not come back nothing happens.
func TestSuspendInVain(t *testing.T) {
	w := serve(t, options(), nil)
	close(w.release)
	session := w.begin()
	if r := w.post(request(7, "detached", `[1]`), with(session, "Accept", jsonType)); r.body != result(7, `1`) {
		t.Error("JSON alone: ", r)
	}
	if r := w.post(request(7, "detached", `[1]`), takesBoth); r.body != result(7, `1`) {
		t.Error("no session: ", r)
	}
	opened := w.call(request(7, "detached", `[3]`), session)
	if e := opened.must(); e.retry == "" {
		t.Errorf("got %+v", e)
	}
	opened.ends()
	s := w.listen(session, "1-0")
	s.wantEvent("1-1", step(1, 7))
	s.close()
	<-w.started
	if !strings.HasPrefix(w.noted(), "false false true ") {
		t.Errorf("Suspend said %s", w.noted())
	}
}

// TestDetachedClientLeaves: the handler returns when the client has gone, the work
// goes on, and its answer is resumed.
func TestDetachedClientLeaves(t *testing.T) {
	served := make(chan string, 100)
	w := serve(t, options(), func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			served <- r.Method
		})
	})
	session := w.begin()
	opening := w.callAsync(request(7, "detached", `[2]`), session)
	w.release <- struct{}{}
	(<-opening).ends()
	s := w.listen(session, "1-0")
	s.close()
	w.release <- struct{}{}
	w.release <- struct{}{}
	s = w.listen(session, "1-0")
	s.wantEvent("1-1", step(1, 7))
	s.wantEvent("1-2", result(7, `2`))
	s.ends()

	w.awaitStart("stepped")
	for range 4 { // the POST that began the session, that which was suspended, and two GETs
		<-served
	}
	left, leave := w.leaving(request(8, "detached", `[0]`), session) // JSON has no event to resume from
	w.awaitStart("detached")
	leave()
	<-left
	if method := <-served; method != http.MethodPost {
		t.Errorf("%s was served", method)
	}
	w.release <- struct{}{}
	w.awaitStart("stepped")
	if r := w.post(request(9, "echo", `{}`), session); r.body != result(9, `{}`) {
		t.Error(r)
	}
}

// TestOwnStream: each message goes to exactly one GET, the youngest, and waits
// for one if there is none.
func TestOwnStream(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	p := w.last()
	say := func(n int) string {
		method := fmt.Sprintf("n%d", n)
		p.Notify(&jsonrpc.Message{Method: method})
		return fmt.Sprintf(`{"jsonrpc":"2.0","method":%q}`, method)
	}
	text := say(1)
	if err := p.Send(t.Context(), &jsonrpc.Message{ID: "1", Method: "ask"}); err != nil {
		t.Error(err)
	}
	a := w.listen(session, "")
	a.primed("0-0")
	a.wantEvent("0-1", text)
	a.wantEvent("0-2", `{"jsonrpc":"2.0","id":1,"method":"ask"}`)
	b, c := w.listen(session, ""), w.listen(session, "")
	b.primed("0-2")
	c.primed("0-2")
	c.wantEvent("0-3", say(3))
	c.close()
	w.awaitReaders(p, 2)
	b.wantEvent("0-4", say(4))
	b.close()
	w.awaitReaders(p, 1)
	a.wantEvent("0-5", say(5)) // and nothing of what the others had
	a.close()
	w.awaitReaders(p, 0)
	text = say(6)
	a = w.listen(session, "0-3") // what may have been lost comes again
	a.wantEvent("0-4", `{"jsonrpc":"2.0","method":"n4"}`)
	a.wantEvent("0-5", `{"jsonrpc":"2.0","method":"n5"}`)
	a.wantEvent("0-6", text)
	a.wantEvent("0-7", say(7))
}

// awaitReaders waits until so many GETs of a session are open.
func (w *world) awaitReaders(p *Peer, n int) {
	log := p.out.(*streamable).log.Load()
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); {
		log.mu.Lock()
		readers := log.readers
		log.mu.Unlock()
		if readers == n {
			return
		}
		w.do(http.MethodGet, w.url+"/healthz", "", nil)
	}
	w.t.Fatalf("there are not %d readers", n)
}

// TestOwnStreams: whatever GETs come and go, every message comes exactly once.
func TestOwnStreams(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	p := w.last()
	const n = 500
	got := make(map[string]int)
	var mu sync.Mutex
	var all sync.WaitGroup
	done := make(chan struct{})
	read := func(s *stream) {
		for e, err := s.next(); err == nil; e, err = s.next() {
			if e.name != "message" {
				continue
			}
			mu.Lock()
			if got[e.data]++; len(got) == n {
				close(done)
			}
			mu.Unlock()
		}
	}
	all.Go(func() {
		for i := range n {
			if err := p.Send(t.Context(), &jsonrpc.Message{Method: fmt.Sprint("n", i)}); err != nil {
				t.Error(err)
			}
		}
	})
	for range 20 { // each younger one takes over
		s := w.listen(session, "")
		all.Go(func() { read(s) })
	}
	<-done
	p.Close(ErrDeleted)
	all.Wait()
	for text, times := range got {
		if times != 1 {
			t.Errorf("%s came %d times", text, times)
		}
	}
}

// TestTooManyStreams: streams are bounded as calls are.
func TestTooManyStreams(t *testing.T) {
	o := options()
	o.Limits.Calls = 1
	w := serve(t, o, nil)
	session := w.begin()
	a := w.listen(session, "")
	w.listen(session, "")
	_, err := w.get("/mcp", session)
	if r := refusalOf(t, err); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Error(r)
	}
	a.close()
	w.awaitReaders(w.last(), 1)
	w.listen(session, "")
}

// TestStreamKeepAlive: a silent stream is kept alive, in whatever way it is written.
func TestStreamKeepAlive(t *testing.T) {
	alive := func(s *stream) {
		t.Helper()
		for range 3 {
			began := time.Now()
			if e, err := s.next(); err != nil || e.name != "comment" || time.Since(began) != 15*time.Second {
				t.Fatalf("after %v: %+v, %v", time.Since(began), e, err)
			}
		}
	}
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		session := w.begin()
		for _, header := range []http.Header{nil, session} {
			opening := w.callAsync(request(7, "gated", `[2]`), header)
			w.release <- struct{}{}
			s := <-opening
			if header != nil {
				s.primed("1-0")
			}
			s.must()
			alive(s)
			time.Sleep(5 * time.Second)
			w.release <- struct{}{} // a message is a sign of life as well
			s.must()
			alive(s)
			w.release <- struct{}{}
			s.must()
			s.ends()
		}
		own, older := w.listen(session, ""), w.listen(session, "")
		own.primed("0-0")
		older.primed("0-0")
		alive(own)
		own.close()
		older.close()
		synctest.Wait()
	})
}

// TestPostSlowReader: a client that stops reading costs its connection or, in a
// session, the stream, which can be resumed.
func TestPostSlowReader(t *testing.T) {
	o := options()
	o.Limits.Write = 30 * time.Second
	o.KeepAlive = time.Hour
	bubble(t, o, nil, func(t *testing.T, w *world) {
		w.callAsync(request(7, "big", `[100000]`), takesStream)
		endsWith(t, w.awaitPeer(0), ErrSlowReader)
		session := w.begin()
		s := <-w.callAsync(request(8, "big", `[100000]`), with(session, "Accept", streamType))
		time.Sleep(time.Minute)
		s.close()
		if w.last().Context().Err() != nil {
			t.Error("the session has ended")
		}
		s = w.listen(session, "1-0")
		if e := s.must(); e.id != "1-1" || len(e.data) < 100_000 {
			t.Errorf("got %.100v", e)
		}
		s.ends()
		s = w.listen(session, "1-0") // and does not read that either
		time.Sleep(time.Minute)
		s.close()
		synctest.Wait()
		w.listen(session, "1-1").ends()

		own := w.listen(session, "")
		own.primed("0-0")
		large := &jsonrpc.Message{Method: strings.Repeat("x", 100_000)}
		w.last().Notify(large)
		time.Sleep(time.Minute)
		own.close()
		synctest.Wait()
		own = w.listen(session, "") // it was never written, and goes to the next
		own.primed("0-0")
		if e := own.must(); e.id != "0-1" {
			t.Errorf("got %.100v", e)
		}
		own.close()
		synctest.Wait()
	})
}

// TestResumeWithoutAnswer: a stream ends with its request, also if that has no
// answer, for whoever reads it.
func TestResumeWithoutAnswer(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	opening := w.callAsync(request(1, "quiet", `{}`), session)
	s := <-opening
	s.primed("1-0")
	s.must()
	resumed := w.listen(session, "1-1")
	w.release <- struct{}{}
	resumed.ends()
	s.ends()
	w.listen(session, "1-1").ends()
}

// awaitPeer waits for a connection, in a bubble.
func (w *world) awaitPeer(i int) *Peer {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.peers[i]
}

// TestConcurrentSends: everything that many senders send arrives, whole.
func TestConcurrentSends(t *testing.T) {
	const senders, each = 8, 50
	for _, session := range []bool{false, true} {
		f := newFake()
		w := &world{fake: f, t: t}
		accept := func(p *Peer) (Receiver, error) {
			return receiverFunc(func(x *Exchange) func() {
				return func() {
					if x.Message.Method == "keep" {
						_ = p.Keep(true)
					}
					var all sync.WaitGroup
					for i := range senders {
						all.Go(func() {
							for j := range each {
								m := &jsonrpc.Message{Method: fmt.Sprintf("n%d.%d", i, j)}
								if err := x.Reply.Send(p.Context(), m); err != nil {
									t.Error(err)
								}
							}
						})
					}
					all.Wait()
					_ = x.Reply.Send(p.Context(), &jsonrpc.Message{ID: x.Message.ID, Result: []byte(`1`)})
				}
			}), nil
		}
		w.start(accept, options(), nil, (*httptest.Server).Start)
		method := "steps"
		if session {
			method = "keep"
		}
		r := w.post(request(1, method, `[]`), takesBoth)
		texts := strings.Split(w.texts(&reply{r.Response, strings.TrimPrefix(r.body, "id: 1-0\ndata: \n\n")}, session), "\n")
		got := make(map[string]bool)
		for _, text := range texts {
			got[text] = true
		}
		if len(texts) != senders*each+1 || len(got) != len(texts) || texts[len(texts)-1] != result(1, `1`) {
			t.Errorf("session %v: %d messages, %d different", session, len(texts), len(got))
		}
	}
}

package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// fake accepts connections and answers by method:
//
//	echo      the params
//	args      the connection arguments
//	big       a string of as many bytes as the params say: [10]
//	pretty    an object over several lines
//	block     when its context ends, with the cause
//	stubborn  when it is released, whatever its context says
//	panic     never: Receive panics
//	close     never: Receive closes the connection
//
// and those of fakeSession.streamable. Notifications it only notes.
type fake struct {
	release   chan struct{} // for stubborn, and for each step of gated
	started   chan string   // the methods of requests that run
	principal any
	refuse    error

	mu    sync.Mutex
	peers []*Peer
	notes []string
	opens []*Peer           // for which Opened was called
	ends  map[*Peer][]error // and Closed
}

func newFake() *fake {
	return &fake{release: make(chan struct{}), started: make(chan string, 10_000), ends: make(map[*Peer][]error)}
}

// Opened implements Observer.
func (s fakeSession) Opened() {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.opens = append(s.f.opens, s.p)
}

// Closed implements Observer.
func (s fakeSession) Closed(cause error) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.ends[s.p] = append(s.f.ends[s.p], cause)
}

// observed returns how often Opened was called for a peer, and what Closed was
// called with.
func (f *fake) observed(p *Peer) (opened int, closed []error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, other := range f.opens {
		if other == p {
			opened++
		}
	}
	return opened, f.ends[p]
}

func (f *fake) accept(p *Peer) (Receiver, error) {
	if f.refuse != nil {
		return nil, f.refuse
	}
	p.Principal = f.principal
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peers = append(f.peers, p)
	return fakeSession{f, p}, nil
}

// last returns the peer accepted last.
func (f *fake) last() *Peer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peers[len(f.peers)-1]
}

func (f *fake) noted() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.notes, " ")
}

type fakeSession struct {
	f *fake
	p *Peer
}

func (s fakeSession) Receive(ctx context.Context, x *Exchange) (run func()) {
	m := &x.Message
	switch m.Method {
	case "panic":
		panic("in Receive")
	case "close":
		s.p.Close(ErrExpired)
		return nil
	}
	if run, ok := s.streamable(ctx, x); ok {
		return run
	}
	if !m.IsRequest() {
		s.f.mu.Lock()
		defer s.f.mu.Unlock()
		s.f.notes = append(s.f.notes, m.Method)
		return nil
	}
	return func() {
		s.f.started <- m.Method
		_ = x.Reply.Send(s.p.Context(), &jsonrpc.Message{ID: m.ID, Result: s.result(ctx, m)})
	}
}

func (s fakeSession) result(ctx context.Context, m *jsonrpc.Message) []byte {
	switch m.Method {
	case "args":
		b, _ := json.Marshal(s.p.Args)
		return b
	case "big":
		var n [1]int
		if err := json.Unmarshal(m.Params, &n); err != nil {
			panic(err)
		}
		return []byte(`"` + strings.Repeat("x", n[0]) + `"`)
	case "pretty":
		return []byte(pretty)
	case "block":
		<-ctx.Done()
		return fmt.Appendf(nil, "%q", context.Cause(ctx).Error())
	case "stubborn":
		<-s.f.release
		return []byte(`"released"`)
	}
	if m.Params == nil {
		return []byte(`{}`)
	}
	return m.Params
}

// pretty is JSON in several lines. Where a line is a message it is sent in one.
const pretty = "{\n  \"a\": 1,\r\n  \"b\": \"x\\ny\"\n}"

// options are HTTPOptions for tests: quiet, and auth is a credential.
func options() HTTPOptions {
	return HTTPOptions{
		Logger:       slog.New(slog.DiscardHandler),
		IsCredential: func(name string) bool { return name == "auth" || name == "key" },
	}
}

// world is a server of a fake, and a client.
type world struct {
	*fake
	t      *testing.T
	table  *Table
	h      *HTTP
	url    string
	client *http.Client

	mayPanic bool
}

// serve starts a server on a loopback port. wrap, which may be nil, puts
// something before the handler.
func serve(t *testing.T, o HTTPOptions, wrap func(http.Handler) http.Handler) *world {
	w := &world{fake: newFake(), t: t}
	w.start(w.accept, o, wrap, (*httptest.Server).Start)
	return w
}

// start starts w's server, by start.
func (w *world) start(accept Accept, o HTTPOptions, wrap func(http.Handler) http.Handler, start func(*httptest.Server)) {
	w.table = new(Table)
	w.h = NewHTTP(w.table, accept, o)
	var handler http.Handler = w.h
	if wrap != nil {
		handler = wrap(handler)
	}
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.ErrorLog = log.New(w, "", 0)
	start(srv)
	w.url, w.client = srv.URL, srv.Client()
	w.t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		w.allGone()
	})
}

// Write takes what net/http logs. A panic fails the test, unless that wants it.
func (w *world) Write(text []byte) (int, error) {
	if strings.Contains(string(text), "panic") && !w.mayPanic {
		w.t.Errorf("net/http says: %s", text)
	}
	return len(text), nil
}

// allGone fails the test if the server still counts what has ended.
func (w *world) allGone() {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for p := range w.h.sessions() {
		if s, ok := p.out.(*streamable); ok && s.log.Load() != nil {
			p.Close(ErrShutdown) // it lasts until somebody ends it
		}
	}
	if w.h.runs.wait(ctx) != nil || w.h.streams.wait(ctx) != nil || w.table.Len() > 0 || len(w.table.accounts) > 0 {
		w.t.Errorf("left: %d runs, %d streams, %d sessions, accounts %v", w.h.runs.running(), w.h.streams.running(), w.table.Len(), w.table.accounts)
	}
	if bodies, held := w.h.bodies.Load(), w.h.budget.held.Load(); bodies != 0 || held != 0 {
		w.t.Errorf("%d bytes of bodies are still counted, and %d of sessions", bodies, held)
	}
	for _, p := range w.peers {
		if opened, closed := w.observed(p); opened > 1 || opened != len(closed) {
			w.t.Errorf("a connection was observed to open %d times, and to end with %v", opened, closed)
		}
	}
}

// bubble runs f in a synctest bubble with a server whose connections are
// net.Pipes: hardly a buffer, and time that passes when everybody waits.
func bubble(t *testing.T, o HTTPOptions, setup func(*http.Server), f func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{fake: newFake(), t: t, table: new(Table), url: "http://test"}
		w.h = NewHTTP(w.table, w.accept, o)
		ln := &memListener{conns: make(chan net.Conn), done: make(chan struct{})}
		srv := &http.Server{Handler: w.h, ErrorLog: log.New(w, "", 0)}
		if setup != nil {
			setup(srv)
		}
		go srv.Serve(ln)
		transport := &http.Transport{DialContext: ln.dial, ReadBufferSize: 4096, WriteBufferSize: 1 << 20}
		w.client = &http.Client{Transport: transport}
		f(t, w)
		transport.CloseIdleConnections()
		srv.Close()
		synctest.Wait()
		w.allGone()
	})
}

type memListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *memListener) Addr() net.Addr { return &net.UnixAddr{Name: "mem"} }

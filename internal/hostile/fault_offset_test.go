package hostile

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// cutServer is a server in this process, to whose clients something happens.
type cutServer struct {
	t                       *testing.T
	host                    string
	log                     lockedBuffer
	sessions                atomic.Int64
	began, ended, cancelled atomic.Int64 // calls of linger
	release                 chan struct{}
	goroutines, fds         int
}

func newCutServer(t *testing.T, limits server.Limits) *cutServer {
	servertest.CheckLeaks(t)
	s := &cutServer{t: t, release: make(chan struct{})}
	srv := server.New("cut", "1", server.Options{
		Limits:  limits,
		Logger:  slog.New(slog.NewTextHandler(&s.log, nil)),
		OnOpen:  func(*server.Session) { s.sessions.Add(1) },
		OnClose: func(*server.Session, error) { s.sessions.Add(-1) },
	})
	srv.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
	srv.Tool(func(ctx *tool.Context) string {
		for i := range 3 {
			ctx.Progress(float64(i+1), 3, "step")
		}
		return "done"
	}, tool.Name("steps"))
	srv.Tool(s.linger)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.host = ln.Addr().String()
	web := &http.Server{Handler: srv.Handler(), ErrorLog: log.New(&s.log, "http: ", 0)}
	var served sync.WaitGroup
	served.Go(func() { _ = web.Serve(ln) })
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Shutdown(ctx)
		web.Close()
		served.Wait()
	})
	return s
}

// linger says that it has begun and waits to be cancelled or released.
func (s *cutServer) linger(ctx *tool.Context) error {
	s.began.Add(1)
	defer s.ended.Add(1)
	ctx.Progress(1, 2, "begun")
	select {
	case <-ctx.Done():
		s.cancelled.Add(1)
		return context.Cause(ctx)
	case <-s.release:
		return nil
	}
}

// baseline notes what there is when nobody is connected.
func (s *cutServer) baseline() {
	runtime.GC()
	s.goroutines, s.fds = runtime.NumGoroutine(), openFiles()
}

// settled waits until nothing is left of what happened, and looks at the log.
func (s *cutServer) settled() {
	s.t.Helper()
	comesTrue(s.t, fmt.Sprintf("%d goroutines and %d files again", s.goroutines, s.fds), func() bool {
		return runtime.NumGoroutine() <= s.goroutines && openFiles() <= s.fds
	})
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "panic") || strings.Contains(line, "level=ERROR") {
			s.t.Errorf("the log says %s", line)
		}
	}
	got := raw(s.t, s.host, request("POST", "/mcp", s.host, stateless("tools/call", `"name":"echo","arguments":{"text":"still there"}`), append(asJSON, append(named("tools/call", "echo"), "Connection: close")...)...))
	if got.status != http.StatusOK || !strings.Contains(got.body, "still there") {
		s.t.Errorf("afterwards: %+v", got)
	}
}

// openFiles is how many descriptors the process has; 0 where that cannot be told.
func openFiles() int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(all)
}

// each calls f with 0 to n, 8 at a time.
func each(n int, f func(i int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n + 1 {
		next <- i
	}
	close(next)
	all.Wait()
}

// leave closes a connection, every other time by a reset.
func leave(c net.Conn, reset bool) {
	if tcp, ok := c.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

// connectTo is dial without the test's cleanup: there are too many.
func (s *cutServer) connectTo() net.Conn {
	c, err := net.Dial("tcp", s.host)
	if err != nil {
		s.t.Error(err)
		return nil
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// exchange is the text of a request that clients make, by its name: of a call if it is
// one of this tool.
func (s *cutServer) exchange(name, tool, session, endpoint string) string {
	inSession, last := "Mcp-Session-Id: "+session, "Connection: close"
	call := func(id string) string {
		return `{"jsonrpc":"2.0","id":"` + id + `","method":"tools/call","params":{"_meta":{"progressToken":1},"name":"` + tool + `","arguments":{}}}`
	}
	sse := func(body string) string {
		return request("POST", endpoint, s.host, body, append(asJSON, last)...)
	}
	switch name {
	case "initialize":
		return post(s.host, initialize("2025-11-25"), last)
	case "a call":
		return post(s.host, call("once"), inSession, last)
	case "a call alone":
		params := `"name":"` + tool + `","arguments":{}`
		return request("POST", "/mcp", s.host, stateless("tools/call", params), append(asJSON, append(named("tools/call", tool), last)...)...)
	case "a stream":
		return request("GET", "/mcp", s.host, "", inSession, "Accept: text/event-stream")
	case "an event stream":
		return request("GET", "/sse", s.host, "", "Accept: text/event-stream")
	case "initialize over SSE":
		return sse(initialize("2024-11-05"))
	case "a call over SSE":
		return sse(call("sse"))
	case "a large call over SSE":
		return sse(strings.Replace(call("large"), "{}", `{"text":"`+strings.Repeat("x", 10_000)+`"}`, 1))
	case "the end of a session":
		return request("DELETE", "/mcp", s.host, "", "Mcp-Session-Id: none", last)
	}
	panic(name)
}

// TestFaultCutRequests: a client is cut off at every byte of each request it makes, by
// an end or a reset. Nothing is left of it. What was not complete has not run; a call
// in a session, and one over SSE, goes on when its request was; one that stands alone
// is cancelled.
func TestFaultCutRequests(t *testing.T) {
	for _, name := range []string{"initialize", "a call", "a call alone", "a stream", "an event stream", "a call over SSE", "a large call over SSE", "the end of a session"} {
		t.Run(name, func(t *testing.T) {
			limits := server.Limits{}
			if name == "initialize" {
				limits.Idle = 100 * time.Millisecond // or the session stays that nobody knows of
			}
			s := newCutServer(t, limits)
			session, endpoint := "none", ""
			if name != "initialize" {
				session = begin(t, s.host, "")
				endpoint, _ = listenSSE(t, s.host)
				wantStatus(t, "initialize over SSE", raw(t, s.host, s.exchange("initialize over SSE", "", "", endpoint)), http.StatusAccepted)
			}
			text := s.exchange(name, "linger", session, endpoint)
			s.baseline()
			before := s.sessions.Load()
			step := often(1+len(text)/2000, 1)
			each(len(text)/step, func(i int) {
				cut := len(text) - i*step // the whole is among them
				for _, reset := range []bool{false, true} {
					if c := s.connectTo(); c != nil {
						_, _ = io.WriteString(c, text[:cut])
						leave(c, reset)
					}
				}
			})
			switch name {
			case "a call", "a call over SSE":
				comesTrue(t, "the call", func() bool { return s.began.Load() >= 1 })
				close(s.release)
				comesTrue(t, "the end of the call", func() bool { return s.ended.Load() == s.began.Load() })
				if n := s.cancelled.Load(); n != 0 {
					t.Error("the call was cancelled")
				}
			default:
				comesTrue(t, "the end of all calls", func() bool { return s.began.Load() == s.ended.Load() })
			}
			comesTrue(t, "the sessions of before", func() bool { return s.sessions.Load() == before })
			s.settled()
		})
	}
}

// TestFaultCutResponses: a client hangs up behind every byte that it reads of what a
// server says. Nothing is left of it, and nobody else notices.
func TestFaultCutResponses(t *testing.T) {
	for _, name := range []string{"initialize", "a call", "a call alone", "a stream", "an event stream"} {
		t.Run(name, func(t *testing.T) {
			limits := server.Limits{Calls: 1000}
			session := "none"
			if name == "initialize" {
				limits.Idle = 100 * time.Millisecond
			}
			s := newCutServer(t, limits)
			if name != "initialize" {
				session = begin(t, s.host, "")
			}
			text := s.exchange(name, "steps", session, "")
			s.baseline()
			before := s.sessions.Load()
			all := s.firstOf(text, strings.Contains(name, "stream"))
			if len(all) < 100 {
				t.Fatalf("the server said %q", all)
			}
			var number atomic.Int64
			each(len(all), func(n int) {
				for _, reset := range []bool{false, true} {
					c := s.connectTo()
					if c == nil {
						return
					}
					id := fmt.Sprintf("%04d", number.Add(1)) // as long as the one it replaces
					_, _ = io.WriteString(c, strings.Replace(text, `"id":"once"`, `"id":"`+id+`"`, 1))
					if got, err := io.ReadFull(c, make([]byte, n)); err != nil && got < len(all)-20 { // ids of events differ in length
						t.Errorf("after %d of %d bytes: %v", got, n, err)
					}
					leave(c, reset)
				}
			})
			comesTrue(t, "the sessions of before", func() bool { return s.sessions.Load() == before })
			s.settled()
		})
	}
}

// firstOf sends a request and returns all that comes, of a stream the first event.
func (s *cutServer) firstOf(text string, stream bool) string {
	c := s.connectTo()
	if c == nil {
		return ""
	}
	defer c.Close()
	_, _ = io.WriteString(c, text)
	if !stream {
		all, err := io.ReadAll(c)
		if err != nil {
			s.t.Error(err)
		}
		return string(all)
	}
	var all strings.Builder
	for r := bufio.NewReader(io.TeeReader(c, &all)); ; {
		if line, err := r.ReadString('\n'); err != nil || line == "\n" {
			return all.String()
		}
	}
}

// TestFaultCutEventStreams: a client of HTTP+SSE hangs up behind every byte that it
// reads of the answer to a call, which has been accepted, and of the progress of one
// that lasts. The session ends, and cancels what it had under way; nothing is left.
func TestFaultCutEventStreams(t *testing.T) {
	s := newCutServer(t, server.Limits{})
	s.baseline()
	for tool, most := range map[string]int{"steps": 500, "linger": 300} { // there are a few bytes more
		each(most, func(n int) { s.cutEventStream(tool, n) })
	}
	comesTrue(t, "the end of all calls", func() bool { return s.began.Load() == s.ended.Load() })
	comesTrue(t, "the end of all sessions", func() bool { return s.sessions.Load() == 0 })
	if n := s.cancelled.Load(); n != s.began.Load() || n == 0 {
		t.Errorf("%d calls of %d were cancelled", n, s.began.Load())
	}
	s.settled()
}

func (s *cutServer) cutEventStream(tool string, n int) {
	c := s.connectTo()
	if c == nil {
		return
	}
	defer leave(c, n%2 == 0)
	_, _ = io.WriteString(c, s.exchange("an event stream", "", "", ""))
	events := bufio.NewReader(c)
	endpoint := ""
	for endpoint == "" {
		line, err := events.ReadString('\n')
		if err != nil {
			s.t.Errorf("reading the event stream: %v", err)
			return
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			endpoint = "/" + strings.TrimSpace(data)
		}
	}
	for _, name := range []string{"initialize over SSE", "a call over SSE"} {
		if got := s.post(s.exchange(name, tool, "", endpoint)); !strings.HasPrefix(got, "HTTP/1.1 202") {
			s.t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := io.ReadFull(events, make([]byte, n)); err != nil {
		s.t.Errorf("reading %d bytes of the answers: %v", n, err)
	}
}

// post sends a request and returns the whole answer.
func (s *cutServer) post(text string) string {
	c := s.connectTo()
	if c == nil {
		return ""
	}
	defer c.Close()
	_, _ = io.WriteString(c, text)
	all, _ := io.ReadAll(c) // what there is tells
	return string(all)
}

package transport

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/internal/lazyctx"
)

// TestBudgetShares: what one session makes the server keep leaves every other its
// share, and no more than that when there is no room; and what has gone is given
// back.
func TestBudgetShares(t *testing.T) {
	limits := Limits{Memory: 8000, Sessions: 4, Queue: 6000, Replay: 6000}.WithDefaults() // a share is 1000
	b := newBudget(&limits)
	conn := new(lazyctx.Context)
	conn.InitApart(t.Context(), nil)
	fill := func(q *queue) (texts int) {
		for {
			if room, _ := q.tryPush(make([]byte, 500), false); room != nil {
				return texts
			}
			texts++
		}
	}
	var queues [3]queue
	for i, want := range []int{12, 4, 2} { // 6000 of its own; 2000 that were left; its share
		queues[i].init(conn, limits.Queue, b)
		if got := fill(&queues[i]); got != want {
			t.Errorf("queue %d takes %d texts, want %d", i, got, want)
		}
	}
	r := newReplay(t.Context(), &limits, b, false)
	l := r.open()
	for range 10 {
		l.add(make([]byte, 300), false)
	}
	if r.size > b.share || r.size < b.share/2 {
		t.Errorf("%d bytes are kept to be resumed, want a share of %d", r.size, b.share)
	}
	if held := b.held.Load(); held > int64(2*limits.Memory) {
		t.Errorf("%d bytes are kept", held)
	}
	for i := range queues {
		queues[i].take()
	}
	for range 20 {
		l.add(make([]byte, 300), false)
	}
	if r.size < 4000 {
		t.Errorf("with all the room there is %d bytes are kept", r.size)
	}
	r.stop()
	l.add(make([]byte, 300), true) // a call that ends late
	if held := b.held.Load(); held != 0 {
		t.Errorf("in the end %d bytes are counted", held)
	}
}

// TestHold: a Receiver's share, and that it is given back once, whatever comes late.
func TestHold(t *testing.T) {
	limits := Limits{Memory: 1000, Sessions: 5}.WithDefaults() // a share is 100
	h := &HTTP{budget: newBudget(&limits)}
	first, second := &Peer{http: h}, &Peer{http: h}
	for i, tt := range []struct {
		p    *Peer
		n    int
		want bool
	}{
		{first, 600, true}, {first, 600, true}, // one goes over the limit
		{first, 1, false}, {first, -100, true}, {first, 1, false},
		{second, 100, true}, {second, 1, false}, {second, -1, true}, {second, 1, true},
	} {
		if got := tt.p.Hold(tt.n); got != tt.want {
			t.Errorf("%d: Hold(%d) is %v with %d held", i, tt.n, got, h.budget.held.Load())
		}
	}
	first.release()
	first.release()
	if first.Hold(1) || first.Hold(-1) {
		t.Error("a connection that has ended holds something")
	}
	second.release()
	if held := h.budget.held.Load(); held != 0 {
		t.Errorf("in the end %d bytes are counted", held)
	}
	if !new(Peer).Hold(math.MaxInt) {
		t.Error("a pipe has a budget")
	}
}

// TestOpenedWith: the headers and arguments of sessions count, and are given back
// with them: by world.allGone.
func TestOpenedWith(t *testing.T) {
	o := options()
	o.Limits.Memory, o.Limits.Sessions = 5000, 5 // a share is 500
	w := serve(t, o, nil)
	long := http.Header{"X-Long": {strings.Repeat("x", 6000)}}
	first := w.open("/sse", long)
	if _, err := w.get("/sse", long); err == nil || refusalOf(t, err).StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a second stream: %v", err)
	}
	w.post(request(1, "keep", `{}`), long)
	if want := errNoMemory().Error(); !strings.Contains(w.noted(), want) {
		t.Errorf("a session: %s, want %s", w.noted(), want)
	}
	first.close()
	deadline, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for {
		s, err := w.get("/sse", long)
		if err == nil {
			s.close()
			return
		}
		if deadline.Err() != nil {
			t.Fatal("what a stream was opened with is not given back")
		}
	}
}

// TestTooManyFields: a request has so many headers and arguments, or is refused.
func TestTooManyFields(t *testing.T) {
	w := serve(t, options(), nil)
	var query strings.Builder
	header := make(http.Header)
	for i := range maxFields + 1 {
		fmt.Fprintf(&query, "&a%d", i)
		header.Set(fmt.Sprintf("X-%d", i), "")
	}
	enough := strings.Join(strings.Split(query.String(), "&")[:maxFields], "&")
	for _, tt := range []struct {
		query string
		want  int
	}{{"", 400}, {enough, 400}, {query.String(), 414}} {
		if r := w.do(http.MethodPost, w.url+"/mcp?"+tt.query, "{", nil); r.StatusCode != tt.want {
			t.Errorf("%d arguments: %v, want %d", strings.Count(tt.query, "&"), r, tt.want)
		}
	}
	if r := w.do(http.MethodPost, w.url+"/mcp", "{}", header); r.StatusCode != 431 || !r.Close {
		t.Errorf("headers: %v", r)
	}
}

// TestAllCalls: the calls of all connections together are bounded. What is no
// request passes, for a call may wait for just that.
func TestAllCalls(t *testing.T) {
	o := options()
	o.Limits.AllCalls = 2
	w := serve(t, o, nil)
	header := w.begin()
	s := w.open("/sse", nil)
	defer s.close()
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() { w.post(`{"jsonrpc":"2.0","id":1,"method":"stubborn"}`, nil) })
		<-w.started
	}
	for name, send := range map[string]func(text string) *reply{
		"alone":        func(text string) *reply { return w.post(text, nil) },
		"in a session": func(text string) *reply { return w.post(text, header) },
		"SSE": func(text string) *reply {
			return w.do(http.MethodPost, s.post, text, http.Header{"Content-Type": {"application/json"}})
		},
	} {
		if r := send(`{"jsonrpc":"2.0","id":1,"method":"echo"}`); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: a request: %v", name, r)
		}
		if r := send(`{"jsonrpc":"2.0","method":"noted"}`); r.StatusCode != 202 {
			t.Errorf("%s: a notification: %v", name, r)
		}
	}
	close(w.release)
	calls.Wait()
}

// TestDroppedEventsAreGone: what is kept to be resumed takes no more memory than it
// counts for, however much was kept before.
func TestDroppedEventsAreGone(t *testing.T) {
	limits := Limits{Memory: 1 << 20, Sessions: 1000, Replay: 256 << 10}.WithDefaults()
	b := newBudget(&limits)
	r := newReplay(t.Context(), &limits, b, false)
	defer r.stop()
	l := r.open()
	for range 2000 {
		l.add([]byte("small"), false)
	}
	many := len(l.events)
	b.add(limits.Memory) // others have it all
	defer b.add(-limits.Memory)
	for range 10 {
		l.add([]byte("small"), false)
	}
	if n := len(l.events); many < 1900 || n > 20 || l.dropped > n+maxDropped || cap(l.events) > 3*maxDropped {
		t.Errorf("of %d events %d are left, in an array with room for %d and %d in front", many, n, cap(l.events), l.dropped)
	}
}

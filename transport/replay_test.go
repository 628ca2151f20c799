package transport

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// newLog makes what a session keeps.
func newLog(t *testing.T, limits Limits) *replay {
	limits = limits.WithDefaults()
	ctx, cancel := context.WithCancel(t.Context())
	r := newReplay(ctx, &limits, newBudget(&limits), true)
	t.Cleanup(func() {
		cancel()
		r.stop()
	})
	return r
}

// resumed returns the texts after an event, or why there are none.
func (r *replay) resumed(t *testing.T, id string) string {
	t.Helper()
	rd, err := r.attach(id, 10)
	if err != nil {
		return err.Error()
	}
	defer rd.detach()
	var texts []string
	for e, state := rd.next(); state == readerWrites; e, state = rd.next() {
		texts = append(texts, e.text)
	}
	return strings.Join(texts, " ")
}

// held returns the streams beside the session's own, the events of that, and the
// bytes of all.
func (r *replay) held() (streams, events, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.streams) - 1, len(r.own.events), r.size
}

const (
	gone    = "refused with 400 Bad Request: Last-Event-ID names no stream of this session, or one that is no longer kept: send the request again"
	missing = "refused with 400 Bad Request: the events after Last-Event-ID are no longer kept: send the request again"
)

func TestReplayBounds(t *testing.T) {
	texts := func(prefix string, from, n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("%s%d", prefix, from+i))
		}
		return strings.Join(all, " ")
	}
	fill := func(l *eventLog, prefix string, n int) {
		for i := range n {
			l.add(fmt.Appendf(nil, "%s%d", prefix, i), false)
		}
	}
	const event = eventCost + 2
	r := newLog(t, Limits{Replay: 3*streamCost + 10*event})
	a, b, c := r.open(), r.open(), r.open()
	fill(a, "a", 3)
	a.finish()
	fill(b, "b", 3)
	b.finish()
	b.finish() // once is enough
	fill(c, "c", 3)
	if got := r.resumed(t, "1-0") + "," + r.resumed(t, "2-1") + "," + r.resumed(t, "3-0"); got != "a0 a1 a2,b1 b2,c0 c1 c2" {
		t.Errorf("nothing had to go, and what is left is %s", got)
	}
	fill(c, "d", 2) // the stream that nobody reads any more, for longest, goes first: a was read before b
	if got := r.resumed(t, "1-0"); got != gone {
		t.Errorf("the oldest stream: %s", got)
	}
	if got := r.resumed(t, "2-0"); got != "b0 b1 b2" {
		t.Errorf("the next one: %s", got)
	}
	fill(c, "e", 14)
	if got := r.resumed(t, "2-0"); got != gone {
		t.Errorf("the next one: %s", got)
	}
	if got := r.resumed(t, "3-0"); got != missing { // then the oldest events go
		t.Errorf("the stream that goes on: %s", got)
	}
	if got := r.resumed(t, "3-5"); got != texts("e", 0, 14) {
		t.Errorf("what is left of it: %s", got)
	}
	size := streamCost
	for _, e := range c.events {
		size += e.cost()
	}
	if r.size > r.limits.Replay || r.size != size {
		t.Errorf("it holds %d bytes, of %d", r.size, r.limits.Replay)
	}
	c.add([]byte(strings.Repeat("x", 10_000)), true)
	if got := r.resumed(t, "3-19"); got != missing {
		t.Errorf("an answer that is larger than everything: %s", got)
	}
	if got := r.resumed(t, "3-20"); got != "" {
		t.Errorf("and after it: %s", got)
	}
	for range 1000 { // streams without events count as well
		r.open().finish()
	}
	if len(r.streams) > 20 || r.size > r.limits.Replay {
		t.Errorf("%d streams, %d bytes", len(r.streams), r.size)
	}
}

// What a session sends by itself goes on with what there is.
func TestReplayOwnStream(t *testing.T) {
	const event = eventCost + 2
	r := newLog(t, Limits{Replay: 5 * event, Queue: 3 * event})
	push := func(texts ...string) {
		for _, text := range texts {
			if _, err := r.own.tryQueue([]byte(text), true); err != nil {
				t.Error(err)
			}
		}
	}
	sent := make(chan error, 1)
	push("n0", "n1")
	if err := r.own.send(t.Context(), []byte("r0")); err != nil {
		t.Error(err)
	}
	push("n2") // for which n0 has to go
	ctx, cancel := context.WithCancel(t.Context())
	go func() { sent <- r.own.send(ctx, []byte("r1")) }()
	cancel()
	if err := <-sent; err != context.Canceled {
		t.Errorf("a request in a full queue: %v", err)
	}
	go func() { sent <- r.own.send(t.Context(), []byte("r2")) }()
	if got := r.resumed(t, ""); !strings.HasPrefix(got, "n1 r0 n2") {
		t.Errorf("what waited is %s", got)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	r.resumed(t, "")
	if got := r.resumed(t, "0-1"); got != "n1 r0 n2 r2" {
		t.Errorf("what is kept is %s", got)
	}
	push("n3", "n4", "n5")
	if got := r.resumed(t, "0-0"); got != "n2 r2 n3 n4 n5" {
		t.Errorf("what is kept of more than the limit is %s", got)
	}
	for _, text := range []string{"r3", "r4", "r5"} {
		if err := r.own.send(t.Context(), []byte(text)); err != nil {
			t.Error(err)
		}
	}
	push("n6") // has to go itself
	if got := r.resumed(t, ""); got != "r3 r4 r5" {
		t.Errorf("what waited is %s", got)
	}
	push(strings.Repeat("x", 1000)) // is alone
	if got := r.resumed(t, ""); len(got) != 1000 {
		t.Errorf("a text larger than the queue: %q", got)
	}
}

// A reader that is slow makes whoever sends wait, and loses nothing.
func TestReplaySlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const event = eventCost + 2
		r := newLog(t, Limits{Replay: 2*streamCost + 10*event, Queue: 3 * event})
		l := r.open()
		l.add([]byte("a0"), false)
		rd, err := r.attach("1-0", 10)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for i := range 20 {
				text := fmt.Appendf(nil, "b%d", i)
				if err := l.waitRoom(t.Context(), 2); err != nil {
					t.Error(err)
				}
				l.add(text[:2], i == 19)
			}
		}()
		synctest.Wait()
		if l.due != 3*event {
			t.Errorf("%d bytes wait", l.due)
		}
		n := 0
		for {
			e, state := rd.next()
			if state == readerEnds {
				break
			}
			if state == readerWaits {
				synctest.Wait()
				continue
			}
			if n++; e.seq != n {
				t.Errorf("event %d came as number %d", e.seq, n)
			}
		}
		if n != 21 {
			t.Errorf("%d events", n)
		}
		rd.detach()
		l = r.open()
		l.add([]byte("a0"), false)
		l.add(make([]byte, 5*event), false)
		if rd, err = r.attach("2-0", 10); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() { waited <- l.waitRoom(t.Context(), 2) }()
		synctest.Wait()
		if len(waited) > 0 {
			t.Error("there was no room")
		}
		rd.detach() // then nobody waits for it
		if err := <-waited; err != nil {
			t.Error(err)
		}
	})
}

func TestReplayFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLog(t, Limits{})
		a, b := r.open(), r.open()
		a.add([]byte("a0"), true)
		b.add([]byte("b0"), false)
		r.own.tryQueue([]byte("n0"), true)
		time.Sleep(2 * time.Minute)
		r.own.tryQueue([]byte("n1"), true)
		if got := r.resumed(t, ""); got != "n0 n1" {
			t.Errorf("got %s", got)
		}
		time.Sleep(2 * time.Minute)
		b.finish()
		if got := r.resumed(t, "1-0"); got != "a0" { // which starts the time anew
			t.Errorf("got %s", got)
		}
		time.Sleep(2 * time.Minute)
		if got := r.resumed(t, "0-0"); got != "n0 n1" {
			t.Errorf("got %s", got)
		}
		for _, tt := range []struct {
			d               time.Duration
			streams, events int
		}{{3*time.Minute - 1, 2, 2}, {1, 0, 2}, {2*time.Minute - 1, 0, 2}, {1, 0, 0}} {
			time.Sleep(tt.d)
			synctest.Wait()
			if streams, events, _ := r.held(); streams != tt.streams || events != tt.events {
				t.Errorf("%d streams and %d events are left, want %d and %d", streams, events, tt.streams, tt.events)
			}
		}
		if _, events, size := r.held(); size != 0 || events != 0 {
			t.Errorf("%d bytes are left", size)
		}
		r.own.tryQueue([]byte("n2"), true)
		time.Sleep(time.Hour)
		if got := r.resumed(t, "0-1"); got != "n2" { // nobody has had it
			t.Errorf("got %s", got)
		}
		c := r.open()
		c.add([]byte("c0"), false)
		time.Sleep(time.Hour)
		if got := r.resumed(t, "3-0"); got != "c0" { // the stream goes on
			t.Errorf("got %s", got)
		}
	})
}

// An event that could not be written goes to the next reader, once.
func TestReaderBack(t *testing.T) {
	r := newLog(t, Limits{})
	r.own.tryQueue([]byte("n0"), true)
	r.own.tryQueue([]byte("n1"), true)
	older, err := r.attach("", 10)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := older.next()
	younger, err := r.attach("", 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, state := older.next(); state != readerWaits {
		t.Error("the older reader goes on")
	}
	if e, _ := younger.next(); e.text != "n1" {
		t.Errorf("got %v", e)
	}
	older.back(e)
	older.back(e)
	if e, _ := younger.next(); e.text != "n0" {
		t.Errorf("got %v", e)
	}
	if e, state := younger.next(); state != readerWaits {
		t.Errorf("got %v", e)
	}
	older.back(e) // it is not the one who had it last
	if e, state := younger.next(); state != readerWaits || r.own.due != 0 {
		t.Errorf("got %v", e)
	}
	for _, rd := range []*reader{older, younger} {
		for len(rd.wake) > 0 {
			<-rd.wake
		}
	}
	r.own.tryQueue([]byte("n2"), true)
	younger.detach()
	if len(older.wake) == 0 {
		t.Error("the older reader is not told that it is the youngest now")
	}
	if e, _ := older.next(); e.text != "n2" {
		t.Errorf("got %v", e)
	}
	older.detach()
}

// A response that nobody could be there for is kept in the whole stack too, and
// is refused when it is gone.
func TestReplayLimitOverHTTP(t *testing.T) {
	o := options()
	o.Limits.Replay = 20_000
	w := serve(t, o, nil)
	session := with(w.begin(), "Accept", streamType)
	s := w.call(request(1, "big", `[10000]`), session)
	s.primed("1-0")
	s.must()
	s.ends()
	w.call(request(2, "big", `[15000]`), session).ends()
	_, err := w.get("/mcp", with(session, "Last-Event-ID", "1-0"))
	if r := refusalOf(t, err); r.StatusCode != http.StatusBadRequest || !strings.Contains(r.body, "no longer kept") {
		t.Error(r)
	}
	s = w.listen(session, "2-0")
	if e := s.must(); len(e.data) < 15_000 {
		t.Errorf("got %.100v", e)
	}
	s.ends()
}

// FuzzEventID: an id is read as it is written, and nothing else is an id.
func FuzzEventID(f *testing.F) {
	for _, id := range []string{"0-0", "1-2", "12-345", "", "-", "1", "01-2", "+1-2", "1--2", "1-2-3", "9223372036854775807-9223372036854775807", "9223372036854775808-0", "１-2"} {
		f.Add(id, 3, 4)
	}
	f.Fuzz(func(t *testing.T, id string, number, seq int) {
		if n, s, ok := parseEventID(id); ok && (&eventLog{number: n}).eventID(s) != id {
			t.Errorf("%q is read as %d, %d", id, n, s)
		}
		number, seq = number&math.MaxInt, seq&math.MaxInt
		written := (&eventLog{number: number}).eventID(seq)
		if n, s, ok := parseEventID(written); !ok || n != number || s != seq {
			t.Errorf("%s is read as %d, %d, %v", written, n, s, ok)
		}
		if strings.ContainsFunc(written, func(c rune) bool { return c <= ' ' || c > '~' }) {
			t.Errorf("%q is not visible", written)
		}
	})
}

// A message that is sent when a session ends is refused or delivered.
func TestReplayEnd(t *testing.T) {
	w := serve(t, options(), nil)
	session := w.begin()
	p := w.last()
	own := w.listen(session, "")
	own.primed("0-0")
	accepted := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for p.Send(t.Context(), &jsonrpc.Message{Method: "n"}) == nil {
			accepted++
		}
	}()
	own.must()
	p.Close(ErrDeleted)
	got := 1
	for e, err := own.next(); err == nil; e, err = own.next() {
		if e.name == "message" {
			got++
		}
	}
	<-done
	if got != accepted {
		t.Errorf("%d of %d messages came", got, accepted)
	}
}

package transport

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// replay is the event streams of one session, as far as somebody may still want
// them: what waits to be written, and what was written and may have been lost
// with a connection (2025-11-25, transports, resumability and redelivery).
type replay struct {
	ended  context.Context // of the session
	limits *Limits
	budget *budget
	prime  bool // streams begin with an event that has no data

	mu      sync.Mutex
	stopped bool              // nothing of it counts any more
	streams map[int]*eventLog // by number
	own     *eventLog         // number 0: what belongs to no request
	last    int               // the number given last
	size    int               // of all streams, in bytes
	readers int
	past    []*eventLog // streams that have ended and nobody reads, the first that did so first
	timer   *time.Timer // non-nil while something will have been kept long enough
}

// eventLog is one stream. Everything in it is guarded by the replay's lock.
type eventLog struct {
	of      *replay
	number  int
	last    int       // of the event added last; 0 is before the first
	lost    int       // of the newest event that was dropped
	events  []event   // in order; not all of them if the stream is number 0
	dropped int       // events that were in front of those, in the same array
	due     int       // bytes that a reader has to write
	dueFrom int       // no event before this one is due
	readers []*reader // the youngest last: it gets what is due
	direct  bool      // the response of the stream's POST writes it
	over    bool      // nothing more is added
	since   time.Time // when it was put into past
	room    chan struct{}
}

// event is one message of a stream.
type event struct {
	seq     int
	text    string
	at      time.Time // when it was added or given to a reader
	due     bool      // a reader has to write it: the one there is, or the next
	may     bool      // it may be dropped before it was written
	written *reader   // who was given it last
}

// What an event and a stream cost beside their text, or many small ones could
// hold more than the limit says.
const (
	eventCost  = 64
	streamCost = 256
)

func (e *event) cost() int { return len(e.text) + eventCost }

func newReplay(ended context.Context, limits *Limits, b *budget, prime bool) *replay {
	r := &replay{ended: ended, limits: limits, budget: b, prime: prime, streams: make(map[int]*eventLog)}
	r.own = &eventLog{of: r}
	r.streams[0] = r.own
	return r
}

// open begins the stream of a POST, whose response writes it.
func (r *replay) open() *eventLog {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	l := &eventLog{of: r, number: r.last, direct: true}
	r.streams[l.number] = l
	r.count(streamCost)
	r.evict()
	return l
}

// count counts n bytes more, or less. r.mu is held.
func (r *replay) count(n int) {
	r.size += n
	if !r.stopped {
		r.budget.add(n)
	}
}

// eventID is how clients know an event: the stream's number and its own.
func (l *eventLog) eventID(seq int) string {
	var buf [2*20 + 1]byte
	id := strconv.AppendInt(buf[:0], int64(l.number), 10)
	return string(strconv.AppendInt(append(id, '-'), int64(seq), 10))
}

// parseEventID reads what eventID made, and nothing else.
func parseEventID(id string) (number, seq int, ok bool) {
	first, second, _ := strings.Cut(id, "-")
	number, ok = parseNumber(first)
	if ok {
		seq, ok = parseNumber(second)
	}
	return number, seq, ok
}

func parseNumber(text string) (n int, ok bool) {
	if n, err := strconv.Atoi(text); err == nil && strconv.Itoa(n) == text && n >= 0 {
		return n, true
	}
	return 0, false
}

// append puts an event at the end. r.mu is held.
func (l *eventLog) append(text []byte, due, may bool) event {
	l.last++
	e := event{seq: l.last, text: string(text), at: time.Now(), due: due, may: may}
	before := cap(l.events)
	if l.events = append(l.events, e); cap(l.events) != before { // in a new array
		l.dropped = 0
	}
	l.of.count(e.cost())
	if due {
		l.due += e.cost()
		l.dueFrom = min(l.dueFrom, e.seq)
		l.wake()
	}
	return e
}

// wake tells the reader that gets what is due.
func (l *eventLog) wake() {
	if n := len(l.readers); n > 0 {
		l.readers[n-1].tell()
	}
}

// add records a message of a POST's stream; after the last one the stream is
// over. direct says that it has to be written to the response of the POST:
// no GET has taken over, and the response has not ended.
func (l *eventLog) add(text []byte, last bool) (e event, direct bool) {
	r := l.of
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.over { // who waited with it came behind the answer
		return event{}, false
	}
	e = l.append(text, len(l.readers) > 0, false)
	r.evict()
	if last {
		l.end()
	}
	return e, l.direct
}

// finish says that nothing more is added.
func (l *eventLog) finish() {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.end()
}

func (l *eventLog) end() {
	if l.over {
		return
	}
	l.over = true
	l.wake()
	l.retire()
}

// isDirect reports whether the response of the POST still writes the stream.
func (l *eventLog) isDirect() bool {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	return l.direct
}

// leave says that the response of the POST writes no more.
func (l *eventLog) leave() {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.direct = false
}

// retire lets the time begin after which a stream is forgotten, if it has ended
// and nobody reads it.
func (l *eventLog) retire() {
	if r := l.of; l.number > 0 && l.over && len(l.readers) == 0 {
		l.since = time.Now()
		r.past = append(r.past, l)
		r.evict()
		r.arm()
	}
}

// waitRoom returns when a reader has room for n more bytes. Without a reader
// nobody waits: the oldest events make room.
func (l *eventLog) waitRoom(ctx context.Context, n int) error {
	for {
		l.of.mu.Lock()
		room := l.full(n)
		if len(l.readers) == 0 {
			room = nil
		}
		l.of.mu.Unlock()
		if room == nil {
			return nil
		}
		if err := l.await(ctx, room); err != nil {
			return err
		}
	}
}

// full returns what to wait for if n more bytes are too many; nil if they fit. A
// text that is larger than the limit fits when it is alone.
func (l *eventLog) full(n int) (room chan struct{}) {
	if l.due == 0 || n+eventCost <= l.of.budget.room(l.of.limits.Queue)-l.due {
		return nil
	}
	if l.room == nil {
		l.room = make(chan struct{})
	}
	return l.room
}

func (l *eventLog) await(ctx context.Context, room <-chan struct{}) error {
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.of.ended.Done():
		return context.Cause(l.of.ended)
	}
}

// made says that there is room.
func (l *eventLog) made() {
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

// send queues a message that belongs to no request. It waits while too many wait
// to be written, whether or not somebody is there to write them.
func (l *eventLog) send(ctx context.Context, text []byte) error {
	for {
		room, err := l.tryQueue(text, false)
		if room == nil {
			return err
		}
		if err := l.await(ctx, room); err != nil {
			return err
		}
	}
}

// tryQueue queues a message, or returns what to wait for, or why it never will
// be. One that may be dropped makes room by dropping older ones, or is dropped.
func (l *eventLog) tryQueue(text []byte, may bool) (room <-chan struct{}, err error) {
	r := l.of
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Err() != nil { // under the lock: what is queued before the end is written after it
		return nil, context.Cause(r.ended)
	}
	for may && l.full(len(text)) != nil {
		i := slices.IndexFunc(l.events, func(e event) bool { return e.due && e.may })
		if i < 0 {
			return nil, nil
		}
		l.due -= l.events[i].cost()
		l.forget(i)
	}
	if room := l.full(len(text)); room != nil {
		return room, nil
	}
	l.append(text, true, may)
	r.evict()
	return nil, nil
}

// forget drops an event that is not due, or no longer counted as such.
func (l *eventLog) forget(i int) {
	l.of.count(-l.events[i].cost())
	l.lost = max(l.lost, l.events[i].seq)
	if i > 0 {
		l.events = slices.Delete(l.events, i, i+1)
		return
	}
	l.events[0] = event{} // or its text stays in memory
	l.events = l.events[1:]
	if l.dropped++; l.dropped > len(l.events)+maxDropped { // or so does the array
		l.events, l.dropped = slices.Clone(l.events), 0
	}
}

// maxDropped is how many events may be gone from an array, beside as many as it
// still has.
const maxDropped = 16

// evict keeps the session to its limit: the streams that nobody reads go first,
// then the oldest events. What is due stays; Limits.Queue bounds it.
func (r *replay) evict() {
	for r.size > r.budget.room(r.limits.Replay) {
		if len(r.past) > 0 {
			r.drop()
			continue
		}
		var oldest *eventLog
		for _, l := range r.streams {
			if len(l.events) > 0 && !l.events[0].due && (oldest == nil || l.events[0].at.Before(oldest.events[0].at)) {
				oldest = l
			}
		}
		if oldest == nil {
			return
		}
		oldest.forget(0)
	}
}

// drop forgets the first stream of the past.
func (r *replay) drop() {
	l := r.past[0]
	r.past[0] = nil
	r.past = r.past[1:]
	delete(r.streams, l.number)
	size := streamCost
	for i := range l.events {
		size += l.events[i].cost()
	}
	r.count(-size)
}

// arm has the past looked at when its time has come.
func (r *replay) arm() {
	if r.timer == nil && r.ended.Err() == nil {
		r.timer = time.AfterFunc(r.limits.ReplayFor, r.expire)
	}
}

// expire forgets what has been kept long enough.
func (r *replay) expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer = nil; r.ended.Err() != nil {
		return
	}
	old := func(t time.Time) bool { return time.Since(t) >= r.limits.ReplayFor }
	for len(r.past) > 0 && old(r.past[0].since) {
		r.drop()
	}
	for r.own.kept() && old(r.own.events[0].at) {
		r.own.forget(0)
	}
	var first time.Time
	if len(r.past) > 0 {
		first = r.past[0].since
	}
	if r.own.kept() && (first.IsZero() || r.own.events[0].at.Before(first)) {
		first = r.own.events[0].at
	}
	if !first.IsZero() {
		r.timer = time.AfterFunc(r.limits.ReplayFor-time.Since(first), r.expire)
	}
}

// kept reports whether the first event has been written and is kept all the same.
func (l *eventLog) kept() bool { return len(l.events) > 0 && !l.events[0].due }

// stop comes when the session has ended.
func (r *replay) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped {
		r.stopped = true
		r.budget.add(-r.size)
	}
	if r.timer != nil {
		r.timer.Stop()
	}
}

func notKept(reason string) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Reason: reason}
}

package transport

import (
	"math"
	"slices"
	"sort"
	"time"
)

// reader is the response of one GET that writes a stream.
type reader struct {
	log   *eventLog
	prime int           // the stream begins after this event
	fresh bool          // the client names no event: it has to be told one
	wake  chan struct{} // holds a token while there may be something to do
	gone  bool          // the response is to end; guarded by the replay's lock
	retry time.Duration // after which the client is to come back; 0 if it need not
}

func (rd *reader) tell() {
	select {
	case rd.wake <- struct{}{}:
	default:
	}
}

// attach lets a client read: the session's own stream, or, with the id of the
// last event that it got, the stream of that event from there on. At most this
// many read at once. The error is a [*Refusal].
func (r *replay) attach(lastID string, most int) (*reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.readers >= most {
		return nil, busy("too many streams of this session are open: close some")
	}
	l, seq := r.own, 0
	if lastID != "" {
		number, n, ok := parseEventID(lastID)
		if l = r.streams[number]; !ok || l == nil || n > l.last {
			return nil, notKept("Last-Event-ID names no stream of this session, or one that is no longer kept: send the request again")
		}
		if seq = n; l.number > 0 && seq < l.lost {
			return nil, notKept("the events after Last-Event-ID are no longer kept: send the request again")
		}
	}
	rd := &reader{log: l, fresh: lastID == "", prime: l.sent(), wake: make(chan struct{}, 1)}
	if !rd.fresh {
		l.again(seq)
	}
	r.readers++
	l.direct = false
	if l.number > 0 {
		for _, old := range l.readers {
			old.gone = true
			old.tell()
		}
		l.readers = l.readers[:0]
		r.past = slices.DeleteFunc(r.past, func(past *eventLog) bool { return past == l })
	}
	l.readers = append(l.readers, rd)
	return rd, nil
}

// sent returns the event after which everything is due.
func (l *eventLog) sent() int {
	if i := l.firstDue(); i < len(l.events) {
		return l.events[i].seq - 1
	}
	return l.last
}

// again makes the events after seq due once more.
func (l *eventLog) again(seq int) {
	for i := range l.events {
		if e := &l.events[i]; e.seq > seq && !e.due {
			e.due, e.written = true, nil
			l.due += e.cost()
			l.dueFrom = min(l.dueFrom, e.seq)
		}
	}
}

func (l *eventLog) firstDue() int {
	i := sort.Search(len(l.events), func(i int) bool { return l.events[i].seq >= l.dueFrom })
	for i < len(l.events) && !l.events[i].due {
		i++
	}
	return i
}

// What a reader has to do next.
const (
	readerWrites = iota
	readerWaits
	readerEnds
)

// next returns the event to write, or what else to do.
func (rd *reader) next() (e event, state int) {
	l, r := rd.log, rd.log.of
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case rd.gone:
		return e, readerEnds
	case l.readers[len(l.readers)-1] != rd: // a younger one of the session's own stream gets everything
		return e, readerWaits
	}
	i := l.firstDue()
	if i == len(l.events) {
		l.dueFrom = l.last + 1
		if l.over {
			return e, readerEnds
		}
		return e, readerWaits
	}
	p := &l.events[i]
	p.due, p.may, p.written, p.at = false, false, rd, time.Now()
	l.due -= p.cost()
	l.dueFrom = p.seq + 1
	l.made()
	if e = *p; l.number == 0 {
		r.arm()
	}
	r.evict()
	return e, readerWrites
}

// back returns an event of the session's own stream that could not be written:
// it goes to another reader, unless one has had it since.
func (rd *reader) back(e event) {
	l := rd.log
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	i := slices.IndexFunc(l.events, func(other event) bool { return other.seq == e.seq })
	if l.number > 0 || i < 0 || l.events[i].written != rd || l.events[i].due {
		return
	}
	l.events[i].due = true
	l.due += e.cost()
	l.dueFrom = min(l.dueFrom, e.seq)
	l.wake()
}

// detach ends the reading. What was due on the session's own stream waits for the
// next reader; the stream of a POST is kept for whoever resumes it.
func (rd *reader) detach() {
	l, r := rd.log, rd.log.of
	r.mu.Lock()
	defer r.mu.Unlock()
	r.readers--
	i := slices.Index(l.readers, rd)
	if i < 0 { // another has taken over
		return
	}
	l.readers = slices.Delete(l.readers, i, i+1)
	if l.number == 0 {
		l.wake()
		return
	}
	for i := range l.events {
		l.events[i].due = false
	}
	l.due, l.dueFrom = 0, math.MaxInt
	l.made()
	r.evict()
	l.retire()
}

// suspend ends the response of the GET that reads a stream, if there is one: the
// client is to come back after the time given.
func (l *eventLog) suspend(retry time.Duration) bool {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if len(l.readers) == 0 {
		return false
	}
	rd := l.readers[len(l.readers)-1]
	if rd.gone {
		return false
	}
	rd.gone, rd.retry = true, retry
	rd.tell()
	return true
}

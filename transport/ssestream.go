package transport

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// sseStream is the outlet of a peer that is connected by HTTP+SSE. Whoever sends
// writes his event himself, so that no other goroutine has to be woken for it.
// While somebody else writes he queues it, and the goroutine of the GET request
// writes what is queued.
type sseStream struct {
	queue
	peer   *Peer
	opened []credential // of the GET: see checkCaller

	// Guarded by the queue's lock, but for what out points to: that belongs to
	// whoever is busy.
	out     *deadlineWriter // nil before the stream has begun, and when it is over
	timer   *time.Timer     // to look after the stream; nil likewise
	busy    bool            // somebody writes
	rest    chan struct{}   // non-nil while the GET waits until nobody does; closed then
	failure *streamFailure  // of the first write that failed
}

// streamFailure is why a stream could not be written, and what that means for
// the connection.
type streamFailure struct {
	cause, err error
	panicked   any // what a middleware's ResponseWriter panicked with
}

// writeSSE writes the stream until p's context ends, or until it cannot.
func (h *HTTP) writeSSE(w http.ResponseWriter, r *http.Request, p *Peer) *streamFailure {
	out, err := h.eventStream(w, r)
	if err == nil {
		err = out.sendText(eventEndpoint, h.endpoint(r, p.ID))
	}
	if notStreamable(err) {
		failStream(w)
		return &streamFailure{cause: errNotStreamable, err: err}
	}
	if err != nil {
		return &streamFailure{cause: out.cause(), err: err}
	}
	s := p.out.(*sseStream)
	s.begin(out)
	s.attend(r)
	failure := s.end(out)
	if failure != nil && failure.panicked != nil {
		panic(failure.panicked) // where net/http expects it
	}
	p.Close(ErrClientGone) // unless there is another cause
	return failure
}

// attend writes what is queued, until the connection ends. It waits for no more
// than it has to: there may be many streams that are silent.
func (s *sseStream) attend(r *http.Request) {
	for !s.peer.ctx.Cancelled() {
		if out := s.claim(false); out != nil {
			s.yield(out.try(func() error { return out.sendAll(s.take()) }))
		}
		select {
		case <-s.wake:
		case <-r.Context().Done():
			return
		}
	}
}

// ended implements ender.
func (s *sseStream) ended() { s.wakeUp() }

// look holds the session to its limits, and writes a comment if the stream was
// silent for long enough.
func (s *sseStream) look() {
	h := s.peer.http
	wait := h.nextLook(s.peer)
	if h.o.KeepAlive > 0 {
		wait = min(wait, s.keepAlive(h.o.KeepAlive))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Reset(wait)
	}
}

// keepAlive writes a comment if the stream was silent for so long, and returns the
// time until it has to be looked at again.
func (s *sseStream) keepAlive(every time.Duration) time.Duration {
	out := s.claim(false)
	if out == nil { // it is not silent
		return every
	}
	var failure *streamFailure
	silent := time.Since(out.written)
	if silent >= every {
		failure = out.try(out.keepAlive)
		silent = 0
	}
	s.yield(failure)
	return every - silent
}

// sendText implements outlet.
func (s *sseStream) sendText(ctx context.Context, text []byte) error {
	return s.sendParts(ctx, text, nil, nil)
}

// sendParts implements splicer. The fixed part is one line.
func (s *sseStream) sendParts(ctx context.Context, before, fixed, after []byte) error {
	blankLines(before)
	blankLines(after)
	out := s.claim(true)
	if out == nil {
		if fixed != nil {
			before = slices.Concat(before, fixed, after)
		}
		return s.queue.sendText(ctx, before)
	}
	failure := out.try(func() error { return out.sendLine(before, fixed, after) })
	s.yield(failure)
	if failure != nil {
		return failure.cause
	}
	return nil
}

// release comes when the connection has ended: nothing is queued any more.
func (s *sseStream) release() {
	s.take()
	s.peer.release()
}

// push implements outlet.
func (s *sseStream) push(text []byte) {
	blankLines(text)
	s.queue.push(text)
}

func (s *sseStream) begin(out *deadlineWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = out
	s.timer = time.AfterFunc(0, s.look)
}

// claim returns the stream to whoever may write it now, and has to yield it then.
// It returns nil while somebody else does, and with alone also while something is
// queued, which goes first.
func (s *sseStream) claim(alone bool) *deadlineWriter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy || s.out == nil || alone && (len(s.texts) > 0 || s.peer.ctx.Cancelled()) {
		return nil
	}
	s.busy = true
	return s.out
}

// yield lets others write, and ends the connection where writing failed: first, or
// the GET, which net/http tells as well, would say that the client has gone.
func (s *sseStream) yield(failure *streamFailure) {
	if failure != nil {
		s.peer.Close(failure.cause)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
	if s.failure == nil {
		s.failure = failure
	}
	if s.rest != nil {
		close(s.rest)
		s.rest = nil
	}
	if len(s.texts) > 0 {
		s.wakeUp()
	}
}

// try calls f, which writes to w. net/http recovers panics of the goroutine that it
// started alone, and this may be another.
func (w *deadlineWriter) try(f func() error) (failure *streamFailure) {
	defer func() {
		if v := recover(); v != nil {
			failure = &streamFailure{ErrClientGone, fmt.Errorf("writing the stream panicked: %v", v), v}
		}
	}()
	if err := f(); err != nil {
		return &streamFailure{cause: w.cause(), err: err}
	}
	return nil
}

// end waits for whoever writes, lets nobody do so any more, and writes what was
// queued before the end.
func (s *sseStream) end(out *deadlineWriter) *streamFailure {
	s.mu.Lock()
	s.out = nil
	s.timer.Stop()
	s.timer = nil
	var rest chan struct{}
	if s.busy {
		rest = make(chan struct{})
		s.rest = rest
	}
	s.mu.Unlock()
	if rest != nil {
		<-rest
	}
	if s.failure == nil && s.peer.ctx.Cancelled() {
		if err := out.sendAll(s.take()); err != nil {
			return &streamFailure{cause: out.cause(), err: err}
		}
	}
	out.extend() // the end of the response is a write as well
	return s.failure
}

package transport

import (
	"errors"
	"net/http"
	"time"

	sse "github.com/tmaxmax/go-sse"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// streamFailure is why a stream could not be written, and what that means for
// the connection.
type streamFailure struct{ cause, err error }

// errNoStream is the cause of a connection that was closed at once.
var errNoStream = errors.New("the response cannot be streamed: a middleware's ResponseWriter has neither Flush nor Unwrap")

// writeSSE writes the stream until p's context ends, or until it cannot. It is
// the one place that finds out that the client has gone: net/http also ends r's
// context when a write fails, whatever it failed of.
func (h *HTTP) writeSSE(w http.ResponseWriter, r *http.Request, p *Peer) *streamFailure {
	header := w.Header()
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	header.Set("X-Content-Type-Options", "nosniff")
	out := &deadlineWriter{ResponseWriter: w, rc: http.NewResponseController(w), limit: h.o.Limits.Write}
	stream, err := sse.Upgrade(out, r)
	if err == nil {
		err = out.send(stream, eventEndpoint, h.endpoint(r, p.ID))
	}
	if errors.Is(err, http.ErrNotSupported) || errors.Is(err, sse.ErrUpgradeUnsupported) {
		fail(w, http.StatusInternalServerError, jsonrpc.CodeInternalError, "this connection cannot be streamed")
		return &streamFailure{errNoStream, err}
	}
	if err == nil {
		err = h.writeQueue(out, stream, r, p)
	}
	switch {
	case err == nil:
		return nil
	case out.late():
		return &streamFailure{ErrSlowReader, err}
	}
	return &streamFailure{ErrClientGone, err}
}

func (h *HTTP) writeQueue(out *deadlineWriter, stream *sse.Session, r *http.Request, p *Peer) error {
	s := p.out.(*sseStream)
	timer := time.NewTimer(0)
	defer timer.Stop()
	written := time.Now()
	for {
		select {
		case <-s.wake:
			if err := out.sendAll(stream, s.take()); err != nil {
				return err
			}
			written = time.Now()
		case <-timer.C:
		case <-r.Context().Done():
			p.Close(ErrClientGone)
			return nil
		case <-p.ctx.Done():
			return out.sendAll(stream, s.take()) // what was queued before the end
		}
		if h.o.KeepAlive > 0 && time.Since(written) >= h.o.KeepAlive {
			if err := out.comment(stream, "keep-alive"); err != nil {
				return err
			}
			written = time.Now()
		}
		timer.Reset(h.nextLook(p, written))
	}
}

// nextLook ends a session that is past its limits, and returns the time until it
// has to be looked at again.
func (h *HTTP) nextLook(p *Peer, written time.Time) time.Duration {
	seen := time.Duration(p.seen.Load()) // before the time now, or it could be later than that
	age := time.Since(p.opened)
	left := h.o.Limits.Age - age
	idle := h.o.Limits.Idle - (age - seen)
	switch {
	case left <= -grace, left <= 0 && p.calls.endIdle():
		p.Close(ErrExpired)
	case left <= 0: // its calls may still answer
		p.calls.end()
		p.stop(ErrExpired)
		left += grace
	case idle <= 0 && p.calls.endIdle():
		p.Close(ErrIdle)
	}
	if idle <= 0 {
		idle = time.Second // a call is under way, whose end starts the time anew
	}
	wait := min(left, idle)
	if h.o.KeepAlive > 0 {
		wait = min(wait, h.o.KeepAlive-time.Since(written))
	}
	return max(wait, time.Millisecond)
}

var (
	eventEndpoint = sse.Type("endpoint")
	eventMessage  = sse.Type("message")
)

// deadlineWriter gives every write the time that the limit allows, whatever
// deadline the http.Server has set for the whole response.
type deadlineWriter struct {
	http.ResponseWriter
	rc    *http.ResponseController
	limit time.Duration
	since time.Time // the current deadline is limit later
}

// chunk is how much may be written under one deadline: a client that reads on
// slowly, but does, gets a message of any size.
const chunk = 64 << 10

func (w *deadlineWriter) Write(b []byte) (n int, err error) {
	for len(b) > chunk {
		m, err := w.ResponseWriter.Write(b[:chunk])
		n, b = n+m, b[m:]
		if err != nil {
			return n, err
		}
		w.extend()
	}
	m, err := w.ResponseWriter.Write(b)
	return n + m, err
}

// extend gives a write its time.
func (w *deadlineWriter) extend() {
	w.since = time.Now()
	_ = w.rc.SetWriteDeadline(deadline(w.limit)) // where that is not supported, there is no limit
}

// late reports whether a write that failed had used up its time. The error does
// not tell: HTTP/2 has another one than a connection.
func (w *deadlineWriter) late() bool { return time.Since(w.since) >= w.limit }

// FlushError is what go-sse flushes by.
func (w *deadlineWriter) FlushError() error { return w.rc.Flush() }

func (w *deadlineWriter) send(s *sse.Session, event sse.EventType, data string) error {
	w.extend()
	m := sse.Message{Type: event}
	m.AppendData(data)
	if err := s.Send(&m); err != nil {
		return err
	}
	return s.Flush()
}

func (w *deadlineWriter) comment(s *sse.Session, text string) error {
	w.extend()
	var m sse.Message
	m.AppendComment(text)
	if err := s.Send(&m); err != nil {
		return err
	}
	return s.Flush()
}

func (w *deadlineWriter) sendAll(s *sse.Session, texts []string) error {
	for i, text := range texts {
		w.extend()
		m := sse.Message{Type: eventMessage}
		m.AppendData(text)
		if err := s.Send(&m); err != nil {
			return err
		}
		texts[i] = "" // or a silent stream would keep the last ones in memory
	}
	if len(texts) == 0 {
		return nil
	}
	return s.Flush()
}

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

// errNotStreamable is the cause of a connection that was closed at once.
var errNotStreamable = errors.New("the response cannot be streamed: a middleware's ResponseWriter has neither Flush nor Unwrap")

// writeSSE writes the stream until p's context ends, or until it cannot. It is
// the one place that finds out that the client has gone: net/http also ends r's
// context when a write fails, whatever it failed of.
func (h *HTTP) writeSSE(w http.ResponseWriter, r *http.Request, p *Peer) *streamFailure {
	out, err := h.eventStream(w, r)
	if err == nil {
		err = out.sendText(eventEndpoint, h.endpoint(r, p.ID))
	}
	if notStreamable(err) {
		failStream(w)
		return &streamFailure{errNotStreamable, err}
	}
	if err == nil {
		err = h.writeQueue(out, r, p)
	}
	if err == nil {
		out.extend() // the end of the response is a write as well
		return nil
	}
	return &streamFailure{out.cause(), err}
}

// eventStream makes a response an event stream, which begins with the first
// event. The error is that it cannot be streamed.
func (h *HTTP) eventStream(w http.ResponseWriter, r *http.Request) (*deadlineWriter, error) {
	if _, err := sse.Upgrade(w, r); err != nil { // asked of w itself: a deadlineWriter could always be flushed
		return nil, err
	}
	header := w.Header()
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	header.Set("X-Content-Type-Options", "nosniff")
	out := &deadlineWriter{ResponseWriter: w, rc: http.NewResponseController(w), limit: h.o.Limits.Write}
	var err error
	out.stream, err = sse.Upgrade(out, r)
	return out, err
}

func notStreamable(err error) bool {
	return errors.Is(err, http.ErrNotSupported) || errors.Is(err, sse.ErrUpgradeUnsupported)
}

func failStream(w http.ResponseWriter) {
	fail(w, http.StatusInternalServerError, jsonrpc.CodeInternalError, "this connection cannot be streamed")
}

func (h *HTTP) writeQueue(out *deadlineWriter, r *http.Request, p *Peer) error {
	s := p.out.(*sseStream)
	timer := time.NewTimer(0)
	defer timer.Stop()
	written := time.Now()
	for {
		select {
		case <-s.wake:
			if err := out.sendAll(s.take()); err != nil {
				return err
			}
			written = time.Now()
		case <-timer.C:
		case <-r.Context().Done():
			p.Close(ErrClientGone)
			return nil
		case <-p.ctx.Done():
			return out.sendAll(s.take()) // what was queued before the end
		}
		if h.o.KeepAlive > 0 && time.Since(written) >= h.o.KeepAlive {
			if err := out.keepAlive(); err != nil {
				return err
			}
			written = time.Now()
		}
		wait := h.nextLook(p)
		if h.o.KeepAlive > 0 {
			wait = min(wait, h.o.KeepAlive-time.Since(written))
		}
		timer.Reset(wait)
	}
}

// nextLook ends a session that is past its limits, and returns the time until it
// has to be looked at again.
func (h *HTTP) nextLook(p *Peer) time.Duration {
	seen := time.Duration(p.seen.Load()) // before the time now, or it could be later than that
	age := time.Since(p.opened)
	left := h.o.Limits.Age - age
	idle := h.o.Limits.Idle - (age - seen)
	switch {
	case left <= -grace, left <= 0 && p.calls.endIdle():
		p.Close(ErrExpired)
	case left <= 0: // its calls may still answer
		p.calls.end()
		p.work.Cancel(ErrExpired)
		left += grace
	case idle <= 0 && p.calls.endIdle():
		p.Close(ErrIdle)
	}
	if idle <= 0 {
		idle = time.Second // a call is under way, whose end starts the time anew
	}
	return max(min(left, idle), time.Millisecond)
}

var (
	eventEndpoint = sse.Type("endpoint")
	eventMessage  = sse.Type("message")
)

// deadlineWriter gives every write the time that the limit allows, whatever
// deadline the http.Server has set for the whole response.
type deadlineWriter struct {
	http.ResponseWriter
	rc     *http.ResponseController
	limit  time.Duration
	since  time.Time    // the current deadline is limit later
	stream *sse.Session // that events are written to; nil if the response is none
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

// cause is what a write that failed means for the connection.
func (w *deadlineWriter) cause() error {
	if w.late() {
		return ErrSlowReader
	}
	return ErrClientGone
}

// FlushError is what go-sse flushes by.
func (w *deadlineWriter) FlushError() error { return w.rc.Flush() }

// send writes an event, or a comment, and flushes it.
func (w *deadlineWriter) send(m *sse.Message) error {
	w.extend()
	if err := w.stream.Send(m); err != nil {
		return err
	}
	return w.stream.Flush()
}

func (w *deadlineWriter) sendText(event sse.EventType, data string) error {
	m := sse.Message{Type: event}
	m.AppendData(data)
	return w.send(&m)
}

func (w *deadlineWriter) keepAlive() error {
	var m sse.Message
	m.AppendComment("keep-alive")
	return w.send(&m)
}

func (w *deadlineWriter) sendAll(texts []string) error {
	for i, text := range texts {
		w.extend()
		m := sse.Message{Type: eventMessage}
		m.AppendData(text)
		if err := w.stream.Send(&m); err != nil {
			return err
		}
		texts[i] = "" // or a silent stream would keep the last ones in memory
	}
	if len(texts) == 0 {
		return nil
	}
	return w.stream.Flush()
}

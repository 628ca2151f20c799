package transport

import (
	"errors"
	"net/http"
	"time"

	sse "github.com/tmaxmax/go-sse"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// errNotStreamable is the cause of a connection that was closed at once.
var errNotStreamable = errors.New("the response cannot be streamed: a middleware's ResponseWriter has neither Flush nor Unwrap")

// eventStream makes a response an event stream, which begins with the first
// event. The error is that it cannot be streamed.
func (h *HTTP) eventStream(w http.ResponseWriter, r *http.Request) (*deadlineWriter, error) {
	if _, err := sse.Upgrade(w, r); err != nil { // asked of w itself: a deadlineWriter could always be flushed
		return nil, err
	}
	header := w.Header()
	header["Cache-Control"], header["X-Content-Type-Options"] = noTransform, noSniff
	header["X-Accel-Buffering"] = noBuffering // nginx would hold events back
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

// Values of headers that every stream shares.
var (
	noTransform = []string{"no-cache, no-transform"}
	noBuffering = []string{"no"}
)

var (
	eventEndpoint = sse.Type("endpoint")
	eventMessage  = sse.Type("message")
)

// deadlineWriter gives every write the time that the limit allows, whatever
// deadline the http.Server has set for the whole response.
type deadlineWriter struct {
	http.ResponseWriter
	rc      *http.ResponseController
	limit   time.Duration
	since   time.Time    // the current deadline is limit later
	written time.Time    // when the last write began
	stream  *sse.Session // that events are written to; nil if the response is none
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

// extend gives a write its time. A deadline that was set a moment ago is as good as
// a new one, and costs nothing.
func (w *deadlineWriter) extend() {
	now := time.Now()
	w.written = now
	if now.Sub(w.since) < w.limit/32 {
		return
	}
	w.since = now
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

// Around the text of a message in an event, which is one line.
var (
	eventHead = []byte("event: message\ndata: ")
	eventTail = []byte("\n\n")
)

// sendLine writes a message in parts that have no line breaks, and flushes it.
func (w *deadlineWriter) sendLine(before, fixed, after []byte) error {
	w.extend()
	for _, part := range [...][]byte{eventHead, before, fixed, after, eventTail} {
		if len(part) == 0 {
			continue
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.FlushError()
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

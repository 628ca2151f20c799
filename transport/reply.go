package transport

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// errServed is the cause of the end of a connection that was made for one
// message, and of what is sent for a request that has been answered.
var errServed = errors.New("the request has been served")

// postReply is the way back of one POST: one JSON answer, or an event stream as soon
// as something else comes first. It may be used when the HTTP response has ended,
// and when the request has been answered; then it says so.
type postReply struct {
	w      http.ResponseWriter
	r      *http.Request
	peer   *Peer
	x      *Exchange // nil for a batch
	takes  accepts
	length [1]string // of the answer, as its header has it

	mu       sync.Mutex // not held while a stream is written
	answered bool       // nothing more may be sent
	early    bool       // the answer is not to wait until run returns
	closed   bool       // the HTTP response has ended
	stream   *postStream
	left     chan struct{} // non-nil if the work is detached; closed when the HTTP response is to end
	isLeft   bool
}

// Send implements [Sender].
func (r *postReply) Send(ctx context.Context, m *jsonrpc.Message) error {
	if text := m.Text(); text != nil {
		return r.answer(ctx, http.StatusOK, text, nil, nil)
	}
	if before, fixed, after := m.Parts(); fixed != nil {
		return r.answer(ctx, http.StatusOK, before, fixed, after)
	}
	buf := pool.Get()
	defer buf.Put()
	buf.B = m.Append(buf.B)
	if m.Method != "" {
		return r.related(ctx, buf.B, m.ID != "")
	}
	status := http.StatusOK
	if m.ID == "" && m.Error != nil {
		status = http.StatusBadRequest
	}
	return r.answer(ctx, status, buf.B, nil, nil)
}

// sendArray implements replier.
func (r *postReply) sendArray(text []byte) {
	_ = r.answer(&r.peer.ctx, http.StatusOK, text, nil, nil)
}

// related sends what belongs to the request and does not answer it.
func (r *postReply) related(ctx context.Context, text []byte, isRequest bool) error {
	stream, err := r.begin()
	switch {
	case err == nil:
		return stream.send(ctx, text, false)
	case err == ErrNoStream && !isRequest:
		return nil
	}
	return err
}

// begin makes the response an event stream, if it is none.
func (r *postReply) begin() (*postStream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answered {
		return nil, errServed
	}
	return r.beginLocked()
}

func (r *postReply) beginLocked() (*postStream, error) {
	switch {
	case r.stream != nil:
		return r.stream, nil
	case r.closed || r.r.Context().Err() != nil:
		return nil, ErrClientGone
	case !r.takes.stream:
		return nil, ErrNoStream
	}
	out, err := r.peer.http.eventStream(r.w, r.r)
	if err != nil {
		r.takes.stream = false
		return nil, ErrNoStream
	}
	r.stream = &postStream{reply: r, turn: make(chan struct{}, 1), out: out}
	if log := r.peer.out.(*streamable).log.Load(); log != nil {
		r.stream.log = log.open()
	}
	return r.stream, nil
}

// answer sends the response, in three parts. status is that of a response which is
// no stream and whose status the Receiver has not set.
func (r *postReply) answer(ctx context.Context, status int, before, fixed, after []byte) error {
	r.mu.Lock()
	if r.answered {
		r.mu.Unlock()
		return errServed
	}
	r.answered = true
	if r.x != nil && r.x.Status != 0 {
		status = r.x.Status
	}
	if r.stream == nil && (r.takes.json || status >= http.StatusBadRequest) {
		defer r.mu.Unlock()
		defer r.leaveLocked()
		return r.writeJSON(status, before, fixed, after)
	}
	stream, err := r.beginLocked()
	if err == ErrNoStream { // which the client would need, and a middleware prevents
		failStream(r.w)
	}
	r.mu.Unlock()
	defer r.leave()
	if err != nil {
		return err
	}
	if fixed != nil {
		before = slices.Concat(before, fixed, after)
	}
	return stream.send(ctx, before, true)
}

// Values of headers that every answer shares.
var (
	typeJSON  = []string{"application/json"}
	noSniff   = []string{"nosniff"}
	noStore   = []string{"no-store"}
	onlyClose = []string{"close"}
)

// writeJSON writes the one answer. net/http holds the end of it back until the
// handler returns, which is soon: run returns or, if it is detached, the answer
// ends the waiting. By then the call is not counted any more.
func (r *postReply) writeJSON(status int, parts ...[]byte) error {
	if r.closed {
		return ErrClientGone
	}
	h := r.w.Header()
	h["Content-Type"], h["X-Content-Type-Options"], h["Cache-Control"] = typeJSON, noSniff, noStore
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	r.length[0] = strconv.Itoa(length) // without it a client that is answered early would wait for the end
	h["Content-Length"] = r.length[:]
	if r.early && r.r.ProtoMajor == 1 { // what a client sent behind this request would not be read
		h["Connection"] = onlyClose
	}
	out := deadlineWriter{ResponseWriter: r.w, rc: http.NewResponseController(r.w), limit: r.peer.http.o.Limits.Write}
	out.extend()
	r.w.WriteHeader(status)
	var err error
	for _, part := range parts {
		if _, err = out.Write(part); err != nil {
			break
		}
	}
	if err == nil {
		if r.early {
			_ = out.FlushError() // the client has gone, or a middleware buffers
		}
		return nil
	}
	cause := out.cause()
	if r.peer.out.(*streamable).log.Load() == nil {
		r.peer.Close(cause)
	}
	return cause
}

// AutoFlush implements [Flusher].
func (r *postReply) AutoFlush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.early = true
}

// name gives the response the id of the session that it begins, and reports
// whether it is not too late for that.
func (r *postReply) name(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answered || r.closed || r.stream != nil {
		return false
	}
	r.w.Header().Set(sessionHeader, id)
	return true
}

// Suspend implements [Suspender].
func (r *postReply) Suspend(retry time.Duration) bool {
	r.mu.Lock()
	if r.left == nil || r.answered || r.peer.out.(*streamable).log.Load() == nil {
		r.mu.Unlock()
		return false
	}
	stream, err := r.beginLocked()
	r.mu.Unlock()
	return err == nil && stream.suspend(retry)
}

// detach says that the work may outlive the HTTP response, which is to end when
// the channel is closed.
func (r *postReply) detach() (left <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = make(chan struct{})
	return r.left
}

// settle returns when a write that is under way has ended: net/http ends the
// request's context when a write fails, and whoever wrote knows better of what.
func (r *postReply) settle() {
	r.mu.Lock()
	stream := r.stream
	r.mu.Unlock()
	if stream != nil {
		stream.settle()
	}
}

// refused says that something else has been answered; unused that nothing has.
func (r *postReply) refused() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered = true
}

func (r *postReply) unused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.answered && r.stream == nil
}

// finish comes when nothing is left to run. What was not answered gets a status,
// or its stream just ends.
func (r *postReply) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.answered && !r.closed && r.stream == nil {
		status(r.w, r.silentLocked())
	}
	r.answered = true
	if r.stream != nil && r.stream.log != nil {
		r.stream.log.finish()
	}
	r.leaveLocked()
}

// silentLocked returns the status of a response without a body. A request that is
// not answered, because it was cancelled, gets a stream in which nothing is.
func (r *postReply) silentLocked() int {
	switch {
	case r.x != nil && r.x.Status != 0:
		return r.x.Status
	case r.x != nil && r.x.Message.IsRequest() && r.takes.stream:
		if _, err := r.peer.http.eventStream(r.w, r.r); err == nil {
			r.w.Header().Set("Content-Type", "text/event-stream") // which it would have with its first event
			return http.StatusOK
		}
	}
	return http.StatusAccepted
}

// leave lets the handler return that waits for detached work.
func (r *postReply) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaveLocked()
}

func (r *postReply) leaveLocked() {
	if r.left != nil && !r.isLeft {
		r.isLeft = true
		close(r.left)
	}
}

// end comes before the handler returns: nothing is written to it afterwards.
func (r *postReply) end() {
	r.mu.Lock()
	r.closed = true
	stream := r.stream
	r.mu.Unlock()
	if stream != nil {
		stream.close()
	}
}

// logCut says that a stream of a session could not be written. That is no end of
// the session, and only one kind of it is worth a warning.
func (h *HTTP) logCut(p *Peer, cause, err error) {
	level := slog.LevelDebug
	if cause == ErrSlowReader {
		level = slog.LevelWarn
	}
	h.o.Logger.Log(context.Background(), level, "stream cut", "session", short(p.ID), "remote", p.RemoteAddr, "cause", cause, "error", err)
}

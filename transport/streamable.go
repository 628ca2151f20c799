package transport

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// streamable is a peer that came by streamable HTTP, and its outlet. It lasts as
// long as the POST that it was made for, unless it is kept: then it is a session,
// which has no goroutine of its own.
type streamable struct {
	peer   Peer
	opened []credential // of that POST: see checkCaller
	alone  bool         // it cannot be kept

	log atomic.Pointer[replay] // nil until it is kept

	mu      sync.Mutex
	reply   *postReply  // to that POST; nil when that has been served, or the peer outlives it
	unwatch func() bool // lets the end of that POST be no end of the peer; nil while nobody waits for that
	timer   *time.Timer // for the limits of a session
}

// sendText implements outlet.
func (s *streamable) sendText(ctx context.Context, text []byte) error {
	log := s.log.Load()
	if log == nil {
		return ErrNoStream
	}
	blankLines(text)
	return log.own.send(ctx, text)
}

// push implements outlet. What would be sent on a connection of one message
// belongs to no request, and is dropped.
func (s *streamable) push(text []byte) {
	if log := s.log.Load(); log != nil {
		blankLines(text)
		_, _ = log.own.tryQueue(text, true) // fails only with the session
	}
}

// connect accepts a connection for the message of c.
func (h *HTTP) connect(c *post, alone bool) (*streamable, error) {
	args, opened, err := h.connectArgs(c.r)
	if err != nil {
		return nil, err
	}
	s := &streamable{opened: opened, alone: alone, reply: &c.reply}
	p := &s.peer
	p.Kind, p.Args, p.Header, p.RemoteAddr = "http", args, c.r.Header, c.r.RemoteAddr
	p.http, p.out = h, s
	p.begin(c.r.Context(), s)
	if len(opened) > 0 {
		p.account = opened[0].print
	}
	if err := h.table.open(p, h.accept, &h.o.Limits); err != nil {
		return nil, err
	}
	return s, nil
}

// Watch implements [lazyctx.Watcher]: the peer ends with the POST that it was made
// for, if that ends before it has been served.
func (s *streamable) Watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := s.reply
	if reply == nil {
		return
	}
	s.unwatch = context.AfterFunc(reply.r.Context(), func() {
		reply.settle()
		s.peer.Close(ErrClientGone)
	})
}

// leave lets the POST go, and reports whether it has not ended the peer.
func (s *streamable) leave() bool {
	s.reply = nil // a session does not hold on to a request
	unwatch := s.unwatch
	s.unwatch = nil
	return unwatch == nil || unwatch()
}

// served comes when the POST that s was made for has been served.
func (s *streamable) served() {
	s.mu.Lock()
	s.leave()
	s.mu.Unlock()
	if s.log.Load() != nil {
		return
	}
	s.peer.Close(errServed)
	s.peer.release()
	s.peer.http.table.remove(&s.peer)
}

// name gives the response of that POST the id of the session, and reports whether
// it is not too late for that.
func (s *streamable) name(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := s.reply
	return reply != nil && reply.name(id) && s.leave() && reply.r.Context().Err() == nil
}

// keep makes s a session. It is called while the POST that s was made for is
// served: see [Peer.Keep].
func (s *streamable) keep(prime bool) error {
	h, p := s.peer.http, &s.peer
	if s.alone || h.o.NoSessions || s.log.Load() != nil {
		return nil
	}
	id, err := newID()
	if err != nil {
		return &Refusal{Status: http.StatusInternalServerError, Reason: "no session id could be made"}
	}
	if !h.streams.begin() {
		return errShuttingDown()
	}
	if !p.Hold(openedWith(p.Header, p.Args)) {
		h.streams.done()
		return errNoMemory()
	}
	if !s.name(id) {
		h.streams.done()
		p.release()
		return &Refusal{Status: http.StatusRequestTimeout, Reason: "the session cannot be kept: the client has gone, or the response has begun"}
	}
	s.log.Store(newReplay(&p.ctx, &h.o.Limits, h.budget, prime))
	h.table.keep(p, id)
	h.logOpened(p)
	s.mu.Lock()
	s.timer = time.AfterFunc(h.nextLook(p), s.look)
	s.mu.Unlock()
	context.AfterFunc(&p.ctx, s.end) // whoever ended it
	opened(p)                        // last: it runs what may end the goroutine
	return nil
}

// look holds a session to its limits.
func (s *streamable) look() {
	wait := s.peer.http.nextLook(&s.peer)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.peer.ctx.Cancelled() { // or end has stopped the timer, or will
		s.timer.Reset(wait)
	}
}

// end comes once, when a session has ended.
func (s *streamable) end() {
	h := s.peer.http
	defer h.streams.done()
	s.mu.Lock()
	s.timer.Stop()
	s.mu.Unlock()
	s.log.Load().stop()
	s.peer.release()
	h.table.remove(&s.peer)
	h.logEnded(&s.peer, nil)
}

// unread reports whether no GET reads a stream of the session.
func (s *streamable) unread() bool {
	log := s.log.Load()
	if log == nil {
		return false
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	return log.readers == 0
}

// session returns the session that a request names. The error is a [*Refusal].
func (h *HTTP) session(r *http.Request, id string) (*streamable, error) {
	if id == "" {
		return nil, &Refusal{Status: http.StatusBadRequest, Reason: "the header Mcp-Session-Id is missing: initialize, and send the id that the response has"}
	}
	p := h.table.find(id)
	s, ok := (*streamable)(nil), false
	if p != nil && p.http == h {
		s, ok = p.out.(*streamable)
	}
	if !ok || p.ctx.Cancelled() {
		return nil, errNoSession()
	}
	var query url.Values
	if r.URL.RawQuery != "" {
		query = r.URL.Query() // what of it parses
	}
	return s, h.checkCaller(r, p, s.opened, query, false)
}

func errNoSession() error {
	return &Refusal{Status: http.StatusNotFound, Reason: "no such session, or it has ended: initialize again"}
}

// deleteMCP serves DELETE /mcp: it ends a session, with its calls and streams.
func (h *HTTP) deleteMCP(w http.ResponseWriter, r *http.Request) {
	s, err := h.session(r, r.Header.Get(sessionHeader))
	if err != nil {
		h.refuse(w, err, "")
		return
	}
	s.peer.Close(ErrDeleted)
	h.table.remove(&s.peer)
	status(w, http.StatusNoContent)
}

// getMCP serves GET /mcp: a session's own stream, or the rest of one that was cut.
func (h *HTTP) getMCP(w http.ResponseWriter, r *http.Request) {
	if !accepted(r).stream {
		notAcceptable(w, "text/event-stream")
		return
	}
	s, err := h.session(r, r.Header.Get(sessionHeader))
	if err != nil {
		h.refuse(w, err, "")
		return
	}
	if !h.streams.begin() {
		h.refuse(w, errShuttingDown(), "")
		return
	}
	defer h.streams.done()
	rd, err := s.log.Load().attach(r.Header.Get("Last-Event-ID"), h.o.Limits.runs())
	if err != nil {
		h.refuse(w, err, "")
		return
	}
	defer rd.detach()
	out, err := h.eventStream(w, r)
	if err == nil {
		err = rd.write(out, r, &s.peer)
	}
	if notStreamable(err) {
		failStream(w)
	}
	if err != nil && out != nil {
		h.logCut(&s.peer, out.cause(), err)
	}
}

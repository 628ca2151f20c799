package transport

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// openSSE serves GET /sse: it accepts the connection and then writes what is
// queued until the connection ends.
func (h *HTTP) openSSE(w http.ResponseWriter, r *http.Request) {
	if !accepted(r).stream {
		notAcceptable(w, "text/event-stream")
		return
	}
	if !h.streams.begin() {
		h.refuse(w, errShuttingDown(), "")
		return
	}
	defer h.streams.done()
	p, err := h.connectSSE(r)
	if err != nil {
		h.refuse(w, err, "")
		return
	}
	defer h.table.remove(p)
	defer p.out.(*sseStream).release()
	defer p.Close(ErrClientGone) // a panic in a writer below us leaves by here
	if h.streams.hasEnded() {    // maybe after Shutdown looked for sessions to close
		p.Close(ErrShutdown)
		h.refuse(w, errShuttingDown(), "")
		return
	}
	h.logOpened(p)
	failure := h.writeSSE(w, r, p)
	if failure == nil {
		h.logEnded(p, nil)
		return
	}
	p.Close(failure.cause)
	h.logEnded(p, failure.err)
}

func (h *HTTP) logOpened(p *Peer) {
	h.o.Logger.Debug("session opened", "session", short(p.ID), "transport", p.Kind, "remote", p.RemoteAddr)
}

// logEnded says why a session ended; err, which may be nil, says more.
func (h *HTTP) logEnded(p *Peer, err error) {
	attrs := []slog.Attr{slog.String("session", short(p.ID)), slog.Any("cause", context.Cause(&p.ctx))}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	h.o.Logger.LogAttrs(context.Background(), endLevel(p), "session ended", attrs...)
}

// short is as much of a session id as a log may hold: the id is a credential. A
// connection of one message has none.
func short(id string) string { return id[:min(len(id), 8)] }

func endLevel(p *Peer) slog.Level {
	switch context.Cause(&p.ctx) {
	case ErrClientGone, ErrShutdown, ErrDeleted:
		return slog.LevelDebug
	case ErrSlowReader, errNotStreamable:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

func (h *HTTP) connectSSE(r *http.Request) (*Peer, error) {
	args, opened, err := h.connectArgs(r)
	if err != nil {
		return nil, err
	}
	p, err := newPeer(r.Context(), "sse")
	if err != nil {
		return nil, err
	}
	p.http, p.Args, p.Header, p.RemoteAddr = h, args, r.Header, r.RemoteAddr
	s := &sseStream{peer: p, opened: opened}
	s.init(&p.ctx, h.o.Limits.Queue, h.budget)
	p.out = s
	if len(s.opened) > 0 {
		p.account = s.opened[0].print
	}
	if !p.Hold(openedWith(p.Header, p.Args)) {
		return nil, errNoMemory()
	}
	if err := h.table.open(p, h.accept, &h.o.Limits); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// endpoint is the reference to POST to, resolved by the client against the URL
// it connected to.
func (h *HTTP) endpoint(r *http.Request, id string) string {
	query := "messages/?session_id=" + url.QueryEscape(id)
	switch {
	case h.o.PublicURL != "":
		return strings.TrimSuffix(h.o.PublicURL, "/") + "/" + query
	case strings.HasSuffix(r.URL.EscapedPath(), "/"):
		return "../" + query
	}
	return query
}

// postSSE serves POST /messages/: it takes a message for the stream that the
// query names. The response comes on that stream.
func (h *HTTP) postSSE(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query() // what of it parses
	p := h.table.find(query.Get("session_id"))
	s, ok := (*sseStream)(nil), false
	if p != nil {
		s, ok = p.out.(*sseStream)
	}
	if !ok || p.ctx.Cancelled() {
		h.noSession(w)
		return
	}
	if err := h.checkCaller(r, p, s.opened, query, true); err != nil {
		h.refuse(w, err, "")
		return
	}
	body, ok := h.readBody(w, r, false)
	if !ok {
		return
	}
	runs := false
	defer func() { // also after a panic
		if !runs {
			body.put()
		}
	}()
	runs = h.takeMessage(w, r, p, body)
}

// checkCaller holds a request to whoever opened the session that it names. Over
// HTTP+SSE a client posts to the endpoint that it was told, without the query of
// the URL that it was given: idAlone.
func (h *HTTP) checkCaller(r *http.Request, p *Peer, opened []credential, query url.Values, idAlone bool) error {
	refusal := checkCaller(opened, h.credentials(r, query), idAlone)
	if refusal == nil {
		return nil
	}
	h.o.Logger.Warn("message refused", "session", short(p.ID), "remote", r.RemoteAddr, "status", refusal.Status)
	return refusal
}

// errShuttingDown ends the connection, too: what comes next on it would be cut
// unread.
func errShuttingDown() error {
	refusal := busy("the server is shutting down")
	refusal.Header.Set("Connection", "close")
	return refusal
}

func errTooManyMessages() error {
	return busy("too many messages of this session are under way: read the answers")
}

func errTooManyCalls() error {
	return busy("too many calls are under way on this server: try again later")
}

func notAcceptable(w http.ResponseWriter, types string) {
	fail(w, http.StatusNotAcceptable, jsonrpc.CodeInvalidRequest, "Accept must allow "+types)
}

// noSession refuses a message for a stream that is not there, or not any more.
func (h *HTTP) noSession(w http.ResponseWriter) {
	if h.runs.hasEnded() {
		h.refuse(w, errShuttingDown(), "")
		return
	}
	fail(w, http.StatusNotFound, jsonrpc.CodeInvalidRequest, "no such session, or it has ended: open a new stream")
}

// takeMessage delivers a body, and reports whether it is left to a goroutine, which
// puts it back. It is counted before it is delivered, by the server and by the
// session: what ends either sees it, or it sees the end.
func (h *HTTP) takeMessage(w http.ResponseWriter, r *http.Request, p *Peer, body inbound) (runs bool) {
	if !h.runs.begin() {
		h.takeLate(w, r, p, body, errShuttingDown())
		return false
	}
	if !p.calls.begin() {
		h.runs.done()
		h.noSession(w)
		return false
	}
	defer func() { // also after a panic
		if !runs {
			h.finish(p)
		}
	}()
	switch {
	case p.calls.running() > h.o.Limits.runs():
		h.refuse(w, errTooManyMessages(), "")
		return false
	case h.tooManyCalls():
		h.takeLate(w, r, p, body, errTooManyCalls())
		return false
	}
	run, failure := p.deliver(p.receiver, body.B, r.Header)
	switch {
	case failure != nil:
		failWith(w, http.StatusBadRequest, "", failure)
	case p.ctx.Cancelled(): // nobody would see the answer
		h.noSession(w)
	default:
		status(w, http.StatusAccepted)
	}
	if run == nil {
		return false
	}
	go func() {
		defer h.finish(p)
		defer body.put()
		growStack()
		run()
	}()
	return true
}

// takeLate takes what begins nothing, and refuses what may not begin.
func (h *HTTP) takeLate(w http.ResponseWriter, r *http.Request, p *Peer, body inbound, err error) {
	if p.deliverLate(body.B, r.Header) {
		status(w, http.StatusAccepted)
	} else {
		h.refuse(w, err, "")
	}
}

// finish counts one call less, of the session and of the server.
func (h *HTTP) finish(p *Peer) {
	p.finish()
	h.runs.done()
}

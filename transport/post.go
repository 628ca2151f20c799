package transport

import (
	"net/http"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// sessionHeader names the session of a request, and the one that a response begins.
const sessionHeader = "Mcp-Session-Id"

// post is one POST to the streamable HTTP endpoint.
type post struct {
	reply    postReply
	x        Exchange // not of a batch
	batch    bool
	detached bool // a goroutine of its own runs it, and puts the body back
	body     inbound
	r        *http.Request
}

// postMCP serves POST /mcp.
func (h *HTTP) postMCP(w http.ResponseWriter, r *http.Request) {
	takes := accepted(r)
	if !takes.json && !takes.stream {
		notAcceptable(w, "application/json or text/event-stream")
		return
	}
	body, ok := h.readBody(w, r, true)
	if !ok {
		return
	}
	c := &post{body: body, r: r, reply: postReply{w: w, r: r, takes: takes}}
	defer func() { // also after a panic
		if !c.detached {
			body.put()
		}
	}()
	if failure := c.parse(); failure != nil {
		failWith(w, http.StatusBadRequest, answerable(&c.x.Message), failure)
		return
	}
	if err := h.takePost(c); err != nil {
		h.refuse(w, err, c.id())
	}
}

// parse reads the envelope of a single message.
func (c *post) parse() *jsonrpc.Error {
	c.x.Header, c.x.Mute = c.r.Header, !c.reply.takes.stream
	if c.batch = jsonrpc.IsBatch(c.body.B); c.batch {
		return nil
	}
	m, err := jsonrpc.Parse(c.body.B)
	c.x.Message, c.x.Reply, c.reply.x = m, &c.reply, &c.x
	if err != nil {
		return jsonrpc.AsError(err)
	}
	return nil
}

// id returns the id of a request, for a refusal of it.
func (c *post) id() jsonrpc.ID {
	if c.x.Message.IsRequest() {
		return c.x.Message.ID
	}
	return ""
}

// takePost serves a message in its session, or on a connection of its own. It is
// counted before it is delivered, by the server and by the connection: what ends
// either sees it, or it sees the end. The error is that it was not delivered.
func (h *HTTP) takePost(c *post) error {
	if !h.runs.begin() {
		return h.serveLate(c)
	}
	if h.tooManyCalls() && (c.batch || c.x.Message.IsRequest()) {
		h.runs.done()
		return errTooManyCalls()
	}
	alone := !c.batch && h.o.Alone != nil && h.o.Alone(c.r.Header, &c.x.Message)
	if id := c.r.Header.Get(sessionHeader); id != "" && !alone && !h.o.NoSessions {
		return h.serveInSession(c, id)
	}
	defer h.runs.done()
	s, err := h.connect(c, alone)
	if err != nil {
		return err
	}
	defer s.served()
	if h.runs.hasEnded() || !s.peer.calls.begin() { // maybe after Shutdown looked for connections to close
		return errShuttingDown()
	}
	defer s.peer.finish()
	return c.serve(&s.peer, false)
}

// tooManyCalls reports whether the one that was counted last is one too many. What
// is no request passes: a call that is under way may be waiting for just this.
func (h *HTTP) tooManyCalls() bool { return h.runs.running() > h.o.Limits.AllCalls }

// serveLate serves what may come while the server shuts down: see deliverLate.
func (h *HTTP) serveLate(c *post) error {
	s, err := h.session(c.r, c.r.Header.Get(sessionHeader))
	if err != nil || c.batch || !s.peer.deliverLate(c.body.B, c.r.Header) {
		return errShuttingDown()
	}
	status(c.reply.w, http.StatusAccepted)
	return nil
}

// serveInSession serves a message in the session with this id. It has been
// counted by the server.
func (h *HTTP) serveInSession(c *post, id string) error {
	s, err := h.session(c.r, id)
	if err == nil && !s.peer.calls.begin() {
		err = errNoSession()
	}
	if err != nil {
		h.runs.done()
		return err
	}
	if s.peer.calls.running() > h.o.Limits.runs() {
		h.finish(&s.peer)
		return errTooManyMessages()
	}
	return c.serve(&s.peer, true)
}

// serve delivers the message and runs what is left to run, in place unless that
// is detached. In a session it counts the call's end.
func (c *post) serve(p *Peer, inSession bool) error {
	defer func() {
		if inSession && !c.detached {
			p.http.finish(p)
		}
	}()
	c.reply.peer = p
	defer c.reply.end()
	run, failure := c.deliver(p)
	switch {
	case failure != nil:
		c.reply.refused()
		failWith(c.reply.w, http.StatusBadRequest, "", failure)
	case run == nil && inSession && p.ctx.Cancelled() && c.reply.unused():
		c.reply.refused()
		return errNoSession()
	case run != nil && inSession && c.x.Detach:
		c.detached = true
		c.detach(p, run)
		return nil
	case run != nil:
		run()
	}
	c.reply.finish()
	return nil
}

func (c *post) deliver(p *Peer) (run func(), failure *jsonrpc.Error) {
	if c.batch {
		return p.deliverBatch(p.receiver, c.body.B, c.x.Header, &c.reply)
	}
	return p.receiver.Receive(&p.work, &c.x), nil
}

// detach runs on a goroutine of its own what may outlive the HTTP response, and
// waits until that is to end, or has.
func (c *post) detach(p *Peer, run func()) {
	left := c.reply.detach()
	go func() {
		defer p.http.finish(p)
		defer c.body.put()
		defer c.reply.finish()
		run()
	}()
	select {
	case <-left:
	case <-c.r.Context().Done():
	}
}

package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// linkPost is one message on its way to the server by streamable HTTP, and what
// comes back for it: the Reply of that. One without a request is the session's
// own stream.
type linkPost struct {
	link   *HTTPLink
	req    *http.Request
	id     jsonrpc.ID // "" for what is no request
	alone  bool
	lost   func(error)
	ctx    context.Context
	hangUp context.CancelCauseFunc
	unbind func() bool // from the context of Send or Listen; false is that it is too late
	unlink func() bool // from that of the link

	first    sync.Once // says what became of the sending
	sent     chan struct{}
	failure  error
	returned chan struct{} // Send has

	// Of the goroutine that reads.
	answered bool
	invalid  error // why something that came was no message
}

// newStream returns a linkPost that ends with the link, and until it is told
// otherwise with ctx.
func (l *HTTPLink) newStream(ctx context.Context) *linkPost {
	p := &linkPost{link: l}
	p.ctx, p.hangUp = context.WithCancelCause(context.WithoutCancel(ctx))
	p.unlink = context.AfterFunc(l.in.ctx, func() { p.hangUp(context.Cause(l.in.ctx)) })
	p.unbind = context.AfterFunc(ctx, func() { p.hangUp(context.Cause(ctx)) })
	return p
}

func (l *HTTPLink) newPost(ctx context.Context, o *Outbound) *linkPost {
	p := l.newStream(ctx)
	p.alone, p.lost = o.Alone, o.Lost
	sending := p.ctx
	if o.Message.IsRequest() {
		p.id = o.Message.ID
		p.sent, p.returned = make(chan struct{}), make(chan struct{})
		sending = httptrace.WithClientTrace(sending, &httptrace.ClientTrace{WroteRequest: p.wrote})
	}
	p.req = l.web.request(sending, http.MethodPost, l.web.url, o.Message.Append(nil))
	h := p.req.Header
	h.Set("Accept", "application/json, text/event-stream")
	if !p.alone {
		l.identify(h)
	}
	addHeader(h, o.Header)
	return p
}

// end comes when nothing is left to do.
func (p *linkPost) end() {
	p.unbind()
	p.unlink()
	p.hangUp(nil)
}

// tell sends what is no request, and waits for the server to take it.
func (p *linkPost) tell() error {
	res, err := p.link.web.do(p.req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		e, _ := p.link.refusal(p.req, res)
		return e
	}
	drain(res)
	return nil
}

// drain reads what is left of a response, if that is little and no stream: its
// connection can be used again then.
func drain(res *http.Response) {
	if mediaType(res) != "text/event-stream" {
		_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
	}
}

// wrote comes when the request has been written, or could not be: then another
// connection may be tried.
func (p *linkPost) wrote(info httptrace.WroteRequestInfo) {
	if info.Err == nil && p.settle(nil) && !p.alone {
		p.unbind()
	}
}

// settle says what became of the sending, and reports whether it was not known.
func (p *linkPost) settle(err error) (first bool) {
	p.first.Do(func() {
		first, p.failure = true, err
		close(p.sent)
	})
	return first
}

// await returns when the request has been written.
func (p *linkPost) await(ctx context.Context) error {
	defer close(p.returned)
	select {
	case <-p.sent:
	case <-ctx.Done():
		p.settle(context.Cause(ctx))
	}
	return p.failure
}

// run makes the request. If there is no answer, who waits is told: by Send if it
// was not sent at all.
func (p *linkPost) run() {
	err := p.exchange()
	if p.answered {
		p.settle(nil) // where an answer came before all was written
		return
	}
	if p.settle(err) {
		return
	}
	<-p.returned
	if p.failure == nil && p.lost != nil {
		p.lost(err)
	}
}

// exchange makes the request and gives the receiver what comes back. The error is
// why there is no answer; it is never nil where there is none.
func (p *linkPost) exchange() error {
	res, err := p.link.web.do(p.req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if !p.alone {
		p.link.adopt(res)
	}
	switch typ := mediaType(res); {
	case res.StatusCode >= 300:
		return p.refused(res)
	case res.StatusCode == http.StatusAccepted || res.StatusCode == http.StatusNoContent:
		e, _ := p.link.refusal(p.req, res)
		return fmt.Errorf("the server took a request as if it were a notification: %w", e)
	case typ == "text/event-stream":
		return p.follow(res, new(cursor))
	case typ == "application/json":
		return p.whole(res)
	default:
		e, _ := p.link.refusal(p.req, res)
		return fmt.Errorf("the response is %q, neither JSON nor an event stream; is this the URL of an MCP server? %w", typ, e)
	}
}

// refused is for a response with the status of an error. One whose body is an
// error with the id of the request is an answer.
func (p *linkPost) refused(res *http.Response) error {
	e, text := p.link.refusal(p.req, res)
	if e.Ended || e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
		return e // whatever id its error has: the status says more
	}
	if m, err := jsonrpc.Parse(text); err == nil && m.Error != nil && m.ID == p.id {
		_ = p.link.in.deliver(text, p.id, p, nil)
	}
	return e
}

// whole reads an answer that is no stream.
func (p *linkPost) whole(res *http.Response) error {
	buf := pool.Get()
	if err := p.link.web.readAll(res, buf); err != nil {
		buf.Put()
		return p.why(err)
	}
	if err := p.link.in.deliver(buf.B, p.id, p, buf); err != nil {
		return fmt.Errorf("the response is not a message: %v", err) // not %w: the server sent no such error
	}
	return errors.New("the response holds no answer to the request")
}

// why returns the cause of the end of p, if it has ended, and else err.
func (p *linkPost) why(err error) error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	return err
}

// Send implements [Sender]: it answers a request that came with the response.
func (p *linkPost) Send(ctx context.Context, m *jsonrpc.Message) error {
	return p.link.Send(ctx, &Outbound{Message: m, Alone: p.alone})
}

// seeing is a Receiver that tells who asked of the answer first.
type seeing struct{ to Receiver }

// Receive implements [Receiver].
func (s seeing) Receive(ctx context.Context, x *Exchange) (run func()) {
	if p, ok := x.Reply.(*linkPost); ok && !p.see(&x.Message) {
		return nil
	}
	return s.to.Receive(ctx, x)
}

// see looks for the answer, and reports whether m came for the first time.
func (p *linkPost) see(m *jsonrpc.Message) bool {
	if p.id == "" || m.Method != "" || m.ID != p.id {
		return true
	}
	if p.answered {
		return false
	}
	p.answered = true
	p.unbind()
	return true
}

var errStreamEnded = errors.New("the server ended the stream")

// lingers is how long a server may take to end a stream that has the answer.
const lingers = time.Second

// follow reads a stream to its answer, also where it is cut on the way, or goes on
// in other responses. The error is never nil where there was no answer.
func (p *linkPost) follow(res *http.Response, c *cursor) error {
	for {
		err := p.read(res, c)
		switch {
		case p.answered:
			return nil
		case p.ctx.Err() != nil:
			return context.Cause(p.ctx)
		case errors.Is(err, errTooLong):
			return err
		}
		if err == nil {
			err = errStreamEnded
			if !c.own {
				err = fmt.Errorf("%w without an answer", err)
			}
		}
		if p.invalid != nil {
			err = fmt.Errorf("%w (what came was not a message: %v)", err, p.invalid)
		}
		if p.alone || c.id == "" && !c.own {
			return err
		}
		if res, err = p.link.again(p.ctx, c, err); err != nil {
			return err
		}
	}
}

// read reads one response to its end.
func (p *linkPost) read(res *http.Response, c *cursor) error {
	defer res.Body.Close()
	r := &eventReader{from: res.Body}
	before := ""
	first, opened := c.id != "", time.Now()
	defer func() { c.note(r, time.Since(opened)) }()
	for e, err := range p.link.web.events(r) {
		if err != nil {
			return err
		}
		c.failed = 0
		again := first && e.LastEventID == c.id // which it was to begin after
		first = false
		if e.LastEventID != before {
			before, c.id = e.LastEventID, e.LastEventID
		}
		if again || e.Data == "" || !isMessage(e.Type) {
			continue
		}
		buf := pool.Get()
		buf.B = append(buf.B, e.Data...)
		was := p.answered
		if err := p.link.in.deliver(buf.B, p.id, p, buf); err != nil {
			p.invalid = err
		}
		if p.answered && !was {
			timer := time.AfterFunc(lingers, func() { p.hangUp(nil) })
			defer timer.Stop()
		}
	}
	return nil
}

func isMessage(eventType string) bool { return eventType == "" || eventType == eventMessage.String() }

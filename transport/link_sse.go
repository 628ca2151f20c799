package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	sse "github.com/tmaxmax/go-sse"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// sseLink is a connection by HTTP+SSE (2024-11-05): all that the server sends
// comes on one stream, and each message to it is a POST.
type sseLink struct {
	*inlet
	web    *web
	asked  *ledger
	posts  tracker // those under way, and the stream
	stream context.Context
	hangUp context.CancelCauseFunc // of stream
	closer sync.Once

	opened   chan struct{} // closed when the endpoint is known
	endpoint *url.URL      // set before that
}

// OpenSSE connects by HTTP+SSE (2024-11-05): it opens the stream, waits for the
// endpoint, and POSTs messages there. ctx bounds the opening. The endpoint has to
// be of the same origin as the URL, whose query is not for it: the server says what
// it wants there. The error is a [*StatusError] where the server refused.
func OpenSSE(ctx context.Context, url string, to Receiver, o LinkOptions) (Link, error) {
	w, err := newWeb(url, &o)
	if err != nil {
		return nil, err
	}
	asked := &ledger{to: to}
	l := &sseLink{inlet: newInlet(asked, &o), web: w, asked: asked, opened: make(chan struct{})}
	l.stream, l.hangUp = context.WithCancelCause(context.WithoutCancel(ctx))
	unbind := context.AfterFunc(ctx, func() { l.hangUp(context.Cause(ctx)) })
	if err = l.open(); err == nil && !unbind() {
		err = context.Cause(ctx)
	}
	if err != nil {
		unbind()
		l.Close()
		return nil, err
	}
	return l, nil
}

// open opens the stream and returns when the endpoint is known.
func (l *sseLink) open() error {
	res, err := l.connect(l.stream)
	if err != nil {
		return err
	}
	l.posts.begin()
	go func() {
		defer l.posts.done()
		l.read(res)
	}()
	select {
	case <-l.opened:
		return nil
	case <-l.Done():
		return l.Err()
	}
}

func (l *sseLink) connect(ctx context.Context) (*http.Response, error) {
	req := l.web.request(ctx, http.MethodGet, l.web.url, nil)
	req.Header.Set("Accept", "text/event-stream")
	res, err := l.web.do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK && mediaType(res) == "text/event-stream" {
		return res, nil
	}
	defer res.Body.Close()
	e, _ := l.web.refusal(res, false)
	if e.Status < 300 {
		return nil, fmt.Errorf("the response is %q and not an event stream; is this the URL of an SSE endpoint, such as /sse? %w", mediaType(res), e)
	}
	return nil, e
}

// read reads the stream to its end, which is that of the link.
func (l *sseLink) read(res *http.Response) {
	defer res.Body.Close()
	why := l.readEvents(res)
	switch {
	case l.stream.Err() != nil:
		why = context.Cause(l.stream)
	case why == nil && l.endpoint == nil:
		why = fmt.Errorf("%w before it named the endpoint to POST to", ErrServerGone)
	case why == nil:
		why = ErrServerGone
	}
	l.finish(why)
}

// readEvents returns nil where the server ended the stream.
func (l *sseLink) readEvents(res *http.Response) error {
	for e, err := range l.web.events(&eventReader{from: res.Body}) {
		if err != nil {
			if !errors.Is(err, errTooLong) {
				err = fmt.Errorf("%w: %w", ErrServerGone, err)
			}
			return err
		}
		if err := l.take(e, res.Request.URL); err != nil {
			return err
		}
	}
	return nil
}

// take takes an event of the stream that base is the URL of.
func (l *sseLink) take(e sse.Event, base *url.URL) error {
	switch {
	case e.Type == "endpoint":
		return l.setEndpoint(base, e.Data)
	case isMessage(e.Type) && e.Data != "":
		buf := pool.Get()
		buf.B = append(buf.B, e.Data...)
		_ = l.deliver(buf.B, "", sseReply{l}, buf) // told to Noise
	}
	return nil
}

func (l *sseLink) setEndpoint(base *url.URL, reference string) error {
	u, err := base.Parse(reference)
	switch {
	case err != nil: // its text is the URL
		return errors.New("the endpoint that the server names is no URL")
	case origin(u) != origin(l.web.url):
		return fmt.Errorf("the endpoint that the server names is of another origin, %s: nothing is sent there", origin(u))
	case l.endpoint == nil:
		l.endpoint = u
		close(l.opened)
	case l.endpoint.String() != u.String():
		return errors.New("the server named a second endpoint to POST to")
	}
	return nil
}

// finish tells that the link has ended; nil is that Close did.
func (l *sseLink) finish(why error) {
	l.end(why)
	l.hangUp(context.Cause(l.ctx))
	l.asked.end(context.Cause(l.ctx))
}

// Forget implements [Link].
func (l *sseLink) Forget(id jsonrpc.ID) { l.asked.forget(id) }

// Kind implements [Link].
func (l *sseLink) Kind() string { return "sse" }

// Send implements [Link]. It returns when the server has taken the message.
func (l *sseLink) Send(ctx context.Context, o *Outbound) error {
	if err := l.asked.open(o); err != nil {
		return err
	}
	return l.asked.sent(o, l.post(ctx, o.Message, o.Header))
}

// sseReply is the way back for what the server asks.
type sseReply struct{ l *sseLink }

// Send implements [Sender].
func (r sseReply) Send(ctx context.Context, m *jsonrpc.Message) error { return r.l.post(ctx, m, nil) }

// post posts a message to the endpoint. A request that has been written when ctx ends
// is given time to be taken, and is not broken off at once: the answer may have come
// on the stream already, and net/http might by then have given the connection, which
// it would close, to another request.
func (l *sseLink) post(ctx context.Context, m *jsonrpc.Message, header http.Header) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !l.posts.begin() {
		return context.Cause(l.ctx)
	}
	defer l.posts.done()
	sending, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })()
	var written atomic.Bool
	defer context.AfterFunc(ctx, func() {
		if written.Load() {
			time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		} else {
			cancel(context.Cause(ctx))
		}
	})()
	sending = httptrace.WithClientTrace(sending, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { written.Store(info.Err == nil) },
	})
	req := l.web.request(sending, http.MethodPost, l.endpoint, m.Append(nil))
	addHeader(req.Header, header)
	res, err := l.web.do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		e, _ := l.web.refusal(res, true) // the endpoint is that of a session
		return e
	}
	return l.posted(res)
}

// posted reads what a server has said to a message that it took. Some answer in
// place.
func (l *sseLink) posted(res *http.Response) error {
	if mediaType(res) != "application/json" {
		drain(res)
		return nil
	}
	buf := pool.Get()
	if err := l.web.readAll(res, buf); err != nil || len(buf.B) == 0 {
		buf.Put()
		return err
	}
	_ = l.deliver(buf.B, "", sseReply{l}, buf) // told to Noise
	return nil
}

// Close implements [Link].
func (l *sseLink) Close() error {
	l.closer.Do(func() {
		l.posts.end()
		l.finish(nil)
		_ = waitGrace(context.Background(), &l.posts)
		l.settle()
		l.web.close()
	})
	return nil
}

package transport

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// HTTPLink is a connection by streamable HTTP (2025-03-26 to 2026-07-28): each
// message is a POST, and the response brings what belongs to it, or a stream of
// that. Where there is a session it remembers its id from the response that
// carried it, and sends it. A session that has ended stays the link's: what comes
// after it needs another link.
//
// A stream that was cut before its answer is taken up again by GET from its last
// event, if its events have ids; the server does not run the request again. A
// request that stands alone is not (2026-07-28).
type HTTPLink struct {
	web    *web
	in     *inlet
	retry  Retry
	posts  tracker // the requests under way, and the stream of the session
	closer sync.Once

	mu      sync.Mutex
	header  http.Header // of what does not stand alone
	session string
	over    bool // the session: it needs no DELETE
	asked   map[jsonrpc.ID]*linkPost
}

var _ Link = (*HTTPLink)(nil)

// OpenHTTP returns a link to the URL. Nothing is sent yet. The error says that
// this is no URL of a server.
func OpenHTTP(url string, to Receiver, o LinkOptions) (*HTTPLink, error) {
	w, err := newWeb(url, &o)
	if err != nil {
		return nil, err
	}
	return &HTTPLink{web: w, in: newInlet(seeing{to}, &o), retry: o.Retry.withDefaults(), header: make(http.Header)}, nil
}

// Kind implements [Link].
func (l *HTTPLink) Kind() string { return "http" }

// Done implements [Link].
func (l *HTTPLink) Done() <-chan struct{} { return l.in.Done() }

// Err implements [Link].
func (l *HTTPLink) Err() error { return l.in.Err() }

// SetHeader sets a header of all later requests that do not stand alone, as
// Mcp-Protocol-Version is once it has been agreed on (2025-06-18, transports).
func (l *HTTPLink) SetHeader(name, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.header.Set(name, value)
}

// SessionID returns the id of the session, a credential; "" for none.
func (l *HTTPLink) SessionID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

// identify sets the headers of the session, and reports whether there is one.
func (l *HTTPLink) identify(h http.Header) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, values := range l.header {
		h[name] = values // Set replaces them
	}
	if l.session != "" {
		h.Set(sessionHeader, l.session)
	}
	return l.session != ""
}

// adopt takes the session that a response begins. The first is the one.
func (l *HTTPLink) adopt(res *http.Response) {
	id := res.Header.Get(sessionHeader)
	if id == "" || res.StatusCode >= 300 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session == "" {
		l.session = id
	}
}

// refusal reads a response that is no answer to req, and notes the end of the
// session.
func (l *HTTPLink) refusal(req *http.Request, res *http.Response) (*StatusError, []byte) {
	e, text := l.web.refusal(res, req.Header.Get(sessionHeader) != "")
	if e.Ended {
		l.mu.Lock()
		l.over = true
		l.mu.Unlock()
	}
	return e, text
}

// Send implements [Link]. The Lost of a request that stands alone is told the
// cause of the context that hung up.
func (l *HTTPLink) Send(ctx context.Context, o *Outbound) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !l.posts.begin() {
		return ErrClosed
	}
	p := l.newPost(ctx, o)
	if p.id == "" {
		defer l.posts.done()
		defer p.end()
		return p.tell()
	}
	l.note(p)
	go func() {
		defer l.posts.done()
		defer l.drop(p)
		defer p.end()
		p.run()
	}()
	return p.await(ctx)
}

func (l *HTTPLink) note(p *linkPost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == nil {
		l.asked = make(map[jsonrpc.ID]*linkPost)
	}
	l.asked[p.id] = p
}

func (l *HTTPLink) drop(p *linkPost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked[p.id] == p {
		delete(l.asked, p.id)
	}
}

var errForgotten = errors.New("nobody waits for the answer any more")

// Forget implements [Link]. A server that was told ends the response itself. To hang
// up just then could close the connection under another request: net/http gives it
// away before it has told of a response without a body.
func (l *HTTPLink) Forget(id jsonrpc.ID) {
	l.mu.Lock()
	p := l.asked[id]
	l.mu.Unlock()
	if p != nil {
		time.AfterFunc(lingers, func() { p.hangUp(errForgotten) })
	}
}

// Listen opens the session's own stream, for what the server sends by itself, and
// returns when the server has answered, or ctx has ended. From then on the link
// keeps it open: a stream that ends or is cut is taken up again from its last
// event. It returns [ErrNoStream] if the server has none (405), and a
// [*StatusError] for another refusal. When it cannot be taken up again, lost is
// told; it may be nil. Close is no reason to tell it.
func (l *HTTPLink) Listen(ctx context.Context, lost func(error)) error {
	if !l.posts.begin() {
		return ErrClosed
	}
	p := l.newStream(ctx)
	res, err := l.get(p.ctx, "")
	if err == nil && !p.unbind() {
		res.Body.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		p.end()
		l.posts.done()
		if e, ok := errors.AsType[*StatusError](err); ok && e.Status == http.StatusMethodNotAllowed {
			return ErrNoStream
		}
		return err
	}
	go func() {
		defer l.posts.done()
		defer p.end()
		err := p.follow(res, &cursor{own: true})
		if lost != nil && l.in.ctx.Err() == nil {
			lost(err)
		}
	}()
	return nil
}

// goodbye is how long the server is given to hear that the session is over.
const goodbye = 2 * time.Second

// Close implements [Link]: a session that there is, is ended by DELETE, which the
// server may refuse, and has two seconds for.
func (l *HTTPLink) Close() error {
	l.closer.Do(func() {
		l.posts.end()
		l.in.end(nil)
		l.endSession()
		_ = waitGrace(context.Background(), &l.posts)
		l.in.settle()
		l.web.close()
	})
	return nil
}

// endSession says that the session is over. A server that is gone does not hear
// it, and one that ended it before does not want to.
func (l *HTTPLink) endSession() {
	l.mu.Lock()
	needed := l.session != "" && !l.over
	l.mu.Unlock()
	if !needed {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	req := l.web.request(ctx, http.MethodDelete, l.web.url, nil)
	l.identify(req.Header)
	if res, err := l.web.do(req); err == nil {
		res.Body.Close()
	}
}

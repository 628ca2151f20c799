package server

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// listener is one subscriptions/listen request. Who has something to tell notes
// it here, without waiting; the request's own goroutine sends it. So what a slow
// client has not read yet is told once.
type listener struct {
	lists change          // that it wants to hear of
	uris  map[string]bool // and resources
	wake  chan struct{}   // holds a token while there is something to tell

	mu      sync.Mutex
	changed change
	updated []string // in the order of their first update, each once
}

func (l *listener) listsChanged(d change) {
	l.note(change{d.tools && l.lists.tools, d.prompts && l.lists.prompts, d.resources && l.lists.resources}, "")
}

func (l *listener) resourceUpdated(uri string) {
	if l.uris[uri] {
		l.note(change{}, uri)
	}
}

func (l *listener) note(d change, uri string) {
	if d == (change{}) && uri == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.add(d)
	if uri != "" && !slices.Contains(l.updated, uri) {
		l.updated = append(l.updated, uri)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *listener) take() (change, []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, uris := l.changed, l.updated
	l.changed, l.updated = change{}, nil
	return d, uris
}

// listen serves subscriptions/listen: until the client goes away or the server
// shuts down.
func listen(c *call, dst []byte) ([]byte, error) {
	if len(c.params) > maxListen {
		return nil, tooManySubscriptions()
	}
	if c.exchange.Mute { // and a subscription would say nothing, for ever
		return nil, &httpError{http.StatusNotAcceptable, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "Accept must allow text/event-stream")}
	}
	var p mcp.ListenParams
	if err := decodeParams(c, &p); err != nil {
		return nil, err
	}
	if filter, _ := envelope.ValueAt(c.params, []string{"notifications"}); filter == nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.notifications is missing: it says what to listen to")
	}
	l, err := c.newListener(&p.Notifications)
	if err != nil {
		return nil, err
	}
	meta := append(append([]byte(`"_meta":{"`+mcp.MetaSubscriptionID+`":`), c.id...), '}')
	filter, err := appendJSON(nil, p.Notifications)
	if err != nil {
		return nil, err
	}
	s := c.session
	s.mu.Lock() // what changes while the acknowledgement is on its way is told behind it
	if s.listening == nil {
		s.listening = make(map[*listener]bool)
	}
	s.listening[l] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listening, l)
	}()
	if c.tell(mcp.Acknowledged, meta, append([]byte(`,"notifications":`), filter...)) == nil && c.tellChanges(l, meta) {
		// The specification has two pages on how a server ends this; both are met.
		_ = c.tell(mcp.Cancelled, meta, append([]byte(`,"requestId":`), c.id...)) // fails with the connection, as what follows
		dst = append(append(dst, `{"resultType":"complete",`...), meta[:len(meta)-1]...)
		return append(append(append(dst, ','), s.server.named...), "}}"...), nil
	}
	c.answered.Store(true) // there is nobody any more, or nobody who wants an answer
	return nil, nil
}

// tellChanges tells what changes until the request ends. It reports whether the
// client is still there: it is the server that takes its leave.
func (c *call) tellChanges(l *listener, meta []byte) bool {
	for {
		select {
		case <-l.wake: // also where it has been cancelled since
			if c.ctx.Err() != nil || c.tellAll(l, meta) != nil {
				return false
			}
		case <-c.session.peer.Closing():
			return true
		case <-c.ctx.Done():
			return context.Cause(c.ctx) == transport.ErrShutdown
		}
	}
}

// newListener makes a listener of a filter, and leaves in it what is honoured.
func (c *call) newListener(f *mcp.Filter) (*listener, error) {
	f.Prompts, f.Resources = f.Prompts && hasPrompts(c.session.server), f.Resources && hasResources(c.session.server)
	l := &listener{
		lists: change{f.Tools, f.Prompts, f.Resources},
		uris:  make(map[string]bool),
		wake:  make(chan struct{}, 1),
	}
	if len(f.URIs) > maxSubscriptions {
		return nil, tooManySubscriptions()
	}
	known := f.URIs[:0]
	for _, uri := range f.URIs {
		if !l.uris[uri] && c.session.server.resource(uri) != nil {
			l.uris[uri] = true
			known = append(known, uri)
		}
	}
	f.URIs = known
	return l, nil
}

func (c *call) tellAll(l *listener, meta []byte) error {
	d, uris := l.take()
	for _, name := range d.methods() {
		if err := c.tell(name, meta, nil); err != nil {
			return err
		}
	}
	for _, uri := range uris {
		params := updatedParams(uri)
		if err := c.tell(mcp.ResourceUpdated, meta, append([]byte{','}, params[1:len(params)-1]...)); err != nil {
			return err
		}
	}
	return nil
}

// tell sends a notification of a subscription; more is the rest of its params.
func (c *call) tell(name string, meta, more []byte) error {
	params := append(append(append([]byte{'{'}, meta...), more...), '}')
	return c.exchange.Reply.Send(c.ctx, &jsonrpc.Message{Method: name, Params: params})
}

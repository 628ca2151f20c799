package server

import (
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// What changed in a server is told to who wants to know: clients in a session
// always of the lists, and of the resources they subscribed to; others where
// they listen (2026-07-28, subscriptions).

// change says which of the lists are not what they were.
type change struct{ tools, prompts, resources bool }

func (c *change) add(d change) {
	c.tools = c.tools || d.tools
	c.prompts = c.prompts || d.prompts
	c.resources = c.resources || d.resources
}

// methods are the notifications that say so.
func (c change) methods() (names []string) {
	if c.tools {
		names = append(names, mcp.ToolsListChanged)
	}
	if c.prompts {
		names = append(names, mcp.PromptsListChanged)
	}
	if c.resources {
		names = append(names, mcp.ResourcesListChanged)
	}
	return names
}

// changes gathers what changes in a short time, so that a hundred new tools are
// told as one change.
type changes struct {
	mu      sync.Mutex
	pending change
	timer   *time.Timer // runs while something is pending
}

// gather is how long changes are gathered: too short to be noticed.
const gather = 20 * time.Millisecond

// changed tells every client, soon, that lists are not what they were.
func (s *Server) changed(d change) {
	if s.table().Len() == 0 { // as while a program registers what it has
		return
	}
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	s.changes.pending.add(d)
	if s.changes.timer == nil {
		s.changes.timer = time.AfterFunc(gather, s.tellChanges)
	}
}

func (s *Server) tellChanges() {
	s.changes.mu.Lock()
	d := s.changes.pending
	s.changes.pending, s.changes.timer = change{}, nil
	s.changes.mu.Unlock()
	for sess := range s.sessions() {
		sess.listsChanged(d)
	}
}

// ResourceUpdated tells the clients that subscribed to this URI, and no others,
// that what is there has changed. Changes that come faster than a client reads
// may be told as one.
func (s *Server) ResourceUpdated(uri string) {
	for sess := range s.sessions() {
		sess.resourceUpdated(uri)
	}
}

// sessions yields those of every connection.
func (s *Server) sessions() func(yield func(*session) bool) {
	return func(yield func(*session) bool) {
		for p := range s.table().All() {
			if sess, ok := p.Receiver().(*session); ok && !yield(sess) {
				return
			}
		}
	}
}

func (s *session) listsChanged(d change) {
	s.mu.Lock()
	initialized := s.revision != nil
	known := change{true, s.declared.Prompts != nil, s.declared.Resources != nil}
	for l := range s.listening {
		l.listsChanged(d)
	}
	s.mu.Unlock()
	if !initialized {
		return
	}
	d.prompts, d.resources = d.prompts && known.prompts, d.resources && known.resources
	for _, name := range d.methods() {
		s.peer.Notify(&jsonrpc.Message{Method: name})
	}
}

func (s *session) resourceUpdated(uri string) {
	s.mu.Lock()
	subscribed := s.subscribed[uri]
	for l := range s.listening {
		l.resourceUpdated(uri)
	}
	s.mu.Unlock()
	if subscribed {
		s.peer.Notify(&jsonrpc.Message{Method: mcp.ResourceUpdated, Params: updatedParams(uri)})
	}
}

func updatedParams(uri string) []byte {
	return append(jsontext.AppendString([]byte(`{"uri":`), uri), '}')
}

// maxSubscriptions is how many resources one session, or one who listens, may
// want to hear of.
const maxSubscriptions = 1000

// maxListen is how many bytes the request of one who listens may have, which are
// kept as long as it lasts, and the URIs of one session's subscriptions.
const maxListen = 256 << 10

// subscriptionCost is what a subscription takes, of its text and beside it.
func subscriptionCost(uri string) int { return len(uri) + 64 }

func tooManySubscriptions() error {
	return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "more than %d resources at once", maxSubscriptions)
}

// subscribe serves resources/subscribe.
func subscribe(c *call, dst []byte) ([]byte, error) {
	if err := c.needsSession(); err != nil {
		return nil, err
	}
	var p mcp.URIParams
	if err := decodeParams(c, &p); err != nil {
		return nil, err
	}
	s := c.session
	if s.server.resource(p.URI) == nil {
		return nil, c.notFound(p.URI, "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subscribed == nil {
		s.subscribed = make(map[string]bool)
	}
	if s.subscribed[p.URI] {
		return append(dst, "{}"...), nil
	}
	if len(s.subscribed) >= maxSubscriptions || s.subscribedBytes+len(p.URI) > maxListen {
		return nil, tooManySubscriptions()
	}
	if !s.peer.Hold(subscriptionCost(p.URI)) {
		return nil, errNoRoom
	}
	s.subscribed[p.URI] = true
	s.subscribedBytes += len(p.URI)
	return append(dst, "{}"...), nil
}

// unsubscribe serves resources/unsubscribe. To end what never began is no error.
func unsubscribe(c *call, dst []byte) ([]byte, error) {
	var p mcp.URIParams
	if err := decodeParams(c, &p); err != nil {
		return nil, err
	}
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subscribed[p.URI] {
		delete(s.subscribed, p.URI)
		s.peer.Hold(-subscriptionCost(p.URI))
		s.subscribedBytes -= len(p.URI)
	}
	return append(dst, "{}"...), nil
}

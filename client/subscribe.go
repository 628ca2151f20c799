package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// subscriptions are the resources whose changes are wanted. In a session the
// server is asked for each; where there is none, one request that stays open asks
// for all, and for changes of the lists (2026-07-28, subscriptions).
type subscriptions struct {
	mu     sync.Mutex
	byURI  map[string][]*notifier
	listen *listening // the request that is open now; nil for none
}

// listening is a subscriptions/listen request, with those that take its place when
// it breaks.
type listening struct {
	cancel context.CancelFunc
	once   sync.Once
	acked  chan struct{}
	filter mcp.Filter // that the server agreed to; set before acked is closed
	err    error      // why there was no agreement; likewise
}

func (l *listening) agreed(filter mcp.Filter, err error) {
	l.once.Do(func() {
		l.filter, l.err = filter, err
		close(l.acked)
	})
}

// listeningKey is the key of a *listening in the context of its request.
type listeningKey struct{}

func (s *subscriptions) updated(uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.byURI[uri] {
		n.note(uri)
	}
}

func (s *subscriptions) acknowledged(r *request, params []byte) {
	if r == nil {
		return
	}
	var p mcp.ListenParams
	if l, ok := r.ctx.Value(listeningKey{}).(*listening); ok && json.Unmarshal(params, &p) == nil {
		l.agreed(p.Notifications, nil)
	}
}

// add notes that somebody wants to hear of a URI, and reports whether nobody has
// before.
func (s *subscriptions) add(uri string, n *notifier) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byURI == nil {
		s.byURI = make(map[string][]*notifier)
	}
	s.byURI[uri] = append(s.byURI[uri], n)
	return len(s.byURI[uri]) == 1
}

// remove is the reverse of add. It reports whether nobody wants to any more.
func (s *subscriptions) remove(uri string, n *notifier) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.byURI[uri], n)
	if i < 0 {
		return false
	}
	if s.byURI[uri] = slices.Delete(s.byURI[uri], i, i+1); len(s.byURI[uri]) > 0 {
		return false
	}
	delete(s.byURI, uri)
	return true
}

func (s *subscriptions) uris() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for uri := range s.byURI {
		all = append(all, uri)
	}
	slices.Sort(all)
	return all
}

// Subscribe has fn called when what is at the URI has changed, one call at a time,
// until stop is called. Changes that come while fn works are one call more. It
// lasts over reconnections.
func (c *Client) Subscribe(ctx context.Context, uri string, fn func()) (stop func(), err error) {
	n, end := newNotifier(func(string) { fn() }), make(chan struct{})
	first := c.subs.add(uri, n)
	if first {
		err = c.subscribe(ctx, uri)
	}
	if err == nil && !c.spawn(&c.tasks, func() { n.run(end, c.done) }) {
		err = ErrClosed
	}
	if err != nil {
		c.subs.remove(uri, n)
		return nil, err
	}
	return sync.OnceFunc(func() {
		close(end)
		if c.subs.remove(uri, n) {
			c.spawn(&c.tasks, func() { c.unsubscribe(uri) })
		}
	}), nil
}

func (c *Client) subscribe(ctx context.Context, uri string) error {
	if !c.Server().Stateless() {
		return c.doURI(ctx, mcp.Subscribe, uri)
	}
	l := c.relisten()
	if l == nil {
		return ErrClosed
	}
	select {
	case <-l.acked:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if l.err == nil && !slices.Contains(l.filter.URIs, uri) {
		return fmt.Errorf("the server does not tell of changes of %s", uri)
	}
	return l.err
}

func (c *Client) doURI(ctx context.Context, method, uri string) error {
	params, err := json.Marshal(mcp.URIParams{URI: uri})
	if err != nil {
		return err
	}
	_, err = c.Do(ctx, method, params)
	return err
}

func (c *Client) unsubscribe(uri string) {
	if c.Server().Stateless() {
		c.relisten()
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, goodbye)
	defer cancel()
	_ = c.doURI(ctx, mcp.Unsubscribe, uri) // what still comes finds nobody
}

// resubscribe asks a new session for what the old one was asked for.
func (s *subscriptions) resubscribe(ctx context.Context, c *Client) error {
	var errs []error
	for _, uri := range s.uris() {
		errs = append(errs, c.doURI(ctx, mcp.Subscribe, uri))
	}
	return errors.Join(errs...)
}

// filter is what is wanted now.
func (c *Client) filter() mcp.Filter {
	f := mcp.Filter{URIs: c.subs.uris()}
	if c.changed != nil {
		f.Tools, f.Prompts, f.Resources = c.changes("tools"), c.changes("prompts"), c.changes("resources")
	}
	return f
}

// changes reports whether the server tells of changes of a list.
func (c *Client) changes(list string) bool {
	var capability mcp.ListChanges
	return json.Unmarshal(c.Server().Capabilities[list], &capability) == nil && capability.ListChanged
}

// relisten opens a request for what is wanted now, and ends the one before when it
// is agreed on: nothing is missed in between. It is nil where nothing is wanted, or
// the client has ended.
func (c *Client) relisten() *listening {
	f := c.filter()
	c.subs.mu.Lock()
	defer c.subs.mu.Unlock()
	old := c.subs.listen
	c.subs.listen = nil
	if !f.Tools && !f.Prompts && !f.Resources && len(f.URIs) == 0 {
		if old != nil {
			old.cancel()
		}
		return nil
	}
	l := &listening{acked: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithValue(c.ctx, listeningKey{}, l))
	l.cancel = cancel
	if !c.spawn(&c.tasks, func() {
		if old != nil {
			go func() { // not a task: it ends with this one
				select {
				case <-l.acked:
				case <-ctx.Done():
				}
				old.cancel()
			}()
		}
		c.listen(ctx, l, f)
	}) {
		cancel()
		return nil
	}
	c.subs.listen = l
	return l
}

// listen keeps a request open until ctx ends.
func (c *Client) listen(ctx context.Context, l *listening, f mcp.Filter) {
	defer l.cancel()
	params, err := json.Marshal(mcp.ListenParams{Notifications: f})
	wait := cmp.Or(c.o.Reconnect.First, 250*time.Millisecond)
	for err == nil {
		var s *session
		if s, err = c.session(ctx); err != nil {
			break
		}
		_, err = s.do(ctx, mcp.Listen, params, new(callOptions))
		if _, refused := asAnswer(err); refused || ctx.Err() != nil {
			break
		}
		err = nil // it was cut, or the server took its leave
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		wait = min(2*wait, cmp.Or(c.o.Reconnect.Most, 30*time.Second))
	}
	l.agreed(mcp.Filter{}, err)
	if answered, ok := errors.AsType[*jsonrpc.Error](err); ok && ctx.Err() == nil {
		c.o.Logger.Warn("the server does not tell of changes", "server", c.target.name(), "error", c.redact(answered))
	}
}

// listenHTTP opens the stream of a session that has one.
func (s *session) listenHTTP(ctx context.Context) error {
	if s.http.SessionID() == "" {
		return nil
	}
	err := s.http.Listen(ctx, func(err error) {
		if status, ok := asStatus(err); ok && status.Ended {
			s.c.lose(s, err)
			return
		}
		s.c.o.Logger.Info("what the server sends by itself cannot be heard any more", "server", s.c.target.name(), "error", s.c.redact(err))
	})
	if errors.Is(err, transport.ErrNoStream) {
		return nil
	}
	return err
}

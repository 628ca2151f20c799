package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	listen *listening      // the request that is open now; nil for none
	turn   chan struct{}   // of who asks a session's server for a URI, or no more
	active map[string]bool // what a session's server was asked for; of whose turn it is
}

// listening is a subscriptions/listen request, with those that take its place when
// it breaks.
type listening struct {
	cancel context.CancelCauseFunc
	old    *listening // that it takes the place of
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

// errSuperseded is why a request ends whose place another has taken.
var errSuperseded = errors.New("another request takes its place")

// end ends the request, and those whose place it was to take.
func (l *listening) end(why error) {
	for ; l != nil; l = l.old {
		l.cancel(why)
	}
}

// listeningKey is the key of a *listening in the context of its request.
type listeningKey struct{}

func (s *subscriptions) updated(uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for of, all := range s.byURI {
		if !isWithin(uri, of) {
			continue
		}
		for _, n := range all {
			n.note(uri)
		}
	}
}

// isWithin reports whether a URI is that of a resource, or of a part of it, which
// is how it may be told of (2025-11-25 schema, ResourceUpdatedNotification).
func isWithin(uri, of string) bool {
	rest, ok := strings.CutPrefix(uri, of)
	return ok && (rest == "" || strings.HasSuffix(of, "/") || strings.ContainsAny(rest[:1], "/?#"))
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
	return s.urisLocked()
}

func (s *subscriptions) urisLocked() []string {
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
	c.subs.add(uri, n)
	err = c.subscribe(ctx, uri)
	if err == nil && !c.spawnIn(&c.handlers, func() { n.run(end, c.done) }) {
		err = ErrClosed
	}
	if err != nil {
		c.subs.remove(uri, n)
		return nil, err
	}
	return sync.OnceFunc(func() {
		close(end)
		if c.subs.remove(uri, n) {
			c.spawn(func() { c.unsubscribe(uri) })
		}
	}), nil
}

func (c *Client) subscribe(ctx context.Context, uri string) error {
	if !c.Server().Stateless() {
		if err := c.subs.take(ctx); err != nil {
			return err
		}
		defer c.subs.give()
		if c.subs.active[uri] {
			return nil
		}
		err := c.doURI(ctx, mcp.Subscribe, uri)
		if err == nil {
			c.subs.active[uri] = true
		}
		return err
	}
	l := c.relisten()
	for {
		if l == nil {
			return ErrClosed
		}
		select {
		case <-l.acked:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !errors.Is(l.err, errSuperseded) {
			break
		}
		l = c.subs.current()
	}
	if l.err == nil && !slices.Contains(l.filter.URIs, uri) {
		return fmt.Errorf("the server does not tell of changes of %s", uri)
	}
	return l.err
}

// take waits for the turn to ask a session's server: what is asked for and given
// up again has to come to it in that order.
func (s *subscriptions) take(ctx context.Context) error {
	s.mu.Lock()
	if s.turn == nil {
		s.turn, s.active = make(chan struct{}, 1), make(map[string]bool)
	}
	s.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *subscriptions) give() { <-s.turn }

func (s *subscriptions) current() *listening {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listen
}

func (s *subscriptions) wanted(uri string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byURI[uri]) > 0
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
	if c.subs.take(ctx) != nil {
		return
	}
	defer c.subs.give()
	if c.subs.wanted(uri) || !c.subs.active[uri] { // again, or never
		return
	}
	delete(c.subs.active, uri)
	_ = c.doURI(ctx, mcp.Unsubscribe, uri) // what still comes finds nobody
}

// resubscribe asks a new session for what the old one was asked for.
func (s *subscriptions) resubscribe(ctx context.Context, c *Client) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	clear(s.active)
	var errs []error
	for _, uri := range s.uris() {
		err := c.doURI(ctx, mcp.Subscribe, uri)
		s.active[uri] = err == nil
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// filter is what is wanted now. It is called under the lock of subs.
func (c *Client) filter() mcp.Filter {
	f := mcp.Filter{URIs: c.subs.urisLocked()}
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
	c.subs.mu.Lock()
	defer c.subs.mu.Unlock()
	f := c.filter()
	old := c.subs.listen
	c.subs.listen = nil
	if !f.Tools && !f.Prompts && !f.Resources && len(f.URIs) == 0 {
		old.end(errSuperseded)
		return nil
	}
	l := &listening{acked: make(chan struct{}), old: old}
	ctx, cancel := context.WithCancelCause(context.WithValue(c.ctx, listeningKey{}, l))
	l.cancel = cancel
	if !c.spawn(func() {
		if old != nil {
			go func() { // not a task: it ends with this one
				select {
				case <-l.acked:
				case <-ctx.Done():
				}
				c.subs.takeOver(l)
			}()
		}
		c.listen(ctx, l, f)
	}) {
		cancel(ErrClosed)
		return nil
	}
	c.subs.listen = l
	return l
}

// takeOver ends those whose place l was to take. If it was refused the one before
// stays.
func (s *subscriptions) takeOver(l *listening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-l.acked:
		if l.err != nil && !errors.Is(l.err, errSuperseded) {
			if s.listen == l {
				s.listen = l.old
			}
			return
		}
	default:
	}
	l.old.end(errSuperseded)
	l.old = nil
}

// listen keeps a request open until ctx ends.
func (c *Client) listen(ctx context.Context, l *listening, f mcp.Filter) {
	defer l.cancel(nil)
	params, err := json.Marshal(mcp.ListenParams{Notifications: f})
	wait := cmp.Or(c.o().Reconnect.First, 250*time.Millisecond)
	for err == nil && ctx.Err() == nil {
		var s *session
		if s, err = c.session(ctx); err != nil {
			break
		}
		begun := time.Now()
		_, err = s.do(ctx, mcp.Listen, params, new(callOptions))
		if ctx.Err() != nil || l.refused(err) {
			break
		}
		if time.Since(begun) > wait {
			wait = cmp.Or(c.o().Reconnect.First, 250*time.Millisecond)
		}
		err = nil // it was cut, or the server took its leave
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		wait = min(2*wait, cmp.Or(c.o().Reconnect.Most, 30*time.Second))
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	l.agreed(mcp.Filter{}, err)
	if answered, ok := errors.AsType[*jsonrpc.Error](err); ok && ctx.Err() == nil {
		c.o().Logger.Warn("the server does not tell of changes", "server", c.target().name(), "error", c.redact(answered))
	}
}

// refused reports whether an error says that the server will not be listened to.
// Once it has agreed only that it does not know how, or to what, says that.
func (l *listening) refused(err error) bool {
	answered, ok := asAnswer(err)
	if !ok {
		return false
	}
	select {
	case <-l.acked:
		return answered.Code == jsonrpc.CodeMethodNotFound || answered.Code == jsonrpc.CodeInvalidParams
	default:
		return true
	}
}

// listenHTTP opens the stream of a session that has one.
func (s *session) listenHTTP(ctx context.Context) error {
	if s.http.SessionID() == "" {
		return nil
	}
	lost := func(err error) {
		if status, ok := asStatus(err); ok && status.Ended {
			s.c.lose(s, err)
			return
		}
		s.c.o().Logger.Info("what the server sends by itself cannot be heard any more", "server", s.c.target().name(), "error", s.c.redact(err))
	}
	opened := make(chan struct{})
	s.c.spawn(func() {
		defer close(opened)
		// Some answer with another status than 405, or not before there is an event.
		if err := s.http.Listen(s.c.ctx, lost); err != nil && !errors.Is(err, transport.ErrNoStream) && s.c.ctx.Err() == nil {
			s.c.o().Logger.Info("what the server sends by itself cannot be heard", "server", s.c.target().name(), "error", s.c.redact(err))
		}
	})
	timer := time.NewTimer(goodbye)
	defer timer.Stop()
	select {
	case <-opened:
	case <-timer.C:
	case <-s.c.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

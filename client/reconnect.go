package client

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sessionmcp/sessionmcp/transport"
)

// adopt makes a session the current one.
func (c *Client) adopt(s *session) {
	c.mu.Lock()
	if !c.ended {
		c.now, c.last = hide(s), s.info
		c.open()
	}
	ended := c.ended
	c.mu.Unlock()
	if ended || !c.spawn(func() { c.watch(s) }) {
		closeQuietly(s.link)
		return
	}
	if err := s.gone(); err != nil { // before it was the current one
		c.lose(s, err)
	}
}

// watch waits for the link to end by itself.
func (c *Client) watch(s *session) {
	select {
	case <-s.link.Done():
		err := s.link.Err()
		if err == nil {
			err = transport.ErrServerGone
		}
		c.lose(s, err)
	case <-c.done:
	}
}

// lose takes a session out that has ended, and has another made.
func (c *Client) lose(s *session, err error) {
	s.mu.Lock()
	if s.lost == nil {
		s.lost = fmt.Errorf("%w: %w", ErrLost, err)
	}
	s.mu.Unlock()
	c.mu.Lock()
	if c.ended || c.now() != s {
		c.mu.Unlock()
		return
	}
	c.now, c.ready = hide[*session](nil), make(chan struct{})
	c.tasks.Go(func() { c.reconnect(s, err) })
	c.mu.Unlock()
}

// reconnect makes a new connection, or gives up.
func (c *Client) reconnect(old *session, why error) {
	if old.http == nil {
		closeQuietly(old.link)
	} else { // each request under way is told for itself that the session is over
		if !c.spawn(func() { old.drained(c.done); closeQuietly(old.link) }) {
			closeQuietly(old.link)
		}
	}
	wait := cmp.Or(c.o().Reconnect.First, 250*time.Millisecond)
	most := cmp.Or(c.o().Reconnect.Most, 30*time.Second)
	for range max(cmp.Or(c.o().Reconnect.Attempts, 5), 0) {
		// A little more or less, so that the clients of a server do not come together.
		timer := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-timer.C:
		case <-c.done:
			timer.Stop()
			return
		}
		wait = min(2*wait, most)
		ctx, cancel := context.WithTimeoutCause(c.ctx, cmp.Or(c.o().Timeout, handshake), errNoHandshake)
		s, err := c.dial(ctx)
		cancel()
		if err != nil {
			c.o().Logger.Info("the connection to the server could not be made again", "server", c.target().name(), "error", c.redact(err))
			continue
		}
		c.adopt(s)
		if err := c.settle(c.ctx, s); err != nil {
			c.o().Logger.Warn("what had been asked of the server could not be asked again", "server", c.target().name(), "error", c.redact(err))
		}
		return
	}
	if s := c.end(fmt.Errorf("%w: %w", ErrLost, why)); s != nil {
		closeQuietly(s.link)
	}
}

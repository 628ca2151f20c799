// Package lazyctx makes contexts that cost nothing until somebody wants to know
// when they end. Most functions that a server calls return before that: a context
// of package context would have been made, entered into its parent and taken out
// again for nothing.
package lazyctx

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A Context is a [context.Context] that is made when somebody first waits for its
// end or asks it for something, and ends with its parent, or when Cancel is
// called, with a cause that [context.Cause] returns. It may be used concurrently
// once it has been initialized. It may lie in another struct, which stays where
// it is.
type Context struct {
	parent  context.Context
	watcher Watcher
	apart   bool

	mu     sync.Mutex
	std    atomic.Pointer[std] // nil until it is made
	isOver atomic.Bool
	cause  error // why it is over
}

type std struct {
	context.Context
	cancel context.CancelCauseFunc
}

// A Watcher is told once that somebody wants to know when a Context ends, unless
// it has ended before: to call Cancel then is up to the Watcher.
type Watcher interface{ Watch() }

// Init makes c ready. It ends with its parent.
func (c *Context) Init(parent context.Context) { c.parent = parent }

// InitApart makes c ready. It has the values of its parent, and its end does not
// end it. w may be nil.
func (c *Context) InitApart(parent context.Context, w Watcher) {
	c.parent, c.watcher, c.apart = parent, w, true
}

// Cancel ends c. The first cause stays; nil is [context.Canceled].
func (c *Context) Cancel(cause error) {
	c.mu.Lock()
	if !c.isOver.Load() {
		c.cause = cause
		c.isOver.Store(true)
	}
	made := c.std.Load()
	c.mu.Unlock()
	if made != nil { // not under the lock: it calls what waits for the end
		made.cancel(cause)
	}
}

// Cancelled reports whether Cancel has been called. It is no reason to make c, and
// tells nothing of its parent.
func (c *Context) Cancelled() bool { return c.isOver.Load() }

func (c *Context) made() *std {
	if made := c.std.Load(); made != nil {
		return made
	}
	made, watch := c.make()
	if watch {
		c.watcher.Watch()
	}
	return made
}

func (c *Context) make() (made *std, watch bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if made = c.std.Load(); made != nil {
		return made, false
	}
	made = new(std)
	over, parent := c.isOver.Load(), c.parent
	if c.apart || over { // over: before its parent, whose cause may be another
		parent = context.WithoutCancel(parent)
	}
	if made.Context, made.cancel = context.WithCancelCause(parent); over {
		made.cancel(c.cause)
	}
	c.std.Store(made)
	return made, c.watcher != nil && !over
}

// Done implements [context.Context].
func (c *Context) Done() <-chan struct{} { return c.made().Done() }

// Err implements [context.Context].
func (c *Context) Err() error { return c.made().Err() }

// Value implements [context.Context].
func (c *Context) Value(key any) any { return c.made().Value(key) }

// Deadline implements [context.Context].
func (c *Context) Deadline() (time.Time, bool) { return c.made().Deadline() }

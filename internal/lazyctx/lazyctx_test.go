package lazyctx

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	errFirst  = errors.New("first")
	errSecond = errors.New("second")
)

type key struct{}

// TestContext holds a Context to what one of package context does, made before
// its end and after it.
func TestContext(t *testing.T) {
	for _, early := range []bool{false, true} {
		for name, end := range map[string]func(c *Context, parent context.CancelCauseFunc) (cause error){
			"cancel":     func(c *Context, _ context.CancelCauseFunc) error { c.Cancel(errFirst); return errFirst },
			"cancel nil": func(c *Context, _ context.CancelCauseFunc) error { c.Cancel(nil); return context.Canceled },
			"parent":     func(_ *Context, parent context.CancelCauseFunc) error { parent(errFirst); return errFirst },
			"twice": func(c *Context, parent context.CancelCauseFunc) error {
				c.Cancel(errFirst)
				c.Cancel(errSecond)
				parent(errSecond)
				return errFirst
			},
		} {
			outer := context.WithValue(t.Context(), key{}, "value")
			parent, cancel := context.WithCancelCause(outer)
			var c Context
			c.Init(parent)
			if early {
				if c.Err() != nil {
					t.Errorf("%s: ended at once: %v", name, c.Err())
				}
				<-childOf(&c, func() { end(&c, cancel) })
			}
			cause := end(&c, cancel)
			if c.Err() != context.Canceled {
				t.Errorf("%s, early %v: Err is %v", name, early, c.Err())
			}
			if got := context.Cause(&c); got != cause {
				t.Errorf("%s, early %v: the cause is %v, want %v", name, early, got, cause)
			}
			<-c.Done()
			if got := c.Value(key{}); got != "value" {
				t.Errorf("%s: the value of the parent's is %v", name, got)
			}
			cancel(nil)
		}
	}
}

// childOf derives a context of package context from c and returns its Done once
// end has been called.
func childOf(c *Context, end func()) <-chan struct{} {
	child, cancel := context.WithCancel(c)
	context.AfterFunc(child, cancel)
	end()
	return child.Done()
}

type watcher struct{ watched int }

func (w *watcher) Watch() { w.watched++ }

// TestApart ends a context alone, and tells the watcher once that it is waited for.
func TestApart(t *testing.T) {
	outer := context.WithValue(t.Context(), key{}, "value")
	parent, cancel := context.WithTimeout(outer, time.Hour)
	var c Context
	var w watcher
	c.InitApart(parent, &w)
	cancel()
	if w.watched != 0 {
		t.Error("watched before anybody waits")
	}
	if _, limited := c.Deadline(); c.Err() != nil || limited || c.Value(key{}) != "value" {
		t.Errorf("it is not apart: %v", c.Err())
	}
	if w.watched != 1 || c.Cancelled() {
		t.Errorf("watched %d times", w.watched)
	}
	c.Cancel(errFirst)
	if context.Cause(&c) != errFirst || !c.Cancelled() {
		t.Errorf("ended because of %v", context.Cause(&c))
	}

	var over Context
	over.InitApart(parent, &w)
	over.Cancel(errSecond)
	if context.Cause(&over) != errSecond || w.watched != 1 {
		t.Errorf("ended because of %v, watched %d times", context.Cause(&over), w.watched)
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithTimeoutCause(t.Context(), time.Second, errFirst)
		defer cancel()
		var c Context
		c.Init(parent)
		if at, ok := c.Deadline(); !ok || time.Until(at) != time.Second {
			t.Error("the parent's deadline is not that of the context")
		}
		<-c.Done()
		if c.Err() != context.DeadlineExceeded || context.Cause(&c) != errFirst {
			t.Errorf("ended with %v, because of %v", c.Err(), context.Cause(&c))
		}
	})
}

// TestRace ends and makes a context at once: whoever waits is told.
func TestRace(t *testing.T) {
	for range 200 {
		var c Context
		c.Init(t.Context())
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				<-c.Done()
				if context.Cause(&c) != errFirst {
					t.Errorf("the cause is %v", context.Cause(&c))
				}
			})
		}
		all.Go(func() { c.Cancel(errFirst) })
		all.Wait()
	}
}

func TestAllocations(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	var contexts [102]Context
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		c := &contexts[i]
		i++
		c.Init(parent)
		if c.Cancelled() {
			t.Fatal("ended")
		}
		c.Cancel(errFirst)
	}); n != 0 {
		t.Errorf("a context that nobody waits for costs %v allocations", n)
	}
}

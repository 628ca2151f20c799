package transport

import (
	"context"
	"sync"
	"time"
)

const (
	defaultDrain = 10 * time.Second
	grace        = time.Second // for what has been told to end
)

// latch is something that happens once. The zero value is ready, and costs
// nothing until somebody waits.
type latch struct {
	mu   sync.Mutex
	isOn bool
	ch   chan struct{} // non-nil once somebody waits
}

func (l *latch) set() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ch != nil && !l.isOn {
		close(l.ch)
	}
	l.isOn = true
}

// done returns a channel that is closed when the latch is set.
func (l *latch) done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ch == nil {
		l.ch = make(chan struct{})
		if l.isOn {
			close(l.ch)
		}
	}
	return l.ch
}

// tracker counts what runs and lets one wait for it: of one connection, or of a
// whole server. The zero value is ready.
type tracker struct {
	mu      sync.Mutex
	n       int
	ended   bool
	changed chan struct{} // non-nil while somebody waits; closed when n falls
}

// begin counts one more, unless the tracker has ended.
func (t *tracker) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return false
	}
	t.n++
	return true
}

func (t *tracker) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

func (t *tracker) running() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

func (t *tracker) hasEnded() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

// end lets nothing more begin.
func (t *tracker) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}

// endIdle is end if nothing runs, and reports whether that is so. Asking first
// and ending then would let something begin in between.
func (t *tracker) endIdle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n > 0 {
		return false
	}
	t.ended = true
	return true
}

// wait returns when nothing runs, or with ctx's cause.
func (t *tracker) wait(ctx context.Context) error { return t.waitBelow(ctx, 1) }

// waitBelow returns when fewer than limit run, or with ctx's cause.
func (t *tracker) waitBelow(ctx context.Context, limit int) error {
	for {
		t.mu.Lock()
		if t.n < limit {
			t.mu.Unlock()
			return nil
		}
		if t.changed == nil {
			t.changed = make(chan struct{})
		}
		changed := t.changed
		t.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// waitGrace waits for what has been told to end. ctx, which may have ended
// itself, gives it values.
func waitGrace(ctx context.Context, t *tracker) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return t.wait(ctx)
}

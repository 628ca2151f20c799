package transport

import (
	"context"
	"sync"
	"sync/atomic"
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
// whole server, so that many goroutines count at once. The zero value is ready.
type tracker struct {
	state atomic.Int64 // what runs, each counted as one, and the flags below

	mu      sync.Mutex
	changed chan struct{} // non-nil while somebody waits; closed when the number falls
}

// Flags of a tracker's state, and what one that runs counts.
const (
	noMore  = 1 << iota // nothing more may begin
	awaited             // somebody waits
	one
)

// begin counts one more, unless the tracker has ended.
func (t *tracker) begin() bool {
	for {
		s := t.state.Load()
		if s&noMore != 0 {
			return false
		}
		if t.state.CompareAndSwap(s, s+one) {
			return true
		}
	}
}

func (t *tracker) done() {
	if t.state.Add(-one)&awaited == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changed != nil {
		t.state.And(^awaited)
		close(t.changed)
		t.changed = nil
	}
}

func (t *tracker) running() int { return int(t.state.Load() / one) }

func (t *tracker) hasEnded() bool { return t.state.Load()&noMore != 0 }

// end lets nothing more begin.
func (t *tracker) end() { t.state.Or(noMore) }

// endIdle is end if nothing runs, and reports whether that is so. Asking first
// and ending then would let something begin in between.
func (t *tracker) endIdle() bool {
	for {
		s := t.state.Load()
		if s >= one {
			return false
		}
		if t.state.CompareAndSwap(s, s|noMore) {
			return true
		}
	}
}

// wait returns when nothing runs, or with ctx's cause.
func (t *tracker) wait(ctx context.Context) error { return t.waitBelow(ctx, 1) }

// waitBelow returns when fewer than limit run, or with ctx's cause.
func (t *tracker) waitBelow(ctx context.Context, limit int) error {
	for t.running() >= limit {
		t.mu.Lock()
		if t.changed == nil {
			t.changed = make(chan struct{})
		}
		changed := t.changed
		t.state.Or(awaited)
		t.mu.Unlock()
		if t.running() < limit { // before it was known that somebody waits
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// waitGrace waits for what has been told to end. ctx, which may have ended
// itself, gives it values.
func waitGrace(ctx context.Context, t *tracker) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return t.wait(ctx)
}

// callStack is about what a call of a small function takes of the stack, in bytes.
const callStack = 6 << 10

// growStack makes the stack of a goroutine large enough for a call, at a moment
// when there is next to nothing on it: grown by steps, deep in the call, all that
// is on it would have to be moved each time, frame by frame.
//
//go:noinline
func growStack() {
	var room [callStack]byte
	use(&room)
}

//go:noinline
func use(*[callStack]byte) {}

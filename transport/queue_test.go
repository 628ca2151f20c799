package transport

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/lazyctx"
)

const timeout = 10 * time.Second

func newQueue(limit int) *queue {
	q, conn := new(queue), new(lazyctx.Context)
	conn.InitApart(context.Background(), nil)
	limits := Limits{}.WithDefaults()
	q.init(conn, limit, newBudget(&limits))
	return q
}

// sending sends on a goroutine of its own.
func sending(ctx context.Context, out outlet, text string) <-chan error {
	done := make(chan error, 1)
	go func() { done <- out.sendText(ctx, []byte(text)) }()
	synctest.Wait()
	return done
}

func waits(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		t.Errorf("it did not wait: %v", err)
	default:
	}
}

func TestQueueWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(10)
		if err := <-sending(t.Context(), q, "12345678"); err != nil {
			t.Fatal(err)
		}
		second := sending(t.Context(), q, "abc")
		waits(t, second)
		if got := strings.Join(q.take(), "|"); got != "12345678" {
			t.Errorf("took %s", got)
		}
		if err := <-second; err != nil {
			t.Error(err)
		}
		if err := <-sending(t.Context(), q, "defghij"); err != nil { // 10 bytes in all
			t.Error(err)
		}
		waits(t, sending(t.Context(), q, "k"))
		q.push([]byte("pushed"))
		if got := strings.Join(q.take(), "|"); got != "abc|defghij|pushed" {
			t.Errorf("took %s", got)
		}
		synctest.Wait()
		if got := strings.Join(q.take(), "|"); got != "k" {
			t.Errorf("took %s", got)
		}
	})
}

func TestQueueLargeText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(10)
		large := strings.Repeat("x", 100)
		if err := <-sending(t.Context(), q, large); err != nil {
			t.Error(err)
		}
		waits(t, sending(t.Context(), q, "y"))
		if got := q.take(); len(got) != 1 || got[0] != large {
			t.Error("a text larger than the limit did not pass")
		}
	})
}

func TestQueueEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		text := []byte("queued")
		if err := q.sendText(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		clear(text) // the sender's buffer is used again
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		first, second := sending(ctx, q, "a"), sending(t.Context(), q, "b")
		cancel(why)
		if err := <-first; err != why {
			t.Errorf("got %v, want the cause of the sender's context", err)
		}
		q.conn.Cancel(ErrIdle)
		if err := <-second; err != ErrIdle {
			t.Errorf("got %v, want the cause of the connection's end", err)
		}
		if err := q.sendText(t.Context(), []byte("c")); err != ErrIdle {
			t.Errorf("after the end: %v", err)
		}
		q.push([]byte("d"))
		if got := strings.Join(q.take(), "|"); got != "queued" {
			t.Errorf("took %q, want what was queued before the end", got)
		}
	})
}

// A silent stream holds neither the texts it wrote nor room for many.
func TestQueueLetsGo(t *testing.T) {
	q := newQueue(1 << 20)
	for range 10 * maxSpare {
		q.push([]byte("x"))
	}
	q.take()
	q.push([]byte("y"))
	q.take()
	if cap(q.texts) > maxSpare || cap(q.spare) > maxSpare {
		t.Errorf("it keeps room for %d and %d texts", cap(q.texts), cap(q.spare))
	}
}

func TestTracker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr tracker
		if err := tr.wait(t.Context()); err != nil {
			t.Error(err)
		}
		for range 3 {
			if !tr.begin() {
				t.Fatal("begin is refused")
			}
		}
		if tr.endIdle() || tr.hasEnded() {
			t.Error("a tracker ended as idle while three run")
		}
		below, idle := make(chan error, 1), make(chan error, 1)
		go func() { below <- tr.waitBelow(t.Context(), 2) }()
		go func() { idle <- tr.wait(t.Context()) }()
		synctest.Wait()
		tr.done()
		synctest.Wait()
		waits(t, below)
		tr.done()
		if err := <-below; err != nil {
			t.Error(err)
		}
		waits(t, idle)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(ErrIdle)
		if err := tr.wait(ctx); err != ErrIdle {
			t.Errorf("got %v, want the context's cause", err)
		}
		if err := waitGrace(ctx, &tr); err != context.DeadlineExceeded {
			t.Errorf("got %v, want that a second has passed", err)
		}
		tr.end()
		if tr.begin() || !tr.hasEnded() || tr.running() != 1 {
			t.Error("something began after the end")
		}
		tr.done()
		if err := <-idle; err != nil {
			t.Error(err)
		}
		if !tr.endIdle() {
			t.Error("nothing runs, and endIdle denies it")
		}
	})
}

func TestLimits(t *testing.T) {
	d := Limits{}.WithDefaults()
	if d.Message != 4<<20 || d.Queue != 1<<20 || d.Sessions != 25_000 || d.SessionsPerPrincipal != 1000 || d.Calls != 128 || d.AllCalls != 50_000 ||
		d.Bodies != 256<<20 || d.Memory != 256<<20 || d.Replay != 1<<20 || d.ReplayFor != 5*time.Minute ||
		d.Idle != 24*time.Hour || d.Age != 7*24*time.Hour || d.Write != 30*time.Second || d.Read != 30*time.Second {
		t.Errorf("the defaults are %+v", d)
	}
	if d.runs() != 256 {
		t.Errorf("runs %d", d.runs())
	}
	none := noLimits.WithDefaults()
	const century = 100 * 365 * 24 * time.Hour
	for _, n := range []int{none.Message, none.Queue, none.Sessions, none.SessionsPerPrincipal, none.Calls, none.AllCalls, none.Memory, none.Bodies, none.Replay, none.runs()} {
		if n < 1<<31-1 {
			t.Errorf("%+v, want no limits", none)
		}
	}
	for _, d := range []time.Duration{none.Idle, none.Age, none.Write, none.Read} {
		if d <= century || !deadline(d).IsZero() {
			t.Errorf("%+v, want no limits", none)
		}
	}
	if kept := (Limits{Message: 7, Idle: 8}).WithDefaults(); kept.Message != 7 || kept.Idle != 8 {
		t.Errorf("%+v", kept)
	}
}

var noLimits = Limits{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}

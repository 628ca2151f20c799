package transport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// lineReader reads the messages of a peer, a line each, and serves them. To wake
// another goroutine costs more than what many calls do, so that the one that reads
// also runs what is left to run, as long as that is quick. If it takes longer, or
// waits for an answer of the peer, another goroutine goes on with the reading.
// There is one that reads at any time, so that messages are received in order.
type lineReader struct {
	p      *Peer
	in     *bufio.Reader
	limits *Limits
	over   chan error // gets why the reading has ended; nil is the end of the input

	turn  atomic.Uint64 // odd while the reader runs a call; one more for each begin and end
	slow  atomic.Int32  // how many calls get a goroutine of their own before it is tried again
	armed atomic.Bool   // the watch will look
	watch *time.Timer
	seen  uint64 // the turn when the watch looked; the watch's own
}

const (
	// watchEvery is how often the watch looks: a call that it sees twice is slow.
	watchEvery = time.Millisecond

	// quickCall is how long a call may take that need not run beside others.
	quickCall = 100 * time.Microsecond

	// slowCalls is how many calls run beside others after one that was slow.
	slowCalls = 100
)

// newLineReader returns a reader for a peer that has not been opened yet.
func newLineReader(p *Peer, in io.Reader, limits *Limits) *lineReader {
	l := &lineReader{p: p, in: bufio.NewReaderSize(in, 64<<10), limits: limits, over: make(chan error, 1)}
	l.watch = time.AfterFunc(maxWait, l.look)
	p.asks = l.handOver
	return l
}

// readAll reads until in or the connection ends. It returns nil at the end of in. A
// client that sends and does not read has to wait.
func (l *lineReader) readAll() error {
	defer l.watch.Stop()
	go l.read()
	return <-l.over
}

var errReadingGone = errors.New("reading from the client: Receive has ended the goroutine")

// read reads until it is another's turn, or there is nothing more to read.
func (l *lineReader) read() {
	var turn uint64 // of the call that runs here
	err, mine := errReadingGone, true
	defer func() {
		switch {
		case turn != 0: // the call has ended the goroutine
			if l.leave(turn) {
				go l.read()
			}
		case mine:
			l.over <- err
		}
	}()
	for {
		run, buf, next := l.next()
		if run != nil && l.slow.Load() > 0 {
			go l.runBeside(run, buf)
		} else if run != nil {
			others := l.in.Buffered() > 0
			turn = l.enter()
			l.runHere(run, buf, others)
			mine = l.leave(turn)
			turn = 0
		}
		if !mine {
			return
		}
		if err = next; err == nil {
			err = l.room()
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return
		}
		err = errReadingGone
	}
}

// next reads a line and receives it. It returns what is left to run, and why there
// is no next line.
func (l *lineReader) next() (run func(), buf *pool.Buffer, end error) {
	buf = pool.Get()
	long, err := readLine(buf, l.in, l.limits.Message)
	text := bytes.TrimSpace(buf.B)
	if err != nil && err != io.EOF {
		buf.Put()
		return nil, nil, fmt.Errorf("reading from the client: %w", err)
	}
	var failure *jsonrpc.Error
	switch {
	case long || len(text) > l.limits.Message:
		text, failure = nil, tooLarge(l.limits.Message)
	case len(text) == 0:
		buf.Put()
		return nil, nil, err
	}
	run, _ = l.p.receive(text, failure, buf)
	return run, buf, err
}

// room waits until there may be more that runs.
func (l *lineReader) room() error {
	if err := l.p.calls.waitBelow(&l.p.ctx, l.limits.runs()); err != nil {
		return err
	}
	if l.p.ctx.Cancelled() {
		return context.Cause(&l.p.ctx)
	}
	return nil
}

// runHere runs a call where messages are read. How long it takes matters if others
// are waiting to be read: on another core they could run meanwhile.
func (l *lineReader) runHere(run func(), buf *pool.Buffer, others bool) {
	if !others {
		l.p.complete(run, buf)
		return
	}
	began := time.Now()
	l.p.complete(run, buf)
	if time.Since(began) > quickCall {
		l.slow.Store(slowCalls)
	}
}

// runBeside runs a call on a goroutine of its own.
func (l *lineReader) runBeside(run func(), buf *pool.Buffer) {
	growStack()
	began := time.Now()
	defer func() {
		if time.Since(began) > quickCall {
			l.slow.Store(slowCalls)
		} else {
			l.slow.Add(-1)
		}
	}()
	l.p.complete(run, buf)
}

// enter says that the reader runs a call.
func (l *lineReader) enter() (turn uint64) {
	turn = l.turn.Add(1)
	if !l.armed.Load() && l.armed.CompareAndSwap(false, true) {
		l.watch.Reset(watchEvery)
	}
	return turn
}

// leave says that the call has ended, and reports whether its goroutine still is
// the one that reads.
func (l *lineReader) leave(turn uint64) bool { return l.turn.CompareAndSwap(turn, turn+1) }

// handOver lets another goroutine read if the one that does runs a call.
func (l *lineReader) handOver() { l.handOverAt(l.turn.Load()) }

// handOverAt is handOver if the turn is still the same.
func (l *lineReader) handOverAt(turn uint64) {
	if turn%2 == 1 && l.leave(turn) {
		l.slow.Store(slowCalls)
		go l.read()
	}
}

// look is what the watch does, while calls run: it finds those that are slow.
func (l *lineReader) look() {
	turn := l.turn.Load()
	switch {
	case turn != l.seen:
		l.seen = turn
	case turn%2 == 1:
		l.handOverAt(turn)
	default: // nothing has begun since
		l.armed.Store(false)
		if l.turn.Load() == turn || !l.armed.CompareAndSwap(false, true) {
			return
		}
	}
	l.watch.Reset(watchEvery)
}

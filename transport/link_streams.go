package transport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// OpenStreams connects to a server on a pair of streams, a message a line (2024-11-05,
// stdio). Close closes out first, waits for in to end, and closes in after a
// second; closing either has to end a Read or Write that is under way. What ended
// the link is [ErrServerGone] where in has ended.
func OpenStreams(in io.ReadCloser, out io.WriteCloser, to Receiver, o LinkOptions) Link {
	return openStreams(in, out, to, &o, pair{in, out})
}

// streams is a [Link] on a pair of streams.
type streams struct {
	*inlet
	asked *ledger
	in    io.Reader
	out   io.Writer
	far   farEnd
	limit int // of one message

	line     *direct // takes turns at out
	writing  context.Context
	stop     context.CancelCauseFunc // of writing
	once     sync.Once
	readDone chan struct{}
	gone     chan struct{} // nothing is left
}

// farEnd is what is at the other end of the streams.
type farEnd interface {
	// hangUp ends it and closes the streams: in when it has been read to its end,
	// which readDone says, or after a second. It takes a few seconds at most, and
	// returns what to say of a link that ended for a reason.
	hangUp(readDone <-chan struct{}, why error) error
}

func openStreams(in io.Reader, out io.Writer, to Receiver, o *LinkOptions, far farEnd) *streams {
	asked := &ledger{to: to}
	l := &streams{
		inlet: newInlet(asked, o), asked: asked, in: in, out: out, far: far, limit: o.Message,
		readDone: make(chan struct{}), gone: make(chan struct{}),
	}
	switch {
	case l.limit == 0:
		l.limit = 64 << 20
	case l.limit < 0:
		l.limit = math.MaxInt
	}
	l.writing, l.stop = context.WithCancelCause(l.ctx)
	l.line = newDirect(l.writing, l.write)
	go l.read()
	return l
}

// Forget implements [Link].
func (l *streams) Forget(id jsonrpc.ID) { l.asked.forget(id) }

// Kind implements [Link].
func (l *streams) Kind() string { return "stdio" }

// Send implements [Link]. A write that is under way is not interrupted by ctx,
// for half a message would be the end of the connection.
func (l *streams) Send(ctx context.Context, o *Outbound) error {
	if err := l.asked.open(o); err != nil {
		return err
	}
	return l.asked.sent(o, l.sendLine(ctx, o.Message))
}

// lineReply is the way back for what the server asks.
type lineReply struct{ l *streams }

// Send implements [Sender].
func (r lineReply) Send(ctx context.Context, m *jsonrpc.Message) error { return r.l.sendLine(ctx, m) }

func (l *streams) sendLine(ctx context.Context, m *jsonrpc.Message) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	buf := pool.Get()
	defer buf.Put()
	buf.B = m.Append(buf.B)
	blankLines(buf.B)
	buf.B = append(buf.B, '\n')
	err := l.line.sendText(ctx, buf.B)
	if err == nil || l.writing.Err() == nil {
		return err
	}
	// The link ends. A moment later it is known why: what the program last said
	// explains more than a broken pipe does.
	select {
	case <-l.closed:
		return context.Cause(l.ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// write writes a line. When it fails nothing can follow what was written of it.
// The server may still have said something: that is read to the end.
func (l *streams) write(line []byte) error {
	_, err := l.out.Write(line)
	if err != nil {
		l.hangUp(fmt.Errorf("writing to the server: %w", err))
	}
	return err
}

// hangUp ends the connection for a reason, the first of which stays; nil is that
// Close did.
func (l *streams) hangUp(why error) {
	l.once.Do(func() {
		if why == nil {
			l.stop(ErrClosed)
		} else {
			l.stop(why)
		}
		go l.tearDown(why)
	})
}

// tearDown ends the server, and then the link: until the server has ended it may
// say why.
func (l *streams) tearDown(why error) {
	defer close(l.gone)
	why = l.far.hangUp(l.readDone, why)
	l.finish(why) // before waiting for the reader, which may wait for what runs
	within(l.readDone, grace)
	l.settle()
}

// finish tells that the link has ended; nil is that Close did.
func (l *streams) finish(why error) {
	l.end(why)
	l.asked.end(context.Cause(l.ctx))
}

// Close implements [Link].
func (l *streams) Close() error {
	l.finish(nil)
	l.hangUp(nil)
	<-l.gone
	return nil
}

// read delivers each line until in ends.
func (l *streams) read() {
	defer close(l.readDone)
	err := l.readLines()
	if err == io.EOF {
		err = ErrServerGone
	}
	l.hangUp(err)
}

func (l *streams) readLines() error {
	r := bufio.NewReaderSize(l.in, 64<<10)
	for {
		buf := pool.Get()
		err := readMessage(buf, r, l.limit)
		text := bytes.TrimSpace(buf.B)
		if len(text) == 0 || l.ctx.Err() != nil || err != nil && err != io.EOF {
			buf.Put() // a server that is being closed may still write: it has to be read to end
		} else {
			_ = l.deliver(text, "", lineReply{l}, buf) // told to Noise
		}
		if err != nil {
			return err
		}
	}
}

// readMessage reads up to and with the next newline. At the end of r the rest
// comes with io.EOF.
func readMessage(buf *pool.Buffer, r *bufio.Reader, limit int) error {
	for {
		part, err := r.ReadSlice('\n')
		if len(bytes.TrimRight(part, "\r\n")) > limit-len(buf.B) {
			return fmt.Errorf("the server sent a message that is longer than %d bytes", limit)
		}
		buf.B = append(buf.B, part...)
		switch {
		case err == nil || err == io.EOF:
			return err
		case err != bufio.ErrBufferFull:
			return fmt.Errorf("reading from the server: %w", err)
		}
	}
}

// pair is the far end of streams that nothing is known of.
type pair struct {
	in  io.Closer
	out io.Closer
}

// hangUp implements farEnd.
func (p pair) hangUp(readDone <-chan struct{}, why error) error {
	err := p.out.Close()
	within(readDone, grace)
	err = errors.Join(err, p.in.Close())
	_ = err // there is nobody to tell, and nothing that could be done
	return why
}

// within waits for done, and reports whether it came in time.
func within(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

package transport

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/pool"
)

// StdioOptions say how [ServeStdio] serves. The zero value works.
type StdioOptions struct {
	Limits Limits
	Args   map[string][]string // the connection arguments
	Drain  time.Duration       // for calls under way when ctx ends: 10 s if zero
}

// ServeStdio serves one connection on a pair of streams, a message a line (2024-11-05,
// stdio), and returns nil when in has ended and every request is answered, or
// [ErrClientGone] when it has and out is a pipe that nobody reads any more. When
// ctx ends it gives the calls under way the drain time, refuses new ones, and
// returns nil; a read that is under way then lasts until in ends. Quick calls run one
// after another, where they are read; one that takes long holds up the next for two
// milliseconds at most, and then they run beside each other.
//
// The error is that of in, or [ErrClientGone] if out cannot be written to. Nothing
// else may write to out, and nothing does when ServeStdio has returned.
func ServeStdio(ctx context.Context, table *Table, accept Accept, in io.Reader, out io.Writer, o StdioOptions) error {
	p, err := newPeer(ctx, "stdio")
	if err != nil {
		return err
	}
	limits := o.Limits.WithDefaults()
	p.Args = o.Args
	p.out = newDirect(&p.ctx, func(text []byte) error {
		err := writeLine(out, text)
		if err != nil {
			p.Close(ErrClientGone)
		}
		return err
	})
	lines := newLineReader(p, in, &limits)
	if err := table.open(p, accept, &limits); err != nil {
		return err
	}
	defer table.remove(p)
	defer p.Close(ErrShutdown)

	served := make(chan error, 1)
	go func() {
		var err error
		defer func() { served <- err }()
		err = lines.readAll()
		p.closing.set()
		if w, ok := p.receiver.(Waiter); ok {
			w.InputEnded()
		}
		if err == nil {
			err = p.waitAnswered(out)
		}
	}()
	select {
	case err = <-served:
		p.Close(ErrClientGone)
	case <-p.ctx.Done():
		if err = context.Cause(&p.ctx); err == ErrShutdown {
			err = nil
		}
	case <-ctx.Done():
		p.drain(ctx, o.Drain)
		return nil
	}
	_ = waitGrace(ctx, &p.calls) // what has not ended by now is left behind
	return err
}

// waitAnswered waits for the calls under way, whatever they take: the client wants its
// answers. One that was killed does not, and would leave a call behind that never
// ends: it reads no more, either.
func (p *Peer) waitAnswered(out io.Writer) error {
	f, _ := out.(*os.File)
	for {
		soon, cancel := context.WithTimeout(&p.ctx, time.Second)
		err := p.calls.wait(soon)
		cancel()
		if err == nil || p.ctx.Cancelled() {
			return err
		}
		if f != nil && unread(f) {
			return ErrClientGone
		}
	}
}

// drain lets the calls under way end, and ends those that do not.
func (p *Peer) drain(ctx context.Context, limit time.Duration) {
	if limit == 0 {
		limit = defaultDrain
	}
	p.calls.end()
	p.closing.set()
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if p.calls.wait(soon) == nil {
		return
	}
	p.work.Cancel(ErrShutdown)
	_ = waitGrace(ctx, &p.calls) // what has not ended by now is left behind
}

// readLine reads up to and with the next newline. A line far over the limit is
// read to its end and not kept. At the end of r the rest comes with io.EOF.
func readLine(buf *pool.Buffer, r *bufio.Reader, limit int) (long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(part)-len("\r\n") > limit-len(buf.B) {
			long = true
			buf.B = buf.B[:0]
		}
		if !long {
			buf.Grow(len(part))
			buf.B = append(buf.B, part...)
		}
		if err != bufio.ErrBufferFull {
			return long, err
		}
	}
}

// writeLine writes JSON text as one line, and may overwrite what is behind it.
func writeLine(w io.Writer, text []byte) error {
	blankLines(text)
	_, err := w.Write(append(text, '\n'))
	return err
}

// blankLines makes JSON text one line. A newline in JSON stands between tokens,
// where a space does as well.
func blankLines(text []byte) {
	for _, c := range []byte("\n\r") {
		for rest := text; ; {
			i := bytes.IndexByte(rest, c)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

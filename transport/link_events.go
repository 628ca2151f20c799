package transport

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"strconv"
	"time"

	sse "github.com/tmaxmax/go-sse"
)

// eventMargin is what an event may have beside its message.
const eventMargin = 64 << 10

// events reads an event stream to its end, which is no error.
func (w *web) events(r *eventReader) iter.Seq2[sse.Event, error] {
	return func(yield func(sse.Event, error) bool) {
		for e, err := range sse.Read(r, &sse.ReadConfig{MaxEventSize: w.limit + eventMargin}) {
			if errors.Is(err, bufio.ErrTooLong) || len(e.Data) > w.limit {
				e, err = sse.Event{}, w.tooLong()
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// eventReader is an event stream on its way to go-sse, which leaves two things to
// do: it does not tell of the field retry, and looks through all that it has of an
// event again whenever there is more of it. So events are passed on in as few
// pieces as the buffer of the reader allows: one that is large arrives in many
// small ones.
type eventReader struct {
	from  io.Reader
	retry time.Duration // the last that was asked for; 0 is none
	asked bool          // one came since this was last cleared

	line    [24]byte // the beginning of the line
	n       int      // how long it is
	open    bool     // an event has begun
	afterCR bool     // a newline would belong to the line before
}

// Read implements [io.Reader].
func (r *eventReader) Read(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = r.from.Read(p[n:])
		n += more
		if r.scan(p[n-more : n]) {
			break
		}
	}
	return n, err
}

// scan looks through what was read, and reports whether an event ended in it.
func (r *eventReader) scan(b []byte) (ended bool) {
	for _, c := range b {
		switch {
		case c == '\n' && r.afterCR:
			r.afterCR = false
		case c == '\n' || c == '\r':
			r.afterCR = c == '\r'
			ended = r.endLine() || ended
		default:
			r.afterCR = false
			if r.n < len(r.line) {
				r.line[r.n] = c
			}
			r.n++
		}
	}
	return ended
}

// endLine reports whether the line was the end of an event.
func (r *eventReader) endLine() bool {
	n := r.n
	r.n = 0
	if n == 0 {
		ended := r.open
		r.open = false
		return ended
	}
	r.open = true
	if n > len(r.line) {
		return false
	}
	value, ok := bytes.CutPrefix(r.line[:n], []byte("retry:"))
	if !ok {
		return false
	}
	ms, err := strconv.ParseUint(string(bytes.TrimPrefix(value, []byte(" "))), 10, 63)
	if err == nil {
		r.retry, r.asked = time.Duration(min(ms, maxRetry))*time.Millisecond, true
	}
	return false
}

// maxRetry is the most milliseconds that a server is left alone: a day.
const maxRetry = 24 * 60 * 60 * 1000

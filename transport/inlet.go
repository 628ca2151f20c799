package transport

import (
	"context"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/internal/redact"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// inlet is the inbound side of every [Link]: it gives what the server sends to
// the receiver, and runs what is left to run on goroutines that it counts. It is
// also what all links have in common: the context that ends with them, and why.
type inlet struct {
	to     Receiver
	limit  int               // of what runs at once
	slots  chan struct{}     // one for each that runs
	noise  func(line string) // of what is no message; may be nil
	runs   tracker           // what the receiver left to run
	ctx    context.Context
	cancel context.CancelCauseFunc
	once   sync.Once
	closed chan struct{} // Done
	err    error         // set before closed is
}

func newInlet(to Receiver, o *LinkOptions) *inlet {
	in := &inlet{to: to, limit: o.Runs, noise: o.Noise, closed: make(chan struct{})}
	if in.limit == 0 {
		in.limit = 64
	}
	in.slots = make(chan struct{}, in.limit)
	in.ctx, in.cancel = context.WithCancelCause(context.Background())
	return in
}

// deliver gives one text to the receiver, a message or a batch, and returns when
// there is room for another. about is the request in whose response it came, ""
// for none. buf holds the text, and is put back in the end; it may be nil where
// the text is nobody else's. What is no message is told to Noise and returned as
// an error, and nothing else is: an answer to it would find nobody.
func (in *inlet) deliver(text []byte, about jsonrpc.ID, reply Sender, buf *pool.Buffer) error {
	shared := &sharedBuffer{buf: buf}
	shared.hold()
	defer shared.release()
	err := in.deliverAll(text, about, reply, shared)
	if err != nil && in.noise != nil {
		in.noise(cut(text, maxNoise))
	}
	return err
}

func (in *inlet) deliverAll(text []byte, about jsonrpc.ID, reply Sender, shared *sharedBuffer) error {
	if !jsonrpc.IsBatch(text) {
		return in.deliverOne(text, about, reply, shared)
	}
	texts, err := jsonrpc.Split(text)
	for _, text := range texts {
		if one := in.deliverOne(text, about, reply, shared); err == nil {
			err = one
		}
	}
	return err
}

// maxNoise is how much is told of what is no message.
const maxNoise = 1 << 10

// cut returns the beginning of a text that is too long, without half a character at
// its end, and with a mark that there was more.
func cut(text []byte, limit int) string {
	if len(text) <= limit {
		return string(text)
	}
	end := limit
	for end > limit-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return string(text[:end]) + redact.Cut
}

func (in *inlet) deliverOne(text []byte, about jsonrpc.ID, reply Sender, shared *sharedBuffer) error {
	m, err := jsonrpc.Parse(text)
	if err != nil && m.Error == nil { // an invalid response still ends the call that waits for it
		return err
	}
	if m.IsRequest() && in.runs.running() >= waiting*in.limit {
		go in.refuse(m.ID, reply)
		return nil
	}
	run := in.to.Receive(in.ctx, &Exchange{Message: m, Reply: reply, About: about})
	if run == nil {
		return nil
	}
	if !in.runs.begin() {
		return nil // the link has ended: whoever asked is gone
	}
	shared.hold()
	go func() {
		defer in.runs.done()
		defer shared.release()
		select { // here: to wait where messages are read would hold up what those that run wait for
		case in.slots <- struct{}{}:
			defer func() { <-in.slots }()
		case <-in.ctx.Done():
		}
		run()
	}()
	return nil
}

// waiting is how many times as many as may run may be there in all.
const waiting = 4

// refuse answers that there is too much to do. Whoever goes on after that is not
// answered.
func (in *inlet) refuse(id jsonrpc.ID, reply Sender) {
	if in.runs.running() >= (waiting+1)*in.limit || !in.runs.begin() {
		return
	}
	defer in.runs.done()
	_ = reply.Send(in.ctx, &jsonrpc.Message{ID: id, Error: jsonrpc.Errorf(jsonrpc.CodeServerBusy, "too many requests at once")})
}

// end ends the link with a reason, the first of which stays; nil is that Close did.
// It does not wait for what runs: see settle.
func (in *inlet) end(err error) {
	in.once.Do(func() {
		in.err = err
		cause := err
		if cause == nil {
			cause = ErrClosed
		}
		in.cancel(cause)
		in.runs.end()
		close(in.closed)
	})
}

// settle waits for what runs, for a second: what has not ended by then does not
// look at its context.
func (in *inlet) settle() { _ = waitGrace(context.Background(), &in.runs) }

// Done implements [Link].
func (in *inlet) Done() <-chan struct{} { return in.closed }

// Err implements [Link].
func (in *inlet) Err() error {
	select {
	case <-in.closed:
		return in.err
	default:
		return nil
	}
}

// sharedBuffer is a buffer that the messages of one text share.
type sharedBuffer struct {
	mu   sync.Mutex
	buf  *pool.Buffer
	held int
}

func (s *sharedBuffer) hold() {
	s.mu.Lock()
	s.held++
	s.mu.Unlock()
}

func (s *sharedBuffer) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held--; s.held == 0 && s.buf != nil {
		s.buf.Put()
		s.buf = nil
	}
}

// ledger is the receiver before the one of a link: it knows which requests have
// no answer yet, to tell them when there can be none.
type ledger struct {
	to Receiver

	mu    sync.Mutex
	asked map[jsonrpc.ID]entry
	err   error // non-nil when the link has ended
}

// entry is a request that waits for its answer.
type entry struct {
	lost func(error)
	sent bool // until then Send is who tells
}

// Receive implements [Receiver]. A request is answered before anybody can act on
// its answer.
func (l *ledger) Receive(ctx context.Context, x *Exchange) (run func()) {
	if m := &x.Message; m.Method == "" && m.ID != "" {
		l.mu.Lock()
		delete(l.asked, m.ID)
		l.mu.Unlock()
	}
	return l.to.Receive(ctx, x)
}

// open notes a request that is about to be sent: its answer may come before the
// write has returned.
func (l *ledger) open(o *Outbound) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if !o.waits() {
		return nil
	}
	id := o.Message.ID
	if _, ok := l.asked[id]; ok {
		return fmt.Errorf("a request with the id %s is waiting for its answer already", id)
	}
	if l.asked == nil {
		l.asked = make(map[jsonrpc.ID]entry)
	}
	l.asked[id] = entry{lost: o.Lost}
	return nil
}

// sent ends the sending of what open has noted, and returns what Send returns:
// err, or why the link ended meanwhile, and nil where the answer is there already.
func (l *ledger) sent(o *Outbound, err error) error {
	if !o.waits() {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	id := o.Message.ID
	if _, ok := l.asked[id]; !ok {
		return nil
	}
	if err == nil {
		err = l.err
	}
	if err != nil {
		delete(l.asked, id)
		return err
	}
	l.asked[id] = entry{lost: o.Lost, sent: true}
	return nil
}

// forget is Forget of the links.
func (l *ledger) forget(id jsonrpc.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.asked, id)
}

// end tells all requests without an answer. The first reason stays.
func (l *ledger) end(err error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = err
	}
	var lost []func(error)
	for id, e := range l.asked {
		if e.sent {
			lost = append(lost, e.lost)
			delete(l.asked, id)
		}
	}
	l.mu.Unlock()
	for _, f := range lost {
		f(err)
	}
}

// waits reports whether somebody wants to know if the message gets no answer.
func (o *Outbound) waits() bool { return o.Lost != nil && o.Message.IsRequest() }

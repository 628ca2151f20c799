package bridge

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// A server with sessions asks its client while a call is under way, and a client
// without sessions is asked by the result (2026-07-28, multi round-trip requests).
// Between two rounds the call waits here, and what the client sends with the next
// one says which call it is: requestState, random and good for one request of one
// client.

const (
	maxRounds = 1000             // of all calls that wait
	roundTime = 10 * time.Minute // for a client to come back
	maxKept   = 64 << 10         // bytes of a result that is kept for a client that asks again
)

// parked is a call that its client may be asked in.
type parked struct {
	b             *Bridge
	up            *upstream
	whose         key // where all have the one upstream; else that tells
	method, about string
	cancel        context.CancelCauseFunc
	wake          chan struct{} // holds a token when there is news
	over          chan struct{} // closed when the server has answered

	mu      sync.Mutex
	w       *way // to the client, while it waits
	token   []byte
	level   string          // of the log messages that it wants; "" for none
	able    map[string]bool // what may be asked
	n       int
	open    []*question // not answered yet, in the order in which they were asked
	done    bool
	result  []byte
	failure *jsonrpc.Error
}

// question is one of the server's.
type question struct {
	key    string
	method string
	params []byte
	answer chan json.RawMessage // holds one
}

// round is what a client was asked, until it answers, and what came of that.
type round struct {
	p     *parked
	timer *time.Timer
	since time.Time

	done    chan struct{} // closed when result and failure are set
	result  []byte
	failure *jsonrpc.Error

	given string // the answers, in one form; guarded by the bridge's mutex, as is
	taken bool   // that they came
}

var (
	errAgain   = jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.requestState is not what this server gave for this request, or is too old: begin again without it")
	errExpired = errors.New("the client did not come back with the answers")
)

// rounds makes one round of a request: the first, or one that brings answers.
func (s *session) rounds(ctx context.Context, x *transport.Exchange, up *upstream, c conn, e *envelope.Envelope) ([]byte, *jsonrpc.Error) {
	m := &x.Message
	about, whose := envelope.About(m.Method, m.Params), key{}
	if s.b.o.Shared {
		whose = s.key(e)
	}
	w := s.way(ctx, x)
	defer w.close()
	state := get(m.Params, "requestState")
	if state == nil || state[0] == 'n' {
		p := &parked{b: s.b, up: up, whose: whose, method: m.Method, about: about, wake: make(chan struct{}, 1), over: make(chan struct{})}
		p.listen(w, m, e)
		if !s.park(p, c, m) {
			return nil, up.failure(errEnded)
		}
		return p.next(w)
	}
	answers := get(m.Params, "inputResponses")
	mine := func(p *parked) bool {
		return p.up == up && p.whose == whose && p.method == m.Method && p.about == about
	}
	r, first := s.b.resume(jsontext.Text(state), mine, string(canonical(answers)))
	switch {
	case r == nil:
		return nil, errAgain
	case !first:
		select {
		case <-r.done:
			return r.result, r.failure
		case <-ctx.Done():
			return nil, jsonrpc.AsError(context.Cause(ctx))
		}
	}
	r.p.listen(w, m, e)
	r.p.give(answers)
	r.result, r.failure = r.p.next(w)
	close(r.done)
	if len(r.result) > maxKept {
		s.b.forgetRound(jsontext.Text(state))
	}
	return r.result, r.failure
}

// park begins a call that may outlive the request that began it.
func (s *session) park(p *parked, c conn, m *jsonrpc.Message) bool {
	up := p.up
	ctx, cancel := context.WithCancelCause(up.ctx)
	p.cancel = cancel
	k := &call{method: m.Method, token: p.token, hear: p.hear, ask: p.ask}
	params := bytes.Clone(s.b.inject(s.f, m.Method, withoutRounds(m.Params)))
	s.b.mu.Lock()
	up.users++
	s.b.mu.Unlock()
	begun := up.task(func() {
		defer s.b.drop(up)
		defer cancel(nil)
		p.finish(up.do(ctx, c, k, params))
	})
	if !begun {
		s.b.drop(up)
		cancel(nil)
	}
	return begun
}

// task runs f on a goroutine that the end of the upstream waits for.
func (u *upstream) task(f func()) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return false
	}
	u.tasks.Go(f)
	return true
}

func (p *parked) finish(result []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.result = true, result
	if err != nil {
		p.result, p.failure = nil, p.up.failure(err)
	}
	close(p.over)
	p.news()
}

func (p *parked) news() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// hear tells the client what the server says, if it is there.
func (p *parked) hear(method string, params []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.w == nil:
		return
	case method == mcp.Progress && p.token == nil:
		return
	case method == mcp.Progress: // a later round may have another token
		e := edit{add: []member{{"progressToken", p.token}}}
		params = e.apply(params)
	case method == mcp.LogMessage:
		if p.level == "" || levelOf(jsontext.Text(get(params, "level"))) < levelOf(p.level) {
			return
		}
	}
	p.w.out().put(method, params)
}

// ask keeps a question for the client, and waits for the answer. The end of the call
// is the end of that: it may have been another's, which the server did not say.
func (p *parked) ask(ctx context.Context, method string, params []byte) (json.RawMessage, error) {
	p.mu.Lock()
	able := p.able[method]
	p.mu.Unlock()
	if !able {
		return nil, jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "a client of revision %s cannot be asked %q", mcp.Latest().Date, clip(method))
	}
	q := &question{method: method, params: bytes.Clone(params), answer: make(chan json.RawMessage, 1)}
	p.mu.Lock()
	p.n++
	q.key = fmt.Sprintf("question_%d", p.n)
	p.open = append(p.open, q)
	p.news()
	p.mu.Unlock()
	select {
	case answer := <-q.answer:
		return answer, nil
	case <-p.over:
	case <-ctx.Done():
	case <-p.up.ctx.Done():
	}
	p.answered(q)
	return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "the question has not been answered")
}

// answered takes a question out.
func (p *parked) answered(q *question) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.open {
		if other == q {
			p.open = append(p.open[:i:i], p.open[i+1:]...)
		}
	}
}

// give hands the client's answers to who asked.
func (p *parked) give(answers []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var left []*question
	for _, q := range p.open {
		if answer := get(answers, q.key); answer != nil {
			q.answer <- bytes.Clone(answer)
		} else {
			left = append(left, q)
		}
	}
	p.open = left
}

// listen has what the server says go to a request of the client's, until next
// returns.
func (p *parked) listen(w *way, m *jsonrpc.Message, e *envelope.Envelope) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.w, p.token, p.level = w, tokenOf(m.Params), jsontext.Text(e.Level)
	p.able = askables(m.Method, e.Capabilities)
}

// askables are the questions that a client may be asked in a request: those that it
// has declared, in the methods that may be answered with one (2026-07-28, multi
// round-trip requests, server requirements).
func askables(method string, capabilities []byte) map[string]bool {
	switch method {
	case mcp.ToolsCall, mcp.PromptsGet, mcp.ResourcesRead:
		return map[string]bool{
			mcp.Elicit:     get(capabilities, "elicitation") != nil,
			mcp.SampleText: get(capabilities, "sampling") != nil,
			mcp.ListRoots:  get(capabilities, "roots") != nil,
		}
	}
	return nil
}

// next waits for the result, or for questions, which are a result as well. A client
// that leaves ends the call.
func (p *parked) next(w *way) ([]byte, *jsonrpc.Error) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.w = nil
	}()
	for {
		p.mu.Lock()
		done, asked := p.done, len(p.open) > 0
		p.mu.Unlock()
		switch {
		case done:
			return p.result, p.failure
		case w.ctx.Err() != nil:
			p.cancel(context.Cause(w.ctx))
			return nil, errAgain
		case asked:
			return p.inputRequired()
		}
		select {
		case <-p.wake:
		case <-w.ctx.Done():
		}
	}
}

// inputRequired is the result that asks.
func (p *parked) inputRequired() ([]byte, *jsonrpc.Error) {
	state := rand.Text() // 130 bits
	if !p.b.remember(state, p) {
		p.cancel(errExpired)
		return nil, jsonrpc.Errorf(jsonrpc.CodeServerBusy, "too many requests wait for their clients' answers: try again later")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	dst := []byte(`{"resultType":"input_required","inputRequests":{`)
	for i, q := range p.open {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, q.key), `:{"method":`...)
		dst = jsontext.AppendString(dst, q.method)
		if len(q.params) > 0 {
			dst = append(append(dst, `,"params":`...), q.params...)
		}
		dst = append(dst, '}')
	}
	dst = append(jsontext.AppendString(append(dst, `},"requestState":`...), state), '}')
	return dst, nil
}

// remember keeps a call under a state until the client comes back, or is too late.
func (b *Bridge) remember(state string, p *parked) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || !b.roomForRound(p.up) {
		return false
	}
	r := &round{p: p, since: time.Now(), done: make(chan struct{})}
	r.timer = time.AfterFunc(roundTime, func() {
		b.mu.Lock()
		delete(b.rounds, state)
		taken := r.taken
		b.mu.Unlock()
		if !taken {
			p.cancel(errExpired)
		}
	})
	b.rounds[state] = r
	return true
}

// roomForRound reports whether one more call of an upstream may wait. A round that has
// been answered is kept for a client that repeats it, as long as there is room. b is
// locked.
func (b *Bridge) roomForRound(up *upstream) bool {
	mine, oldest := 0, ""
	for state, r := range b.rounds {
		switch {
		case !r.taken && r.p.up == up:
			mine++
		case r.taken && (oldest == "" || r.since.Before(b.rounds[oldest].since)):
			oldest = state
		}
	}
	if mine >= maxRounds/10 { // one user's calls are not to keep out another's
		return false
	}
	if len(b.rounds) < maxRounds {
		return true
	}
	if oldest == "" {
		return false
	}
	b.rounds[oldest].timer.Stop()
	delete(b.rounds, oldest)
	return true
}

// abandon ends the call that a result would have asked in, had its client not
// cancelled the request: nobody will come back with an answer.
func (b *Bridge) abandon(result []byte) {
	state := get(result, "requestState")
	if state == nil || state[0] != '"' {
		return
	}
	b.mu.Lock()
	r := b.rounds[jsontext.Text(state)]
	b.mu.Unlock()
	if r != nil {
		b.forgetRound(jsontext.Text(state))
		r.p.cancel(errCancelled)
	}
}

// forgetRounds forgets those of an upstream that ends. b is locked.
func (b *Bridge) forgetRounds(up *upstream) {
	for state, r := range b.rounds {
		if r.p.up == up {
			r.timer.Stop()
			delete(b.rounds, state)
		}
	}
}

func (b *Bridge) forgetRound(state string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.rounds[state]; r != nil {
		r.timer.Stop()
		delete(b.rounds, state)
	}
}

// resume returns the round of a state, nil unless it is mine; first says that nobody
// has answered it yet.
// A client that lost the outcome may send the same answers again. Others are not
// taken: the server has been told.
func (b *Bridge) resume(state string, mine func(p *parked) bool, answers string) (r *round, first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r = b.rounds[state]
	switch {
	case r == nil, !mine(r.p), r.taken && r.given != answers:
		return nil, false
	case r.taken:
		return r, false
	}
	r.taken, r.given = true, answers
	return r, true
}

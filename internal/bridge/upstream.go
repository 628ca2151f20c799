package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/internal/redact"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// CodeUpstream is of the range that JSON-RPC 2.0 leaves to servers: what is behind
// the bridge could not be started or reached, or ended while the request was under
// way. It may have done what was asked, or not.
const CodeUpstream = -32010

// conn is what the bridge needs of a [client.Client].
type conn interface {
	Server() *client.ServerInfo
	Do(ctx context.Context, method string, params json.RawMessage, options ...client.CallOption) (json.RawMessage, error)
	Notify(ctx context.Context, method string, params json.RawMessage) error
	Subscribe(ctx context.Context, uri string, fn func()) (stop func(), err error)
	SetLevel(ctx context.Context, level string) error
	Done() <-chan struct{}
	Err() error
	Close() error
}

// audience is who hears what an upstream says by itself, in order. Its methods must
// not wait.
type audience interface {
	hear(method string, params []byte)
	// lost says that the upstream has ended by itself, and renewed that there is
	// another one now.
	lost(reason string)
	renewed(info *client.ServerInfo)
}

// upstream is one server that the bridge leads to, started when it is needed, and
// started again when it has ended by itself.
type upstream struct {
	b         *Bridge
	f         *filled
	strangers bool           // share it: clients without a session and without arguments
	options   client.Options // without the handlers
	onIdle    func()         // ends the connection that it is of; nil for none
	idle      time.Duration  // without a message; negative is never

	ctx    context.Context // ends with it
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup
	after  *upstream     // has to have ended before this one starts: it had the place; nil for none
	over   chan struct{} // closed when nothing is left of it, nor of who had its place before

	mu       sync.Mutex
	ended    bool
	now      conn          // nil while there is none
	noted    chan struct{} // closed when the end of now has been noted
	dialing  chan struct{} // closed when a dial has ended; nil while there is none
	failed   error         // of the last dial
	dials    int           // that succeeded
	row      int           // failures without a success in between
	next     time.Time     // before it nothing is started
	greeted  bool          // the client's notifications/initialized has been sent
	calls    []*call       // under way, the oldest first
	audience []audience
	seen     time.Time
	timer    *time.Timer

	users  int  // who hold it, and
	ending bool // whether it ends: both guarded by the mutex of the bridge

	name atomic.Pointer[string] // of whom it is for, in logs

	level    sync.Mutex // held while it is being set
	levelNow string

	subs    sync.Mutex // held while one is begun or ended
	watched map[string]*watched
}

// errEnded is why an upstream is used no more.
var errEnded = errors.New("the connection to the server behind the bridge has been ended")

// connection returns the connection to the server, which it makes if there is none.
func (u *upstream) connection(ctx context.Context) (conn, error) {
	u.mu.Lock()
	u.seen = time.Now()
	if u.ended || u.now != nil {
		defer u.mu.Unlock()
		if u.ended {
			return nil, errEnded
		}
		return u.now, nil
	}
	if u.dialing == nil {
		u.dialing = make(chan struct{})
		u.tasks.Go(u.dial)
	}
	done := u.dialing
	u.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.now == nil {
		return nil, u.failed
	}
	return u.now, nil
}

// dial makes a connection, for all who wait for one.
func (u *upstream) dial() {
	c, err := u.redial()
	u.mu.Lock()
	defer u.mu.Unlock()
	close(u.dialing)
	u.dialing, u.failed = nil, err
	if err != nil {
		if !u.ended && !errors.Is(err, errGaveUp) {
			u.backOff()
			u.b.failed(u, err)
		}
		return
	}
	if u.ended {
		u.failed = errEnded
		u.tasks.Go(func() { _ = c.Close() }) // it was nobody's
		return
	}
	u.now, u.noted = c, make(chan struct{})
	u.dials++
	u.b.started(u.dials > 1)
	u.tasks.Go(func() { u.watch(c) })
	if u.dials > 1 {
		for _, a := range u.audience {
			a.renewed(c.Server())
		}
	}
}

var errGaveUp = errors.New("the server behind the bridge ended too often: try again in a minute")

// rest is how long a server is left alone that ended too often.
const rest = time.Minute

// redial waits as long as it has to, and connects.
func (u *upstream) redial() (conn, error) {
	u.mu.Lock()
	wait, row, again := time.Until(u.next), u.row, u.dials > 0
	u.mu.Unlock()
	if row > u.b.restarts() && (wait > 0 || u.b.o.Restarts < 0) {
		return nil, errGaveUp
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-u.ctx.Done():
			return nil, errEnded
		}
	}
	if u.after != nil {
		select {
		case <-u.after.over:
		case <-u.ctx.Done():
			return nil, errEnded
		}
	}
	late := fmt.Errorf("the server behind the bridge took longer than %v to start", u.b.o.Start)
	ctx, cancel := context.WithTimeoutCause(u.ctx, u.b.o.Start, late)
	defer cancel()
	c, err := u.b.connect(ctx, u.target(), u.withHandlers())
	if err == nil && again {
		if err = u.restore(ctx, c); err != nil {
			_ = c.Close() // what is wrong with it has been found
		}
	}
	if err != nil && ctx.Err() != nil && u.ctx.Err() == nil {
		if _, answered := errors.AsType[*jsonrpc.Error](err); !answered {
			err = fmt.Errorf("%w: %w", late, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// restore tells a server that was started again what the one before was told.
func (u *upstream) restore(ctx context.Context, c conn) error {
	u.mu.Lock()
	greeted := u.greeted
	u.mu.Unlock()
	if greeted && u.options.Initialize != nil && !c.Server().Stateless() {
		if err := c.Notify(ctx, mcp.Initialized, nil); err != nil {
			return err
		}
	}
	u.level.Lock()
	level := u.levelNow
	u.level.Unlock()
	if level != "" {
		if err := c.SetLevel(ctx, level); err != nil {
			return err
		}
	}
	return u.rewatch(ctx, c)
}

// backOff notes a failure. u is locked.
func (u *upstream) backOff() {
	wait := u.b.firstWait << min(u.row, 7)
	if u.row++; u.row > u.b.restarts() {
		wait = rest
	}
	u.next = time.Now().Add(wait)
}

// watch waits for a connection to end by itself.
func (u *upstream) watch(c conn) {
	select {
	case <-c.Done():
	case <-u.ctx.Done():
		_ = c.Close() // takes a few seconds at most, and what it was for is over
		return
	}
	_ = c.Close()
	err := c.Err()
	if err == nil {
		err = client.ErrLost
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.now == c {
		u.now, u.failed = nil, err // for who still waits for the dial
	}
	close(u.noted)
	if u.ended {
		return
	}
	u.backOff()
	u.b.failed(u, err)
	for _, a := range u.audience {
		a.lost(u.f.hide.Hide(err.Error()))
	}
}

// end ends the upstream, and returns when nothing is left of it.
func (u *upstream) end(cause error) {
	u.mu.Lock()
	u.ended = true
	if u.timer != nil {
		u.timer.Stop()
	}
	u.mu.Unlock()
	u.cancel(cause)
	u.tasks.Wait()
}

// look ends an upstream that has been idle for too long.
func (u *upstream) look() {
	u.mu.Lock()
	wait := u.idle - time.Since(u.seen)
	busy := len(u.calls) > 0
	if busy && wait <= 0 {
		wait = u.idle
	}
	if wait > 0 && !u.ended {
		u.timer.Reset(wait)
	}
	u.mu.Unlock()
	if wait > 0 {
		return
	}
	if u.onIdle != nil {
		u.onIdle()
	} else if !u.b.retire(u) {
		u.mu.Lock()
		if !u.ended {
			u.timer.Reset(u.idle)
		}
		u.mu.Unlock()
	}
}

// do sends a request of a client's and waits for the result. A server that has
// ended the session has not looked at it: it is sent again in a new one.
func (u *upstream) do(ctx context.Context, c conn, k *call, params []byte, options ...client.CallOption) (json.RawMessage, error) {
	u.begin(k)
	defer u.done(k)
	ctx = context.WithValue(ctx, callKey{}, k)
	for again := false; ; again = true {
		result, err := c.Do(ctx, k.method, params, options...)
		status, ok := errors.AsType[*transport.StatusError](err)
		over := ok && status.Ended
		if _, answered := errors.AsType[*jsonrpc.Error](err); err == nil || answered && !over {
			u.mu.Lock()
			u.row = 0
			u.mu.Unlock()
			return result, err
		}
		if over || errors.Is(err, client.ErrLost) {
			u.settle(ctx, c)
		}
		if !over || again {
			return nil, err
		}
		if c, err = u.connection(ctx); err != nil {
			return nil, err
		}
	}
}

// begin notes a call as under way, until done.
func (u *upstream) begin(k *call) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if k.method != mcp.Listen { // in which nothing is asked, and nothing is said but changes
		u.calls = append(u.calls, k)
	}
}

func (u *upstream) done(k *call) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen = time.Now()
	u.calls = slices.DeleteFunc(u.calls, func(other *call) bool { return other == k })
}

// settle waits until it has been noted that a connection has ended: whoever is told
// so may try again at once, and is to find another.
func (u *upstream) settle(ctx context.Context, c conn) {
	u.mu.Lock()
	noted := u.noted
	current := u.now == c
	u.mu.Unlock()
	if !current {
		return
	}
	select {
	case <-noted:
	case <-u.ctx.Done():
	case <-ctx.Done():
	}
}

// failure is what a client is told of an error: the server's own words, or what
// keeps it from saying any.
func (u *upstream) failure(err error) *jsonrpc.Error { return failure(err, u.f.hide) }

func failure(err error, hide *redact.Secrets) *jsonrpc.Error {
	if answered, ok := errors.AsType[*jsonrpc.Error](err); ok {
		return answered
	}
	return jsonrpc.Errorf(CodeUpstream, "%s", hide.Hide(err.Error()))
}

// join adds who is to hear what the server says by itself.
func (u *upstream) join(a audience) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.audience = append(u.audience, a)
}

func (u *upstream) leave(a audience) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.audience = slices.DeleteFunc(u.audience, func(other audience) bool { return other == a })
}

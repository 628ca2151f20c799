package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// The places that Options.Upstreams gives out, and who has them.

var errFull = jsonrpc.Errorf(jsonrpc.CodeServerBusy, "too many servers are running behind the bridge: try again later")

// maxIdleStateless is how long an upstream of clients without a session may be idle:
// nobody says that they have gone.
const maxIdleStateless = 10 * time.Minute

// key is whose upstream it is, where no session says so: requests with the same
// key are of one client, as far as can be told.
type key struct {
	peer      *transport.Peer // that lasts; nil over HTTP
	args      string
	principal any
	client    string // clientInfo and clientCapabilities
}

// principalKey returns what tells principals apart: all that encoding/json shows of
// one, or else the value itself.
func principalKey(p any) any {
	v := reflect.ValueOf(p)
	if !v.IsValid() || v.Kind() == reflect.String || v.CanInt() || v.CanUint() {
		return p
	}
	if shown, err := json.Marshal(p); err == nil && string(shown) != "{}" && string(shown) != "null" {
		return fmt.Sprintf("%T %s", p, shown)
	}
	if v.Comparable() {
		return p
	}
	return new(byte) // nobody else's
}

// full reports whether there is no place, and none that could be had.
func (b *Bridge) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.live) >= b.o.Upstreams && !b.o.Shared && b.idlest() == nil
}

// idlest returns the upstream that has been idle for longest of those that no
// session has and no request holds. b is locked.
func (b *Bridge) idlest() (idlest *upstream) {
	var since time.Time
	for _, u := range b.keyed {
		if u.users > 0 {
			continue
		}
		u.mu.Lock()
		seen := u.seen
		u.mu.Unlock()
		if idlest == nil || seen.Before(since) {
			idlest, since = u, seen
		}
	}
	return idlest
}

// take gives an upstream a place. b is locked.
func (b *Bridge) take(u *upstream) error {
	if b.closed {
		return errEnded
	}
	if len(b.live) >= b.o.Upstreams {
		old := b.idlest()
		if old == nil {
			return errFull
		}
		b.end(old, transport.ErrIdle)
		delete(b.live, old) // the newcomer has its place, and starts when it is gone
		u.after = old
	}
	b.live[u] = struct{}{}
	return nil
}

// forget takes an upstream from those that are found by key. b is locked.
func (b *Bridge) forget(u *upstream) {
	for k, other := range b.keyed {
		if other == u {
			delete(b.keyed, k)
		}
	}
}

// newUpstream makes an upstream. It has no place yet.
func (b *Bridge) newUpstream(f *filled, name string, raw client.Raw, revision string) *upstream {
	u := &upstream{b: b, f: f, idle: b.o.Idle, seen: time.Now(), over: make(chan struct{})}
	u.name.Store(&name)
	u.ctx, u.cancel = context.WithCancelCause(context.Background())
	memory := &b.session
	if r := mcp.ByDate(revision); r != nil && r.Stateless {
		memory = &b.stateless
	}
	u.options = client.Options{
		Name:       "sessionmcp",
		Version:    "1",
		Header:     f.header,
		HTTPClient: b.o.HTTPClient,
		Transport:  b.o.Transport,
		Revision:   revision,
		Memory:     memory,
		Reconnect:  transport.Retry{Attempts: -1},
		SecretArgs: b.o.SecretArgs,
		Logger:     slog.New(hiding{b.o.Logger.Handler(), u}),
		Raw:        raw,
	}
	return u
}

// target is what the client connects to.
func (u *upstream) target() client.Target {
	if u.b.plan.command == nil {
		return client.URL(u.f.url)
	}
	command := *u.b.plan.command
	if command.Env == nil {
		command.Env = os.Environ()
	}
	command.Env = append(slices.Clip(command.Env), u.f.env...)
	given := command.Stderr
	command.Stderr = func(line string) {
		if given != nil {
			given(u.f.hide.Hide(line))
			return
		}
		u.options.Logger.Info(line, "stderr", u.b.plan.name)
	}
	return command
}

// begun starts the time that the upstream may be idle for.
func (u *upstream) begun() {
	if u.idle < 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.timer = time.AfterFunc(u.idle, u.look)
}

// ofSession returns the upstream of a session, whose client said hello with these
// params; of all sessions, if it is shared.
func (b *Bridge) ofSession(s *session, params []byte, revision string) (*upstream, error) {
	if b.o.Shared {
		return b.shared(s.f, revision)
	}
	params = b.inject(s.f, mcp.Initialize, params)
	raw := client.Raw{Info: get(params, "clientInfo"), Capabilities: get(params, "capabilities"), Initialize: params}
	u := b.newUpstream(s.f, s.name(), raw, revision)
	u.options.OnChange = func(string) {} // so that it is listened to
	u.onIdle = func() { s.peer.Close(transport.ErrIdle) }
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.take(u); err != nil {
		return nil, err
	}
	u.begun()
	return u, nil
}

// shared returns the one upstream, held.
func (b *Bridge) shared(f *filled, revision string) (*upstream, error) {
	return b.hold(key{}, func() *upstream {
		// It is nobody's: no client's name, and none of its capabilities.
		u := b.newUpstream(f, "shared", client.Raw{Capabilities: json.RawMessage("{}")}, revision)
		u.options.OnChange = func(string) {}
		return u
	})
}

// ofRequest returns the upstream for a request that stands alone, held.
func (b *Bridge) ofRequest(s *session, e *envelope.Envelope) (*upstream, error) {
	revision := mcp.Latest().Date
	if b.o.Shared {
		return b.shared(s.f, revision)
	}
	k := s.key(e)
	return b.hold(k, func() *upstream {
		raw := client.Raw{Info: canonical(e.Client), Capabilities: canonical(e.Capabilities)}
		u := b.newUpstream(s.f, s.name(), raw, revision)
		u.strangers = k.peer == nil && k.args == ""
		if u.idle < 0 || u.idle > maxIdleStateless {
			u.idle = maxIdleStateless
		}
		return u
	})
}

// key returns whose a request is that stands alone.
func (s *session) key(e *envelope.Envelope) key {
	k := key{
		args:      s.peer.Args.Encode(),
		principal: principalKey(s.peer.Principal),
		client:    string(canonical(e.Client)) + " " + string(canonical(e.Capabilities)),
	}
	if s.peer.ID != "" {
		k.peer = s.peer
	}
	return k
}

// canonical returns a JSON object in one form, whatever the order of its members.
func canonical(object []byte) json.RawMessage {
	if object == nil {
		return nil
	}
	var v any
	if json.Unmarshal(object, &v) != nil {
		return object
	}
	text, err := json.Marshal(v)
	if err != nil {
		return object
	}
	return text
}

// hold returns the upstream of a key, made if there is none. Until it is dropped it
// is not idle.
func (b *Bridge) hold(k key, create func() *upstream) (*upstream, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if u := b.keyed[k]; u != nil {
		u.users++
		return u, nil
	}
	u := create()
	if err := b.take(u); err != nil {
		u.cancel(err)
		return nil, err
	}
	u.users++
	b.keyed[k] = u
	u.begun()
	return u, nil
}

func (b *Bridge) drop(u *upstream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u.users--
}

// retire ends an upstream that is found by key, unless somebody holds it.
func (b *Bridge) retire(u *upstream) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if u.users > 0 {
		return false
	}
	b.end(u, transport.ErrIdle)
	return true
}

// end has an upstream end, which gives its place back when nothing is left of it.
// It does not wait for that. b is locked.
func (b *Bridge) end(u *upstream, cause error) {
	if u.ending {
		return
	}
	u.ending = true
	b.forget(u)
	b.forgetRounds(u)
	b.ends++
	go func() {
		u.end(cause)
		if u.after != nil {
			<-u.after.over
			u.after = nil // or a chain of them would be kept
		}
		close(u.over)
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.live, u)
		b.ends--
		close(b.gone)
		b.gone = make(chan struct{})
	}()
}

// endOf ends the upstreams that are found by a connection that has ended.
func (b *Bridge) endOf(p *transport.Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, u := range b.keyed {
		if k.peer == p {
			b.end(u, transport.ErrClientGone)
		}
	}
}

// started and failed note what the status tells.

func (b *Bridge) started(again bool) {
	b.telling.Lock()
	defer b.telling.Unlock()
	b.status.Started++
	if again {
		b.status.Restarted++
	}
}

func (b *Bridge) failed(u *upstream, err error) {
	text := u.f.hide.Hide(err.Error())
	b.telling.Lock()
	b.status.Failed++
	b.status.LastError, b.status.LastAt = u.f.hide.Hide(wordless(err)), time.Now()
	b.telling.Unlock()
	u.options.Logger.Warn("the server behind the bridge failed", "error", text)
}

// hiding keeps the values of a connection's arguments out of a log, and says whose
// upstream a line is about.
type hiding struct {
	slog.Handler
	u *upstream
}

// Handle implements [slog.Handler].
func (h hiding) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.u.f.hide.Hide(r.Message), r.PC)
	clean.AddAttrs(slog.String("session", *h.u.name.Load()))
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(slog.String(a.Key, h.u.f.hide.Hide(a.Value.Resolve().String())))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h hiding) WithAttrs(attrs []slog.Attr) slog.Handler {
	return hiding{h.Handler.WithAttrs(attrs), h.u}
}

func (h hiding) WithGroup(name string) slog.Handler { return hiding{h.Handler.WithGroup(name), h.u} }

// wordless is the text of an error without what the server said: that may be about
// a user, and the status is for all of them.
func wordless(err error) string {
	if ended, ok := errors.AsType[*transport.ProcessError](err); ok {
		without := *ended
		without.Stderr = ""
		return without.Error()
	}
	if refused, ok := errors.AsType[*transport.StatusError](err); ok {
		return (&transport.StatusError{Status: refused.Status}).Error()
	}
	if answered, ok := errors.AsType[*jsonrpc.Error](err); ok {
		return fmt.Sprintf("the server answered with the error %d", answered.Code)
	}
	return err.Error()
}

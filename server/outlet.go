package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

// Progress implements [tool.Outlet].
func (c *call) Progress(done, total float64, message string) {
	if c.token == nil || c.answered.Load() || !finite(done) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock() // also while sending: or two goroutines' progress could change places
	if c.began && done <= c.done {
		return
	}
	c.began, c.done = true, done
	b := append(append([]byte(`{"progressToken":`), c.token...), `,"progress":`...)
	b = strconv.AppendFloat(b, done, 'g', -1, 64)
	if total > 0 && finite(total) {
		b = strconv.AppendFloat(append(b, `,"total":`...), total, 'g', -1, 64)
	}
	if message != "" && c.revision.progressMessage {
		b = jsontext.AppendString(append(b, `,"message":`...), message)
	}
	c.notify(mcp.Progress, append(b, '}'))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// notify sends a notification that belongs to this call, and nothing once the
// call has ended.
func (c *call) notify(method string, params []byte) {
	c.telling.RLock()
	defer c.telling.RUnlock()
	if !c.answered.Load() {
		_ = c.exchange.Reply.Send(c.ctx, &jsonrpc.Message{Method: method, Params: params}) // fails with the call or the connection
	}
}

// Logger implements [tool.Outlet].
func (c *call) Logger() *slog.Logger {
	s := c.session
	toServer := s.server.o.Logger.Handler().WithAttrs([]slog.Attr{
		s.logID(), slog.String(c.noun(), c.name),
	})
	handlers := slog.NewMultiHandler(redacting{toServer, s.args}, redacting{newClientHandler(c), s.args})
	return slog.New(handlers)
}

// clientHandler sends records to the client as notifications/message. The
// record's attributes are the data, encoded as slog's JSON handler does.
type clientHandler struct {
	slog.Handler // encodes to line
	line         *clientLine
}

// clientLine takes one encoded record at a time.
type clientLine struct {
	mu    sync.Mutex
	call  *call
	level slog.Level
}

func newClientHandler(c *call) clientHandler {
	line := &clientLine{call: c}
	return clientHandler{line: line, Handler: slog.NewJSONHandler(line, &slog.HandlerOptions{
		Level: slog.Level(math.MinInt), // Enabled decides
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) > 0 {
				return a
			}
			switch a.Key {
			case slog.TimeKey, slog.LevelKey: // the level has a field of its own
				return slog.Attr{}
			case slog.MessageKey:
				a.Key = "message"
			}
			return a
		},
	})}
}

// Enabled implements [slog.Handler]: the client says from which level up.
func (h clientHandler) Enabled(_ context.Context, l slog.Level) bool {
	return l >= h.line.call.wants()
}

// wants is the level from which the client wants log messages now.
func (c *call) wants() slog.Level {
	if c.revision.Stateless {
		return c.level
	}
	_, level := c.session.state()
	return level
}

// Handle implements [slog.Handler].
func (h clientHandler) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	h.line.level = r.Level
	return h.Handler.Handle(ctx, r)
}

func (h clientHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return clientHandler{h.Handler.WithAttrs(attrs), h.line}
}

func (h clientHandler) WithGroup(name string) slog.Handler {
	return clientHandler{h.Handler.WithGroup(name), h.line}
}

// Write takes the line of one record, with its newline.
func (l *clientLine) Write(line []byte) (int, error) {
	b := append([]byte(`{"level":"`), levelName(l.level)...)
	b = jsontext.AppendString(append(b, `","logger":`...), l.call.name)
	b = append(append(b, `,"data":`...), line[:len(line)-1]...)
	l.call.notify(mcp.LogMessage, append(b, '}'))
	return len(line), nil
}

// redacting keeps the secrets of a connection's arguments out of log records,
// whoever put them there: an error that quotes its input, a careless line.
type redacting struct {
	slog.Handler
	args tool.Args
}

// Handle implements [slog.Handler].
func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.args.Redact(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return redacting{h.Handler.WithAttrs(clean), h.args}
}

func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.Handler.WithGroup(h.args.Redact(name)), h.args}
}

func (h redacting) attr(a slog.Attr) slog.Attr {
	a.Key, a.Value = h.args.Redact(a.Key), a.Value.Resolve() // a key may be a value that lost its own
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(h.args.Redact(a.Value.String()))
	case slog.KindGroup:
		group := a.Value.Group()
		clean := make([]slog.Attr, len(group))
		for i, member := range group {
			clean[i] = h.attr(member)
		}
		a.Value = slog.GroupValue(clean...)
	case slog.KindAny:
		a.Value = h.any(a.Value.Any())
	}
	return a
}

// any returns a value as text if that text holds a secret, or if the value is not
// safe to print, else as it is.
func (h redacting) any(v any) (clean slog.Value) {
	defer func() {
		if p := recover(); p != nil { // of the value's methods; handlers print as much
			clean = slog.StringValue(h.args.Redact(fmt.Sprintf("!PANIC: %v", p)))
		}
	}()
	if err, ok := v.(error); ok {
		return slog.StringValue(h.args.Redact(err.Error()))
	}
	// Handlers print with one of these two. The second finds out what contains
	// itself; the first would follow that until the stack ends.
	asJSON, err := appendJSON(nil, v)
	if endless, ok := errors.AsType[*json.UnsupportedValueError](err); ok && !endless.Value.CanFloat() {
		return slog.StringValue("!ERROR: " + endless.Error())
	}
	for _, text := range []string{fmt.Sprintf("%+v", v), string(asJSON)} {
		if clean := h.args.Redact(text); clean != text {
			return slog.StringValue(clean)
		}
	}
	return slog.AnyValue(v)
}

// guarded keeps a panic of the user's log handler from ending what logs, which may
// be a timer, or a call that has panicked itself. There is nobody to tell.
type guarded struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (h guarded) Enabled(ctx context.Context, l slog.Level) bool {
	defer func() { _ = recover() }()
	return h.Handler.Enabled(ctx, l)
}

// Handle implements [slog.Handler].
func (h guarded) Handle(ctx context.Context, r slog.Record) error {
	defer func() { _ = recover() }()
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler]. Where the attributes cannot be added they
// are left out.
func (h guarded) WithAttrs(attrs []slog.Attr) (with slog.Handler) {
	with = h
	defer func() { _ = recover() }()
	return guarded{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h guarded) WithGroup(name string) (with slog.Handler) {
	with = h
	defer func() { _ = recover() }()
	return guarded{h.Handler.WithGroup(name)}
}

// Package client is the mirror of package server: it connects to an MCP server,
// whatever revision that speaks and however it is reached, and calls what it has.
//
//	c, err := client.Connect(ctx, client.URL("https://example.com/mcp"), client.Options{
//		Args: url.Values{"auth": {key}},
//	})
//	if err != nil { … }
//	defer c.Close()
//	forecast, err := client.Call[Forecast](ctx, c, "forecast", map[string]any{"city": "Oslo"})
//
// A server is a [URL], a [Command] that is started for it, or one [InProcess]. It
// is asked first whether it speaks 2026-07-28, where each request stands alone;
// one that does not is greeted with a handshake, over HTTP+SSE where it knows
// nothing else (2026-07-28, versioning, backward compatibility).
package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/tool"
)

// Client is a connection to a server. Its methods may be called concurrently.
type Client struct {
	o       hidden[*Options]
	target  hidden[Target]
	secrets tool.Args // what is not to be printed

	ctx    context.Context // ends with the client
	cancel context.CancelCauseFunc
	done   chan struct{}
	tasks  sync.WaitGroup // goroutines of the client's own

	handlers sync.WaitGroup // goroutines that are in the user's code
	goodbyes sync.WaitGroup // messages that are to leave before the end
	closing  sync.Once
	closeErr error

	mu    sync.Mutex
	now   hidden[*session] // of nil between a loss and the next connection
	ready chan struct{}    // closed when there is a session again, or none will be
	last  *ServerInfo      // what the latest session was told
	level string           // of log messages: see SetLevel
	err   error            // why done is closed
	ended bool

	heard   headings // of the tools that have been listed
	schemas outputs  // likewise
	subs    subscriptions
	changed *notifier // of OnChange
}

// Format writes what the client is connected to for every verb: what it is made of
// holds secrets.
func (c *Client) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "Client(%s)", c.target().name()) }

// LogValue implements [slog.LogValuer].
func (c *Client) LogValue() slog.Value { return slog.StringValue("Client(" + c.target().name() + ")") }

// ServerInfo is what a server says of itself.
type ServerInfo struct {
	Name, Title, Version string
	Description          string
	WebsiteURL           string
	Instructions         string
	ProtocolVersion      string                     // that is spoken: 2025-11-25
	Capabilities         map[string]json.RawMessage // by name: tools, resources, logging
	Transport            string                     // stdio, pipe, sse or http

	// Result is the whole answer to initialize or server/discover.
	Result json.RawMessage
}

// Stateless reports whether the server is spoken to without a session, each
// request by itself.
func (s *ServerInfo) Stateless() bool {
	r := mcp.ByDate(s.ProtocolVersion)
	return r != nil && r.Stateless
}

// Why a call fails, beside what the server answers.
var (
	// ErrClosed is what calls of a client get that was closed.
	ErrClosed = errors.New("the client was closed")

	// ErrLost says that the connection broke while a call was under way. The server
	// may have done what was asked, or not.
	ErrLost = errors.New("the connection was lost during the call")
)

// Connect connects to a server and returns when both know what the other is. ctx
// bounds the connecting, and gives the connection its values. No error, and no
// log, holds the value of a secret in Options.Args or of a header.
func Connect(ctx context.Context, target Target, opts ...Options) (*Client, error) {
	o := new(Options)
	switch len(opts) {
	case 0:
	case 1:
		*o = opts[0]
	default:
		panic("client: Connect takes one Options at most")
	}
	c := &Client{o: hide(o), target: hide(target), now: hide[*session](nil), done: make(chan struct{})}
	c.prepare()
	c.ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	s, err := c.dial(ctx)
	if err != nil {
		c.end(err)
		return nil, c.redact(fmt.Errorf("connecting to %s: %w", target.name(), err))
	}
	c.adopt(s)
	if err := c.settle(ctx, s); err != nil {
		c.Close()
		return nil, c.redact(fmt.Errorf("connecting to %s: %w", target.name(), err))
	}
	return c, nil
}

// prepare fills in what Options left out.
func (c *Client) prepare() {
	if c.o().Name == "" {
		c.o().Name = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	}
	if c.o().Version == "" {
		c.o().Version = "0.0.0"
	}
	if c.o().Logger == nil {
		c.o().Logger = slog.Default()
	}
	if c.o().Memory == nil {
		c.o().Memory = new(Memory)
	}
	c.level = c.o().LogLevel
	c.secrets = secretsOf(c.target(), c.o())
	if c.o().OnChange != nil {
		c.changed = newNotifier(c.o().OnChange)
		c.handlers.Go(func() { c.changed.run(c.done, nil) })
	}
}

// Server returns what the server said of itself, latest. It is not to be modified.
func (c *Client) Server() *ServerInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// Done is closed when the connection has ended for good: closed, or lost and not
// to be had again (see Options.Reconnect).
func (c *Client) Done() <-chan struct{} { return c.done }

// Err says why Done is closed; nil before, and where Close ended it.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection, and a program that was started for it, and waits for
// that. Calls under way fail with [ErrClosed]. It must not be called by a handler
// that the client waits for.
func (c *Client) Close() error {
	c.closing.Do(func() {
		s := c.end(nil)
		c.goodbyes.Wait()
		if s != nil {
			c.closeErr = s.link.Close()
		}
		c.tasks.Wait()
		handled := make(chan struct{})
		go func() { c.handlers.Wait(); close(handled) }()
		select {
		case <-handled:
		case <-time.After(time.Second): // what has not ended does not look at its context
		}
	})
	return c.redact(c.closeErr)
}

// end ends the client for a reason; nil is that Close did. It returns the session
// that is left to be closed.
func (c *Client) end(err error) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	c.ended, c.err = true, c.redact(err)
	s := c.now()
	c.now = hide[*session](nil)
	if c.err == nil {
		c.cancel(ErrClosed)
	} else {
		c.cancel(c.err)
	}
	close(c.done)
	c.open()
	return s
}

// open lets those go on that wait for a session. It is called under the lock.
func (c *Client) open() {
	if c.ready != nil {
		close(c.ready)
		c.ready = nil
	}
}

// session returns the connection as it is now, or waits for the next one.
func (c *Client) session(ctx context.Context) (*session, error) {
	for {
		c.mu.Lock()
		s, ready := c.now(), c.ready
		if c.ended {
			err := c.err
			c.mu.Unlock()
			return nil, cmp.Or(err, ErrClosed)
		}
		c.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// RootsChanged tells the server that Options.Roots returns others than before.
// Where there is no session the server asks each time, and nothing is sent.
func (c *Client) RootsChanged(ctx context.Context) error {
	if c.Server().Stateless() {
		return nil
	}
	return c.Notify(ctx, mcp.RootsListChanged, nil)
}

// Ping asks whether the server is there. Where the revision has no ping it is
// server/discover that is sent.
func (c *Client) Ping(ctx context.Context) error {
	method := mcp.Ping
	if c.Server().Stateless() {
		method = mcp.Discover
	}
	_, err := c.Do(ctx, method, nil)
	return err
}

// SetLevel asks for log messages of this level and above, "" for none: debug,
// info, notice, warning, error, critical, alert, emergency. Where there is no
// session it is said with each later request; where there is, a level cannot be
// taken back.
func (c *Client) SetLevel(ctx context.Context, level string) error {
	c.mu.Lock()
	c.level = level
	c.mu.Unlock()
	if level == "" || c.Server().Stateless() {
		return nil
	}
	params, err := json.Marshal(mcp.SetLevelParams{Level: level})
	if err != nil {
		return err
	}
	_, err = c.Do(ctx, mcp.SetLevel, params)
	return err
}

package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/transport"
)

const (
	probe   = 5 * time.Second // for a program to answer server/discover: an older one may stay silent
	goodbye = 2 * time.Second // for a message that nobody waits for

	handshake = 30 * time.Second // for a server that is connected to again, without Options.Timeout
)

// dial connects, and finds out what the server speaks. The era that it spoke last
// time is tried first, or that of Options.Revision, and then the other.
func (c *Client) dial(ctx context.Context) (*session, error) {
	if date := c.o().Revision; date != "" && mcp.ByDate(date) == nil {
		return nil, fmt.Errorf("Options.Revision: %q is not a revision of the protocol", date)
	}
	known := c.o().Memory.recall(c.target())
	first := mcp.ByDate(known.revision) // Raw.Initialize takes any: it may be none that we know
	if first == nil {
		first = mcp.ByDate(cmp.Or(c.o().Revision, mcp.Latest().Date))
	}
	var s *session
	var err error
	if u, ok := c.target().(URL); ok {
		s, err = c.dialURL(ctx, u, first.Stateless, cmp.Or(c.o().Transport, known.transport))
	} else {
		s, err = c.dialStream(ctx, first.Stateless)
	}
	if err != nil {
		c.o().Memory.forget(c.target())
		return nil, err
	}
	s.info.Transport = s.link.Kind()
	c.o().Memory.note(c.target(), spoken{s.info.ProtocolVersion, s.link.Kind()})
	return s, nil
}

// dialStream connects where there is one connection for all messages.
func (c *Client) dialStream(ctx context.Context, stateless bool) (*session, error) {
	s := &session{c: c}
	if err := c.openStream(ctx, s); err != nil {
		return nil, err
	}
	err := s.open(ctx, stateless)
	if err == nil {
		return s, nil
	}
	if ctx.Err() == nil && s.over() && stateless { // a program that cannot bear to be asked: not once more
		closeQuietly(s.link)
		s = &session{c: c}
		if err := c.openStream(ctx, s); err != nil {
			return nil, err
		}
		if err = s.initialize(ctx); err == nil {
			return s, nil
		}
	}
	closeQuietly(s.link)
	return nil, err
}

// closeQuietly ends a link that has failed: its error has been told.
func closeQuietly(l transport.Link) { _ = l.Close() }

// over reports whether the link has ended.
func (s *session) over() bool {
	select {
	case <-s.link.Done():
		return true
	default:
		return false
	}
}

func (c *Client) openStream(ctx context.Context, s *session) (err error) {
	switch t := c.target().(type) {
	case Command:
		s.link, err = transport.Start(c.command(t), s, c.linkOptions())
	case inProcess:
		s.link, err = transport.OpenMemory(ctx, t.connect, c.o().Args, s, c.linkOptions())
	default:
		err = fmt.Errorf("%T is no target", t)
	}
	return err
}

func (c *Client) linkOptions() transport.LinkOptions {
	return transport.LinkOptions{Header: c.o().Header, Client: c.o().HTTPClient, Retry: c.o().Reconnect}
}

// command returns the program to start, with the connection arguments in its
// environment.
func (c *Client) command(t Command) transport.Command {
	env := t.Env
	if len(c.o().Args) > 0 {
		if env == nil {
			env = os.Environ()
		}
		env = slices.Clip(env)
		for name, values := range c.o().Args {
			if len(values) > 0 {
				env = append(env, "MCP_ARG_"+strings.ToUpper(name)+"="+values[0])
			}
		}
	}
	stderr := t.Stderr
	if stderr == nil {
		stderr = func(line string) {
			c.o().Logger.Info(c.secrets.Redact(line), "stderr", t.name())
		}
	}
	return transport.Command{Path: t.Path, Args: t.Args, Env: env, Dir: t.Dir, Stderr: stderr, Grace: t.Grace}
}

// address is the URL with the connection arguments.
func (c *Client) address(u URL) (string, error) {
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return "", errors.New("the URL must begin with http:// or https:// and a host")
	}
	if len(c.o().Args) > 0 {
		query := parsed.Query()
		for name, values := range c.o().Args {
			query[name] = values
		}
		parsed.RawQuery = query.Encode()
	}
	return parsed.String(), nil
}

// dialURL connects to a URL: by streamable HTTP in one era or the other, and else
// by HTTP+SSE (2026-07-28 and 2025-11-25, transports, backwards compatibility).
func (c *Client) dialURL(ctx context.Context, u URL, stateless bool, kind string) (*session, error) {
	address, err := c.address(u)
	if err != nil {
		return nil, err
	}
	if kind == "sse" {
		s, err := c.dialSSE(ctx, address)
		if err == nil || c.o().Transport == "sse" || !errors.As(err, new(*transport.StatusError)) {
			return s, err
		}
	}
	s := &session{c: c}
	if s.http, err = transport.OpenHTTP(address, s, c.linkOptions()); err != nil {
		return nil, err
	}
	s.link = s.http
	if err = s.open(ctx, stateless); err == nil {
		return s, nil
	}
	closeQuietly(s.link)
	status, ok := asStatus(err)
	if !ok || c.o().Transport == "http" || !mayBeSSE(status.Status) {
		return nil, err
	}
	s, sseErr := c.dialSSE(ctx, address)
	if sseErr == nil {
		return s, nil
	}
	if refused, ok := asStatus(sseErr); ok && status.Status == http.StatusMethodNotAllowed && refused.Status != http.StatusMethodNotAllowed {
		return nil, sseErr // a GET is what the server takes there, and it says why not this one
	}
	return nil, err
}

// mayBeSSE reports whether a server that answers a POST like this may be one that
// wants a GET.
func mayBeSSE(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusNotFound || status == http.StatusMethodNotAllowed
}

func (c *Client) dialSSE(ctx context.Context, address string) (*session, error) {
	s := &session{c: c}
	var err error
	if s.link, err = transport.OpenSSE(ctx, address, s, c.linkOptions()); err != nil {
		return nil, err
	}
	if err = s.initialize(ctx); err != nil {
		closeQuietly(s.link)
		return nil, err
	}
	return s, nil
}

// open opens the session in one era, or else in the other.
func (s *session) open(ctx context.Context, stateless bool) error {
	if stateless {
		err := s.discover(ctx)
		if err == nil || !s.mayBeOlder(ctx, err) {
			return err
		}
		silent := errors.Is(err, errSilent)
		err = s.initialize(ctx)
		if _, ok := asAnswer(err); ok && silent && s.discover(ctx) == nil { // it was slow to start, and not old
			return nil
		}
		return err
	}
	err := s.initialize(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	// Only an answer that is an error says that there is a server, and none for that.
	if _, ok := asAnswer(err); ok && s.discover(ctx) == nil {
		return nil
	}
	return err
}

// errNotModern says that a server answered server/discover with something else.
var errNotModern = errors.New("the server knows no server/discover")

// mayBeOlder reports whether a server that discover failed on may be one with a
// handshake: it answered, and not in the words of the latest era.
func (s *session) mayBeOlder(ctx context.Context, err error) bool {
	if ctx.Err() != nil || s.over() {
		return false
	}
	if answered, ok := asAnswer(err); ok && (answered.Code == mcp.CodeHeaderMismatch || answered.Code == mcp.CodeMissingCapability) {
		return false
	}
	if status, ok := asStatus(err); ok {
		return status.Status != http.StatusUnauthorized && status.Status != http.StatusForbidden
	}
	if _, ok := asAnswer(err); ok {
		return true
	}
	return errors.Is(err, errNotModern) || errors.Is(err, errSilent)
}

var errNoHandshake = errors.New("the server did not answer in time")

var errSilent = errors.New("the server did not answer server/discover")

// discover opens a session without one: it asks the server which revisions it
// speaks, in the latest.
func (s *session) discover(ctx context.Context) error {
	version := s.c.o().Revision
	if r := mcp.ByDate(version); r == nil || !r.Stateless {
		version = mcp.Latest().Date
	}
	for try := 0; ; try++ {
		err := s.discoverIn(ctx, version)
		answered, ok := asAnswer(err)
		if !ok || answered.Code != mcp.CodeUnsupportedVersion || try > 0 {
			return err
		}
		var data mcp.UnsupportedVersion
		if json.Unmarshal(answered.Data, &data) != nil {
			return err
		}
		if version = latestOf(data.Supported, true); version == "" {
			return err
		}
	}
}

// latestOf returns the latest of the revisions that we speak, too, of one era; ""
// for none.
func latestOf(dates []string, stateless bool) string {
	for i := len(mcp.Revisions) - 1; i >= 0; i-- {
		if r := &mcp.Revisions[i]; r.Stateless == stateless && slices.Contains(dates, r.Date) {
			return r.Date
		}
	}
	return ""
}

func (s *session) discoverIn(ctx context.Context, version string) error {
	s.self = envelope.Envelope{
		Version:      jsontext.AppendString(nil, version),
		Client:       s.c.o().info(),
		Capabilities: s.c.o().capabilities(),
	}
	s.info = &ServerInfo{ProtocolVersion: version}
	result, err := s.ask(ctx, mcp.Discover, nil)
	if err == nil {
		err = s.discovered(result, version)
	}
	if err != nil {
		s.self, s.info = envelope.Envelope{}, nil
	}
	return err
}

// ask sends a request that finds out what the server is. Where silence may be an
// answer it is waited for no longer than needs be.
func (s *session) ask(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method == mcp.Discover && s.http == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, probe, errSilent)
		defer cancel()
	}
	return s.do(ctx, method, params, new(callOptions))
}

func (s *session) discovered(result json.RawMessage, version string) error {
	var r struct {
		SupportedVersions []string                   `json:"supportedVersions"`
		Capabilities      map[string]json.RawMessage `json:"capabilities"`
		Instructions      string                     `json:"instructions"`
		Meta              struct {
			Server serverName `json:"io.modelcontextprotocol/serverInfo"`
		} `json:"_meta"`
	}
	if json.Unmarshal(result, &r) != nil || len(r.SupportedVersions) == 0 {
		return errNotModern
	}
	if !slices.Contains(r.SupportedVersions, version) {
		if latestOf(r.SupportedVersions, false) != "" {
			return errNotModern
		}
		return fmt.Errorf("the server speaks the revisions %s, and not %s", strings.Join(r.SupportedVersions, ", "), version)
	}
	s.info.describe(&r.Meta.Server)
	s.info.Instructions, s.info.Capabilities, s.info.Result = r.Instructions, r.Capabilities, result
	s.alone.Store(true)
	return nil
}

// serverName is what is kept of an implementation: what else is in it, such as
// icons, need not be right.
type serverName struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
	WebsiteURL  string `json:"websiteUrl"`
}

func (info *ServerInfo) describe(server *serverName) {
	info.Name, info.Title, info.Version = server.Name, server.Title, server.Version
	info.Description, info.WebsiteURL = server.Description, server.WebsiteURL
}

// initialize opens a session with a handshake.
func (s *session) initialize(ctx context.Context) error {
	params := s.c.o().Initialize
	if params == nil {
		offered := mcp.ByDate(s.c.o().Revision)
		if offered == nil || offered.Stateless {
			offered = mcp.LatestSession()
		}
		var err error
		params, err = json.Marshal(struct {
			Version      string          `json:"protocolVersion"`
			Capabilities json.RawMessage `json:"capabilities"`
			Client       json.RawMessage `json:"clientInfo"`
		}{offered.Date, s.c.o().capabilities(), s.c.o().info()})
		if err != nil {
			return err
		}
	}
	result, err := s.ask(ctx, mcp.Initialize, params)
	if err != nil {
		return err
	}
	var r struct {
		Version      string                     `json:"protocolVersion"`
		Capabilities map[string]json.RawMessage `json:"capabilities"`
		Server       serverName                 `json:"serverInfo"`
		Instructions string                     `json:"instructions"`
	}
	if err := json.Unmarshal(result, &r); err != nil {
		return fmt.Errorf("the server's answer to initialize: %w", err)
	}
	if known := mcp.ByDate(r.Version); s.c.o().Initialize == nil && (known == nil || known.Stateless) {
		return fmt.Errorf("the server wants to speak revision %.40q, which this client does not know", r.Version)
	}
	info := &ServerInfo{ProtocolVersion: r.Version, Instructions: r.Instructions, Capabilities: r.Capabilities, Result: result}
	info.describe(&r.Server)
	s.info = info
	if s.http != nil {
		s.http.SetHeader(mcp.HeaderVersion, r.Version)
	}
	if s.c.o().Initialize != nil {
		return nil
	}
	return s.notify(ctx, mcp.Initialized, nil)
}

// settle does what comes after the handshake: what was asked for before.
func (c *Client) settle(ctx context.Context, s *session) error {
	if s.stateless() {
		c.relisten()
		return nil
	}
	level := c.logLevel()
	if _, ok := s.info.Capabilities["logging"]; ok && level != "" {
		if err := c.SetLevel(ctx, level); err != nil {
			return err
		}
	}
	return c.subs.resubscribe(ctx, c)
}

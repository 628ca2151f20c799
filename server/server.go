// Package server is what the methods of MCP mean: the tools, resources and
// prompts of a server, the protocol state of each session, and the revisions they
// speak.
//
//	srv := server.New("weather", "1.0.0")
//	srv.Tool(Forecast)
//	srv.Resource("config://{city}", Config)
//	log.Fatal(srv.Run(context.Background()))
//
// Each of them is a Go function, see [tool.New]. A client that connects to
// http://host/mcp?auth=KEY&client_id=X gives every call it makes those arguments:
// a tool reads them from its [tool.Context], its own caller's and never
// another's. The same holds for /sse, and for standard input and output, where
// the command line has them.
//
// One URL serves every revision of the protocol from 2024-11-05 to 2026-07-28: a
// request says by itself whether it belongs to a session.
package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// Server is a set of tools, resources and prompts, and the clients that use
// them, over any number of transports at once. Its methods may be called
// concurrently, also while it serves.
type Server struct {
	name, version string
	o             Options
	limits        Limits // o.Limits with defaults

	tools     registry[*tool.Tool]
	prompts   registry[*tool.Prompt]
	resources registry[*tool.Resource]
	templates registry[*tool.Resource]
	detached  atomic.Bool // some tool may outlive its HTTP response
	changes   changes

	handle         chain[Handler]
	toolHandle     chain[ToolHandler]
	resourceHandle chain[ResourceHandler]
	promptHandle   chain[PromptHandler]

	named []byte // the member of _meta in which the server names itself
	seal  seal
	rates *rates
	ran   ledger // what ran under tool.Once in later rounds

	table func() *transport.Table // whoever prints the server gets at no connection
	http  func() *transport.HTTP
	flags *runFlags
}

// New returns a server of this name and version, without tools. It panics if the
// options cannot work, with what is wrong: an Args that no connection arguments
// could fill, a StateKey that is too short, an Icon
// without Src.
func New(name, version string, opts ...Options) *Server {
	table := new(transport.Table)
	s := &Server{name: name, version: version, table: func() *transport.Table { return table }}
	s.tools.kind, s.prompts.kind = toolKind, promptKind
	s.resources.kind, s.templates.kind = resourceKind, templateKind
	switch len(opts) {
	case 0:
	case 1:
		s.o = opts[0]
	default:
		panic("server: New takes one Options at most")
	}
	if s.o.Logger == nil {
		s.o.Logger = slog.Default()
	}
	s.o.Logger = slog.New(guarded{s.o.Logger.Handler()})
	if s.o.PageSize <= 0 {
		s.o.PageSize = 1000
	}
	for i, icon := range s.o.Icons {
		if icon.Src == "" {
			panic(fmt.Sprintf("server: Options.Icons: icon %d has no Src", i+1))
		}
	}
	s.limits = s.o.Limits.WithDefaults()
	if s.o.Args != nil {
		if err := tool.CheckArgs(s.o.Args); err != nil {
			panic(fmt.Sprintf("server: Options.Args: %v", err))
		}
	}
	s.rates = newRates(s.o.Rate)
	s.prepareStateless()
	h := transport.NewHTTP(table, s.accept, transport.HTTPOptions{
		Limits:         s.o.Limits,
		KeepAlive:      s.o.KeepAlive,
		PublicURL:      s.o.PublicURL,
		AllowedHosts:   s.o.AllowedHosts,
		AllowedOrigins: s.o.AllowedOrigins,
		ArgHeaders:     s.o.ArgHeaders,
		IsCredential:   func(name string) bool { return tool.IsSecretName(name, s.o.SecretArgs...) },
		Alone:          envelope.StandsAlone,
		Refuse:         refuseVersion,
		NoSessions:     s.o.Sessionless,
		Logger:         s.o.Logger,
	})
	s.http = func() *transport.HTTP { return h }
	return s
}

// How many functions that ran under tool.Once are remembered, and how many bytes
// of what they returned.
const (
	maxRan      = 100_000
	maxRanBytes = 64 << 20
)

// prepareStateless makes what only the requests of stateless revisions use.
func (s *Server) prepareStateless() {
	var err error
	if s.seal, err = newSeal(s.o.StateKey); err != nil {
		panic(fmt.Sprintf("server: Options.StateKey: %v", err))
	}
	s.o.StateKey = nil // or who prints the server sees it
	s.ran.limit, s.ran.bytes, s.ran.keep = maxRan, maxRanBytes, s.stateTTL()
	info, err := appendJSON(nil, s.briefly(revisions[len(revisions)-1]))
	if err != nil {
		panic(fmt.Sprintf("server: the server's name: %v", err))
	}
	s.named = append([]byte(`"`+mcp.MetaServer+`":`), info...)
}

func (s *Server) stateTTL() time.Duration {
	if s.o.StateTTL > 0 {
		return s.o.StateTTL
	}
	return time.Hour
}

// Handler returns the server as an [http.Handler] for a mux of your own, under
// any prefix: [transport.HTTP] lists its endpoints. Wildcards of the pattern
// that it is mounted under become connection arguments:
//
//	mux.Handle("/k/{auth}/", srv.Handler())
//
// Of muxes within muxes it is the innermost whose wildcards are seen: net/http
// keeps no others.
func (s *Server) Handler() http.Handler { return s.http() }

// Shutdown ends the HTTP sessions of Handler in order: nothing new begins, calls
// under way have until ctx ends, then their contexts end with
// [transport.ErrShutdown], then the streams close. The error says that calls
// were cut. Call it before the Shutdown of your http.Server, which waits for the
// streams. Run does all this by itself.
func (s *Server) Shutdown(ctx context.Context) error { return s.http().Shutdown(ctx) }

// ServeStdio serves one connection on standard input and output and returns when
// the input ends or ctx does. Meanwhile what else is printed to standard output
// goes to standard error. The connection arguments are those of the environment:
// MCP_ARG_NAME, and what Options.ArgEnv names.
func (s *Server) ServeStdio(ctx context.Context) error { return s.serveStdio(ctx, nil) }

func (s *Server) serveStdio(ctx context.Context, args url.Values) error {
	stdout, restore, err := transport.TakeStdout()
	if err != nil {
		return fmt.Errorf("taking standard output: %w", err)
	}
	defer restore()
	return s.ServeStreams(ctx, os.Stdin, stdout, args)
}

// ServeStreams serves one connection on a pair of streams, a message a line, as
// ServeStdio does on its own. The arguments of the environment fill in what args
// lacks.
func (s *Server) ServeStreams(ctx context.Context, in io.Reader, out io.Writer, args url.Values) error {
	return transport.ServeStdio(ctx, s.table(), s.accept, in, out, transport.StdioOptions{
		Limits: s.o.Limits,
		Args:   s.withEnvironment(args),
		Drain:  s.o.Drain,
	})
}

// Connect opens an in-memory connection with these arguments: what
// [transport.OpenPipe] says. Package servertest is a client on top of it.
func (s *Server) Connect(ctx context.Context, args url.Values, toClient func(text []byte)) (*transport.Pipe, error) {
	return transport.OpenPipe(ctx, s.table(), s.accept, toClient, transport.PipeOptions{Limits: s.o.Limits, Args: args})
}

const envPrefix = "MCP_ARG_"

func (s *Server) withEnvironment(args url.Values) url.Values {
	all := make(url.Values)
	for _, pair := range os.Environ() {
		env, value, _ := strings.Cut(pair, "=")
		if name, ok := strings.CutPrefix(env, envPrefix); ok {
			all[strings.ToLower(name)] = []string{value}
		}
	}
	for env, name := range s.o.ArgEnv {
		if value, ok := os.LookupEnv(env); ok {
			all[name] = []string{value}
		}
	}
	for name, values := range args {
		all[name] = values
	}
	return all
}

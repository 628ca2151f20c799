package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/sessionmcp/sessionmcp/internal/cliargs"
	"github.com/sessionmcp/sessionmcp/transport"
)

// runFlags are what the command line says.
type runFlags struct {
	set   *flag.FlagSet // that they were added to
	http  string
	stdio bool
	args  argFlag
}

// argFlag is the value of --arg. Package flag would print a text that it does not
// take, which may be a secret: it takes any, and who uses it asks for the mistake.
type argFlag struct {
	cliargs.Pairs
	mistake error
}

// Set implements [flag.Value].
func (f *argFlag) Set(text string) error {
	if err := f.Pairs.Set(text); err != nil {
		f.mistake = fmt.Errorf("--arg: %w: see --help", err)
	}
	return nil
}

// Flags adds the flags of Run to fs: --http, --stdio and --arg; and, unless its
// Usage is your own, the commands of Run to its help. Run adds them to
// [flag.CommandLine] itself unless this was called; call it if you parse the
// command line before Run.
func (s *Server) Flags(fs *flag.FlagSet) {
	f := &runFlags{set: fs}
	fs.StringVar(&f.http, "http", "127.0.0.1:8080", "serve HTTP on this `address`; port 0 picks a free one")
	fs.BoolVar(&f.stdio, "stdio", false, "serve one client on standard input and output")
	fs.Var(&f.args, "arg", "connection argument of the stdio client, or of call, as `name=value`; may be repeated")
	s.flags = f
	s.addHelp(fs)
}

// Run does what the command line says and returns nil after a clean end. Without
// a command, or with serve, it serves: HTTP on 127.0.0.1:8080, or on the address
// of --http; or, with --stdio, one client on standard input and output, whose
// connection arguments are given by --arg name=value. The other commands need no
// client:
//
//	tools [--json]         lists the tools
//	call NAME key=value …  calls a tool and prints what it answers
//	version                prints the versions of the program and what it is made of
//	healthcheck [ADDRESS]  asks a server that runs whether it is well
//
// call is a stdio connection with the arguments of --arg and of the environment:
// Options.Args, Options.Authenticate and middleware apply. Its arguments are typed
// by the tool's schema, may be --key value or one JSON object, and - reads the
// object from standard input; call NAME --help lists them. That the tool failed
// is the error that Run returns.
//
// Flags of your own, defined with package flag before Run, are parsed along.
// Flags stand before the command or behind it; behind the name of a tool, those
// that are parameters of the tool are the tool's, but for --arg, --json and --help.
//
// On an interrupt or SIGTERM, or when ctx ends, serving drains: see Options.Drain;
// a call is cancelled. A second signal ends the process at once.
func (s *Server) Run(ctx context.Context) error {
	if s.flags == nil {
		s.Flags(flag.CommandLine)
	}
	set := s.flags.set
	if !set.Parsed() {
		if err := set.Parse(os.Args[1:]); err != nil {
			return unlessHelp(err)
		}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the next signal has its usual effect
	return s.command(ctx, &console{in: os.Stdin, out: os.Stdout, err: os.Stderr, claim: claimStdout}, set.Args())
}

// unlessHelp returns what is wrong with a command line: that help was asked for,
// and given, is nothing.
func unlessHelp(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}

// serve serves as the flags say.
func (s *Server) serve(ctx context.Context) error {
	args := s.flags.args.Values()
	if err := s.flags.args.mistake; err != nil {
		return err
	}
	// Who reads standard error may go before this does: a line of the log that
	// nobody can read is no reason to end.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if s.flags.stdio {
		return s.serveStdio(ctx, args)
	}
	if len(args) > 0 {
		return errors.New("--arg is for --stdio and call: over HTTP the URL has the arguments, as in /sse?name=value")
	}
	return transport.ListenAndServe(ctx, s.flags.http, s.http(), s.o.Drain, func(addr net.Addr) {
		s.announce(os.Stderr, addr)
	})
}

// announce prints where the server is and what to paste into a client.
func (s *Server) announce(w io.Writer, addr net.Addr) {
	base := "http://" + addr.String()
	if host, port, err := net.SplitHostPort(addr.String()); err == nil && net.ParseIP(host).IsUnspecified() {
		base = "http://" + net.JoinHostPort("localhost", port)
	}
	fmt.Fprintf(w, `%s %s is serving
  HTTP    %s/mcp
  SSE     %[3]s/sse
  health  %[3]s/healthz
To connect a client, paste this into its configuration; what follows the ? is yours to choose:
  {"mcpServers": {%[1]q: {"url": "%[3]s/mcp?client_id=me"}}}
A client that knows only SSE takes %[3]s/sse?client_id=me.
`, s.name, s.version, base)
}

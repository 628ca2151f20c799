package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/sessionmcp/sessionmcp/transport"
)

// runFlags are what the command line says.
type runFlags struct {
	http  string
	stdio bool
	args  url.Values
}

// Flags adds the flags of Run to fs: --http, --stdio and --arg. Run adds them to
// [flag.CommandLine] itself unless this was called; call it if you parse the
// command line before Run.
func (s *Server) Flags(fs *flag.FlagSet) {
	f := &runFlags{args: make(url.Values)}
	fs.StringVar(&f.http, "http", "127.0.0.1:8080", "serve HTTP on this `address`; port 0 picks a free one")
	fs.BoolVar(&f.stdio, "stdio", false, "serve one client on standard input and output")
	fs.Func("arg", "connection argument of the stdio client, as `name=value`; may be repeated", func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return errors.New("want name=value")
		}
		f.args.Add(name, value)
		return nil
	})
	s.flags = f
}

// Run serves as the command line says and returns nil after a clean end: HTTP on
// 127.0.0.1:8080, or on the address of --http; or, with --stdio, one client on
// standard input and output, whose connection arguments are given by --arg
// name=value. Flags of your own, defined with package flag before Run, are
// parsed along.
//
// On an interrupt or SIGTERM, or when ctx ends, it drains: see Options.Drain. A
// second signal ends the process at once.
func (s *Server) Run(ctx context.Context) error {
	if s.flags == nil {
		s.Flags(flag.CommandLine)
	}
	if !flag.Parsed() {
		flag.Parse()
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: see --help", flag.Arg(0))
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the next signal has its usual effect
	if s.flags.stdio {
		return s.serveStdio(ctx, s.flags.args)
	}
	if len(s.flags.args) > 0 {
		return errors.New("--arg is for --stdio: over HTTP the URL has the arguments, as in /sse?name=value")
	}
	return transport.ListenAndServe(ctx, s.flags.http, s.http, s.o.Drain, func(addr net.Addr) {
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

// Package cli is the command sessionmcp: the proxy, the client for people, and
// the maker of server binaries. cmd/sessionmcp, cmd/smcp and
// cmd/sessionmcp-enhanced are the same program under three names.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessionmcp/sessionmcp/internal/gen"
	"github.com/sessionmcp/sessionmcp/internal/redact"
)

// The codes that the command exits with.
const (
	exitOK       = 0
	exitFailed   = 1 // what was asked for did not come about
	exitUsage    = 2 // the command line cannot be meant
	exitTool     = 3 // the server answered that its tool failed
	exitNoServer = 4 // there is no connection to the server
)

// exitError is an error that has a code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usagef is an error of the command line.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// program is one run of the command and what is around it.
type program struct {
	name string // what it was called as: sessionmcp, smcp, sessionmcp-enhanced
	in   io.Reader
	out  io.Writer // what was asked for
	err  io.Writer // what is said about it
}

// Main runs the command of the process and returns the code to exit with. On an
// interrupt or SIGTERM what runs is ended in order; a second one ends the process.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	p := &program{name: name, in: os.Stdin, out: os.Stdout, err: os.Stderr}
	return p.run(ctx, os.Args[1:])
}

// run runs the command with these arguments, its name left out.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	args, err := p.commandLine(root, args)
	if err == nil {
		root.SetArgs(args)
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(p.err, "%s: %s\n", p.name, clean(err.Error())) // a server may have worded it
	if known, ok := errors.AsType[*exitError](err); ok {
		return known.code
	}
	return exitFailed
}

// root returns the command with all that is below it.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           p.name,
		Short:         "Wrap any MCP server in a URL, and make server binaries",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	root.AddCommand(p.proxyCommand())
	root.AddCommand(p.clientCommands()...)
	root.AddCommand(p.buildCommand(), p.newCommand())
	return root
}

// flagError is the error of a flag, without the value that it does not take: that
// may be a secret.
func flagError(err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usagef("--%s: %s: see --help", invalid.GetFlag().Name, redact.Of(invalid.GetValue()).Hide(invalid.Unwrap().Error()))
	}
	return usagef("%w: see --help", err)
}

// version is that of the module the command was built from: a release, or the
// commit of a checkout.
func version() string {
	if v := gen.Released(); v != "" {
		return v
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

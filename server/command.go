package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/cliargs"
	"github.com/sessionmcp/sessionmcp/transport"
)

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer // what was asked for, and what is said about it

	// claim makes out the caller's alone until restore is called: what else is
	// printed to it goes elsewhere. nil where nothing else is.
	claim func() (out io.Writer, restore func(), err error)
}

func claimStdout() (io.Writer, func(), error) { return transport.TakeStdout() }

// command is a command of Run.
type command struct {
	name, args, about string
	run               func(s *Server, ctx context.Context, c *console, args []string) error
}

// commands are those of Run. It is a function because help, which they print,
// lists them.
func commands() []command {
	return []command{
		{"serve", "", "serve over HTTP, or one client with --stdio; so it is without a command", (*Server).serveCommand},
		{"tools", "[--json]", "list the tools", (*Server).toolsCommand},
		{"call", "NAME [key=value ...]", "call a tool and print what it answers; call NAME --help lists its parameters", (*Server).callCommand},
		{"version", "", "print the version", (*Server).versionCommand},
		{"healthcheck", "[ADDRESS]", "ask a server that runs, at --http unless told otherwise, whether it is well", (*Server).healthCommand},
	}
}

// command runs the command that args name.
func (s *Server) command(ctx context.Context, c *console, args []string) error {
	if len(args) == 0 {
		return s.serve(ctx)
	}
	var names []string
	for _, known := range commands() {
		if known.name == args[0] {
			return known.run(s, ctx, c, args[1:])
		}
		names = append(names, known.name)
	}
	return fmt.Errorf("unknown command %q%s: there are %s", clip(args[0]), cliargs.DidYouMean(args[0], names), strings.Join(names, ", "))
}

// flagsOf makes the flags that may follow a command: those of the program, and its
// own, which it adds. Where these are called the same, its own count.
func (s *Server) flagsOf(own *flag.FlagSet) *flag.FlagSet {
	s.flags.set.VisitAll(func(f *flag.Flag) {
		if own.Lookup(f.Name) == nil {
			own.Var(f.Value, f.Name, f.Usage)
		}
	})
	own.SetOutput(io.Discard) // the error says it
	own.Usage = func() {}
	return own
}

// parse parses what follows a command, flags and arguments in any order, and
// returns the arguments. done says that it was asked for help, and gave it.
func (s *Server) parse(c *console, own *flag.FlagSet, args []string, most int) (rest []string, done bool, err error) {
	fs := s.flagsOf(own)
	for {
		err := fs.Parse(args)
		if err == flag.ErrHelp {
			s.help(c.err, s.flags.set)
			return nil, true, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w: see --help", own.Name(), err)
		}
		if fs.NArg() == 0 {
			break
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
	if len(rest) > most {
		return nil, false, fmt.Errorf("%s: unexpected argument %q: see --help", own.Name(), clip(rest[most]))
	}
	return rest, false, nil
}

func (s *Server) serveCommand(ctx context.Context, c *console, args []string) error {
	if _, done, err := s.parse(c, flag.NewFlagSet("serve", flag.ContinueOnError), args, 0); done || err != nil {
		return err
	}
	return s.serve(ctx)
}

// toolsCommand lists the tools that the server has: without a connection there is
// nobody whom middleware could hide some from.
func (s *Server) toolsCommand(_ context.Context, c *console, args []string) error {
	fs := flag.NewFlagSet("tools", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "")
	if _, done, err := s.parse(c, fs, args, 0); done || err != nil {
		return err
	}
	if !*asJSON {
		var text bytes.Buffer
		s.listTools(&text)
		_, err := text.WriteTo(c.out)
		return err
	}
	items, _, err := s.tools.page(revisions[len(revisions)-1], "", math.MaxInt)
	if err != nil {
		return err
	}
	return printJSON(c.out, slices.Concat([]byte("["), items, []byte("]")))
}

func (s *Server) listTools(w *bytes.Buffer) {
	for i, e := range s.tools.snapshot().items {
		spec := e.item.Spec()
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, spec.Name)
		for line := range strings.Lines(cmp.Or(spec.Description, spec.Title)) {
			fmt.Fprintf(w, "  %s\n", strings.TrimRight(line, "\n"))
		}
		var table bytes.Buffer
		cliargs.Usage(&table, spec.Input)
		for line := range strings.Lines(table.String()) {
			fmt.Fprintf(w, "  %s", line)
		}
	}
}

// printJSON prints JSON for people; numbers keep their digits.
func printJSON(w io.Writer, raw []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(w)
	return err
}

func (s *Server) versionCommand(_ context.Context, c *console, args []string) error {
	if _, done, err := s.parse(c, flag.NewFlagSet("version", flag.ContinueOnError), args, 0); done || err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s %s\n", s.name, s.version)
	info, ok := debug.ReadBuildInfo()
	if !ok { // not built by the go command with modules
		return nil
	}
	const ours = "github.com/sessionmcp/sessionmcp"
	fmt.Fprintf(c.out, "module %s %s\n", cmp.Or(info.Main.Path, info.Path), cmp.Or(info.Main.Version, "(devel)"))
	if i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == ours }); i >= 0 {
		fmt.Fprintf(c.out, "with %s %s\n", ours, info.Deps[i].Version)
	}
	fmt.Fprintf(c.out, "built with %s\n", info.GoVersion)
	return nil
}

func (s *Server) healthCommand(ctx context.Context, c *console, args []string) error {
	rest, done, err := s.parse(c, flag.NewFlagSet("healthcheck", flag.ContinueOnError), args, 1)
	if done || err != nil {
		return err
	}
	addr := s.flags.http
	if len(rest) > 0 {
		addr = rest[0]
	}
	if err := transport.Healthy(ctx, addr); err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	fmt.Fprintln(c.out, "ok")
	return nil
}

// help prints how the program is used; fs has its flags.
func (s *Server) help(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintf(w, "Usage: %s [flags] [command]\n\nCommands:\n", filepath.Base(cmp.Or(fs.Name(), os.Args[0])))
	for _, known := range commands() {
		fmt.Fprintf(w, "  %-27s %s\n", strings.TrimSpace(known.name+" "+known.args), known.about)
	}
	fmt.Fprintln(w, "\nFlags:")
	old := fs.Output()
	defer fs.SetOutput(old)
	fs.SetOutput(w)
	fs.PrintDefaults()
}

// The Usages that package flag sets itself. Functions are told apart by their
// code.
var (
	usualUsage = codeOf(flag.Usage)
	usualSets  = []uintptr{codeOf(flag.CommandLine.Usage), codeOf(flag.NewFlagSet("", 0).Usage)}
)

func codeOf(f func()) uintptr { return reflect.ValueOf(f).Pointer() }

// addHelp adds the commands to the help of fs, unless somebody has replaced that,
// or does so before it is asked for.
func (s *Server) addHelp(fs *flag.FlagSet) {
	if fs.Usage != nil && !slices.Contains(usualSets, codeOf(fs.Usage)) {
		return
	}
	fs.Usage = func() {
		if fs == flag.CommandLine && codeOf(flag.Usage) != usualUsage {
			flag.Usage()
			return
		}
		s.help(fs.Output(), fs)
	}
}

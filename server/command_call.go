package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/cliargs"
	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

func (s *Server) callCommand(ctx context.Context, c *console, args []string) error {
	fs := flag.NewFlagSet("call", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "print the whole result as JSON")
	fs = s.flagsOf(fs)
	if err := fs.Parse(args); err != nil {
		return s.callUsage(c, nil, err)
	}
	if fs.NArg() == 0 {
		return fmt.Errorf("call wants the name of a tool: there are %s", s.toolNames())
	}
	t, ok := s.tools.find(fs.Arg(0))
	if !ok {
		return fmt.Errorf("unknown tool %q%s: there are %s", clip(fs.Arg(0)), cliargs.DidYouMean(fs.Arg(0), s.tools.keys()), s.toolNames())
	}
	schema := t.Spec().Input
	own, given := split(fs, schema, fs.Args()[1:])
	if err := fs.Parse(own); err != nil {
		return s.callUsage(c, t, err)
	}
	if err := s.flags.args.mistake; err != nil {
		return err
	}
	if slices.Equal(given, []string{"-"}) {
		text, err := io.ReadAll(io.LimitReader(c.in, int64(s.limits.Message)+1)) // more is refused as too large
		if err != nil {
			return fmt.Errorf("call %s: reading the arguments: %w", t.Name(), err)
		}
		if given = []string{string(text)}; !strings.HasPrefix(strings.TrimSpace(given[0]), "{") {
			return fmt.Errorf("call %s: there is no JSON object on standard input", t.Name())
		}
	}
	arguments, err := cliargs.Parse(schema, given)
	if err != nil {
		return fmt.Errorf("call %s: %w; call %[1]s --help lists the parameters", t.Name(), err)
	}
	return s.callAndPrint(ctx, c, t, arguments, *asJSON)
}

// callUsage answers a command line of call that does not parse, perhaps because
// it asks for help; t may be nil.
func (s *Server) callUsage(c *console, t *tool.Tool, err error) error {
	switch {
	case err != flag.ErrHelp:
		return fmt.Errorf("call: %w: see --help", err)
	case t == nil:
		s.help(c.err, s.flags.set)
		return nil
	}
	spec := t.Spec()
	fmt.Fprintf(c.out, "call %s [--json] [--arg name=value ...] [key=value ... | JSON | -]\n", spec.Name)
	if spec.Description != "" {
		fmt.Fprintf(c.out, "\n%s\n", strings.TrimSpace(spec.Description))
	}
	fmt.Fprintln(c.out, "\nParameters:")
	cliargs.Usage(c.out, spec.Input)
	return nil
}

// keys are those of all items, in the order of registration.
func (r *registry[T]) keys() []string {
	var keys []string
	for _, e := range r.snapshot().items {
		keys = append(keys, r.key(e.item))
	}
	return keys
}

func (s *Server) toolNames() string {
	names := s.tools.keys()
	if len(names) == 0 {
		return "none"
	}
	const most = 20
	if len(names) > most {
		names = append(slices.Clone(names[:most]), "more, which tools lists")
	}
	return strings.Join(names, ", ")
}

// split takes from what follows a tool's name the flags that are the program's:
// --arg, --json and --help whatever the tool's parameters are called, others
// unless a parameter is called so.
func split(fs *flag.FlagSet, schema json.RawMessage, args []string) (own, rest []string) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return own, append(append(rest, arg), args...)
		}
		name, _, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		f := fs.Lookup(name)
		ours := slices.Contains([]string{"arg", "json", "help", "h"}, name)
		if !strings.HasPrefix(arg, "-") || !ours && (f == nil || cliargs.Takes(schema, name)) {
			rest = append(rest, arg)
			continue
		}
		own = append(own, arg)
		if f == nil || given || len(args) == 0 {
			continue
		}
		if b, ok := f.Value.(interface{ IsBoolFlag() bool }); !ok || !b.IsBoolFlag() {
			own, args = append(own, args[0]), args[1:]
		}
	}
	return own, rest
}

// callAndPrint calls the tool and prints what it answers. What the tool itself
// prints does not stand between.
func (s *Server) callAndPrint(ctx context.Context, c *console, t *tool.Tool, arguments []byte, asJSON bool) error {
	out := c.out
	if c.claim != nil {
		claimed, restore, err := c.claim()
		if err != nil {
			return fmt.Errorf("taking standard output: %w", err)
		}
		defer restore()
		out = claimed
	}
	raw, err := s.callInProcess(ctx, c.err, t.Name(), arguments, s.flags.args.Values())
	if err != nil {
		return fmt.Errorf("call %s: %w", t.Name(), err)
	}
	var r answer
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("call %s: reading the result: %w", t.Name(), err)
	}
	if asJSON {
		err = printJSON(out, raw)
	} else if !r.IsError {
		err = r.print(out)
	}
	switch {
	case err != nil:
		return fmt.Errorf("call %s: printing the result: %w", t.Name(), err)
	case r.IsError && asJSON:
		return fmt.Errorf("call %s: the tool failed: see its result", t.Name())
	case r.IsError:
		var text strings.Builder
		_ = r.print(&text) // a Builder takes it all
		return fmt.Errorf("call %s: %s", t.Name(), strings.TrimSpace(text.String()))
	}
	return nil
}

// callInProcess calls a tool as a client does that sends one request over
// standard input, in the revision that needs nothing before it, and closes it.
func (s *Server) callInProcess(ctx context.Context, progress io.Writer, name string, arguments []byte, args url.Values) (json.RawMessage, error) {
	params := jsontext.AppendString([]byte(`{"name":`), name)
	params = append(append(params, `,"arguments":`...), arguments...)
	e := envelope.Envelope{
		Version:      jsontext.AppendString(nil, revisions[len(revisions)-1].Date),
		Capabilities: []byte("{}"),
	}
	params, err := e.Add(append(params, `,"_meta":{"progressToken":1}}`...))
	if err != nil {
		return nil, err
	}
	request := jsonrpc.Message{ID: "1", Method: mcp.ToolsCall, Params: params}
	client := &caller{progress: progress}
	err = transport.ServeStdio(ctx, s.table(), s.accept, bytes.NewReader(request.Append(nil)), client, transport.StdioOptions{
		Limits: s.o.Limits,
		Args:   s.withEnvironment(args),
		Drain:  1, // whoever interrupts a call does not want to wait for it
	})
	return client.result(ctx, err)
}

// caller is the client of one call: it takes what the server says, a message at
// a time.
type caller struct {
	progress io.Writer

	mu     sync.Mutex
	answer *jsonrpc.Message // nil until there is one
}

// Write implements [io.Writer].
func (c *caller) Write(text []byte) (int, error) {
	m, err := jsonrpc.Parse(text)
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.Method == mcp.Progress:
		c.tell(m.Params)
	case m.Method == "":
		own := m.Error
		if own != nil {
			own = &jsonrpc.Error{Code: own.Code, Message: own.Message}
		}
		c.answer = &jsonrpc.Message{Result: bytes.Clone(m.Result), Error: own}
	}
	return len(text), nil
}

func (c *caller) tell(params []byte) {
	var p struct {
		Progress, Total float64
		Message         string
	}
	if json.Unmarshal(params, &p) != nil {
		return
	}
	text := strconv.FormatFloat(p.Progress, 'g', -1, 64)
	if p.Total > 0 {
		text += "/" + strconv.FormatFloat(p.Total, 'g', -1, 64)
	}
	fmt.Fprintln(c.progress, strings.TrimSpace(text+" "+p.Message))
}

// result returns what was answered, when serving has ended with err.
func (c *caller) result(ctx context.Context, err error) (json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("cancelled: %w", context.Cause(ctx))
	case err != nil:
		return nil, err
	case c.answer == nil:
		return nil, errors.New("there was no answer")
	case c.answer.Error == nil:
		return c.answer.Result, nil
	case c.answer.Error.Code == mcp.CodeMissingCapability:
		return nil, fmt.Errorf("%s: nobody can be asked here, but the command sessionmcp call can ask you", c.answer.Error.Message)
	}
	return nil, errors.New(c.answer.Error.Message)
}

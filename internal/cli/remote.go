package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/cliargs"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// exitInterrupted is the code after Ctrl-C, as shells have it.
const exitInterrupted = 130

// remote is the server that a command talks to, and how, as flags say.
type remote struct {
	p       *program
	notes   *status
	args    cliargs.Pairs
	header  []string
	env     []string
	roots   []string
	answers cliargs.Pairs

	transport string
	log       string
	timeout   time.Duration
	ask       bool
	verbose   bool
}

func (p *program) newRemote() *remote {
	return &remote{p: p, notes: &status{s: screenOf(p.err)}}
}

// addReach adds the flags that say how the server is reached.
func (r *remote) addReach(f *pflag.FlagSet) {
	f.Var(&r.args, "arg", "connection argument; may be repeated")
	f.StringArrayVarP(&r.header, "header", "H", nil, "HTTP `header`, as \"NAME: VALUE\"; may be repeated")
	f.StringArrayVarP(&r.env, "env", "e", nil, "environment variable of a program, as `NAME=VALUE`; may be repeated")
	f.StringVar(&r.transport, "transport", "", "how a URL is spoken to, `http` or sse, instead of finding out")
}

// addFlags adds all flags.
func (r *remote) addFlags(f *pflag.FlagSet) {
	r.addReach(f)
	f.DurationVar(&r.timeout, "timeout", 0, "bound connecting, and each request, by a `time` such as 30s (default: none)")
	f.StringArrayVar(&r.roots, "root", nil, "`folder` that the server may work in; may be repeated")
	f.StringVar(&r.log, "log", "", "show the server's log messages of this `level` and above: debug, info, notice, warning, error, critical, alert, emergency")
	f.BoolVar(&r.ask, "ask", false, "ask what the server wants to know also if this is no terminal")
	f.Var(&r.answers, "answer", "answer to what the server may ask in a form, as `field=value`; may be repeated")
	f.BoolVarP(&r.verbose, "verbose", "v", false, "show what a program writes to standard error, and what goes wrong in between")
}

// complete adds what the shell is to suggest for the flags.
func (r *remote) complete(cmd *cobra.Command) {
	for flag, values := range map[string][]string{"transport": {"http", "sse"}, "log": logLevels} {
		if cmd.Flags().Lookup(flag) != nil {
			_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // it is there
		}
	}
}

// logLevels are those of notifications/message (2025-11-25, logging).
var logLevels = []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

// connect connects to a TARGET.
func (r *remote) connect(ctx context.Context, text string) (*client.Client, error) {
	t, err := readTarget(text)
	if err != nil {
		return nil, err
	}
	o, err := r.options(t)
	if err != nil {
		return nil, err
	}
	connecting := ctx
	if r.timeout > 0 {
		var cancel context.CancelFunc
		connecting, cancel = context.WithTimeoutCause(ctx, r.timeout, fmt.Errorf("no connection within %v: see --timeout", r.timeout))
		defer cancel()
	}
	stop := r.notes.spin(t.waitingFor())
	c, err := client.Connect(connecting, r.clientTarget(t), *o)
	stop()
	if err != nil {
		return nil, r.notConnected(ctx, err)
	}
	return c, nil
}

func (r *remote) clientTarget(t *target) client.Target {
	if t.url != "" {
		return client.URL(t.url)
	}
	c := client.Command{Path: t.path, Args: t.command[1:], Stderr: func(string) {}}
	if len(r.env) > 0 {
		c.Env = append(os.Environ(), r.env...)
	}
	if r.verbose {
		c.Stderr = func(line string) { r.notes.say("%s", oneLine(line)) }
	}
	return c
}

// options are what the flags say to package client.
func (r *remote) options(t *target) (*client.Options, error) {
	header, err := r.check(t)
	if err != nil {
		return nil, err
	}
	asker := newAsker(r)
	o := &client.Options{
		Name: "sessionmcp", Version: version(),
		Args: r.args.Values(), Header: header, Transport: r.transport, Timeout: r.timeout, LogLevel: r.log,
		Elicit: asker.elicit, ElicitURL: true,
		OnLog:     func(_ context.Context, m *client.LogMessage) { r.logged(m) },
		Reconnect: transport.Retry{Attempts: -1},
		Logger:    slog.New(slog.DiscardHandler),
	}
	if r.verbose {
		o.Logger = slog.New(slog.NewTextHandler(statusWriter{r.notes}, nil))
	}
	if len(r.roots) > 0 {
		roots, err := rootsOf(r.roots)
		if err != nil {
			return nil, err
		}
		o.Roots = func(context.Context) ([]tool.Root, error) { return roots, nil }
	}
	return o, nil
}

// check holds the flags to the target and returns the headers.
func (r *remote) check(t *target) (http.Header, error) {
	header, err := readHeaders(r.header)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains([]string{"", "http", "sse"}, r.transport):
		return nil, usagef("--transport %s: want http or sse", cut(r.transport, 40))
	case r.log != "" && !slices.Contains(logLevels, r.log):
		return nil, usagef("--log %s%s: want one of %s", cut(r.log, 40), cliargs.DidYouMean(r.log, logLevels), strings.Join(logLevels, ", "))
	case t.url != "" && len(r.env) > 0:
		return nil, usagef("--env is for programs: a URL takes --arg or --header")
	case t.url == "" && len(r.header) > 0:
		return nil, usagef("--header is for URLs: a program takes --arg or --env")
	}
	if t.url == "" {
		for name, values := range r.args.Values() { // a program is told of them by its environment
			switch {
			case name != strings.ToLower(name):
				return nil, usagef("--arg %s: a program is told names in small letters alone: write --arg %s=VALUE, or connect by a URL", name, strings.ToLower(name))
			case len(values) > 1:
				return nil, usagef("--arg %s has several values, and a program is told one: use a URL", name)
			}
		}
	}
	for _, pair := range r.env {
		if name, _, ok := strings.Cut(pair, "="); !ok || name == "" {
			return nil, usagef("--env: want NAME=VALUE")
		}
	}
	return header, nil
}

// readHeaders reads headers as NAME: VALUE. Its errors do not repeat them: they
// may be secrets.
func readHeaders(lines []string) (http.Header, error) {
	header := make(http.Header)
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t=") || strings.ContainsAny(line, "\r\n") {
			return nil, usagef(`--header: want "NAME: VALUE"`)
		}
		header.Add(name, strings.TrimSpace(value))
	}
	return header, nil
}

func rootsOf(folders []string) ([]tool.Root, error) {
	var roots []tool.Root
	for _, folder := range folders {
		path, err := filepath.Abs(folder)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return nil, usagef("--root: %w", err)
		}
		slashed := filepath.ToSlash(path)
		if !strings.HasPrefix(slashed, "/") { // C:/
			slashed = "/" + slashed
		}
		u := url.URL{Scheme: "file", Path: slashed}
		roots = append(roots, tool.Root{URI: u.String(), Name: filepath.Base(path)})
	}
	return roots, nil
}

func (r *remote) logged(m *client.LogMessage) {
	if r.log == "" {
		return
	}
	text := string(m.Data)
	_ = json.Unmarshal(m.Data, &text) // most are a string
	if from := oneLine(m.Logger); from != "" {
		text = from + ": " + text
	}
	r.notes.say("[%s] %s", oneLine(m.Level), oneLine(text))
}

// notConnected explains why there is no connection.
func (r *remote) notConnected(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &exitError{exitInterrupted, errors.New("interrupted")}
	}
	hint := ""
	if status, ok := errors.AsType[*transport.StatusError](err); ok {
		switch status.Status {
		case http.StatusUnauthorized, http.StatusForbidden:
			hint = `: give credentials with --arg auth=KEY, or with --header "Authorization: Bearer TOKEN"`
		case http.StatusNotFound, http.StatusMethodNotAllowed:
			hint = ": look at the path of the URL, which often ends in /mcp or /sse"
		}
	} else if _, ok := errors.AsType[*net.OpError](err); ok {
		hint = ": is the server running, and is this its address?"
	}
	return &exitError{exitNoServer, fmt.Errorf("%w%s", err, hint)}
}

// failed explains why a request failed that was about something.
func (r *remote) failed(ctx context.Context, about string, err error) error {
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, fmt.Errorf("%s: interrupted", about)}
	case errors.Is(err, client.ErrLost), errors.Is(err, client.ErrClosed), errors.Is(err, transport.ErrServerGone):
		return &exitError{exitNoServer, fmt.Errorf("%s: %w", about, err)}
	}
	return fmt.Errorf("%s: %w", about, err)
}

// statusWriter prints what is written to it, a line at a time.
type statusWriter struct{ notes *status }

// Write implements [io.Writer].
func (w statusWriter) Write(text []byte) (int, error) {
	w.notes.say("%s", strings.TrimRight(string(text), "\n"))
	return len(text), nil
}

// wants checks how many arguments a command has.
func (p *program) wants(command string, least, most int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("%s wants %s: see %s %[1]s --help", command, what, p.name)
		case most >= 0 && len(args) > most:
			return usagef("%s: unexpected argument %q: see %s %[1]s --help; a program with arguments is one word, in quotes", command, cut(args[most], 40), p.name)
		}
		return nil
	}
}

// clientCommands are those that talk to a server, or tell a client of one.
func (p *program) clientCommands() []*cobra.Command {
	return []*cobra.Command{p.listCommand(), p.callCommand(), p.readCommand(), p.promptCommand(), p.installCommand(), p.versionCommand()}
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/cliargs"
)

// callFlags say how a tool is called.
type callFlags struct {
	json, help bool
	output     string
}

func (p *program) callCommand() *cobra.Command {
	r := p.newRemote()
	var o callFlags
	cmd := &cobra.Command{
		Use:   "call [flags] TARGET NAME [key=value ... | JSON | -]",
		Short: "Call a tool of a server and print what it answers",
		Long: `Call a tool of a server and print what it answers.

` + aboutTarget + `

The arguments of the tool are typed by its schema: key=value, key:=JSON, --key
value, or --flag and --no-flag; an array by repeating its key, a member of an
object as object.member=value. Or they are one JSON object, and with - that is
read from standard input. call TARGET NAME --help lists them. The flags below may
stand anywhere: write a parameter that is called like one as key=value.

What the tool asks you is asked on the terminal. Ctrl-C cancels the call. The exit
code is 3 if the tool failed, 4 if there is no connection, 130 after Ctrl-C.`,
		Example: fmt.Sprintf(`  %[1]s call ./weather forecast city=Oslo days=3
  %[1]s call --arg auth=KEY https://example.com/mcp forecast '{"city": "Oslo"}'
  %[1]s call -o pictures/ "npx -y some-server --fast" draw --subject cat
  %[1]s call ./weather forecast --help`, p.name),
		DisableFlagParsing: true, // some are the tool's: see splitCall
		RunE: func(cmd *cobra.Command, args []string) error {
			fs := cmd.Flags()
			own, rest, err := splitCall(fs, args)
			if err == nil {
				if err = fs.Parse(own); err != nil {
					err = flagError(err)
				}
			}
			if err != nil {
				return err
			}
			if o.help = fs.Lookup("help").Value.String() == "true"; o.help && len(rest) < 2 {
				return cmd.Help()
			}
			if err := p.wants("call", 2, -1, "a TARGET and the NAME of a tool")(cmd, rest); err != nil {
				return err
			}
			return r.call(cmd.Context(), rest[0], rest[1], rest[2:], &o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print the whole result as JSON")
	f.StringVarP(&o.output, "output", "o", "", "save pictures and other blobs in this `file`, or in this folder")
	r.addFlags(f)
	r.complete(cmd)
	return cmd
}

// splitCall takes the flags that are the command's own out of a command line. What
// is left is the TARGET, the NAME, and what is for the tool.
func splitCall(fs *pflag.FlagSet, args []string) (own, rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			at := max(2, len(rest)) // what is behind it is no flag of the tool's either
			rest = append(rest, args...)
			return own, slices.Insert(rest, min(at, len(rest)), "--"), nil
		}
		f := ownFlag(fs, arg)
		switch {
		case f == nil && len(rest) < 2 && strings.HasPrefix(arg, "-") && arg != "-":
			return nil, nil, usagef("call: unknown flag %s: see --help; those of the tool stand behind its name", cut(arg, 40))
		case f == nil:
			rest = append(rest, arg)
			continue
		}
		own = append(own, arg)
		whole := strings.Contains(arg, "=") || !strings.HasPrefix(arg, "--") && len(arg) > 2
		if f.NoOptDefVal != "" || whole {
			continue
		}
		if len(args) == 0 {
			return nil, nil, usagef("call: %s has no value: see --help", arg)
		}
		own, args = append(own, args[0]), args[1:]
	}
	return own, rest, nil
}

// ownFlag returns the flag that an argument gives, nil if it is none of fs.
func ownFlag(fs *pflag.FlagSet, arg string) *pflag.Flag {
	if name, ok := strings.CutPrefix(arg, "--"); ok {
		name, _, _ = strings.Cut(name, "=")
		return fs.Lookup(name)
	}
	if letter, ok := strings.CutPrefix(arg, "-"); ok && letter != "" && letter[0] < 0x80 {
		return fs.ShorthandLookup(letter[:1])
	}
	return nil
}

func (r *remote) call(ctx context.Context, target, name string, args []string, o *callFlags) error {
	saved, err := newSaver(o.output, name)
	if err != nil {
		return err
	}
	c, err := r.connect(ctx, target)
	if err != nil {
		return err
	}
	defer c.Close()
	t, err := r.findTool(ctx, c, name)
	if err != nil {
		return err
	}
	if o.help {
		r.printTool(t)
		return nil
	}
	arguments, err := r.readArguments(t, args)
	if err != nil {
		return err
	}
	result, err := c.Call(ctx, name, arguments, client.OnProgress(r.progress))
	r.notes.clear()
	if err != nil {
		return r.failed(ctx, "call "+name, err)
	}
	return r.printResult(name, result, o, saved)
}

func (r *remote) findTool(ctx context.Context, c *client.Client, name string) (*client.Tool, error) {
	tools, err := all(c.Server().Capabilities["tools"] != nil, c.Tools(ctx))
	if err != nil {
		return nil, r.failed(ctx, "listing the tools", err)
	}
	var names []string
	for _, t := range tools {
		if t.Name == name {
			return t, nil
		}
		names = append(names, oneLine(t.Name))
	}
	return nil, unknown("tool", name, names)
}

// unknown is the error for a name that the server does not have.
func unknown(what, name string, names []string) error {
	const most = 20
	known := "there are none"
	if len(names) > 0 {
		known = "there are " + strings.Join(names[:min(most, len(names))], ", ")
	}
	if len(names) > most {
		known += ", and more, which list shows"
	}
	return usagef("the server has no %s %q%s: %s", what, cut(name, 60), cliargs.DidYouMean(name, names), known)
}

// printTool prints how a tool is called.
func (r *remote) printTool(t *client.Tool) {
	s := screenOf(r.p.out)
	fmt.Fprintf(s.w, "%s call TARGET %s [key=value ... | JSON | -]\n", r.p.name, s.bold(oneLine(t.Name)))
	if t.Description != "" {
		fmt.Fprintf(s.w, "\n%s\n", strings.TrimSpace(s.text(t.Description)))
	}
	fmt.Fprintln(s.w, "\nParameters:")
	var table strings.Builder
	cliargs.Usage(&table, t.InputSchema)
	fmt.Fprint(s.w, s.text(table.String()))
}

// readArguments makes the arguments of a tool of what the command line says.
func (r *remote) readArguments(t *client.Tool, args []string) (json.RawMessage, error) {
	const most = 64 << 20 // bytes of standard input
	if slices.Equal(args, []string{"-"}) {
		text, err := io.ReadAll(io.LimitReader(r.p.in, most+1))
		switch {
		case err != nil:
			return nil, fmt.Errorf("call %s: reading the arguments: %w", t.Name, err)
		case len(text) > most:
			return nil, usagef("call %s: standard input has more than %d bytes", t.Name, most)
		case !strings.HasPrefix(strings.TrimSpace(string(text)), "{"):
			return nil, usagef("call %s: there is no JSON object on standard input", t.Name)
		}
		args = []string{string(text)}
	}
	arguments, err := cliargs.Parse(t.InputSchema, args)
	if err != nil {
		return nil, usagef("call %s: %w; with --help behind the name it lists the parameters", t.Name, err)
	}
	return arguments, nil
}

// progress says how far the call is.
func (r *remote) progress(p client.Progress) {
	text := strconv.FormatFloat(p.Done, 'g', -1, 64)
	if p.Total > 0 {
		text += "/" + strconv.FormatFloat(p.Total, 'g', -1, 64)
	}
	r.notes.show(strings.TrimSpace(text + " " + oneLine(p.Message)))
}

// printResult prints what a tool answered. That it failed is the error.
func (r *remote) printResult(name string, result *client.Result, o *callFlags, saved *saver) error {
	s := screenOf(r.p.out)
	shown := &strings.Builder{}
	if err := printContent(shown, s, result, saved); err != nil {
		return fmt.Errorf("call %s: %w", name, err)
	}
	if o.json {
		for _, file := range saved.files {
			r.notes.say("saved %s", file)
		}
		if err := s.json(result.Raw); err != nil {
			return fmt.Errorf("call %s: printing the result: %w", name, err)
		}
	}
	switch {
	case result.IsError && o.json:
		return &exitError{exitTool, fmt.Errorf("call %s: the tool failed: see its result", name)}
	case result.IsError:
		text := strings.TrimSpace(clean(shown.String()))
		if text == "" {
			text = "the tool failed, and says nothing of why"
		}
		return &exitError{exitTool, errors.New("call " + name + ": " + text)}
	case o.json:
		return nil
	}
	_, err := io.WriteString(s.w, shown.String())
	return err
}

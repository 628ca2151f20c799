package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/cliargs"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/tool"
)

func (p *program) promptCommand() *cobra.Command {
	r := p.newRemote()
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "prompt [flags] TARGET NAME [key=value ...]",
		Short: "Print the messages of a prompt of a server",
		Long: `Print the messages of a prompt, each under the role that says it.

` + aboutTarget,
		Example: fmt.Sprintf(`  %[1]s prompt ./weather packing_list city=Oslo
  %[1]s prompt --json https://example.com/mcp review language=go`, p.name),
		Args: p.wants("prompt", 2, -1, "a TARGET and the NAME of a prompt"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.prompt(cmd.Context(), args[0], args[1], args[2:], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the whole result as JSON")
	r.addFlags(cmd.Flags())
	r.complete(cmd)
	return cmd
}

func (r *remote) prompt(ctx context.Context, target, name string, args []string, asJSON bool) error {
	arguments, err := promptArguments(args)
	if err != nil {
		return err
	}
	c, err := r.connect(ctx, target)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := r.checkPrompt(ctx, c, name, arguments); err != nil {
		return err
	}
	if asJSON {
		params, err := json.Marshal(map[string]any{"name": name, "arguments": arguments})
		if err != nil {
			return err
		}
		result, err := c.Do(ctx, mcp.PromptsGet, params)
		if err != nil {
			return r.failed(ctx, "prompt "+name, err)
		}
		return screenOf(r.p.out).json(result)
	}
	result, err := c.Prompt(ctx, name, arguments)
	if err != nil {
		return r.failed(ctx, "prompt "+name, err)
	}
	return printMessages(screenOf(r.p.out), result.Messages)
}

func promptArguments(args []string) (map[string]string, error) {
	arguments := make(map[string]string)
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, usagef("prompt: %q: want key=value", cut(arg, 40))
		}
		if _, twice := arguments[name]; twice {
			return nil, usagef("prompt: %s is given twice", cut(name, 40))
		}
		arguments[name] = value
	}
	return arguments, nil
}

// checkPrompt holds the name and the arguments to what the server lists.
func (r *remote) checkPrompt(ctx context.Context, c *client.Client, name string, given map[string]string) error {
	prompts, err := all(c.Server().Capabilities["prompts"] != nil, c.Prompts(ctx))
	if err != nil {
		return r.failed(ctx, "listing the prompts", err)
	}
	i := slices.IndexFunc(prompts, func(p *client.Prompt) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range prompts {
			names = append(names, oneLine(p.Name))
		}
		return unknown("prompt", name, names)
	}
	var known, missing []string
	for _, a := range prompts[i].Arguments {
		known = append(known, oneLine(a.Name))
		if _, ok := given[a.Name]; !ok && a.Required {
			missing = append(missing, oneLine(a.Name))
		}
	}
	for key := range given {
		if !slices.ContainsFunc(prompts[i].Arguments, func(a tool.PromptArgument) bool { return a.Name == key }) {
			return usagef("prompt %s: unknown argument %q%s: there are %s", name, cut(key, 40), cliargs.DidYouMean(key, known), cmp.Or(strings.Join(known, ", "), "none"))
		}
	}
	if missing != nil {
		return usagef("prompt %s: missing %s: give it as key=value", name, strings.Join(missing, ", "))
	}
	return nil
}

// printMessages prints messages under their roles.
func printMessages(s *screen, messages []tool.Message) error {
	for i, m := range messages {
		if i > 0 {
			fmt.Fprintln(s.w)
		}
		fmt.Fprintln(s.w, s.bold(oneLine(string(m.Role))+":"))
		if err := printBlock(s.w, s, m.Content, nil); err != nil {
			return err
		}
	}
	return nil
}

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessionmcp/sessionmcp/client"
)

// listing is what a server has, as list --json prints it. What was not asked for
// is nil.
type listing struct {
	Server    listedServer       `json:"server"`
	Tools     []*client.Tool     `json:"tools,omitzero"`
	Resources []*client.Resource `json:"resources,omitzero"`
	Templates []*client.Template `json:"resourceTemplates,omitzero"`
	Prompts   []*client.Prompt   `json:"prompts,omitzero"`
}

type listedServer struct {
	Name            string                     `json:"name"`
	Title           string                     `json:"title,omitempty"`
	Version         string                     `json:"version"`
	Description     string                     `json:"description,omitempty"`
	Instructions    string                     `json:"instructions,omitempty"`
	ProtocolVersion string                     `json:"protocolVersion"`
	Transport       string                     `json:"transport"`
	Capabilities    map[string]json.RawMessage `json:"capabilities"`
}

// listFlags say what is to be listed, and how.
type listFlags struct {
	tools, resources, templates, prompts, all bool
	schema, json                              bool
}

func (p *program) listCommand() *cobra.Command {
	r := p.newRemote()
	var o listFlags
	cmd := &cobra.Command{
		Use:   "list [flags] TARGET",
		Short: "List the tools of a server, or what else it has",
		Long: `List the tools of a server, or its resources, templates and prompts.

` + aboutTarget + `

Parameters in brackets may be left out. --schema prints the whole input schema of
each tool.`,
		Example: fmt.Sprintf(`  %[1]s list ./weather
  %[1]s list --all "npx -y @modelcontextprotocol/server-everything"
  %[1]s list --json --arg auth=KEY https://example.com/mcp`, p.name),
		Args: p.wants("list", 1, 1, "a TARGET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.list(cmd.Context(), args[0], &o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.tools, "tools", false, "list the tools, beside what else is asked for")
	f.BoolVar(&o.resources, "resources", false, "list the resources")
	f.BoolVar(&o.templates, "templates", false, "list the templates of resources")
	f.BoolVar(&o.prompts, "prompts", false, "list the prompts")
	f.BoolVar(&o.all, "all", false, "list all of these")
	f.BoolVar(&o.schema, "schema", false, "print the input schemas of the tools")
	f.BoolVar(&o.json, "json", false, "print it all as JSON")
	r.addFlags(f)
	r.complete(cmd)
	return cmd
}

func (r *remote) list(ctx context.Context, target string, o *listFlags) error {
	if o.all {
		o.tools, o.resources, o.templates, o.prompts = true, true, true, true
	}
	if !o.resources && !o.templates && !o.prompts {
		o.tools = true
	}
	c, err := r.connect(ctx, target)
	if err != nil {
		return err
	}
	defer c.Close()
	l, err := r.collect(ctx, c, o)
	if err != nil {
		return err
	}
	if o.json {
		return screenOf(r.p.out).json(l)
	}
	s, text := screenOf(r.p.out), &strings.Builder{}
	s.w = text
	l.print(s, o)
	_, err = io.WriteString(r.p.out, text.String())
	return err
}

// collect gets the lists that are asked for. One that the server says it does not
// have is empty.
func (r *remote) collect(ctx context.Context, c *client.Client, o *listFlags) (*listing, error) {
	s := c.Server()
	l := &listing{Server: listedServer{
		s.Name, s.Title, s.Version, s.Description, s.Instructions, s.ProtocolVersion, s.Transport, s.Capabilities,
	}}
	var err error
	has := func(capability string) bool { return s.Capabilities[capability] != nil }
	if o.tools {
		if l.Tools, err = all(has("tools"), c.Tools(ctx)); err != nil {
			return nil, r.failed(ctx, "listing the tools", err)
		}
	}
	if o.resources {
		if l.Resources, err = all(has("resources"), c.Resources(ctx)); err != nil {
			return nil, r.failed(ctx, "listing the resources", err)
		}
	}
	if o.templates {
		if l.Templates, err = all(has("resources"), c.Templates(ctx)); err != nil {
			return nil, r.failed(ctx, "listing the templates", err)
		}
	}
	if o.prompts {
		if l.Prompts, err = all(has("prompts"), c.Prompts(ctx)); err != nil {
			return nil, r.failed(ctx, "listing the prompts", err)
		}
	}
	return l, nil
}

// all collects a list, which is empty but not nil where the server has none.
func all[T any](has bool, seq iter.Seq2[*T, error]) ([]*T, error) {
	items := []*T{}
	if !has {
		return items, nil
	}
	for item, err := range seq {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

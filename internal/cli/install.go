package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessionmcp/sessionmcp/tool"
)

// installFlags say of what a client is told, and how.
type installFlags struct {
	client, name          string
	project, force, print bool
}

func (p *program) installCommand() *cobra.Command {
	r := p.newRemote()
	var o installFlags
	cmd := &cobra.Command{
		Use:   "install [flags] TARGET --client CLIENT",
		Short: "Add a server to the configuration of a client",
		Long: `Add a server to the configuration of an MCP client: of cursor, claude-code,
claude-desktop or vscode. What else is in the file stays as it is, comments
included; a copy of it is kept beside it. The server is not started.

` + aboutTarget + `

Connection arguments become part of the URL, or of the program's environment
(MCP_ARG_NAME). Clients start programs in a folder of their own: write paths among
the arguments of a program in full. For a client that takes no URL this command is
installed as a proxy.`,
		Example: fmt.Sprintf(`  %[1]s install --client cursor --arg auth=KEY https://example.com/mcp
  %[1]s install --client claude-desktop ./weather
  %[1]s install --client vscode --project -e API_KEY=KEY "npx -y some-server"
  %[1]s install --client claude-code --print ./weather`, p.name),
		Args: p.wants("install", 1, 1, "a TARGET"),
		RunE: func(_ *cobra.Command, args []string) error { return r.install(args[0], &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.client, "client", "", "the `client`: "+strings.Join(clientNames(), ", "))
	f.StringVar(&o.name, "name", "", "what the server is called there (default: the host, or the program)")
	f.BoolVar(&o.project, "project", false, "write the configuration of the project in this folder, not that of the user")
	f.BoolVar(&o.force, "force", false, "replace an entry of the same name")
	f.BoolVar(&o.print, "print", false, "print what would be added, and write nothing")
	f.BoolVar(&o.print, "dry-run", false, "the same as --print")
	r.addReach(f)
	r.complete(cmd)
	_ = cmd.RegisterFlagCompletionFunc("client", cobra.FixedCompletions(clientNames(), cobra.ShellCompDirectiveNoFileComp)) // it is there
	return cmd
}

func (r *remote) install(text string, o *installFlags) error {
	c, err := findClient(o.client)
	if err != nil {
		return err
	}
	t, err := readTarget(text)
	if err != nil {
		return err
	}
	entry, err := c.entry(t, r)
	if err != nil {
		return err
	}
	name := o.name
	if name == "" {
		name = t.defaultName()
	}
	if name == "" || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) {
		return usagef("the server has no name: give it one with --name")
	}
	path, err := c.file(o.project)
	if err != nil {
		return err
	}
	if o.print {
		return r.printEntry(c, path, name, entry)
	}
	return r.writeEntry(c, path, name, entry, o)
}

func (r *remote) writeEntry(c *mcpClient, path, name string, entry *configEntry, o *installFlags) error {
	file, err := readConfig(path)
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	text, err := setEntry(file.text, c.object, name, entry, o.force)
	if errors.Is(err, errTaken) {
		return fmt.Errorf("install: %s has an entry %s already: replace it with --force, or choose another name with --name", path, name)
	}
	if err != nil {
		return fmt.Errorf("install: %s: %w: mend it, or paste what --print prints", path, err)
	}
	backup, err := file.replace(text, time.Now())
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	fmt.Fprintf(r.p.out, "%s is in %s\n", name, path)
	if backup != "" {
		fmt.Fprintf(r.p.out, "What it was before is in %s\n", backup)
	}
	fmt.Fprintf(r.p.out, "%s reads it when it starts next.\n", c.title)
	if o.project && entry.hasSecrets() {
		r.notes.say("It holds secrets: keep %s out of version control.", filepath.Base(path))
	}
	return nil
}

// printEntry prints what is to be pasted into a configuration. A terminal does not
// get to show secrets.
func (r *remote) printEntry(c *mcpClient, path, name string, entry *configEntry) error {
	action := "To be added to"
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		action = "To be written to"
	}
	r.notes.say("%s %s:", action, path)
	if s := screenOf(r.p.out); s.tty && entry.hasSecrets() {
		entry = entry.redacted()
		r.notes.say("Secrets are left out on a terminal: redirect this to a file to have them.")
	}
	return printJSON(r.p.out, map[string]any{c.object: map[string]any{name: entry}})
}

const redacted = "[redacted]"

func (e *configEntry) hasSecrets() bool {
	r := e.redacted()
	return r.URL != e.URL || !slices.Equal(r.Args, e.Args) || len(e.Headers)+len(e.Env) > 0
}

// redacted returns the entry without its secrets: every header and variable, for
// any may be one, and the arguments of a URL.
func (e *configEntry) redacted() *configEntry {
	hidden := *e
	hide := func(values map[string]string) map[string]string {
		all := make(map[string]string)
		for name := range values {
			all[name] = redacted
		}
		return all
	}
	hidden.Headers, hidden.Env, hidden.URL = hide(e.Headers), hide(e.Env), redactURL(e.URL)
	hidden.Args = slices.Clone(e.Args)
	for i, arg := range hidden.Args {
		if i > 0 && hidden.Args[i-1] == "--header" {
			name, _, _ := strings.Cut(arg, ":")
			hidden.Args[i] = name + ": " + redacted
		} else if strings.Contains(arg, "://") {
			hidden.Args[i] = redactURL(arg)
		}
	}
	return &hidden
}

func redactURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.RawQuery == "" && u.User == nil {
		return address
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		u.User, u.RawQuery = nil, redacted // what of it can be read is not all of it
		return u.String()
	}
	hides := u.User != nil
	for name := range query {
		if tool.IsSecretName(name) {
			query[name], hides = []string{redacted}, true
		}
	}
	if !hides {
		return address
	}
	u.User, u.RawQuery = nil, strings.ReplaceAll(query.Encode(), url.QueryEscape(redacted), redacted)
	return u.String()
}

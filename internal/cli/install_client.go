package cli

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/cliargs"
)

// mcpClient is a program that is told of servers in a file.
type mcpClient struct {
	name    string
	title   string
	object  string // the member of the file that holds the servers
	project string // the file in a project's folder; "" for none
	user    func() (string, error)
	typed   bool // an entry says how the server is reached
	noURL   bool // only programs can be told of
}

// mcpClients are those that are known.
var mcpClients = []*mcpClient{
	{name: "cursor", title: "Cursor", object: "mcpServers", project: ".cursor/mcp.json", user: inHome(".cursor/mcp.json")},
	{name: "claude-code", title: "Claude Code", object: "mcpServers", project: ".mcp.json", user: claudeCodeFile, typed: true},
	{name: "claude-desktop", title: "Claude Desktop", object: "mcpServers", user: inConfig("Claude/claude_desktop_config.json"), noURL: true},
	{name: "vscode", title: "VS Code", object: "servers", project: ".vscode/mcp.json", user: inConfig("Code/User/mcp.json"), typed: true},
}

func inHome(path string) func() (string, error) {
	return func() (string, error) {
		home, err := os.UserHomeDir()
		return filepath.Join(home, filepath.FromSlash(path)), err
	}
}

// inConfig is below ~/Library/Application Support on macOS, %AppData% on Windows,
// and $XDG_CONFIG_HOME or ~/.config elsewhere.
func inConfig(path string) func() (string, error) {
	return func() (string, error) {
		dir, err := os.UserConfigDir()
		return filepath.Join(dir, filepath.FromSlash(path)), err
	}
}

func claudeCodeFile() (string, error) {
	if dir := os.Getenv("CLAUDE_CONFIG_DIR"); dir != "" {
		return filepath.Join(dir, ".claude.json"), nil
	}
	return inHome(".claude.json")()
}

func clientNames() []string {
	var names []string
	for _, c := range mcpClients {
		names = append(names, c.name)
	}
	return names
}

func findClient(name string) (*mcpClient, error) {
	if i := slices.IndexFunc(mcpClients, func(c *mcpClient) bool { return c.name == name }); i >= 0 {
		return mcpClients[i], nil
	}
	known := strings.Join(clientNames(), ", ")
	if name == "" {
		return nil, usagef("install wants --client, one of %s", known)
	}
	return nil, usagef("--client %s%s: want one of %s", cut(name, 40), cliargs.DidYouMean(name, clientNames()), known)
}

// file returns where the client's configuration is.
func (c *mcpClient) file(project bool) (string, error) {
	if !project {
		return c.user()
	}
	if c.project == "" {
		return "", usagef("%s has no configuration of a project: leave --project out", c.title)
	}
	return filepath.Abs(filepath.FromSlash(c.project))
}

// configEntry is what a client is told of a server.
type configEntry struct {
	Type    string            `json:"type,omitempty"`
	Command string            `json:"command,omitempty"`
	Args    []string          `json:"args,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
}

// entry returns what the client is told of a target.
func (c *mcpClient) entry(t *target, r *remote) (*configEntry, error) {
	header, err := r.check(t)
	if err != nil {
		return nil, err
	}
	if t.url == "" {
		return c.commandEntry(t, r)
	}
	address := withArgs(t.url, r.args.Values())
	if c.noURL {
		return proxyEntry(address, r)
	}
	e := &configEntry{URL: address, Headers: joined(header)}
	if c.typed {
		e.Type = cmp.Or(r.transport, guessTransport(t.url))
	}
	return e, nil
}

// guessTransport tells by its path how a URL is spoken to.
func guessTransport(address string) string {
	if u, err := url.Parse(address); err == nil && strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/sse") {
		return "sse"
	}
	return "http"
}

// joined returns headers as an object has them.
func joined(header http.Header) map[string]string {
	all := make(map[string]string)
	for name, values := range header {
		all[name] = strings.Join(values, ", ")
	}
	return all
}

// withArgs adds connection arguments to a URL. Those that it has of the same name
// give way; the rest of it stays as it is written.
func withArgs(address string, args url.Values) string {
	if len(args) == 0 {
		return address
	}
	address, fragment, hasFragment := strings.Cut(address, "#")
	base, query, _ := strings.Cut(address, "?")
	var parts []string
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(name); part != "" && (err != nil || !args.Has(name)) {
			parts = append(parts, part)
		}
	}
	address = base + "?" + strings.Join(append(parts, args.Encode()), "&")
	if hasFragment {
		address += "#" + fragment
	}
	return address
}

// commandEntry tells of a program. Its connection arguments are in its
// environment, where other users of the machine do not see them.
func (c *mcpClient) commandEntry(t *target, r *remote) (*configEntry, error) {
	e := &configEntry{Command: t.command[0], Args: t.command[1:], Env: make(map[string]string)}
	if c.typed {
		e.Type = "stdio"
	}
	if strings.ContainsAny(e.Command, `/\`) { // a client starts it in a folder of its own
		path, err := filepath.Abs(t.path)
		if err != nil {
			return nil, err
		}
		e.Command = path
	}
	for name, values := range r.args.Values() {
		e.Env["MCP_ARG_"+strings.ToUpper(name)] = values[0]
	}
	for _, pair := range r.env {
		name, value, _ := strings.Cut(pair, "=")
		e.Env[name] = value
	}
	return e, nil
}

// proxyEntry tells a client that knows only programs of a URL: this command offers
// it on standard input and output.
func proxyEntry(address string, r *remote) (*configEntry, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	e := &configEntry{Command: self, Args: []string{"proxy"}}
	switch r.transport {
	case "sse":
		e.Args = append(e.Args, "--transport", "sse")
	case "http":
		e.Args = append(e.Args, "--transport", "streamablehttp")
	}
	for _, line := range r.header {
		e.Args = append(e.Args, "--header", line)
	}
	e.Args = append(e.Args, address)
	return e, nil
}

// defaultName is what a server is called if nobody says otherwise: the host of a
// URL, a program, or what a program such as npx starts.
func (t *target) defaultName() string {
	if t.url != "" {
		u, _ := url.Parse(t.url) // readTarget has
		return fileName(u.Hostname())
	}
	name := programName(started(t.command))
	if i := strings.IndexAny(name, "@:"); i > 0 { // a version
		name = name[:i]
	}
	return fileName(name)
}

// launchers start what their arguments name; the words are those that may stand in
// front of that.
var launchers = map[string][]string{
	"npx": nil, "uvx": nil, "bunx": nil, "node": nil, "python": nil, "python3": nil,
	"pnpm": {"dlx", "exec"}, "bun": {"run", "x"}, "uv": {"run", "tool"}, "deno": {"run"}, "go": {"run"}, "docker": {"container", "run"},
}

// valued are the flags of launchers that have a value behind them.
var valued = []string{
	"-e", "--env", "--env-file", "-v", "--volume", "--mount", "-p", "--publish", "--name", "--network", "-u", "--user", "-w", "--workdir", "--entrypoint", // docker
	"--directory", "--project", "--with", "--from", "--python", // uv
	"--package", "-r", "--require", "--import", // npx, node
}

// started is what a command starts: the program, or what a launcher such as npx is
// told to start. What is behind that is not looked at: there may be secrets.
func started(command []string) string {
	skip, ok := launchers[programName(command[0])]
	if !ok {
		return command[0]
	}
	for i := 1; i < len(command); i++ {
		arg := command[i]
		switch {
		case slices.Contains(valued, arg):
			i++
		case !strings.HasPrefix(arg, "-") && !slices.Contains(skip, arg):
			return arg
		}
	}
	return command[0]
}

// programName is the last part of a path, without .exe and the like.
func programName(path string) string {
	name := filepath.Base(filepath.FromSlash(path))
	switch ext := filepath.Ext(name); ext {
	case ".exe", ".cmd", ".bat", ".py", ".js", ".ts", ".go", ".sh":
		return strings.TrimSuffix(name, ext)
	}
	return name
}

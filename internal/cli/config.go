package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/bridge"
	"github.com/sessionmcp/sessionmcp/internal/cliargs"
)

// serverConfig is a server in a file of --named-server-config, which is what MCP
// clients have in their own files, and what is ours besides.
type serverConfig struct {
	Command string            `json:"command"`
	Args    []string          `json:"args"`
	Env     map[string]string `json:"env"`
	Cwd     string            `json:"cwd"`

	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Query     map[string]string `json:"query"`
	Transport string            `json:"transport"`
	Type      string            `json:"type"` // what others call the transport

	Enabled  *bool `json:"enabled"`
	Disabled bool  `json:"disabled"`

	Shared       *bool    `json:"shared"`
	InjectParams *bool    `json:"injectParams"`
	ArgsToMeta   []string `json:"argsToMeta"`
	Timeout      lasting  `json:"timeout"` // to start
	Idle         lasting  `json:"idle"`
}

// knownKeys are those of serverConfig.
var knownKeys = []string{"command", "args", "env", "cwd", "url", "headers", "query", "transport", "type", "enabled", "disabled",
	"shared", "injectParams", "argsToMeta", "timeout", "idle"}

// lasting is a time: seconds as a number, or as in "90s".
type lasting time.Duration

// UnmarshalJSON implements [json.Unmarshaler].
func (d *lasting) UnmarshalJSON(text []byte) error {
	var seconds float64
	if json.Unmarshal(text, &seconds) == nil && seconds >= 0 && seconds < 1e9 {
		*d = lasting(seconds * float64(time.Second))
		return nil
	}
	var written string
	_ = json.Unmarshal(text, &written) // or it is no time
	parsed, err := time.ParseDuration(written)
	if err != nil {
		return &json.UnmarshalTypeError{Value: cut(string(text), 40), Type: reflect.TypeFor[lasting]()} // package json adds the key
	}
	*d = lasting(parsed)
	return nil
}

// proxied is one server that the proxy offers, under its name or, without one, as
// the default.
type proxied struct {
	bridge.Options
	file    string // that it stands in; "" for the command line
	failure error  // why it cannot be offered: the others can
}

// What the bridge calls its options is called otherwise by who wrote them.
var (
	flagNames = strings.NewReplacer("Options.Env:", "--env", "Options.Header:", "--header", "Options.Query:", "--query", "Options.URL", "the URL",
		"Options.Shared", "--shared", "Options.ArgsToMeta", "--arg-to-meta", "Options.Transport", "--transport", "Options.Command", "the command",
		"InjectParams", "--inject-params", "ArgsToMeta", "--arg-to-meta")
	keyNames = strings.NewReplacer("Options.Env:", `key "env":`, "Options.Header:", `key "headers":`, "Options.Query:", `key "query":`, "Options.URL", `key "url"`,
		"Options.Shared", `key "shared"`, "Options.ArgsToMeta", `key "argsToMeta"`, "Options.Transport", `key "transport"`, "Options.Command", `key "command"`,
		"InjectParams", "injectParams", "ArgsToMeta", "argsToMeta")
)

// newBridge makes the bridge. The error says where to mend what.
func (o *proxied) newBridge() (*bridge.Bridge, error) {
	b, err := bridge.New(o.Options)
	switch {
	case err == nil:
		return b, nil
	case o.file != "":
		return nil, o.inFile(errors.New(keyNames.Replace(err.Error())))
	case o.Name != "":
		return nil, usagef("--named-server %s: %s", cut(o.Name, 60), flagNames.Replace(err.Error()))
	}
	return nil, usagef("%s", flagNames.Replace(err.Error()))
}

// inFile says of an error where in the file the server is.
func (o *proxied) inFile(err error) error {
	return fmt.Errorf("%s: server %q: %w", o.file, o.Name, err)
}

// serverFile reads servers from a file.
type serverFile struct {
	path   string
	logger *slog.Logger
	base   func(name string) bridge.Options // what the command line says of all
	env    []string                         // that each command gets
	getenv func(string) (string, bool)
}

// read returns the servers that are switched on, by name. An error of one is in
// its own.
func (c *serverFile) read() ([]proxied, error) {
	text, err := os.ReadFile(c.path)
	if err != nil {
		return nil, fmt.Errorf("--named-server-config: %w", err)
	}
	var file struct {
		MCPServers map[string]json.RawMessage `json:"mcpServers"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &file); err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, located(text, err))
	}
	if file.MCPServers == nil {
		return nil, fmt.Errorf(`%s has no "mcpServers": want {"mcpServers": {"NAME": {"command": …}}}`, c.path)
	}
	var offers []proxied
	for _, name := range slices.Sorted(maps.Keys(file.MCPServers)) {
		o := proxied{Options: c.base(name), file: c.path}
		on, err := c.server(&o.Options, file.MCPServers[name])
		if !on && err == nil {
			c.logger.Info("the server is switched off", "file", c.path, "server", name)
			continue
		}
		if err != nil {
			o.failure = o.inFile(err)
		}
		offers = append(offers, o)
	}
	return offers, nil
}

// located says in which line a syntax error is.
func located(text []byte, err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at := min(int(syntax.Offset), len(text))
		return fmt.Errorf("line %d: %w", 1+bytes.Count(text[:at], []byte("\n")), err)
	}
	return mistyped(err)
}

// mistyped says which key has a value of the wrong type, and not the value.
func mistyped(err error) error {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	key := ""
	if wrong.Field != "" {
		key = fmt.Sprintf("key %q: ", wrong.Field)
	}
	return fmt.Errorf("%swant %s, have %s", key, jsonName(wrong.Type), wrong.Value)
}

// jsonName is what a type of ours wants to see in JSON.
func jsonName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[lasting]():
		return `seconds, or a time such as "90s"`
	case t.Kind() == reflect.Slice:
		return "an array of strings"
	case t.Kind() == reflect.Map, t.Kind() == reflect.Struct:
		return "an object"
	case t.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a " + t.Kind().String()
}

// server fills in what the file says of a server, and reports whether it is on.
func (c *serverFile) server(o *bridge.Options, text json.RawMessage) (on bool, err error) {
	if err := checkName(o.Name); err != nil {
		return true, err
	}
	var s serverConfig
	if err := json.Unmarshal(text, &s); err != nil {
		return true, mistyped(err)
	}
	if s.Disabled || s.Enabled != nil && !*s.Enabled {
		return false, nil
	}
	c.warn(o.Name, text)
	if err := s.check(); err != nil {
		return true, err
	}
	if err := c.expandAll(&s); err != nil {
		return true, err
	}
	s.fill(o, c.env)
	return true, nil
}

// warn tells of keys that mean nothing here.
func (c *serverFile) warn(name string, text json.RawMessage) {
	var keys map[string]json.RawMessage
	_ = json.Unmarshal(text, &keys) // is an object
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.ContainsFunc(knownKeys, func(known string) bool { return strings.EqualFold(known, key) }) {
			c.logger.Warn("the key is unknown and ignored"+cliargs.DidYouMean(key, knownKeys), "file", c.path, "server", name, "key", key)
		}
	}
}

// check holds the keys to each other.
func (s *serverConfig) check() error {
	switch {
	case s.Command == "" && s.URL == "":
		return errors.New(`wants the key "command" or "url"`)
	case s.Command != "" && s.URL != "":
		return errors.New(`has the keys "command" and "url": want one of them`)
	case s.Command != "" && len(s.Headers)+len(s.Query) > 0:
		return errors.New(`the keys "headers" and "query" are for a url: a command takes "env"`)
	case s.URL != "" && (len(s.Args)+len(s.Env) > 0 || s.Cwd != ""):
		return errors.New(`the keys "args", "env" and "cwd" are for a command: a url takes "headers" and "query"`)
	case s.Timeout < 0:
		return errors.New(`key "timeout": want more than 0`)
	case s.URL != "" && !isURL(s.URL):
		return errors.New(`key "url": want http:// or https://`)
	}
	if s.Transport == "" {
		s.Transport = s.Type
	}
	if s.Command != "" {
		s.Transport = "" // stdio, whatever it is called
		return nil
	}
	transport, err := readTransport(s.Transport)
	if err != nil {
		return fmt.Errorf(`key "transport": %w`, err)
	}
	s.Transport = transport
	return nil
}

// fill says it in the bridge's words.
func (s *serverConfig) fill(o *bridge.Options, env []string) {
	if s.URL != "" {
		o.URL, o.Transport, o.Query = s.URL, s.Transport, pairs(s.Query)
		o.Header = make(http.Header)
		for name, value := range s.Headers {
			o.Header.Set(name, value)
		}
	} else {
		o.HTTPClient = nil
		o.Command = &client.Command{Path: s.Command, Args: s.Args, Dir: s.Cwd, Env: env}
		o.Env = pairs(s.Env)
	}
	if s.Shared != nil {
		o.Shared = *s.Shared
	}
	if s.InjectParams != nil {
		o.InjectParams = *s.InjectParams
	}
	if s.ArgsToMeta != nil {
		o.ArgsToMeta = s.ArgsToMeta
	}
	if s.Timeout != 0 {
		o.Start = time.Duration(s.Timeout)
	}
	if s.Idle != 0 {
		o.Idle = time.Duration(s.Idle)
	}
}

// pairs returns name=value, by name.
func pairs(values map[string]string) []string {
	var joined []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		joined = append(joined, name+"="+values[name])
	}
	return joined
}

// expandAll puts the proxy's environment in for ${NAME}. Where braces mean a
// connection argument, those of the environment mean themselves.
func (c *serverFile) expandAll(s *serverConfig) (err error) {
	text := func(key string, at *string, template bool) {
		expanded, failed := c.expand(*at, template)
		if failed != nil && err == nil {
			err = fmt.Errorf("key %q: %w", key, failed)
		}
		*at = expanded
	}
	text("command", &s.Command, false)
	text("cwd", &s.Cwd, false)
	text("url", &s.URL, true)
	for i := range s.Args {
		text(fmt.Sprintf("args[%d]", i), &s.Args[i], false)
	}
	for key, values := range map[string]map[string]string{"env": s.Env, "headers": s.Headers, "query": s.Query} {
		for name, value := range values {
			text(key+"."+name, &value, true)
			values[name] = value
		}
	}
	return err
}

// variable is ${NAME}, or ${NAME:-default}; with another $ in front it is itself.
var variable = regexp.MustCompile(`\$?\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

func (c *serverFile) expand(text string, template bool) (string, error) {
	var missing error
	expanded := variable.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		parts := variable.FindStringSubmatch(found)
		value, ok := c.getenv(parts[1])
		switch {
		case ok && value != "":
		case parts[2] != "":
			value = parts[3]
		case !ok && missing == nil:
			missing = fmt.Errorf("the environment has no %s: set it, or write ${%[1]s:-default}", parts[1])
		}
		if template {
			value = doubleBraces.Replace(value)
		}
		return value
	})
	return expanded, missing
}

// checkName refuses names that cannot be a part of a path.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return fmt.Errorf("%q cannot be a server's name: its place is /servers/NAME/", cut(name, 40))
	}
	return nil
}

// readTransport reads what others call the transport of a URL, too; "" is found out.
func readTransport(name string) (string, error) {
	switch strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name)) {
	case "":
		return "", nil
	case "sse":
		return "sse", nil
	case "http", "streamablehttp":
		return "http", nil
	}
	return "", fmt.Errorf("%s: want sse or streamablehttp", cut(name, 40))
}

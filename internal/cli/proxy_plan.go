package cli

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/bridge"
	"github.com/sessionmcp/sessionmcp/internal/cliargs"
)

// proxyPlan is what the proxy is to do.
type proxyPlan struct {
	offers []proxied
	stdio  bool   // the one server is served on standard input and output
	addr   string // where HTTP is served
	keys   *keyring
	flags  *proxyFlags
	logger *slog.Logger
}

// planner makes a plan of the command line.
type planner struct {
	flags   *proxyFlags
	set     *pflag.FlagSet
	program *program
	logger  *slog.Logger
	client  *http.Client // for URLs; nil is the usual one
}

// plan returns what is to be done for a target: a URL, a command and its
// arguments, or none where there are named servers.
func (pl *planner) plan(target []string) (plan *proxyPlan, err error) {
	f := pl.flags
	namedServers := len(f.named) > 0 || f.config != ""
	if url := os.Getenv("SSE_URL"); len(target) == 0 && !namedServers && url != "" {
		target = []string{url}
	}
	if len(target) == 0 && !namedServers {
		return nil, usagef("name a server to offer, a URL or -- COMMAND ARGS...: see %s proxy --help", pl.program.name)
	}
	url := len(target) > 0 && isURL(target[0])
	plan = &proxyPlan{flags: f, logger: pl.logger}
	plan.stdio = url && !namedServers && !pl.given("port", "sse-port", "http")
	if err := pl.checkPlaces(plan.stdio, len(target) > 0 && !url, url); err != nil {
		return nil, err
	}
	if err := pl.checkUpstreams(); err != nil {
		return nil, err
	}
	if pl.client, err = httpClient(f.verify, pl.logger); err != nil {
		return nil, err
	}
	if plan.offers, err = pl.offers(target); err != nil {
		return nil, err
	}
	if plan.stdio {
		return plan, nil
	}
	if err := pl.checkFront(); err != nil {
		return nil, err
	}
	if plan.addr, err = pl.address(); err != nil {
		return nil, err
	}
	plan.keys, err = newKeyring(f.keys, f.keyFile, pl.logger)
	return plan, err
}

func (pl *planner) given(names ...string) bool { return slices.ContainsFunc(names, pl.set.Changed) }

// checkPlaces refuses flags that would have no effect: whoever gives them believes
// that they have.
func (pl *planner) checkPlaces(stdio, command, url bool) error {
	for _, group := range []struct {
		ok    bool
		why   string
		names []string
	}{
		{!stdio, "is for serving HTTP: add --port or --http", []string{"host", "sse-host", "allow-origin", "expose-header", "allow-host",
			"path", "stateless", "api-key", "api-keys"}},
		{stdio, "is for a client on standard input: over HTTP the client's URL has the arguments, as in /sse?name=value", []string{"arg"}},
		{command, "is for a command that is the default server: a URL takes --header and --query, named servers have env and cwd in their file", []string{"env", "cwd"}},
		{url, "is for a URL that is the default server: a command takes --env, named servers have theirs in their file", []string{"header", "query", "transport"}},
	} {
		for _, name := range group.names {
			if !group.ok && pl.set.Changed(name) {
				return usagef("--%s %s", name, group.why)
			}
		}
	}
	return nil
}

func (pl *planner) checkUpstreams() error {
	f := pl.flags
	switch {
	case f.upstreams < 1:
		return usagef("--max-upstreams %d: want 1 or more", f.upstreams)
	case f.start <= 0:
		return usagef("--start-timeout %v: want a time, such as 30s", f.start)
	case f.idle == 0:
		return usagef("--idle 0: want a time, such as 30m, or -1s for never")
	}
	return nil
}

// pathPattern is what --path may be: whole segments, of which some have a name.
var pathPattern = regexp.MustCompile(`^(/([A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}))*/?$`)

func (pl *planner) checkFront() error {
	f := pl.flags
	for _, origin := range f.origins {
		if origin != "*" && (!isOrigin(origin) || !strings.Contains(origin, "://")) {
			return usagef("--allow-origin %s: want https://HOST without a path, or *", cut(origin, 60))
		}
	}
	for _, name := range f.expose {
		if !isToken(name) {
			return usagef("--expose-header %q: want the name of a header", cut(name, 60))
		}
	}
	if !pathPattern.MatchString(f.path) {
		return usagef("--path %s: want segments that are names or {argument}, such as /k/{auth}/", cut(f.path, 60))
	}
	var names []string
	for _, segment := range strings.Split(f.path, "/") {
		if slices.Contains(names, segment) {
			return usagef("--path %s: the argument %s is there twice", cut(f.path, 60), segment)
		}
		if strings.HasPrefix(segment, "{") {
			names = append(names, segment)
		}
	}
	return nil
}

var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// isToken reports whether text can be the name of a header (RFC 9110, section 5.6.2).
func isToken(text string) bool { return token.MatchString(text) }

// address is where HTTP is served. The older flags count where the others are not
// given.
func (pl *planner) address() (string, error) {
	f := pl.flags
	if f.http != "" {
		if pl.given("host", "port", "sse-host", "sse-port") {
			return "", usagef("--http is --host and --port in one: give either")
		}
		if _, _, err := net.SplitHostPort(f.http); err != nil {
			return "", usagef("--http %s: want HOST:PORT, such as 127.0.0.1:8080", cut(f.http, 60))
		}
		return f.http, nil
	}
	host, port := f.host, f.port
	if pl.given("sse-host") && !pl.given("host") {
		host = f.sseHost
	}
	if pl.given("sse-port") && !pl.given("port") {
		port = f.ssePort
	}
	if port < 0 || port > 65535 {
		return "", usagef("--port %d: want 0 to 65535", port)
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port)), nil
}

// offers returns the servers: the default one first.
func (pl *planner) offers(target []string) (offers []proxied, err error) {
	if len(target) > 0 {
		o := proxied{Options: pl.base("")}
		if err := pl.fillDefault(&o.Options, target); err != nil {
			return nil, err
		}
		offers = append(offers, o)
	}
	for _, text := range pl.flags.named {
		o, err := pl.named(text)
		if err != nil {
			return nil, err
		}
		offers = append(offers, o)
	}
	if pl.flags.config != "" {
		file := serverFile{path: pl.flags.config, logger: pl.logger, base: pl.base, env: pl.environment(), getenv: os.LookupEnv}
		more, err := file.read()
		if err != nil {
			return nil, err
		}
		offers = append(offers, more...)
	}
	seen := make(map[string]bool)
	for _, o := range offers {
		if seen[o.Name] {
			return nil, usagef("there are two servers of the name %s: one of --named-server, one in %s, or both of the same", cut(o.Name, 60), cut(pl.flags.config, 60))
		}
		seen[o.Name] = true
		if o.Name != "" && o.failure == nil && o.Command != nil {
			if err := pl.checkProgram(o.Command.Path); err != nil { // it may be there when somebody connects
				pl.logger.Warn("the server cannot be started now", "server", o.Name, "error", err)
			}
		}
	}
	if len(offers) == 0 {
		return nil, fmt.Errorf("%s: no server is switched on", pl.flags.config)
	}
	return offers, nil
}

// base is what the command line says of all servers.
func (pl *planner) base(name string) bridge.Options {
	f, logger := pl.flags, pl.logger
	if name != "" {
		logger = logger.With("server", name)
	}
	return bridge.Options{
		Name: name, Shared: f.shared, ArgsToMeta: f.toMeta, InjectParams: f.inject, SecretArgs: f.secretArgs,
		Upstreams: f.upstreams, Idle: f.idle, Start: f.start,
		HTTPClient: pl.client, Logger: logger,
	}
}

func (pl *planner) fillDefault(o *bridge.Options, target []string) (err error) {
	f := pl.flags
	if !isURL(target[0]) {
		o.HTTPClient = nil
		if err := pl.checkProgram(target[0]); err != nil {
			return err
		}
		o.Command = &client.Command{Path: target[0], Args: target[1:], Dir: f.cwd, Env: pl.environment()}
		o.Env = f.env
		return checkPairs("env", f.env)
	}
	if len(target) > 1 {
		return usagef("%q behind the URL: a URL has no arguments, and flags stand before --", cut(target[1], 60))
	}
	o.URL, o.Query = target[0], f.query
	if o.Transport, err = readTransport(f.transport); err != nil {
		return usagef("--transport %w", err)
	}
	if o.Header, err = readHeaders(f.header); err != nil {
		return err
	}
	if token := os.Getenv("API_ACCESS_TOKEN"); token != "" && o.Header.Get("Authorization") == "" {
		o.Header.Set("Authorization", "Bearer "+doubleBraces.Replace(token))
	}
	return checkPairs("query", f.query)
}

// checkPairs holds what flags say to NAME=VALUE. The error does not repeat it: it
// may be a secret.
func checkPairs(flag string, pairs []string) error {
	for _, pair := range pairs {
		if name, _, ok := strings.Cut(pair, "="); !ok || name == "" || strings.ContainsAny(name, " \x00") {
			return usagef("--%s: want NAME=VALUE", flag)
		}
	}
	return nil
}

// checkProgram looks for a program before anybody connects: a command that was
// mistyped ends up here, too.
func (pl *planner) checkProgram(name string) error {
	if strings.ContainsAny(name, `/\`) { // from --cwd, maybe
		return nil
	}
	if _, err := exec.LookPath(name); err != nil {
		var commands []string
		for _, c := range pl.program.root().Commands() {
			commands = append(commands, c.Name())
		}
		return &exitError{exitNoServer, fmt.Errorf("there is no program %q in PATH, and no such command%s", cut(name, 60), cliargs.DidYouMean(name, commands))}
	}
	return nil
}

// named returns the server of a --named-server, NAME=COMMAND by now.
func (pl *planner) named(text string) (proxied, error) {
	name, command, _ := strings.Cut(text, "=")
	if err := checkName(name); err != nil {
		return proxied{}, usagef("--named-server: %w", err)
	}
	words, err := splitWords(command)
	if err != nil {
		return proxied{}, usagef("--named-server %s: %w", cut(name, 60), err)
	}
	o := proxied{Options: pl.base(name)}
	if len(words) == 1 && isURL(words[0]) {
		o.URL = words[0]
		return o, nil
	}
	o.HTTPClient = nil
	o.Command = &client.Command{Path: words[0], Args: words[1:], Env: pl.environment()}
	return o, nil
}

// inherited are the variables that a program gets in any case: where it finds
// other programs and its user's things, and nothing that was meant for the proxy.
func inherited() []string {
	if runtime.GOOS == "windows" {
		return []string{"APPDATA", "COMSPEC", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATH", "PATHEXT", "PROCESSOR_ARCHITECTURE",
			"PROGRAMDATA", "PROGRAMFILES", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE", "WINDIR"}
	}
	return []string{"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"}
}

// environment is what commands are started with, before --env. It is never nil,
// which would be all of the proxy's.
func (pl *planner) environment() []string {
	if pl.flags.passEnv {
		return os.Environ()
	}
	env := []string{}
	for _, name := range inherited() {
		if value, ok := os.LookupEnv(name); ok && !strings.HasPrefix(value, "()") { // a function of a shell
			env = append(env, name+"="+value)
		}
	}
	return env
}

// httpClient returns who makes the requests for URLs: nil for the usual one.
func httpClient(verify string, logger *slog.Logger) (*http.Client, error) {
	var config tls.Config
	switch strings.ToLower(verify) {
	case "true", "yes", "on", "1", "":
		return nil, nil
	case "false", "no", "off", "0":
		logger.Warn("certificates are not checked: whoever is in between can read and change everything, credentials too")
		config.InsecureSkipVerify = true
	default:
		text, err := os.ReadFile(verify)
		if err != nil {
			return nil, usagef("--verify-ssl: want true, false, or a file of certificates: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, usagef("--verify-ssl: there is no certificate (PEM) in %s", verify)
		}
	}
	usual, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		usual = new(http.Transport)
	}
	transport := usual.Clone()
	transport.TLSClientConfig = &config
	return &http.Client{Transport: transport}, nil
}

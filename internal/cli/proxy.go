package cli

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessionmcp/sessionmcp/internal/cliargs"
)

const proxyLong = `Offer a program that speaks MCP on its standard input and output over HTTP, at
/mcp, /sse and /messages/; or a remote server on standard input and output; or,
with --port or --http, a remote server over HTTP again.

Each connection has an upstream of its own, unless --shared says otherwise: a
program that was written for one user serves many. What a client puts into its
URL, such as ?auth=KEY, are connection arguments, as is the Bearer token, which is
called auth. {name} in --env, --header, --query and in the URL of a server is the
argument, and {name?default} one that may be missing; a connection that lacks one
is refused before anything is started. {{ and }} are braces. So it is where name
and value are one word. In two, as in -e KEY VALUE, the value is taken as it is.

Flags stand in front of a command, whose own flags follow it; those of a URL may
stand anywhere. A program gets PATH, HOME and a few more of the environment, all
of it with --pass-environment, and what --env says. --env, --cwd, --header,
--query and --transport are for the default server; named servers, at
/servers/NAME/, have theirs in the file. Each yes-or-no flag has a --no-… too.

The file of --named-server-config is {"mcpServers": {"NAME": {…}}}, as MCP clients
have it. Keys: command, args, env, cwd; url, headers, query, transport; enabled,
disabled, shared, injectParams, argsToMeta, timeout, idle. ${VAR} in it is taken
from the environment of the proxy.

--api-key, or a file of --api-keys, keeps others out: a request then has to carry
a key as Bearer token, as X-API-Key, or as api_key in its URL. It is not passed on.

Environment: SSE_URL is the server if none is given; API_ACCESS_TOKEN the Bearer
token for the default server's URL; SESSIONMCP_API_KEY, or MCP_PROXY_API_KEY, is
--api-key, which others on this machine can see if it is on the command line.`

// proxyFlags are what the command line says.
type proxyFlags struct {
	http, host, sseHost    string
	port, ssePort          int
	origins, expose, hosts []string
	path                   string
	stateless, enhanced    bool
	keys                   []string
	keyFile                string

	env, header, query []string
	cwd, transport     string
	passEnv            bool
	verify             string
	named              []string
	config             string

	shared, inject     bool
	toMeta, secretArgs []string
	args               cliargs.Pairs
	upstreams          int
	idle, start        time.Duration

	level string
	debug bool
}

// proxyCommand returns the command that puts a server behind another transport.
func (p *program) proxyCommand() *cobra.Command {
	var f proxyFlags
	cmd := &cobra.Command{
		Use:   "proxy [flags] (-- COMMAND ARGS... | URL)",
		Short: "Offer any MCP server over another transport, an upstream for each user",
		Long:  proxyLong,
		Example: strings.NewReplacer("NAME", p.name).Replace(`  NAME --port 8080 --env API_KEY={auth} -- npx -y some-server
  NAME proxy https://example.com/sse?auth=KEY
  NAME proxy --http :8080 --header "Authorization: Bearer {auth}" https://example.com/mcp
  NAME proxy --port 8080 --named-server fetch "uvx mcp-server-fetch" --api-key KEY`),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.proxy(cmd.Context(), cmd.Flags(), &f, args)
		},
	}
	f.addAll(cmd.Flags())
	return cmd
}

// addAll adds all flags.
func (f *proxyFlags) addAll(set *pflag.FlagSet) {
	set.SortFlags = false
	set.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "headers" {
			name = "header"
		}
		return pflag.NormalizedName(name)
	})
	f.addFront(set)
	f.addServers(set)
	f.addUpstreams(set)
	set.StringVar(&f.level, "log-level", "info", "log from this `level` on: debug, info, warn, error")
	set.BoolVar(&f.debug, "debug", false, "log everything, whatever --log-level says")
}

// addFront adds the flags of what clients see.
func (f *proxyFlags) addFront(set *pflag.FlagSet) {
	set.IntVar(&f.port, "port", 0, "serve HTTP on this `port`; 0 picks a free one")
	set.StringVar(&f.host, "host", "127.0.0.1", "serve HTTP on this `address`")
	set.StringVar(&f.http, "http", "", "serve HTTP on this `HOST:PORT`")
	set.IntVar(&f.ssePort, "sse-port", 0, "older name of --port, which wins")
	set.StringVar(&f.sseHost, "sse-host", "127.0.0.1", "older name of --host, which wins")
	set.StringSliceVar(&f.origins, "allow-origin", nil, "`origin` whose web pages may connect, or *; may be repeated, or separated by commas")
	set.StringSliceVar(&f.expose, "expose-header", nil, "response `header` that those pages may read; may be repeated")
	set.StringSliceVar(&f.hosts, "allow-host", nil, "`host` that requests may name on a loopback address, for a web server in front; may be repeated")
	set.StringVar(&f.path, "path", "", "serve under this `pattern`, such as /k/{auth}/, whose {name} are connection arguments")
	set.BoolVar(&f.stateless, "stateless", false, "serve /mcp without sessions")
	set.StringArrayVar(&f.keys, "api-key", nil, "let only requests in that carry this `key`")
	set.StringVar(&f.keyFile, "api-keys", "", "let only requests in that carry a key of this `file`, of lines KEY PRINCIPAL; mode 0600")
	set.BoolVar(&f.enhanced, "enhanced", true, "is always on: connection arguments reach the server")
}

// addServers adds the flags that say what is offered.
func (f *proxyFlags) addServers(set *pflag.FlagSet) {
	set.StringArrayVarP(&f.env, "env", "e", nil, "environment variable of the command, as `KEY=VALUE` or KEY VALUE; may be repeated")
	set.StringVar(&f.cwd, "cwd", "", "`folder` that the command is started in")
	set.BoolVar(&f.passEnv, "pass-environment", false, "start commands with the whole environment")
	set.StringArrayVarP(&f.header, "header", "H", nil, "header for the URL, as `\"KEY: VALUE\"` or KEY VALUE; also --headers; may be repeated")
	set.StringArrayVar(&f.query, "query", nil, "part of the query for the URL, as `NAME=VALUE`; may be repeated")
	set.StringVar(&f.transport, "transport", "", "how the URL is spoken to, `sse` or streamablehttp, instead of finding out")
	set.StringVar(&f.verify, "verify-ssl", "true", "check the certificates of URLs: true, false, or the `file` of the authorities that count (PEM)")
	set.Lookup("verify-ssl").NoOptDefVal = "true"
	set.StringArrayVar(&f.named, "named-server", nil, "`NAME COMMAND`: offer a command, or a URL, at /servers/NAME/; may be repeated")
	set.StringVar(&f.config, "named-server-config", "", "offer the servers of this JSON `file` at /servers/NAME/")
}

// addUpstreams adds the flags that say how connections meet upstreams.
func (f *proxyFlags) addUpstreams(set *pflag.FlagSet) {
	set.BoolVar(&f.shared, "shared", false, "have all connections share one upstream, which knows none of them")
	set.StringSliceVar(&f.toMeta, "arg-to-meta", nil, "put this connection argument into the _meta of each request, under sessionmcp/args; * is all; may be repeated")
	set.BoolVar(&f.inject, "inject-params", false, "put the connection arguments into each tool call, as the argument _session_params")
	set.StringSliceVar(&f.secretArgs, "secret-arg", nil, "connection argument that is a secret and says who is calling, beside auth, token, api_key and the like; may be repeated")
	set.Var(&f.args, "arg", "connection argument of the client on standard input; may be repeated")
	set.IntVar(&f.upstreams, "max-upstreams", 100, "most upstreams at once")
	set.DurationVar(&f.idle, "idle", time.Hour, "end an upstream without a message for this `time`; negative is never")
	set.DurationVar(&f.start, "start-timeout", time.Minute, "`time` that an upstream may take to start")
}

// proxy offers the servers.
func (p *program) proxy(ctx context.Context, set *pflag.FlagSet, f *proxyFlags, target []string) error {
	logger, err := newLogger(p.err, f.level, f.debug)
	if err != nil {
		return err
	}
	pl := planner{flags: f, set: set, program: p, logger: logger}
	plan, err := pl.plan(target)
	if err != nil {
		return err
	}
	// A log that nobody reads any more is no reason to end, as it is by default.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if plan.stdio {
		return p.proxyStdio(ctx, plan)
	}
	return p.proxyHTTP(ctx, plan)
}

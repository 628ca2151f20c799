package server_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// leaky does with its context what a careless tool may: it logs and prints all
// there is, and then fails.
func leaky(ctx *tool.Context, how string) error {
	args := ctx.Args()
	holder := struct {
		Args   tool.Args
		args   tool.Args
		ctx    *tool.Context
		secret tool.Secret
	}{args, args, ctx, args.Secret("auth")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		ctx.Log().Info(fmt.Sprintf(verb, args), "ctx", fmt.Sprintf(verb, ctx), "holder", fmt.Sprintf(verb, holder))
	}
	for _, name := range args.Names() {
		value := args.Get(name)
		ctx.Log().Warn("value "+value, "value", value, slog.Group("group", "value", value),
			"error", errors.New("upstream said no to "+value), "any", map[string]any{"v": value}, "holder", holder)
		ctx.Log().With("value", value).WithGroup("g").Error("with")
	}
	switch how {
	case "error":
		return fmt.Errorf("upstream refused %v with %s", args, args.Get("auth"))
	case "panic":
		panic(fmt.Sprint("cannot use ", args.Get("auth"), args))
	}
	return nil
}

// TestSecretsStayHidden plants secrets wherever a connection can bring them,
// takes every path on which something is said about them, and searches all that
// was said, but for what a tool returns on purpose.
func TestSecretsStayHidden(t *testing.T) {
	const planted = "PLANTED-SECRET"
	var log logBuffer
	defaults := slog.Default()
	slog.SetDefault(log.logger())
	defer slog.SetDefault(defaults)
	options := server.Options{
		Logger:     log.logger(),
		SecretArgs: []string{"passport"},
		Args: struct {
			Limit int `arg:"limit"`
		}{},
		Authenticate: func(c *server.Connect) (any, error) {
			if c.Args.Get("deny") != "" {
				return nil, tool.UserError(fmt.Errorf("no user for %s", c.Args.Get("auth")))
			}
			if c.Args.Get("crash") != "" {
				panic("cannot parse " + c.Args.Get("auth"))
			}
			return nil, nil
		},
		ArgEnv: map[string]string{"PLANTED_KEY": "auth"},
	}
	srv := server.New("secrets", "1", options)
	srv.Tool(leaky, tool.Name("leaky"), tool.Params("how"))
	srv.Resource("test://leaky", func(ctx *tool.Context) (string, error) { return "", leaky(ctx, "error") })
	mux := http.NewServeMux()
	mux.Handle("/", srv.Handler())
	mux.Handle("/k/{auth}/", srv.Handler())
	h := servertest.StartHandler(t, srv, mux)

	var said logBuffer
	use := func(o servertest.Options) {
		o.Tap = func(text []byte) { said.Write(text) }
		c, err := h.Dial(o)
		if err != nil {
			fmt.Fprintln(&said, err)
			return
		}
		if o.Revision != servertest.Stateless {
			if _, err := c.Request("logging/setLevel", map[string]any{"level": "debug"}); err != nil {
				t.Error(err)
			}
		}
		for _, how := range []any{"log", "error", "panic", 5} {
			if _, err := c.TryCall("leaky", map[string]any{"how": how}); err != nil {
				fmt.Fprintln(&said, err)
			}
		}
		_, err = c.Request("resources/read", map[string]any{"uri": "test://leaky"})
		fmt.Fprintln(&said, err)
		_ = c.SendText(`{"bad`)
		if o.Transport == servertest.SSE {
			for _, path := range []string{"&auth=OTHER", "&limit=%zz"} {
				status := map[string]int{"&auth=OTHER": http.StatusForbidden, "&limit=%zz": http.StatusAccepted}[path]
				fmt.Fprintln(&said, post(t, c.Endpoint+path, o.Header.Clone(), `{"jsonrpc":"2.0","id":1,"method":"x"}`, status))
			}
		}
		c.Close()
	}
	all := url.Values{}
	for _, name := range []string{"auth", "token", "key", "api_key", "apikey", "access_token", "password", "secret", "passport", "API-Key"} {
		all.Set(name, planted+"-"+name)
	}
	with := func(name, value string) url.Values {
		v := url.Values{}
		for k, vals := range all {
			v[k] = vals
		}
		v.Set(name, value)
		return v
	}
	for _, via := range transports {
		use(servertest.Options{Transport: via, Args: all})
	}
	stateless := servertest.Options{Transport: servertest.HTTP, Revision: servertest.Stateless, LogLevel: "debug"}
	use(servertest.Options{Transport: servertest.HTTP, Args: all})
	for _, args := range []url.Values{all, with("limit", planted), with("deny", "1"), with("crash", "1")} {
		o := stateless
		o.Args = args
		use(o)
		use(servertest.Options{Transport: servertest.HTTP, Args: args})
	}
	use(servertest.Options{Transport: servertest.HTTP, Path: "/k/" + planted + "/mcp"})
	use(servertest.Options{Transport: servertest.SSE, Path: "/k/" + planted + "/sse"})
	use(servertest.Options{Transport: servertest.SSE, Header: http.Header{"Authorization": {"Bearer " + planted}}})
	for _, via := range transports[:3] {
		use(servertest.Options{Transport: via, Args: with("limit", planted)})
		use(servertest.Options{Transport: via, Args: with("deny", "1")})
		use(servertest.Options{Transport: via, Args: with("crash", "1")})
	}
	for _, path := range []string{"/sse?auth=" + planted + "&x=%zz", "/other?auth=" + planted, "/messages/?auth=" + planted, "/mcp?auth=" + planted} {
		res, err := http.Get(h.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		said.Write(body)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	t.Setenv("PLANTED_KEY", planted)
	t.Setenv("MCP_ARG_TOKEN", planted)
	if err := srv.ServeStreams(t.Context(), strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"leaky","arguments":{"how":"panic"}}}
`), &said, nil); err != nil {
		fmt.Fprintln(&said, err)
	}

	for name, text := range map[string]string{"the log": log.String(), "what clients got": said.String()} {
		if i := strings.Index(text, planted); i >= 0 {
			t.Errorf("%s holds a secret: …%s…", name, text[max(0, i-300):min(len(text), i+100)])
		}
		if !strings.Contains(text, "[redacted]") {
			t.Errorf("%s is too silent to prove anything:\n%s", name, text)
		}
	}
	for _, want := range []string{"tool panicked", "connection refused", "accepting a connection panicked", "message refused", "session opened"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: a path was not taken", want)
		}
	}
}

package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// carelessEnv has this program be a server whose author is careless with what he
// is handed. It holds the name of every client.
const carelessEnv = "SESSIONMCP_HOSTILE_CARELESS"

func init() { programs[carelessEnv] = beCareless }

// carelessCommand is that program with these arguments: without any it serves under
// /k/{auth}/ as well.
func carelessCommand(principal planted, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), carelessEnv+"="+string(principal), "GOTRACEBACK=all")
	return cmd
}

func beCareless() {
	level := &slog.HandlerOptions{Level: slog.LevelDebug}
	logger := slog.New(slog.NewMultiHandler(slog.NewTextHandler(os.Stderr, level), slog.NewJSONHandler(os.Stderr, level)))
	srv := newCareless(logger)
	fs := flag.NewFlagSet("careless", flag.ExitOnError)
	srv.Flags(fs)
	if err := fs.Parse(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 1 {
		if err := srv.Run(context.Background()); err != nil {
			log.Fatal(err)
		}
		return
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", srv.Handler())
	mux.Handle("/k/{auth}/", srv.Handler())
	fmt.Fprintf(os.Stderr, "serving at http://%s/mcp\n", ln.Addr())
	log.Fatal(http.Serve(ln, mux))
}

// newCareless makes the server, which logs to logger.
func newCareless(logger *slog.Logger) *server.Server {
	srv := server.New("careless", "1", server.Options{
		Logger:     logger,
		SecretArgs: []string{"tenant", "passport"},
		ArgHeaders: map[string]string{"Authorization": "auth", "X-Tenant": "tenant"},
		ArgEnv:     map[string]string{"CARELESS_PASSPORT": "passport"},
		Args:       struct{ Limit int }{},
		Authenticate: func(c *server.Connect) (any, error) {
			logger.Debug("connect", "connect", c, "printed", fmt.Sprintf("%+v", *c))
			return carelessly(c)
		},
		OnOpen: func(s *server.Session) { logger.Debug("opened", "session", s, "printed", fmt.Sprintf("%+v", *s)) },
		OnClose: func(s *server.Session, cause error) {
			logger.Debug("closed", "session", s, "cause", cause)
			panic(fmt.Sprint("cannot forget ", strings.Join(s.Args.All("auth"), ",")))
		},
	})
	srv.Use(func(next server.Handler) server.Handler {
		return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
			logger.Debug("request", "request", fmt.Sprintf("%v %+v %#v", r.Args, r.Args, *r), "args", r.Args)
			return next(ctx, r)
		}
	})
	srv.Tool(careless, tool.Name("careless"), tool.Params("how", "text"))
	srv.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
	srv.Tool(askCarelessly, tool.Name("ask"), tool.Params("text"))
	srv.Tool(func(ctx *tool.Context) { ctx.Log().Debug("waiting"); <-ctx.Done() }, tool.Name("wait"))
	srv.Resource("vault://{id}", func(ctx *tool.Context, id string) (string, error) { return id, careless(ctx, "error", "") }, tool.Name("vault"))
	srv.Prompt(func(ctx *tool.Context, topic string) (string, error) { return topic, careless(ctx, "error", "") }, tool.Name("say"), tool.Params("topic"))
	return srv
}

// carelessly is Options.Authenticate, and takes everybody for the same.
func carelessly(c *server.Connect) (any, error) {
	who := []any{c.Args.Get("auth"), c.Args.Get("tenant"), c.Args.Get("password")}
	switch {
	case c.Args.Get("deny") == "told":
		return nil, tool.UserError(fmt.Errorf("no user for %s %s %q", who...))
	case c.Args.Get("deny") != "":
		return nil, fmt.Errorf("no user for %s %s %q: %w", append(who, server.ErrForbidden)...)
	case c.Args.Get("crash") != "":
		panic(fmt.Sprint("cannot parse ", who))
	}
	return os.Getenv(carelessEnv), nil
}

// askCarelessly asks in a form and a model, and fails with what it got.
func askCarelessly(ctx *tool.Context, text string) error {
	form, err := tool.Elicit[answer](ctx, "who is "+text)
	if err != nil {
		return err
	}
	said, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage(form.Name)}, MaxTokens: 5})
	if err != nil {
		return err
	}
	return tool.Errorf("%s says %s", form.Name, said.Text())
}

// careless does with its context what a careless tool may: it logs and prints all
// that there is, and then fails.
func careless(ctx *tool.Context, how, text string) error {
	args, l := ctx.Args(), ctx.Log()
	l.Debug(fmt.Sprintf("%v %+v %#v %s %q %x", args, args, args, args, args, args), "ctx", ctx, "printed", fmt.Sprintf("%+v", ctx))
	for _, name := range args.Names() {
		value := args.Get(name)
		for form, written := range writtenForms(value) {
			l.Info("value "+written, form, written)
		}
		holder := map[string]any{"v": value, "secret": args.Secret(name)}
		l.Warn("value", "value", value, slog.Group("group", "value", value, slog.Group("deeper", "value", []string{value})),
			"error", fmt.Errorf("upstream: %w", errors.New("no to "+value)), "any", holder, "pointer", &holder)
		l.With("value", value).WithGroup("of "+value).Error("with", "bytes", []byte(value), value, 1)
	}
	switch auth := args.Get("auth"); how {
	case "error":
		return fmt.Errorf("upstream refused %v with %s", args, strings.Join(valuesOf(args), " "))
	case "url":
		_, err := http.Get("http://127.0.0.1:1/path/" + url.PathEscape(auth) + "?key=" + url.QueryEscape(args.Get("tenant")))
		return err
	case "panic":
		panic(fmt.Errorf("cannot use %s %v", strings.Join(valuesOf(args), " "), args))
	case "panic with bytes":
		panic([]byte(auth))
	case "cancel":
		return context.Canceled
	}
	return nil
}

func valuesOf(args tool.Args) (all []string) {
	for _, name := range args.Names() {
		for _, written := range writtenForms(args.Get(name)) {
			all = append(all, written)
		}
	}
	return all
}

// writtenForms are the forms in which a value may well occur in what programs say:
// escaped as in a URL, quoted as in Go or JSON.
func writtenForms(value string) map[string]string {
	plain := written(func(b *bytes.Buffer) {
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		_ = e.Encode(value) // a string can be encoded
	})
	asJSON, _ := json.Marshal(value) // as above
	return map[string]string{
		"as it is": value, "query": url.QueryEscape(value), "path": url.PathEscape(value),
		"query in small letters": smallHex(url.QueryEscape(value)), "path in small letters": smallHex(url.PathEscape(value)),
		"Go": strconv.Quote(value), "Go in ASCII": strconv.QuoteToASCII(value), "JSON": string(asJSON), "JSON as browsers write it": strings.TrimSpace(plain),
	}
}

// smallHex writes escapes as some do.
func smallHex(escaped string) string {
	b := []byte(escaped)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:i+3], bytes.ToLower(b[i:i+3]))
		}
	}
	return string(b)
}

// TestSmallHex: what it writes is still the same.
func TestSmallHex(t *testing.T) {
	p := plant("small", inText)
	small := smallHex(url.QueryEscape(string(p)))
	if back, err := url.QueryUnescape(small); back != string(p) || err != nil || small == url.QueryEscape(string(p)) {
		t.Errorf("%s is %q, %v", small, back, err)
	}
}

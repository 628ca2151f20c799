package client_test

import (
	"context"
	"log"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// asChild has the test binary be a server on its standard input and output.
const asChild = "CLIENT_TEST_CHILD"

func TestMain(m *testing.M) {
	switch manner := os.Getenv(asChild); manner {
	case "":
		goleak.VerifyTestMain(m)
	case "1":
		if err := testServer().ServeStdio(context.Background()); err != nil {
			log.Fatal(err)
		}
	default:
		if kind, ok := strings.CutPrefix(manner, "hostile-"); ok {
			hostileChild(kind)
			return
		}
		oldServer(manner)
	}
}

type place struct {
	City  string `json:"city" jsonschema:"minLength=1"`
	Days  int    `json:"days,omitempty" jsonschema:"default=3"`
	Units string `json:"units,omitempty" jsonschema:"enum=metric,enum=imperial,default=metric"`
}

type person struct {
	Name string `json:"name" jsonschema:"default=Ada"`
	Age  int    `json:"age,omitempty"`
}

// testServer has something of everything.
func testServer() *server.Server {
	srv := server.New("test", "1.2.3", server.Options{
		Instructions: "try it",
		PageSize:     2,
		Logger:       slog.New(slog.DiscardHandler),
	})
	srv.Tool(func(ctx *tool.Context) map[string]string {
		return map[string]string{"auth": ctx.Arg("auth", ""), "transport": ctx.Transport(), "revision": ctx.ProtocolVersion()}
	}, tool.Name("who"))
	srv.Tool(func(in place) place { return in }, tool.Name("echo"))
	srv.Tool(func() (string, error) { return "", tool.Errorf("it is broken") }, tool.Name("fail"))
	srv.Tool(func(ctx *tool.Context) string {
		for i := range 3 {
			ctx.Progress(float64(i+1), 3, "step")
		}
		ctx.Log().Warn("half way")
		return "done"
	}, tool.Name("steps"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		p, err := tool.Elicit[person](ctx, "Who are you?")
		return p.Name, err
	}, tool.Name("ask"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		said, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage("hi")}})
		if err != nil {
			return "", err
		}
		return said.Text(), nil
	}, tool.Name("sample"))
	srv.Tool(func(ctx *tool.Context) ([]tool.Root, error) { return tool.Roots(ctx) }, tool.Name("roots"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		<-ctx.Done()
		return "", context.Cause(ctx)
	}, tool.Name("wait"))
	srv.Resource("config://app", func() string { return "v1" })
	srv.Resource("users://{id}", func(id int) place { return place{Days: id} }, tool.Name("user"))
	srv.Prompt(func(in struct {
		Topic string `json:"topic" jsonschema:"enum=cats,enum=dogs"`
	}) string {
		return "Talk about " + in.Topic
	}, tool.Name("talk"))
	return srv
}

// way is one way to reach the test server.
type way struct {
	name    string
	options client.Options
	target  func(t *testing.T, srv *server.Server) client.Target
}

func overHTTP(path string) func(t *testing.T, srv *server.Server) client.Target {
	return func(t *testing.T, srv *server.Server) client.Target {
		ts := httptest.NewServer(srv.Handler())
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = srv.Shutdown(ctx)
			ts.Close()
		})
		return client.URL(ts.URL + path)
	}
}

var (
	latest  = client.Options{}
	session = client.Options{Revision: "2025-11-25"}
)

var ways = []way{
	{"memory", latest, inProcess}, {"memory session", session, inProcess},
	{"stdio", latest, asProcess}, {"stdio session", session, asProcess},
	{"http", latest, overHTTP("/mcp")}, {"http session", session, overHTTP("/mcp")},
	{"sse", latest, overHTTP("/sse")},
}

func inProcess(_ *testing.T, srv *server.Server) client.Target { return client.InProcess(srv) }

func asProcess(*testing.T, *server.Server) client.Target {
	return client.Command{Path: os.Args[0], Env: append(os.Environ(), asChild+"=1", "GORACE=atexit_sleep_ms=0"), Stderr: func(string) {}}
}

// connect connects by a way, with these options beside the way's own.
func (w way) connect(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	o.Revision = w.options.Revision
	if o.Args == nil {
		o.Args = url.Values{"auth": {"s3cret"}}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := client.Connect(ctx, w.target(t, testServer()), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// each runs a test over every way.
func each(t *testing.T, test func(t *testing.T, w way)) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) { test(t, w) })
	}
}

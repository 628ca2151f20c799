package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

func TestMain(m *testing.M) {
	if os.Getenv("BRIDGE_TEST_CHILD") != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

// Revisions of the two eras.
const (
	handshake = "2025-11-25"
	stateless = "2026-07-28"
)

var quiet = slog.New(slog.DiscardHandler)

// child is the program behind the bridge, in a process of its own.
func child() {
	fmt.Fprintln(os.Stderr, "child of", os.Getenv("CHILD_KEY"), "is up")
	srv := upstreamServer()
	if err := srv.ServeStdio(context.Background()); err != nil {
		os.Exit(1)
	}
}

type guest struct {
	Name string `json:"name"`
}

// upstreamServer is a server with something of everything.
func upstreamServer() *server.Server {
	srv := server.New("upstream", "1.2.3", server.Options{Logger: quiet, Instructions: "Be kind."})
	srv.Tool(func(ctx *tool.Context, in struct {
		Text string `json:"text,omitempty"`
	}) (string, error) {
		return in.Text + "|" + os.Getenv("CHILD_KEY"), nil
	}, tool.Name("echo"))
	srv.Tool(func(ctx *tool.Context) (string, error) { return fmt.Sprint(os.Getpid()), nil }, tool.Name("pid"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		ctx.Progress(1, 3, "one")
		ctx.Progress(2, 3, "two")
		return "done", nil
	}, tool.Name("progress"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		ctx.Log().Warn("careful", "n", 1)
		return "logged", nil
	}, tool.Name("log"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		g, err := tool.Elicit[guest](ctx, "Who?")
		if err != nil {
			return "", err
		}
		roots, err := tool.Roots(ctx)
		if err != nil {
			return "", err
		}
		said, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage("Greet " + g.Name)}})
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s (%d)", said.Text(), len(roots)), nil
	}, tool.Name("ask"))
	srv.Tool(func(ctx *tool.Context) ([]int, error) { return []int{1, 2}, nil }, tool.Name("numbers"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		waits <- struct{}{}
		<-ctx.Done()
		waited <- struct{}{}
		return "", context.Cause(ctx)
	}, tool.Name("wait"))
	srv.Tool(func(ctx *tool.Context) (string, error) { os.Exit(3); return "", nil }, tool.Name("die"))
	srv.Resource("note:1", func(ctx *tool.Context) (string, error) { return "a note", nil })
	return srv
}

// waits is told when a call of the tool wait has begun, and waited when it has been
// cancelled.
var waits, waited = make(chan struct{}, 10), make(chan struct{}, 10)

// front is a bridge with transports before it.
type front struct {
	t     *testing.T
	b     *Bridge
	table transport.Table
	web   *transport.HTTP
	url   string
}

// newFront puts a bridge before a server in this process, spoken to in this era.
func newFront(t *testing.T, srv *server.Server, era string, o Options) *front {
	t.Helper()
	if srv != nil {
		o.URL = "http://in.process/mcp"
	}
	if o.Logger == nil {
		o.Logger = quiet
	}
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if srv != nil {
		real := b.connect
		b.connect = func(ctx context.Context, _ client.Target, o client.Options) (conn, error) {
			o.Memory = nil
			if o.Revision = era; era == handshake && len(o.Initialize) > 0 {
				o.Revision = handshake
			}
			return real(ctx, client.InProcess(srv), o)
		}
	}
	b.firstWait = time.Millisecond
	f := &front{t: t, b: b}
	f.web = transport.NewHTTP(&f.table, b.Accept, transport.HTTPOptions{Alone: envelope.StandsAlone, Logger: quiet, AllowedHosts: []string{"*"}})
	web := httptest.NewServer(f.web)
	f.url = web.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = f.web.Shutdown(ctx)
		web.Close()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
		if n := b.Status().Upstreams; n != 0 {
			t.Errorf("%d upstreams are left", n)
		}
	})
	return f
}

// Connect is what client.InProcess wants of a server.
func (f *front) Connect(ctx context.Context, args url.Values, toClient func(text []byte)) (*transport.Pipe, error) {
	return transport.OpenPipe(ctx, &f.table, f.b.Accept, toClient, transport.PipeOptions{Args: args})
}

// connect connects a client by pipe, http or sse.
func (f *front) connect(via string, o client.Options) *client.Client {
	f.t.Helper()
	c, err := f.tryConnect(via, o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	return c
}

func (f *front) tryConnect(via string, o client.Options) (*client.Client, error) {
	o.Logger = quiet
	o.Reconnect.Attempts = -1
	var target client.Target = client.InProcess(f)
	if via != "pipe" {
		target = client.URL(f.url + map[string]string{"http": "/mcp", "sse": "/sse"}[via])
		o.Transport = via
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return client.Connect(ctx, target, o)
}

// each runs a test for every way from a client to a server.
func each(t *testing.T, test func(t *testing.T, down, via, up string)) {
	for _, up := range []string{handshake, stateless} {
		for _, down := range []string{handshake, stateless} {
			for _, via := range []string{"pipe", "http", "sse"} {
				if via == "sse" && down == stateless {
					continue
				}
				t.Run(fmt.Sprintf("%s %s to %s", down, via, up), func(t *testing.T) { test(t, down, via, up) })
			}
		}
	}
}

// helpful answers what it is asked.
func helpful(o client.Options) client.Options {
	o.Elicit = func(context.Context, *client.Elicitation) (*client.Elicited, error) {
		return &client.Elicited{Content: map[string]any{"name": "Ann"}}, nil
	}
	o.Roots = func(context.Context) ([]tool.Root, error) { return []tool.Root{{URI: "file:///a"}}, nil }
	o.Sample = func(_ context.Context, s *client.Sampling) (*tool.Sampled, error) {
		if len(s.Messages) != 1 || !strings.Contains(string(s.Raw), "Greet Ann") {
			return nil, errors.New("asked for something else")
		}
		return &tool.Sampled{Model: "m", Role: "assistant", Content: []tool.Content{tool.Text{Text: "Hello, Ann"}}}, nil
	}
	return o
}

// lines is a writer for logs that may be read meanwhile.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var _ io.Writer = (*lines)(nil)

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// await returns what comes from a channel.
func await[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func toolName(name string) tool.Option { return tool.Name(name) }

// inFlight waits until so many calls are under way at the upstreams.
func (f *front) inFlight(want int) {
	f.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		n := 0
		f.b.mu.Lock()
		for u := range f.b.live {
			u.mu.Lock()
			for _, k := range u.calls {
				if k.method == "tools/call" {
					n++
				}
			}
			u.mu.Unlock()
		}
		f.b.mu.Unlock()
		if n == want {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%d calls are under way, not %d", n, want)
		}
		time.Sleep(time.Millisecond) // to look again
	}
}

// empty waits until no upstream is left.
func (f *front) empty() {
	f.t.Helper()
	ctx := soon(f.t)
	for {
		f.b.mu.Lock()
		n, gone := max(len(f.b.live), f.b.ends), f.b.gone
		f.b.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-gone:
		case <-ctx.Done():
			f.t.Fatalf("%d upstreams are left", n)
		}
	}
}

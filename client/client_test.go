package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

func TestWhatIsSpoken(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := w.connect(t, client.Options{})
		info := c.Server()
		kind, _, _ := strings.Cut(w.name, " ")
		want := "2026-07-28"
		if w.options.Revision != "" || kind == "sse" {
			want = "2025-11-25"
		}
		if info.ProtocolVersion != want || info.Name != "test" || info.Version != "1.2.3" || info.Instructions != "try it" {
			t.Errorf("got %+v, want revision %s of test 1.2.3", info, want)
		}
		who, err := client.Call[map[string]string](t.Context(), c, "who", nil)
		if err != nil {
			t.Fatal(err)
		}
		if kind == "memory" {
			kind = "pipe"
		}
		if who["auth"] != "s3cret" || who["transport"] != kind || who["revision"] != want {
			t.Errorf("the tool saw %v", who)
		}
		if err := c.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestLists(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := w.connect(t, client.Options{})
		var names []string
		for tl, err := range c.Tools(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, tl.Name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != "ask echo fail roots sample steps wait who" {
			t.Errorf("tools: %s", got)
		}
		for r, err := range c.Resources(t.Context()) {
			if err != nil || r.URI != "config://app" {
				t.Error(r, err)
			}
		}
		for r, err := range c.Templates(t.Context()) {
			if err != nil || r.Template != "users://{id}" {
				t.Error(r, err)
			}
		}
		for p, err := range c.Prompts(t.Context()) {
			if err != nil || p.Name != "talk" || len(p.Arguments) != 1 || !p.Arguments[0].Required {
				t.Error(p, err)
			}
		}
	})
}

func TestCalls(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := w.connect(t, client.Options{CheckOutput: true})
		ctx := t.Context()
		got, err := client.Call[place](ctx, c, "echo", place{City: "Oslo"})
		if want := (place{"Oslo", 3, "metric"}); err != nil || got != want {
			t.Errorf("echo: %+v, %v", got, err)
		}
		_, err = client.Call[string](ctx, c, "fail", nil)
		if failed, ok := errors.AsType[*client.ToolError](err); !ok || failed.Result.Text() != "it is broken" {
			t.Errorf("fail: %v", err)
		}
		if _, err = c.Call(ctx, "nothing", nil); err == nil {
			t.Error("a tool that does not exist was called")
		} else if _, ok := errors.AsType[*jsonrpc.Error](err); !ok {
			t.Errorf("nothing: %T %v", err, err)
		}
		if contents, err := c.Read(ctx, "config://app"); err != nil || len(contents) != 1 || contents[0].Text != "v1" {
			t.Errorf("read: %v, %v", contents, err)
		}
		p, err := c.Prompt(ctx, "talk", map[string]string{"topic": "cats"})
		if err != nil || len(p.Messages) != 1 || p.Messages[0].Content.(tool.Text).Text != "Talk about cats" {
			t.Errorf("prompt: %+v, %v", p, err)
		}
		done, err := c.Complete(ctx, client.Ref{Prompt: "talk"}, tool.Completion{Argument: "topic", Value: "d"})
		if err != nil || !slices.Equal(done.Values, []string{"dogs"}) {
			t.Errorf("complete: %+v, %v", done, err)
		}
	})
}

func TestProgressAndLog(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		var mu sync.Mutex
		var steps []float64
		logged := make(chan *client.LogMessage, 10)
		c := w.connect(t, client.Options{
			LogLevel: "info",
			OnLog:    func(_ context.Context, m *client.LogMessage) { logged <- m },
		})
		text, err := client.Call[string](t.Context(), c, "steps", nil, client.OnProgress(func(p client.Progress) {
			mu.Lock()
			defer mu.Unlock()
			steps = append(steps, p.Done)
		}))
		mu.Lock()
		defer mu.Unlock()
		if err != nil || text != "done" || !slices.Equal(steps, []float64{1, 2, 3}) {
			t.Errorf("got %q, %v with steps %v", text, err, steps)
		}
		select {
		case m := <-logged:
			if m.Level != "warning" || !strings.Contains(string(m.Data), "half way") {
				t.Errorf("logged %+v", m)
			}
		case <-time.After(5 * time.Second):
			t.Error("nothing was logged")
		}
	})
}

type callKey struct{}

func TestQuestions(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := w.connect(t, client.Options{
			Elicit: func(_ context.Context, q *client.Elicitation) (*client.Elicited, error) {
				if q.Message != "Who are you?" || q.Schema == nil {
					t.Errorf("asked %+v", q)
				}
				return &client.Elicited{}, nil // the default is the library's to fill in
			},
			Sample: func(_ context.Context, s *client.Sampling) (*tool.Sampled, error) {
				return &tool.Sampled{Content: []tool.Content{tool.Text{Text: "re " + s.Messages[0].Content[0].(tool.Text).Text}}}, nil
			},
			Roots: func(context.Context) ([]tool.Root, error) { return []tool.Root{{URI: "file:///a"}}, nil },
		})
		ctx := context.WithValue(t.Context(), callKey{}, "mine")
		if name, err := client.Call[string](ctx, c, "ask", nil); err != nil || name != "Ada" {
			t.Errorf("ask: %q, %v", name, err)
		}
		if text, err := client.Call[string](ctx, c, "sample", nil); err != nil || text != "re hi" {
			t.Errorf("sample: %q, %v", text, err)
		}
		if roots, err := client.Call[[]tool.Root](ctx, c, "roots", nil); err != nil || len(roots) != 1 || roots[0].URI != "file:///a" {
			t.Errorf("roots: %v, %v", roots, err)
		}
	})
}

func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := w.connect(t, client.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := c.Call(ctx, "wait", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if err := c.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestChangesAndSubscriptions(t *testing.T) {
	for _, w := range ways {
		if strings.HasPrefix(w.name, "stdio") {
			continue // its server is another process
		}
		t.Run(w.name, func(t *testing.T) {
			srv := testServer()
			changed, updated := make(chan string, 10), make(chan bool, 10)
			c, err := client.Connect(t.Context(), w.target(t, srv), client.Options{
				Revision: w.options.Revision,
				OnChange: func(list string) { changed <- list },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			stop, err := c.Subscribe(t.Context(), "config://app", func() { updated <- true })
			if err != nil {
				t.Fatal(err)
			}
			srv.ResourceUpdated("config://app")
			wait(t, updated, true)
			srv.Remove("wait")
			wait(t, changed, "tools")
			stop()
			stop()
		})
	}
}

func wait[T comparable](t *testing.T, ch <-chan T, want T) {
	t.Helper()
	select {
	case got := <-ch:
		if got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("waited for %v in vain", want)
	}
}

func TestSecretsAreHidden(t *testing.T) {
	_, err := client.Connect(t.Context(), client.URL("http://127.0.0.1:1/mcp?auth=hunter22"), client.Options{
		Header: map[string][]string{"Authorization": {"Bearer swordfish"}},
	})
	if err == nil || strings.Contains(err.Error(), "hunter22") || strings.Contains(err.Error(), "swordfish") {
		t.Errorf("got %v", err)
	}
}

func TestDoAnything(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := w.connect(t, client.Options{})
		_, err := c.Do(t.Context(), "x/unheard", json.RawMessage(`{"a":1}`))
		if answered, ok := errors.AsType[*jsonrpc.Error](err); !ok || answered.Code != jsonrpc.CodeMethodNotFound {
			t.Errorf("got %v", err)
		}
	})
}

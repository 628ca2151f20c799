package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// TestCalls: what a client calls is what the server has, from each era to each.
func TestCalls(t *testing.T) {
	each(t, func(t *testing.T, down, via, up string) {
		f := newFront(t, upstreamServer(), up, Options{})
		c := f.connect(via, client.Options{Revision: down})
		ctx := soon(t)
		if info := c.Server(); info.Name != "upstream" || info.Version != "1.2.3" || info.Instructions != "Be kind." || info.Stateless() != (down == stateless) {
			t.Errorf("the server is %+v", info)
		}
		got, err := c.Call(ctx, "echo", map[string]any{"text": "hi", "_session_params": map[string]string{"auth": "mine"}})
		if err != nil || got.Text() != "hi|" {
			t.Errorf("echo: %+v, %v", got, err)
		}
		n := 0
		for tool, err := range c.Tools(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if tool.Name == "numbers" && down == handshake && !strings.Contains(string(tool.OutputSchema), `"type":"object"`) {
				t.Errorf("the output schema is %s", tool.OutputSchema)
			}
			n++
		}
		if n != 8 {
			t.Errorf("%d tools", n)
		}
		got, err = c.Call(ctx, "numbers", nil)
		want := map[string]string{handshake: `{"result":[1,2]}`, stateless: `[1,2]`}[down]
		if up == handshake {
			want = `{"result":[1,2]}`
		}
		if err != nil || string(got.Structured) != want {
			t.Errorf("numbers: %+v, %v; want %s", got, err, want)
		}
		if read, err := c.Read(ctx, "note:1"); err != nil || len(read) != 1 {
			t.Errorf("read: %+v, %v", read, err)
		}
		if err := c.Ping(ctx); err != nil {
			t.Error(err)
		}
		_, err = c.Do(ctx, "no/such", json.RawMessage("{}"))
		if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != jsonrpc.CodeMethodNotFound {
			t.Errorf("an unknown method: %v", err)
		}
		_, err = c.Read(ctx, "note:none")
		if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || down == stateless && e.Code != jsonrpc.CodeInvalidParams || down == handshake && up == handshake && e.Code != mcp.CodeResourceNotFound {
			t.Errorf("a resource that is not there: %v", err)
		}
	})
}

// TestAsks: what a tool asks reaches the client, and the answers the tool.
func TestAsks(t *testing.T) {
	each(t, func(t *testing.T, down, via, up string) {
		f := newFront(t, upstreamServer(), up, Options{})
		c := f.connect(via, helpful(client.Options{Revision: down}))
		got, err := c.Call(soon(t), "ask", nil)
		if err != nil || got.IsError || got.Text() != "Hello, Ann (1)" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// TestProgress: progress comes in order, and before the result.
func TestProgress(t *testing.T) {
	each(t, func(t *testing.T, down, via, up string) {
		f := newFront(t, upstreamServer(), up, Options{})
		c := f.connect(via, client.Options{Revision: down})
		for range 20 {
			var said []string
			_, err := c.Call(soon(t), "progress", nil, client.OnProgress(func(p client.Progress) { said = append(said, p.Message) }))
			if err != nil || strings.Join(said, " ") != "one two" {
				t.Fatalf("got %v, %v", said, err)
			}
		}
	})
}

// TestLogs: log messages come where they are wanted, and before the result.
func TestLogs(t *testing.T) {
	each(t, func(t *testing.T, down, via, up string) {
		f := newFront(t, upstreamServer(), up, Options{})
		logs := make(chan string, 10)
		c := f.connect(via, client.Options{Revision: down, OnLog: func(_ context.Context, m *client.LogMessage) { logs <- m.Level }})
		ctx := soon(t)
		if _, err := c.Call(ctx, "log", nil); err != nil || len(logs) != 0 {
			t.Fatalf("%v; %d messages that nobody wanted", err, len(logs))
		}
		if err := c.SetLevel(ctx, "info"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Call(ctx, "log", nil); err != nil {
			t.Fatal(err)
		}
		if len(logs) != 1 || <-logs != "warning" {
			t.Errorf("%d messages before the result", len(logs))
		}
	})
}

// TestChanges: what changes in the server is told to who wants to hear of it.
func TestChanges(t *testing.T) {
	each(t, func(t *testing.T, down, via, up string) {
		srv := upstreamServer()
		f := newFront(t, srv, up, Options{})
		lists, updates := make(chan string, 10), make(chan struct{}, 10)
		c := f.connect(via, client.Options{Revision: down, OnChange: func(list string) { lists <- list }})
		ctx := soon(t)
		stop, err := c.Subscribe(ctx, "note:1", func() { updates <- struct{}{} })
		if err != nil {
			t.Fatal(err)
		}
		srv.ResourceUpdated("note:1")
		await(t, updates)
		stop()
		srv.Tool(func() string { return "" }, toolName("another"))
		if got := await(t, lists); got != "tools" {
			t.Errorf("%s changed", got)
		}
	})
}

// TestCancel: a call that the client gives up is given up at the server.
func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, down, via, up string) {
		f := newFront(t, upstreamServer(), up, Options{})
		c := f.connect(via, client.Options{Revision: down})
		ctx, cancel := context.WithCancel(soon(t))
		failed := make(chan error, 1)
		go func() {
			_, err := c.Call(ctx, "wait", nil)
			failed <- err
		}()
		await(t, waits)
		cancel()
		if err := await(t, failed); err == nil {
			t.Error("the call has not failed")
		}
		await(t, waited)
	})
}

package client_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func hostileCommand(manner string) client.Command {
	return client.Command{Path: os.Args[0], Env: append(os.Environ(), asChild+"=hostile-"+manner, "GORACE=atexit_sleep_ms=0"), Stderr: func(string) {}}
}

const discovered = `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"x","version":"1"}}}`

func hostileChild(manner string) {
	if manner == "slow" {
		time.Sleep(7 * time.Second)
	}
	lines := bufio.NewReader(os.Stdin)
	say := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	listens := 0
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var m wireMessage
		if json.Unmarshal(line, &m) != nil {
			continue
		}
		if m.Method == "" {
			fmt.Fprintf(os.Stderr, "got a response: %s", line)
			continue
		}
		if m.Method == "notifications/cancelled" {
			fmt.Fprintf(os.Stderr, "told: %s", line)
		}
		if m.ID == nil {
			continue
		}
		switch m.Method {
		case "server/discover":
			if manner == "old" || manner == "stuck" || manner == "late" || manner == "flood" || manner == "dup" {
				say(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"unknown"}}`, m.ID)
				continue
			}
			say(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, discovered)
		case "initialize":
			if manner == "slow" {
				say(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"unknown; 2026-07-28 is spoken"}}`, m.ID)
				continue
			}
			say(`{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"old","version":"0"}}}`, m.ID)
		case "tools/call":
			switch manner {
			case "waits":
				continue
			case "late":
				say(`{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}`+"\n"+`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}`, m.ID, m.ID)
				continue
			case "flood":
				for i := range 64 {
					say(`{"jsonrpc":"2.0","id":"q%d","method":"elicitation/create","params":{"message":"who","requestedSchema":{"type":"object","properties":{}}}}`, i)
				}
				continue
			case "echo":
				fmt.Fprintln(os.Stderr, "bad token "+os.Getenv("API_TOKEN"))
			case "asks":
				say(`{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"who","requestedSchema":{"type":"object","properties":{}}}}`)
				time.Sleep(200 * time.Millisecond)
			}
			say(`{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete","content":[]}}`, m.ID)
		case "ping":
			say(`{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID)
			if manner == "stuck" {
				time.Sleep(time.Hour)
			}
		case "subscriptions/listen":
			listens++
			var p struct{ Notifications json.RawMessage }
			_ = json.Unmarshal(m.Params, &p)
			say(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":%s},"notifications":%s}}`, m.ID, p.Notifications)
			if manner == "teardown" {
				if listens == 1 {
					say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s,"reason":"bye"}}`, m.ID)
				} else {
					say(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":%s},"uri":"a://"}}`, m.ID)
				}
			}
		}
	}
}

// The server tears the subscription down with notifications/cancelled (2026-07-28 cancellation: MUST).
func TestListenTornDown(t *testing.T) {
	c := connectTo(t, hostileCommand("teardown"), client.Options{Reconnect: fast})
	updated := make(chan bool, 10)
	if _, err := c.Subscribe(t.Context(), "a://", func() { updated <- true }); err != nil {
		t.Fatal(err)
	}
	select {
	case <-updated:
	case <-time.After(4 * time.Second):
		t.Error("not listened again")
	}
}

func TestCancelThenClose(t *testing.T) {
	told := 0
	for range 20 {
		heard := make(chan bool, 1)
		cmd := hostileCommand("waits")
		cmd.Stderr = func(string) { heard <- true }
		c := connectTo(t, cmd, client.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		c.Call(ctx, "x", nil)
		c.Close()
		select {
		case <-heard:
			told++
		default:
		}
	}
	if told < 20 {
		t.Errorf("the server was told to stop %d times of 20", told)
	}
}

func TestStuckWrite(t *testing.T) {
	c := connectTo(t, hostileCommand("stuck"), client.Options{})
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := c.Call(ctx, "x", map[string]string{"a": strings.Repeat("x", 300<<10)})
		done <- err
	}()
	select {
	case err := <-done:
		t.Log(err)
	case <-time.After(5 * time.Second):
		t.Error("Call does not return, though its context ended 5 s ago")
	}
	begin := time.Now()
	c.Close()
	t.Log("Close took", time.Since(begin))
}

func TestProgressAfterAnswer(t *testing.T) {
	c := connectTo(t, hostileCommand("late"), client.Options{})
	var after atomic.Int32
	for range 300 {
		var returned atomic.Bool
		_, err := c.Call(t.Context(), "x", nil, client.OnProgress(func(client.Progress) {
			time.Sleep(time.Millisecond)
			if returned.Load() {
				after.Add(1)
			}
		}))
		returned.Store(true)
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := after.Load(); n > 0 {
		t.Errorf("progress was told %d times of 300 while or after the call had returned", n)
	}
}

// modernServer is a stateless HTTP server.
func modernServer(t *testing.T, f func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool) *httptest.Server {
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m wireMessage
		_ = json.Unmarshal(body, &m)
		if f(w, r, &m) {
			return
		}
		switch {
		case m.Method == "server/discover":
			writeAnswer(w, &m, discovered)
		case m.Method == "tools/list":
			writeAnswer(w, &m, `{"resultType":"complete","tools":[]}`)
		case m.ID == nil:
			w.WriteHeader(202)
		default:
			writeAnswer(w, &m, `{"resultType":"complete","content":[{"type":"text","text":"ok"}]}`)
		}
	}))
	t.Cleanup(func() { ts.CloseClientConnections(); ts.Close() })
	return ts
}

// ack acknowledges a listen request, and leaves the stream open.
func acknowledge(w http.ResponseWriter, m *wireMessage) {
	var p struct{ Notifications json.RawMessage }
	_ = json.Unmarshal(m.Params, &p)
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%s},\"notifications\":%s}}\n\n", m.ID, p.Notifications)
	w.(http.Flusher).Flush()
}

// Many Subscribes at once, over our own server.
func TestConcurrentSubscribe(t *testing.T) {
	for _, w := range ways {
		if strings.HasPrefix(w.name, "stdio") {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			srv := server.New("s", "1")
			const n = 12
			for i := range n {
				srv.Resource(fmt.Sprintf("a://%d", i), func() string { return "x" })
			}
			c := connectTo(t, w.target(t, srv), client.Options{Revision: w.options.Revision})
			var wg sync.WaitGroup
			var told [n]atomic.Int32
			for i := range n {
				wg.Go(func() {
					if _, err := c.Subscribe(t.Context(), fmt.Sprintf("a://%d", i), func() { told[i].Add(1) }); err != nil {
						t.Errorf("subscribe %d: %v", i, err)
					}
				})
			}
			wg.Wait()
			time.Sleep(50 * time.Millisecond)
			for i := range n {
				srv.ResourceUpdated(fmt.Sprintf("a://%d", i))
			}
			time.Sleep(300 * time.Millisecond)
			for i := range n {
				if told[i].Load() == 0 {
					t.Errorf("a://%d: not told", i)
				}
			}
		})
	}
}

// stop, and at once Subscribe again.
func TestResubscribe(t *testing.T) {
	for _, w := range ways {
		if strings.HasPrefix(w.name, "stdio") {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			srv := testServer()
			c := connectTo(t, w.target(t, srv), client.Options{Revision: w.options.Revision})
			deaf := 0
			for range 10 {
				told := make(chan bool, 10)
				stop, err := c.Subscribe(t.Context(), "config://app", func() {})
				if err != nil {
					t.Fatal(err)
				}
				stop()
				stop, err = c.Subscribe(t.Context(), "config://app", func() { told <- true })
				if err != nil {
					t.Errorf("%v", err)
					continue
				}
				time.Sleep(30 * time.Millisecond)
				srv.ResourceUpdated("config://app")
				select {
				case <-told:
				case <-time.After(time.Second / 2):
					deaf++
				}
				stop()
				time.Sleep(30 * time.Millisecond)
			}
			if deaf > 0 {
				t.Errorf("deaf %d times of 10", deaf)
			}
		})
	}
}

// The refusal of one subscription ends those that there are.
func TestRefusedListenKillsOthers(t *testing.T) {
	push := make(chan bool)
	gone := make(chan bool, 1)
	ts := modernServer(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method != "subscriptions/listen" {
			return false
		}
		if strings.Contains(string(m.Params), "b://") {
			writeError(w, m, 200, -32602, "no such resource")
			return true
		}
		acknowledge(w, m)
		select {
		case <-push:
			fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%s},\"uri\":\"a://\"}}\n\n", m.ID)
		case <-r.Context().Done():
			gone <- true
		}
		return true
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{Reconnect: fast})
	told := make(chan bool, 1)
	if _, err := c.Subscribe(t.Context(), "a://", func() { told <- true }); err != nil {
		t.Fatal(err)
	}
	_, err := c.Subscribe(t.Context(), "b://", func() {})
	t.Log("b:", err)
	select {
	case <-gone:
		t.Error("the client has hung up on a://")
	case <-time.After(time.Second):
	}
	select {
	case push <- true:
		<-told
	case <-time.After(2 * time.Second):
		t.Error("nobody listens for a:// any more")
	}
}

// A transient error ends listening for good.
func TestTransientListenError(t *testing.T) {
	var n atomic.Int32
	ts := modernServer(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method != "subscriptions/listen" {
			return false
		}
		switch n.Add(1) {
		case 1:
			acknowledge(w, m)
		case 2:
			writeError(w, m, 503, -32000, "starting up")
		default:
			acknowledge(w, m)
			<-r.Context().Done()
		}
		return true
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{Reconnect: fast, Logger: slog.New(slog.DiscardHandler)})
	if _, err := c.Subscribe(t.Context(), "a://", func() {}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if n.Load() >= 3 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("listened %d times, and never again", n.Load())
}

// Our own server, restarted.
func TestOwnServerRestarted(t *testing.T) {
	var h atomic.Value
	h.Store(testServer().Handler())
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.Load().(http.Handler).ServeHTTP(w, r) }))
	defer ts.Close()
	defer ts.CloseClientConnections()
	c := connectTo(t, client.URL(ts.URL+"/mcp"), client.Options{Revision: "2025-11-25", Reconnect: fast})
	if _, err := c.Call(t.Context(), "who", nil); err != nil {
		t.Fatal(err)
	}
	h.Store(testServer().Handler())
	for range 2 {
		if _, err := c.Call(t.Context(), "who", nil); err != nil {
			t.Errorf("after the restart: %v", err)
		}
	}
}

// 64 handlers that each call the server.
func TestReentrantHandlers(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			var c *client.Client
			const n = 80
			var in atomic.Int32
			o := client.Options{Revision: w.options.Revision, Elicit: func(ctx context.Context, _ *client.Elicitation) (*client.Elicited, error) {
				in.Add(1)
				for i := 0; i < 100 && in.Load() < n; i++ {
					time.Sleep(10 * time.Millisecond)
				}
				if err := c.Ping(ctx); err != nil {
					return nil, err
				}
				return &client.Elicited{}, nil
			}}
			c = connectTo(t, w.target(t, testServer()), o)
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
			defer cancel()
			var wg sync.WaitGroup
			var bad atomic.Int32
			for range n {
				wg.Go(func() {
					if _, err := c.Call(ctx, "ask", nil); err != nil {
						if bad.Add(1) < 2 {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			t.Log("failed:", bad.Load())
		})
	}
}

var _ = []any{slices.Sort[[]string], url.Parse, bytes.Clone, errors.New, tool.Errorf}

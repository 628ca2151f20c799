package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/transport"
)

// 64 handlers that each ping: the server answers all pings.
func TestFlood(t *testing.T) {
	var c *client.Client
	got := make(chan error, 64)
	c = connectTo(t, hostileCommand("flood"), client.Options{Elicit: func(ctx context.Context, _ *client.Elicitation) (*client.Elicited, error) {
		ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
		defer cancel()
		time.Sleep(300 * time.Millisecond)
		got <- c.Ping(ctx)
		return &client.Elicited{}, nil
	}})
	go c.Call(t.Context(), "x", nil)
	for range 64 {
		if err := <-got; err != nil {
			t.Fatalf("a ping inside a handler: %v", err)
		}
	}
}

// A call with a Header of its own has no Mcp-Param headers.
func TestHeaderDropsParams(t *testing.T) {
	var seen atomic.Value
	ts := modernServer(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		switch m.Method {
		case "tools/list":
			writeAnswer(w, m, `{"resultType":"complete","tools":[{"name":"q","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]}`)
			return true
		case "tools/call":
			seen.Store(r.Header.Get("Mcp-Param-Region") + "|" + r.Header.Get("X-Trace"))
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{})
	c.Call(t.Context(), "q", map[string]string{"region": "eu"})
	t.Log(seen.Load())
	c.Call(t.Context(), "q", map[string]string{"region": "eu"}, client.Header(http.Header{"X-Trace": {"1"}}))
	if seen.Load() != "eu|1" {
		t.Errorf("got %v", seen.Load())
	}
}

func TestResultTypes(t *testing.T) {
	for _, result := range []string{
		`{"resultType":"input_required","inputRequests":[]}`,
		`{"resultType":"input_required","inputRequests":{"a":"x"}}`,
		`{"resultType":"task","content":[]}`,
		`{"resultType":7,"content":[]}`,
		`{"resultType":"input_required"}`,
	} {
		ts := modernServer(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
			if m.Method == "tools/call" {
				writeAnswer(w, m, result)
				return true
			}
			return false
		})
		c := connectTo(t, client.URL(ts.URL), client.Options{})
		r, err := c.Call(t.Context(), "x", nil)
		if err == nil {
			t.Errorf("%s is taken for a result: %s", result, r.Raw)
		} else {
			t.Log(result, err)
		}
	}
}

func leaking(t *testing.T, what, text string) {
	for _, s := range []string{"s3cret99", "hunter22", "swordfish", "c1ient77"} {
		if strings.Contains(text, s) {
			t.Errorf("%s holds %s", what, s)
		}
	}
}

func TestServerInfoIcons(t *testing.T) {
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method == "initialize" {
			writeAnswer(w, m, `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1","icons":[{"src":"a","sizes":"48x48"}]}}`)
			return true
		}
		return false
	})
	connectTo(t, client.URL(ts.URL), client.Options{})
}

// A server of HTTP+SSE that answers on the stream, and leaves the POST open.
func TestSSEPostHangs(t *testing.T) {
	out := make(chan string, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sse", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: endpoint\ndata: /m\n\n")
		w.(http.Flusher).Flush()
		for {
			select {
			case s := <-out:
				fmt.Fprintf(w, "data: %s\n\n", s)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("POST /m", func(w http.ResponseWriter, r *http.Request) {
		var m wireMessage
		_ = json.NewDecoder(r.Body).Decode(&m)
		switch {
		case m.Method == "initialize":
			out <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2024-11-05","capabilities":{},"serverInfo":{"name":"x","version":"1"}}}`, m.ID)
			w.WriteHeader(202)
		case m.Method == "tools/call":
			out <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}`, m.ID)
			<-r.Context().Done()
		default:
			w.WriteHeader(202)
		}
	})
	ts := httptest.NewServer(mux)
	defer ts.Close()
	defer ts.CloseClientConnections()
	c := connectTo(t, client.URL(ts.URL+"/sse"), client.Options{Transport: "sse"})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := c.Call(ctx, "x", nil); err != nil {
		t.Errorf("the answer has come, and the call: %v", err)
	}
}

// Connect is cancelled at any moment.
func TestCancelConnect(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			target := w.target(t, testServer())
			for i := range 30 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*i)*30*time.Microsecond)
				c, err := client.Connect(ctx, target, client.Options{Revision: w.options.Revision})
				if err == nil {
					go c.Call(ctx, "who", nil)
					c.Close()
				}
				cancel()
			}
		})
	}
}

// A session lost at any moment, with calls.
func TestChildDiesOften(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c, err := client.Connect(t.Context(), oldChild("refusing"), client.Options{Reconnect: transport.Retry{First: time.Millisecond, Attempts: 50}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	var lost, ok, other atomic.Int32
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := c.Call(ctx, "die", nil); !errors.Is(err, client.ErrLost) && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				switch err := c.Ping(ctx); {
				case err == nil:
					ok.Add(1)
				case errors.Is(err, client.ErrLost):
					lost.Add(1)
				case ctx.Err() == nil:
					other.Add(1)
					t.Log(err)
				}
			}
		})
	}
	wg.Wait()
	c.Close()
	t.Log(lost.Load(), ok.Load(), other.Load())
}

var _ = os.Args

// A server that repeats what it was sent does not get it into errors and logs.
func TestEchoedSecrets(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	ts := modernServer(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method != "tools/call" {
			return false
		}
		text := "your token is " + r.URL.Query().Get("auth") + ", your key " + r.URL.Query().Get("mykey") + ", your header " + r.Header.Get("X-My")
		if strings.Contains(string(m.Params), "refuse") {
			writeError(w, m, 200, -32000, text)
		} else {
			writeAnswer(w, m, `{"isError":true,"content":[{"type":"text","text":"`+text+`"}]}`)
		}
		return true
	})
	c := connectTo(t, client.URL(ts.URL+"?token=c1ient77"), client.Options{
		Logger:     logger,
		Args:       url.Values{"auth": {"s3cret99"}, "mykey": {"hunter22"}},
		SecretArgs: []string{"mykey"},
		Header:     http.Header{"X-My": {"swordfish"}},
	})
	_, err := c.Call(t.Context(), "refuse", nil)
	leaking(t, "a refusal", fmt.Sprintf("%v %+v", err, err))
	logger.Error("x", "err", err)
	_, err = client.Call[string](t.Context(), c, "fail", nil)
	leaking(t, "a failure", fmt.Sprint(err))
	leaking(t, "a client", fmt.Sprintf("%v %+v %#v", c, c, c))
	leaking(t, "a target", fmt.Sprint(client.URL(ts.URL+"?auth=s3cret99")))
	logger.Error("x", "client", c, "target", client.URL(ts.URL+"?auth=s3cret99"))
	leaking(t, "a log", log.String())
}

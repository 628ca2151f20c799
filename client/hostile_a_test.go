package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/transport"
)

type wireMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// fakeSession is a session-era server; f answers what it wants (true).
func fakeSession(t *testing.T, f func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool) *httptest.Server {
	var n atomic.Int32
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m wireMessage
		_ = json.Unmarshal(body, &m)
		if f(w, r, &m) {
			return
		}
		if r.Method != "POST" {
			w.WriteHeader(405)
			return
		}
		switch {
		case m.Method == "server/discover":
			w.WriteHeader(400)
		case m.Method == "initialize":
			w.Header().Set("Mcp-Session-Id", fmt.Sprint("s", n.Add(1)))
			writeAnswer(w, &m, `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}`)
		case m.ID == nil:
			w.WriteHeader(202)
		default:
			writeAnswer(w, &m, `{"content":[{"type":"text","text":"ok"}]}`)
		}
	}))
	t.Cleanup(func() { ts.CloseClientConnections(); ts.Close() })
	return ts
}

func writeAnswer(w http.ResponseWriter, m *wireMessage, result string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
}

func writeError(w http.ResponseWriter, m *wireMessage, status, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%q}}`, m.ID, code, text)
}

var fast = transport.Retry{First: time.Millisecond}

func connectTo(t *testing.T, target client.Target, o client.Options) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := client.Connect(ctx, target, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// 1. A cut stream whose resumption finds the session gone: the call is run twice.
func TestResumeDoubles(t *testing.T) {
	var calls atomic.Int32
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if r.Method == "GET" && r.Header.Get("Last-Event-ID") != "" {
			w.WriteHeader(404)
			return true
		}
		if m.Method == "tools/call" {
			if calls.Add(1) > 1 {
				return false
			}
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "id: 1\ndata:\n\n")
			return true
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{Reconnect: fast})
	_, err := c.Call(t.Context(), "pay", nil)
	t.Logf("calls %d, err %v", calls.Load(), err)
	if calls.Load() != 1 || !errors.Is(err, client.ErrLost) {
		t.Errorf("the tool was run %d times; err = %v", calls.Load(), err)
	}
}

// 2. 404 for a session that is over, with an error that repeats the request's id.
func Test404WithID(t *testing.T) {
	var over atomic.Bool
	var inits atomic.Int32
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method == "initialize" {
			inits.Add(1)
		}
		if over.Load() && r.Header.Get("Mcp-Session-Id") == "s1" {
			writeError(w, m, 404, -32001, "Session not found")
			return true
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{Reconnect: fast})
	over.Store(true)
	for range 2 {
		_, err := c.Call(t.Context(), "x", nil)
		t.Log(err, inits.Load())
		if err != nil {
			t.Errorf("call: %v, initialized %d times", err, inits.Load())
		}
	}
}

// 3. many calls at once when the session is over
func Test404Concurrent(t *testing.T) {
	var over atomic.Bool
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if over.Load() && r.Header.Get("Mcp-Session-Id") == "s1" {
			if r.Method == "POST" && m.ID != nil {
				time.Sleep(time.Duration(1+len(m.Params)%7) * time.Millisecond)
			}
			w.WriteHeader(404)
			return true
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{Reconnect: fast})
	over.Store(true)
	var wg sync.WaitGroup
	var bad atomic.Int32
	for i := range 100 {
		wg.Go(func() {
			if _, err := c.Call(t.Context(), strings.Repeat("x", i), nil); err != nil {
				if bad.Add(1) < 4 {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d of 100 failed", bad.Load())
}

// 4. Connect fails with OnChange: goroutine.
func TestLeakOnFailedConnect(t *testing.T) {
	before := goleak.IgnoreCurrent()
	_, err := client.Connect(t.Context(), client.URL("http://127.0.0.1:1/mcp"), client.Options{OnChange: func(string) {}})
	if err == nil {
		t.Fatal("?")
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// 5. GET is answered with something other than 405.
func TestGetStatus(t *testing.T) {
	for _, status := range []int{400, 404, 406, 500, 501} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
				if r.Method == "GET" {
					http.Error(w, "Cannot GET /mcp", status)
					return true
				}
				return false
			})
			connectTo(t, client.URL(ts.URL), client.Options{})
		})
	}
}

// 6. GET whose headers come with the first event.
func TestGetHangs(t *testing.T) {
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if r.Method == "GET" {
			<-r.Context().Done()
			return true
		}
		return false
	})
	connectTo(t, client.URL(ts.URL), client.Options{})
}

// 7. connection cut in a call by HTTP.
func TestHTTPCutIsLost(t *testing.T) {
	for _, how := range []string{"before", "stream", "body"} {
		t.Run(how, func(t *testing.T) {
			ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
				if m.Method != "tools/call" {
					return false
				}
				switch how {
				case "stream":
					w.Header().Set("Content-Type", "text/event-stream")
					w.(http.Flusher).Flush()
				case "body":
					w.Header().Set("Content-Type", "application/json")
					fmt.Fprint(w, `{"json`)
					w.(http.Flusher).Flush()
				}
				panic(http.ErrAbortHandler)
			})
			c := connectTo(t, client.URL(ts.URL), client.Options{})
			_, err := c.Call(t.Context(), "x", nil)
			if !errors.Is(err, client.ErrLost) {
				t.Errorf("%v", err)
			}
		})
	}
}

// 8. unknown revision, Raw.Initialize, and Memory.
func TestUnknownRevisionPanics(t *testing.T) {
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method == "initialize" {
			writeAnswer(w, m, `{"protocolVersion":"2024-10-07","capabilities":{},"serverInfo":{"name":"x","version":"1"}}`)
			return true
		}
		return false
	})
	memory := new(client.Memory)
	for range 2 {
		connectTo(t, client.URL(ts.URL), client.Options{Memory: memory, Raw: client.Raw{Initialize: json.RawMessage(`{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}`)}})
	}
}

// 9. structuredContent null.
func TestStructuredNull(t *testing.T) {
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method == "tools/call" {
			writeAnswer(w, m, `{"content":[{"type":"text","text":"hello"}],"structuredContent":null,"isError":false}`)
			return true
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{})
	s, err := client.Call[string](t.Context(), c, "x", nil)
	if s != "hello" || err != nil {
		t.Errorf("%q %v", s, err)
	}
}

// 10. results of wrong types.
func TestWrongResults(t *testing.T) {
	for _, result := range []string{`null`, `[]`, `"x"`, `{"content":null}`, `{"content":[null]}`, `{}`} {
		ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
			if m.Method == "tools/call" || m.Method == "prompts/get" || m.Method == "resources/read" || m.Method == "completion/complete" {
				writeAnswer(w, m, result)
				return true
			}
			return false
		})
		c := connectTo(t, client.URL(ts.URL), client.Options{})
		if _, err := c.Call(t.Context(), "x", nil); (err == nil) != (result[0] == '{') {
			t.Errorf("a call with the result %s: %v", result, err)
		}
		// Nothing of these is required to be refused; nothing may bring the client down.
		_, _ = c.Prompt(t.Context(), "x", nil)
		_, _ = c.Read(t.Context(), "x://")
	}
}

// 11. nextCursor "".
func TestEmptyCursor(t *testing.T) {
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method == "tools/list" {
			if strings.Contains(string(m.Params), "cursor") {
				writeAnswer(w, m, `{"tools":[{"name":"b","inputSchema":{"type":"object"}}]}`)
			} else {
				writeAnswer(w, m, `{"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":""}`)
			}
			return true
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{})
	var names []string
	for tl, err := range c.Tools(t.Context()) {
		if err != nil {
			t.Fatal(names, err)
		}
		names = append(names, tl.Name)
	}
	if len(names) != 2 {
		t.Error(names)
	}
}

// 12. Close during a reconnect to a server that does not answer; and the calls.
func TestReconnectHangs(t *testing.T) {
	var over atomic.Bool
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if over.Load() {
			if r.Header.Get("Mcp-Session-Id") == "s1" {
				w.WriteHeader(404)
				return true
			}
			<-r.Context().Done()
			return true
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{Reconnect: transport.Retry{First: time.Millisecond, Attempts: 2}, Timeout: 300 * time.Millisecond})
	over.Store(true)
	_, err := c.Call(t.Context(), "x", nil)
	t.Log(err)
	select {
	case <-c.Done():
	case <-time.After(6 * time.Second):
		t.Error("the client still waits for the handshake, with a Timeout of 300 ms and 2 attempts")
	}
}

var _ = url.Parse

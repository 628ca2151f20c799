package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/tool"
)

func TestCompleteWire(t *testing.T) {
	var wire string
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method == "completion/complete" {
			wire = string(m.Params)
			writeAnswer(w, m, `{"completion":{"values":["a"]}}`)
			return true
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{})
	_, err := c.Complete(t.Context(), client.Ref{Prompt: "p"}, tool.Completion{Argument: "a", Value: "v"})
	t.Log(wire, err)
	if strings.Contains(wire, "null") || strings.Contains(wire, `"uri":""`) {
		t.Error("null and empty members are sent")
	}
}

func TestSubResource(t *testing.T) {
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if r.Method == "GET" {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			time.Sleep(200 * time.Millisecond)
			fmt.Fprint(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"file:///dir/a.txt\"}}\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{})
	told := make(chan bool, 1)
	if _, err := c.Subscribe(t.Context(), "file:///dir", func() { told <- true }); err != nil {
		t.Fatal(err)
	}
	select {
	case <-told:
	case <-time.After(time.Second):
		t.Error("an update of a sub-resource is dropped")
	}
}

func TestDeepContent(t *testing.T) {
	for _, depth := range []int{1, 500, 2000} {
		body := strings.Repeat(`{"type":"tool_result","toolUseId":"a","content":`, depth) + `{"type":"text","text":"` + strings.Repeat("x", 256<<10) + `"}` + strings.Repeat("}", depth)
		ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
			if m.Method == "tools/call" {
				writeAnswer(w, m, `{"content":[`+body+`]}`)
				return true
			}
			return false
		})
		c := connectTo(t, client.URL(ts.URL), client.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := c.Call(ctx, "x", nil)
		cancel()
		if err == nil && depth > 1 {
			t.Errorf("results in results, %d deep, are taken", depth)
		}
	}
}

// A POST refused with 401 in the middle; a call with a body that never ends.
func TestEndlessBodies(t *testing.T) {
	for _, kind := range []string{"500 text", "500 json", "200 json", "200 html", "200 sse", "202"} {
		t.Run(kind, func(t *testing.T) {
			ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
				if m.Method != "tools/call" {
					return false
				}
				typ := map[string]string{"text": "text/plain", "json": "application/json", "html": "text/html", "sse": "text/event-stream"}
				status, k, _ := strings.Cut(kind, " ")
				w.Header().Set("Content-Type", typ[k])
				var n int
				fmt.Sscan(status, &n)
				w.WriteHeader(n)
				io.WriteString(w, "{")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return true
			})
			c := connectTo(t, client.URL(ts.URL), client.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := c.Call(ctx, "x", nil); err == nil {
				t.Error("half an answer is taken")
			}
			c.Close() // returns, whatever the server does
		})
	}
}

// 404 for the own stream after the session began: the race between lose and adopt.
func TestLostBeforeAdopted(t *testing.T) {
	for range 5 {
		var gets atomic.Int32
		ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
			switch {
			case r.Method == "GET" && r.Header.Get("Mcp-Session-Id") == "s1":
				if gets.Add(1) == 1 {
					w.Header().Set("Content-Type", "text/event-stream")
					fmt.Fprint(w, "retry: 0\n\n")
					return true
				}
				w.WriteHeader(404)
				return true
			}
			return false
		})
		c := connectTo(t, client.URL(ts.URL), client.Options{Reconnect: fast})
		time.Sleep(10 * time.Millisecond)
		var err error
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			_, err = c.Call(ctx, "x", nil)
			cancel()
			if err == nil {
				break
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
}

var _ = os.Args

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/transport"
)

// The same request id twice, then the second is withdrawn.
func TestSessionIDChanges(t *testing.T) {
	var ids atomic.Value
	var n atomic.Int32
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method == "tools/call" {
			ids.Store(r.Header.Get("Mcp-Session-Id"))
			w.Header().Set("Mcp-Session-Id", fmt.Sprint("evil", n.Add(1)))
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{})
	c.Call(t.Context(), "x", nil)
	c.Call(t.Context(), "x", nil)
	if id := ids.Load(); id != "s1" {
		t.Errorf("the session is %v", id)
	}
}

// What every request has in its headers, by era.
func TestHeaders(t *testing.T) {
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		version, session, method := r.Header.Get("Mcp-Protocol-Version"), r.Header.Get("Mcp-Session-Id"), r.Header.Get("Mcp-Method")
		got := fmt.Sprintf("%s %q %q %q", m.Method, version, session, method)
		want := fmt.Sprintf("%s %q %q %q", m.Method, "2025-06-18", "s1", "")
		switch m.Method {
		case "server/discover":
			want = fmt.Sprintf("%s %q %q %q", m.Method, "2026-07-28", "", m.Method)
		case "initialize":
			want = fmt.Sprintf("%s %q %q %q", m.Method, "", "", "")
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", r.Method, got, want)
		}
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{})
	c.Ping(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.Call(ctx, "x", nil)
	c.Close()
}

// Redirects: to another origin, from POST, and loops.
func TestRedirects(t *testing.T) {
	var seen atomic.Int32
	other := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool { seen.Add(1); return false })
	for _, code := range []int{301, 302, 303, 307, 308} {
		ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
			w.Header().Set("Location", other.URL+"/?"+r.URL.RawQuery)
			w.WriteHeader(code)
			return true
		})
		_, err := client.Connect(t.Context(), client.URL(ts.URL+"?auth=s3cret99"), client.Options{Header: http.Header{"X-My": {"swordfish"}}})
		t.Log(code, err, seen.Load())
		leaking(t, "redirect", fmt.Sprint(err))
	}
	if seen.Load() > 0 {
		t.Error("followed")
	}
}

// Answers twice, to others, with wrong ids.
func TestOddAnswers(t *testing.T) {
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method != "tools/call" {
			return false
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":99999,\"result\":{}}\n\n")
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"result\":{}}\n\n", m.ID)
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}}\n\n", m.ID)
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"two\"}]}}\n\n", m.ID)
		return true
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{})
	for range 20 {
		if s, err := client.Call[string](t.Context(), c, "x", nil); s != "one" || err != nil {
			t.Error(s, err)
		}
	}
}

// Does Close leave processes?
func TestNoProcessLeft(t *testing.T) {
	for i := range 15 {
		c, err := client.Connect(t.Context(), hostileCommand("waits"), client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			go c.Call(t.Context(), "x", nil)
		}
		time.Sleep(time.Duration(i) * 200 * time.Microsecond)
		c.Close()
	}
	out, _ := exec.Command("pgrep", "-P", fmt.Sprint(os.Getpid())).Output()
	t.Logf("children: %q", out)
}

// ErrLost or a resend, when a process dies at any moment: each call is run at most once.
func TestAtMostOnce(t *testing.T) {
	var ran [400]atomic.Int32
	var k atomic.Int32
	var over atomic.Int32
	ts := fakeSession(t, func(w http.ResponseWriter, r *http.Request, m *wireMessage) bool {
		if m.Method != "tools/call" {
			return false
		}
		if s := r.Header.Get("Mcp-Session-Id"); s != "" {
			var n int32
			fmt.Sscanf(s, "s%d", &n)
			if n <= over.Load() {
				w.WriteHeader(404)
				return true
			}
			if k.Add(1)%17 == 0 {
				over.Store(n)
			}
		}
		var i int
		fmt.Sscanf(string(m.Params), `{"name":"%d"`, &i)
		ran[i].Add(1)
		return false
	})
	c := connectTo(t, client.URL(ts.URL), client.Options{Reconnect: transport.Retry{First: time.Millisecond}})
	errs := make(chan error, 400)
	for i := range 400 {
		go func() {
			_, err := c.Call(t.Context(), fmt.Sprint(i), nil)
			errs <- err
		}()
		if i%20 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	var lost, other int
	for range 400 {
		switch err := <-errs; {
		case err == nil:
		case errors.Is(err, client.ErrLost):
			lost++
		default:
			other++
			t.Log(err)
		}
	}
	for i := range ran {
		if ran[i].Load() > 1 {
			t.Errorf("%d was run %d times", i, ran[i].Load())
		}
	}
	t.Log("lost", lost, "other", other)
}

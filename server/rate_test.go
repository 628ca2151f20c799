package server_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// TestRate: each caller may make so many calls, over all his connections, and the
// calls of one are not counted as another's. The tool does not run for one too many.
func TestRate(t *testing.T) {
	ran := 0
	srv := server.New("rate", "1", server.Options{Logger: quiet, Rate: server.Rate{PerSecond: 0.001, Burst: 3}})
	srv.Tool(func() { ran++ }, tool.Name("run"))
	h := servertest.Start(t, srv)
	call := func(wire servertest.Options) bool {
		t.Helper()
		c := h.Connect(wire)
		defer c.Close()
		before := ran
		got := c.Call("run", nil)
		if got.IsError && !strings.HasPrefix(got.Text(), "too many calls: try again in 16m") || got.IsError == (ran > before) {
			t.Errorf("%+v: got %+v, and the tool ran %d times", wire, got, ran-before)
		}
		return !got.IsError
	}
	ann, bob := url.Values{"auth": {"ann"}}, url.Values{"auth": {"bob"}}
	for i, tt := range []struct {
		transport, revision string
		args                url.Values
		want                bool
	}{
		{servertest.SSE, "", ann, true},
		{servertest.HTTP, "", ann, true},
		{servertest.HTTP, servertest.Stateless, ann, true},
		{servertest.HTTP, servertest.Stateless, ann, false},
		{servertest.SSE, "", ann, false},
		{servertest.HTTP, "", bob, true},
		{servertest.HTTP, servertest.Stateless, nil, true}, // who says nothing is counted by address
		{servertest.HTTP, "", nil, true},
		{servertest.SSE, "", url.Values{"client_id": {"new"}}, true},
		{servertest.HTTP, "", nil, false},
		{servertest.HTTP, "", bob, true},
	} {
		if got := call(servertest.Options{Transport: tt.transport, Revision: tt.revision, Args: tt.args}); got != tt.want {
			t.Errorf("call %d was made: %v", i, got)
		}
	}
	for _, transport := range []string{servertest.Pipe, servertest.Stdio} {
		c := h.Connect(servertest.Options{Transport: transport})
		var got []string
		for range 4 {
			got = append(got, fmt.Sprint(c.Call("run", nil).IsError))
		}
		if strings.Join(got, " ") != "false false false true" {
			t.Errorf("%s: refused: %v", transport, got)
		}
	}
}

// TestRateOfAllFunctions: whatever runs a function of the author's is counted, and
// what does not is not.
func TestRateOfAllFunctions(t *testing.T) {
	srv := server.New("rate", "1", server.Options{Logger: quiet, Rate: server.Rate{PerSecond: 0.001, Burst: 4}})
	srv.Tool(func() {}, tool.Name("run"))
	srv.Prompt(func(topic string) string { return topic }, tool.Name("ask"), tool.Params("topic"),
		tool.Complete("topic", func(*tool.Context, tool.Completion) ([]string, error) { return []string{"x"}, nil }))
	srv.Resource("test://x", func() string { return "x" })
	c := servertest.Connect(t, srv, servertest.Options{})
	for round := range 2 {
		for _, method := range []string{"tools/list", "prompts/list", "resources/list", "ping"} {
			if _, err := c.Request(method, nil); err != nil {
				t.Errorf("%s: %v", method, err)
			}
		}
		_, read := c.TryRead("test://x")
		_, prompt := c.TryPrompt("ask", map[string]string{"topic": "x"})
		_, complete := c.TryComplete("ask", "topic", "x", nil)
		for what, err := range map[string]error{"reading": read, "a prompt": prompt, "completion": complete} {
			if round == 0 && err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if round == 1 {
				wantError(t, err, -32000, "")
			}
		}
		if got := c.Call("run", nil).IsError; got != (round == 1) {
			t.Errorf("round %d: the tool's result is an error: %v", round, got)
		}
	}
}

// TestRateComesBack: who waits as long as he is told may go on.
func TestRateComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := server.New("rate", "1", server.Options{Logger: quiet, Rate: server.Rate{PerSecond: 0.5}})
		srv.Tool(func() {}, tool.Name("run"))
		c := servertest.Connect(t, srv, servertest.Options{})
		defer c.Close()
		for range 3 {
			if got := c.Call("run", nil); got.IsError {
				t.Errorf("got %s", got.Text())
			}
			if got := c.Call("run", nil).Text(); got != "too many calls: try again in 2s" {
				t.Errorf("got %s", got)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

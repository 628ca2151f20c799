package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

var quiet = slog.New(slog.DiscardHandler)

// recorder is a test that is watched instead of run.
type recorder struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Failed() bool     { return r.errors != nil }
func (r *recorder) Error(args ...any) {
	r.errors = append(r.errors, fmt.Sprint(args...))
}

func (r *recorder) end() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

// TestCheckLeaks: a goroutine that outlives its test fails it, and one that was
// there before does not.
func TestCheckLeaks(t *testing.T) {
	release := make(chan struct{})
	wait := func() { <-release }
	go wait() // before
	clean := &recorder{TB: t}
	servertest.CheckLeaks(clean)
	clean.end()
	if clean.errors != nil {
		t.Errorf("a test without a leak fails: %s", clean.errors)
	}
	leaky := &recorder{TB: t}
	servertest.CheckLeaks(leaky)
	go wait()
	leaky.end()
	close(release)
	if leaky.errors == nil || !strings.Contains(leaky.errors[0], "TestCheckLeaks") {
		t.Errorf("a leak is reported as %q", leaky.errors)
	}
}

// everywhere are the transports, and each with either kind of revision.
var (
	everywhere = []string{servertest.Pipe, servertest.SSE, servertest.Stdio, servertest.HTTP}
	revisions  = []string{servertest.Latest, servertest.Stateless}
)

// each runs f for every transport and either kind of revision.
func each(t *testing.T, f func(t *testing.T, o servertest.Options)) {
	for _, via := range everywhere {
		for _, revision := range revisions {
			t.Run(via+"/"+revision, func(t *testing.T) {
				f(t, servertest.Options{Transport: via, Revision: revision})
			})
		}
	}
}

// TestDial: a client that the server refuses is told so over each transport, and
// leaves nothing behind.
func TestDial(t *testing.T) {
	srv := server.New("refusing", "1", server.Options{
		Logger:       quiet,
		Authenticate: func(*server.Connect) (any, error) { return nil, tool.Errorf("not today") },
	})
	h := servertest.Start(t, srv)
	refused := func(via string, err error) {
		t.Helper()
		e, ok := errors.AsType[*servertest.RefusedError](err)
		if !ok || e.Status != http.StatusUnauthorized || !strings.Contains(e.Body, "not today") || e.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("over %s: %v", via, err)
		}
	}
	for _, via := range []string{servertest.SSE, servertest.HTTP} {
		_, err := h.Dial(servertest.Options{Transport: via})
		refused(via, err)
	}
	_, err := h.Dial(servertest.Options{})
	if e, ok := errors.AsType[*transport.Refusal](err); !ok || e.Reason != "not today" {
		t.Errorf("over a pipe: %v", err)
	}
	if _, err = h.Dial(servertest.Options{Transport: servertest.Stdio}); err == nil {
		t.Error("over stdio: connected")
	}
	c := h.Connect(servertest.Options{Transport: servertest.HTTP, Revision: servertest.Stateless})
	_, err = c.TryCall("n", nil) // there was nothing to refuse before
	refused("http without a session", err)
}

// TestSessions: each client has its own arguments, over each transport and in
// either kind of revision.
func TestSessions(t *testing.T) {
	srv := server.New("sessions", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) string { return ctx.Arg("n", "") }, tool.Name("n"))
	h := servertest.Start(t, srv)
	clients := h.Sessions(16, func(i int) servertest.Options {
		return servertest.Options{Transport: everywhere[i%4], Revision: revisions[i/4%2], Args: url.Values{"n": {fmt.Sprint(i)}}}
	})
	for i, c := range clients {
		if got := c.Call("n", nil).Text(); got != fmt.Sprint(i) {
			t.Errorf("client %d got %q", i, got)
		}
		c.Close()
		if _, err := c.TryCall("n", nil); err == nil {
			t.Errorf("client %d can call after Close", i)
		}
	}
}

// TestIdentity: a server sees the same client, whatever the client speaks.
func TestIdentity(t *testing.T) {
	each(t, func(t *testing.T, o servertest.Options) {
		srv := server.New("identity", "1", server.Options{Logger: quiet})
		srv.Tool(func(ctx *tool.Context) string {
			c := ctx.Client()
			return fmt.Sprintf("%s %s %s %v %v", c.Name, ctx.Transport(), ctx.ProtocolVersion(), c.Supports("sampling"), c.Supports("roots"))
		}, tool.Name("who"))
		srv.Tool(func(ctx *tool.Context) { ctx.Log().Info("here"); ctx.Log().Debug("hidden") }, tool.Name("log"))
		o.Capabilities, o.LogLevel = map[string]any{"sampling": map[string]any{}}, "info"
		c := servertest.Connect(t, srv, o)
		if got, want := c.Call("who", nil).Text(), fmt.Sprintf("servertest %s %s true false", o.Transport, o.Revision); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.Call("log", nil)
		notes := c.Await("notifications/message", 1)
		if len(notes) != 1 || !strings.Contains(string(notes[0].Params), `"here"`) {
			t.Errorf("the log has %s", notes)
		}
		own := map[string]any{"name": "who", "_meta": map[string]any{"io.modelcontextprotocol/clientInfo": map[string]any{"name": "me", "version": "1"}}}
		raw, err := c.Request("tools/call", own)
		if named := strings.Contains(string(raw), "me "+o.Transport); err != nil || named != (o.Revision == servertest.Stateless) {
			t.Errorf("with an envelope of its own: %s, %v", raw, err)
		}
	})
}

// TestCancel: the end of a request's context is the end of its call, whose way to
// learn of it differs.
func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, o servertest.Options) {
		started, ended := make(chan struct{}), make(chan error, 1)
		srv := server.New("cancel", "1", server.Options{Logger: quiet})
		srv.Tool(func(ctx *tool.Context) {
			close(started)
			<-ctx.Done()
			ended <- context.Cause(ctx)
		}, tool.Name("wait"))
		c := servertest.Connect(t, srv, o)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-started
			cancel()
		}()
		if _, err := c.RequestContext(ctx, "tools/call", map[string]any{"name": "wait"}); !errors.Is(err, context.Canceled) {
			t.Errorf("the request ended with %v", err)
		}
		hungUp := o.Transport == servertest.HTTP && o.Revision == servertest.Stateless
		if cause := <-ended; errors.Is(cause, transport.ErrClientGone) != hungUp {
			t.Errorf("the call ended with %v", cause)
		}
	})
}

// TestClose: who waits for an answer when the client goes away is told.
func TestClose(t *testing.T) {
	each(t, func(t *testing.T, o servertest.Options) {
		if o.Transport == servertest.Stdio {
			t.Skip("at the end of the input the server finishes what is under way")
		}
		started := make(chan struct{})
		srv := server.New("close", "1", server.Options{Logger: quiet})
		srv.Tool(func(ctx *tool.Context) {
			close(started)
			<-ctx.Done()
		}, tool.Name("wait"))
		c := servertest.Connect(t, srv, o)
		failed := make(chan error, 1)
		go func() {
			_, err := c.TryCall("wait", nil)
			failed <- err
		}()
		<-started
		c.Close()
		c.Close()
		ownWay := o.Transport == servertest.HTTP && o.Revision == servertest.Latest // of the answer, past the end of the session
		if err := <-failed; err == nil && !ownWay {
			t.Error("the call has a result")
		}
	})
}

// TestComponents: what a server has beside tools, over each transport.
func TestComponents(t *testing.T) {
	each(t, func(t *testing.T, o servertest.Options) {
		srv := server.New("components", "1", server.Options{Logger: quiet, PageSize: 1})
		srv.Tool(func() {}, tool.Name("one"))
		srv.Tool(func() {}, tool.Name("two"))
		srv.Resource("a://1", func() string { return "text" })
		srv.Resource("a://2", func() []byte { return []byte{1, 2} })
		srv.Resource("b://{id}", func(id string) string { return id }, tool.Name("b"))
		srv.Resource("c://{id}", func(id string) string { return id }, tool.Name("c"))
		srv.Prompt(func(in struct {
			To string `json:"to" jsonschema:"enum=you,enum=me"`
		}) *tool.PromptResult {
			return &tool.PromptResult{Description: "A greeting.", Messages: []tool.Message{tool.AssistantMessage("Hi, " + in.To)}}
		}, tool.Name("greet"))
		srv.Prompt(func() string { return "" }, tool.Name("other"))
		c := servertest.Connect(t, srv, o)
		for _, tt := range []struct{ got, want []string }{
			{c.Tools(), []string{"one", "two"}},
			{c.Resources(), []string{"a://1", "a://2"}},
			{c.Templates(), []string{"b://{id}", "c://{id}"}},
			{c.Prompts(), []string{"greet", "other"}},
			{c.Complete("greet", "to", "m", nil).Values, []string{"me"}},
			{c.Complete("c://{id}", "id", "", map[string]string{"x": "y"}).Values, []string{}},
		} {
			if !slices.Equal(tt.got, tt.want) {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		}
		if got := c.Read("a://1"); len(got) != 1 || got[0].Text != "text" || got[0].URI != "a://1" || got[0].MIME != "text/plain" {
			t.Errorf("read %+v", got)
		}
		if got := c.Read("a://2"); len(got) != 1 || string(got[0].Blob) != "\x01\x02" {
			t.Errorf("read %+v", got)
		}
		p := c.Prompt("greet", map[string]string{"to": "you"})
		if p.Text() != "Hi, you" || p.Description != "A greeting." || p.Messages[0].Role != "assistant" {
			t.Errorf("got the prompt %+v", p)
		}
		_, read := c.TryRead("a://3")
		_, got := c.TryPrompt("none", nil)
		_, completed := c.TryComplete("none", "x", "", nil)
		_, called := c.TryCall("none", nil)
		for _, err := range []error{read, got, completed, called} {
			if _, ok := errors.AsType[*jsonrpc.Error](err); !ok {
				t.Errorf("the error is %v", err)
			}
		}
	})
}

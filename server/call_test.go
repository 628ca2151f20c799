package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// logBuffer is a log to look at.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// TestFailures: whatever a tool does, its caller gets one answer, of the right
// id, and the session lives on.
func TestFailures(t *testing.T) {
	type cycle struct{ Next *cycle }
	round := &cycle{}
	round.Next = round
	for _, tt := range []struct {
		name         string
		fn           any
		text, masked string // expressions
		log          string
	}{
		{"plain error", func() error { return errors.New("disk full") }, `^disk full$`, `^internal error \(ref [A-Z0-9]{10}\)$`, "disk full"},
		{"error for the caller", func() error { return tool.Errorf("no city %q", "Osl") }, `^no city "Osl"$`, `^no city "Osl"$`, ""},
		{"wrapped", func() error { return fmt.Errorf("internal: %w", tool.Errorf("bad key")) }, `^bad key$`, `^bad key$`, ""},
		{"panic", func() { panic("secret detail") }, `^internal error \(ref`, `^internal error \(ref`, "secret detail"},
		{"nil dereference", func() string { return *(*string)(nil) }, `^internal error \(ref`, `^internal error \(ref`, "nil pointer"},
		{"goexit", func() { runtime.Goexit() }, `^internal error \(ref`, `^internal error \(ref`, "Goexit"},
		{"nan", func() float64 { return math.NaN() }, `NaN`, `^internal error \(ref`, "NaN"},
		{"cycle", func() *cycle { return round }, `cycle`, `^internal error \(ref`, "cycle"},
		{"nil result", func() *forecastOut { return nil }, `^the tool returned nothing$`, `^the tool returned nothing$`, ""},
		{"nil block", func() []tool.Content { return []tool.Content{nil} }, `block 0`, `^internal error \(ref`, "block 0"},
	} {
		for _, mask := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/mask=%v", tt.name, mask), func(t *testing.T) {
				var log logBuffer
				srv := server.New("failures", "1", server.Options{MaskErrors: mask, Logger: log.logger()})
				srv.Tool(tt.fn, tool.Name("f"))
				srv.Tool(func() string { return "alive" }, tool.Name("alive"))
				c := servertest.Connect(t, srv, servertest.Options{})
				res := c.Call("f", nil)
				want := tt.text
				if mask {
					want = tt.masked
				}
				if !res.IsError || !regexp.MustCompile(want).MatchString(res.Text()) {
					t.Errorf("got isError %v, %q, want %s", res.IsError, res.Text(), want)
				}
				if !strings.Contains(log.String(), tt.log) {
					t.Errorf("the log lacks %q:\n%s", tt.log, log.String())
				}
				if _, ref, ok := strings.Cut(res.Text(), "(ref "); ok && !strings.Contains(log.String(), strings.TrimSuffix(ref, ")")) {
					t.Errorf("the log lacks the reference of %q", res.Text())
				}
				if got := c.Call("alive", nil).Text(); got != "alive" {
					t.Errorf("the next call got %q", got)
				}
			})
		}
	}
}

// TestTimeout: the caller is answered at the timeout, and the tool's context has
// ended with the cause; what the tool returns later goes nowhere.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, cause := make(chan struct{}), make(chan error, 1)
		srv := server.New("timeout", "1", server.Options{Logger: quiet})
		srv.Tool(func(ctx context.Context) string {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			<-release // ignores its context for as long as it likes
			return "late"
		}, tool.Name("stubborn"), tool.Timeout(5*time.Second))
		answers := 0
		c := servertest.Connect(t, srv, servertest.Options{Tap: func([]byte) { answers++ }})
		began := time.Now()
		res := c.Call("stubborn", nil)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("answered after %v", took)
		}
		if !res.IsError || res.Text() != "the tool timed out after 5s" {
			t.Errorf("got %q", res.Text())
		}
		if err := <-cause; err.Error() != "the tool timed out" {
			t.Errorf("the cause is %v", err)
		}
		close(release)
		synctest.Wait()
		if answers != 2 { // initialize and the call
			t.Errorf("%d answers, want 2", answers)
		}
	})
}

// TestTimeoutEverywhere: a function that ignores its timeout keeps nobody waiting,
// whatever the client is connected by.
func TestTimeoutEverywhere(t *testing.T) {
	for _, wire := range wires {
		t.Run(wireName(wire), func(t *testing.T) {
			release := make(chan struct{})
			srv := server.New("timeout", "1", server.Options{Logger: quiet})
			srv.Tool(func() { <-release }, tool.Name("stubborn"), tool.Timeout(20*time.Millisecond))
			c := servertest.Connect(t, srv, wire)
			res := c.Call("stubborn", nil)
			close(release)
			if !res.IsError || res.Text() != "the tool timed out after 20ms" {
				t.Errorf("got %q", res.Text())
			}
		})
	}
}

// TestContextEnds: a call's context ends with its cause when the client cancels,
// when it goes away, and at shutdown.
func TestContextEnds(t *testing.T) {
	for _, via := range transports {
		for _, tt := range []struct {
			name string
			end  func(t *testing.T, c *servertest.Client, srv *server.Server, cancel func())
			want string
		}{
			{"cancelled", func(_ *testing.T, _ *servertest.Client, _ *server.Server, cancel func()) { cancel() },
				"the client cancelled the request"},
			{"gone", func(_ *testing.T, c *servertest.Client, _ *server.Server, _ func()) { go c.Close() },
				transport.ErrClientGone.Error()},
			{"shutdown", func(t *testing.T, _ *servertest.Client, srv *server.Server, _ func()) {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if srv.Shutdown(ctx) == nil {
					t.Error("Shutdown does not say that it cut a call")
				}
			}, transport.ErrShutdown.Error()},
		} {
			overHTTP := via == servertest.SSE || via == servertest.HTTP
			if !overHTTP && tt.name == "shutdown" || via == servertest.Stdio && tt.name == "gone" {
				continue // a server shuts down the connections of its HTTP handler; the end of an input is no end of its calls
			}
			if via == servertest.HTTP && tt.name == "gone" {
				tt.want = transport.ErrDeleted.Error()
			}
			t.Run(via+"/"+tt.name, func(t *testing.T) {
				started, cause := make(chan struct{}), make(chan error, 1)
				srv := server.New("ends", "1", server.Options{Logger: quiet})
				srv.Tool(func(ctx context.Context) {
					close(started)
					<-ctx.Done()
					cause <- context.Cause(ctx)
				}, tool.Name("wait"))
				c := servertest.Connect(t, srv, servertest.Options{Transport: via})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				answered := make(chan error, 1)
				go func() {
					_, err := c.RequestContext(ctx, "tools/call", map[string]any{"name": "wait"})
					answered <- err
				}()
				<-started
				began := time.Now()
				tt.end(t, c, srv, cancel)
				if got := <-cause; got.Error() != tt.want {
					t.Errorf("the cause is %q, want %q", got, tt.want)
				}
				t.Logf("ended after %v", time.Since(began))
				<-answered
			})
		}
	}
}

// TestCallLimit: a session may have so many requests under way; one more is
// refused, and taken again once one is answered.
func TestCallLimit(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	srv := server.New("limit", "1", server.Options{Limits: server.Limits{Calls: 2}, Logger: quiet})
	srv.Tool(func() { started <- struct{}{}; <-release }, tool.Name("wait"))
	c := servertest.Connect(t, srv, servertest.Options{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := c.TryCall("wait", nil); err != nil {
				t.Error(err)
			}
		})
		<-started
	}
	_, err := c.TryCall("wait", nil)
	if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != jsonrpc.CodeServerBusy {
		t.Errorf("the third call: %v, want code %d", err, jsonrpc.CodeServerBusy)
	}
	close(release)
	wg.Wait()
	go func() { <-started }()
	c.Call("wait", nil)
}

// TestListChanged: tools come and go while clients are connected; all are told,
// and a cursor given before still leads to the rest.
func TestListChanged(t *testing.T) {
	srv := server.New("list", "1", server.Options{PageSize: 2, Logger: quiet})
	add := func(names ...string) {
		for _, name := range names {
			srv.Tool(func() string { return name }, tool.Name(name))
		}
	}
	add("a", "b", "c", "d", "e")
	h := servertest.Start(t, srv)
	var all []*servertest.Client
	for _, via := range transports {
		all = append(all, h.Connect(servertest.Options{Transport: via}))
	}
	early := h.Connect(servertest.Options{Raw: true})
	c := all[0]
	if got := c.Tools(); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("the list is %v", got)
	}
	page, err := c.Request("tools/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, cursor, _ := strings.Cut(string(page), `"nextCursor":"`)
	cursor, _, _ = strings.Cut(cursor, `"`)
	if !srv.Remove("b") || srv.Remove("b") || !srv.Remove("a") {
		t.Error("Remove does not say whether it did")
	}
	add("f")
	page, err = c.Request("tools/list", map[string]any{"cursor": cursor})
	if err != nil || !strings.Contains(string(page), `"name":"c"`) || strings.Contains(string(page), `"name":"e"`) {
		t.Errorf("behind the cursor: %s, %v", page, err)
	}
	if got := c.Tools(); !slices.Equal(got, []string{"c", "d", "e", "f"}) {
		t.Errorf("the list is %v", got)
	}
	for _, c := range all {
		c.Await("notifications/tools/list_changed", 1) // what changes at once is told at once
	}
	if n := len(early.Notifications("notifications/tools/list_changed")); n != 0 {
		t.Errorf("a client that has not initialized got %d notifications", n)
	}
	if _, err := c.TryCall("a", nil); err == nil {
		t.Error("a removed tool can be called")
	}
	if got := c.Call("f", nil).Text(); got != "f" {
		t.Errorf("a new tool answers %q", got)
	}
}

// TestRegistration: what cannot be a tool is a panic that says where it stands
// and what would do.
func TestRegistration(t *testing.T) {
	for _, tt := range []struct {
		name string
		add  func(srv *server.Server)
		want []string
	}{
		{"not a function", func(srv *server.Server) { srv.Tool(7) }, []string{"int is not a function", "accepted forms"}},
		{"signature", func(srv *server.Server) { srv.Tool(badSignature) }, []string{"server_test.badSignature", "call_test.go:", "accepted forms"}},
		{"no name", func(srv *server.Server) { srv.Tool(func() {}) }, []string{"call_test.go:", "tool.Name"}},
		{"source", func(*server.Server) {
			tool.MustSource(fstest.MapFS{"bad.go": {Data: []byte("package main\n\nfunc {")}})
		}, []string{"reading source comments", "bad.go:3"}},
		{"two options", func(*server.Server) { server.New("o", "1", server.Options{}, server.Options{}) }, []string{"one Options"}},
		{"duplicate", func(srv *server.Server) { srv.Tool(who); srv.Tool(who) }, []string{`"who"`, "already"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				text := fmt.Sprint(recover())
				for _, want := range tt.want {
					if !strings.Contains(text, want) {
						t.Errorf("the panic lacks %q: %s", want, text)
					}
				}
			}()
			tt.add(server.New("registration", "1", server.Options{Logger: quiet}))
			t.Error("no panic")
		})
	}
}

// described is a tool that its comment describes.
func described(in struct {
	// City to look up.
	City string `json:"city"`
}) string {
	return in.City
}

// TestSource: comments in the embedded source are what clients read, unless an
// option says it.
func TestSource(t *testing.T) {
	text, err := os.ReadFile("call_test.go")
	if err != nil {
		t.Fatal(err)
	}
	srv := server.New("source", "1", server.Options{Source: tool.MustSource(fstest.MapFS{"call.go": {Data: text}}), Logger: quiet})
	srv.Tool(described)
	srv.Tool(described, tool.Name("other"), tool.Description("An option."))
	c := servertest.Connect(t, srv, servertest.Options{})
	raw, err := c.Request("tools/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"name":"described","description":"described is a tool that its comment describes.",`,
		`{"name":"other","description":"An option.",`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the list lacks %s:\n%s", want, raw)
		}
	}
}

func badSignature(a, b int) (int, int) { return a, b }

// TestStrict: near misses are understood, and refused when the server is strict.
func TestStrict(t *testing.T) {
	for _, strict := range []bool{false, true} {
		srv := server.New("strict", "1", server.Options{Strict: strict, Logger: quiet})
		srv.Tool(func(n int) int { return n }, tool.Name("n"), tool.Params("n"))
		c := servertest.Connect(t, srv, servertest.Options{})
		if res := c.Call("n", map[string]any{"n": "5"}); res.IsError != strict {
			t.Errorf("strict %v: %q", strict, res.Text())
		}
	}
}

// TestStdioDrains: when its context ends, a server on stdio lets the calls under
// way end first.
func TestStdioDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{})
		srv := server.New("drain", "1", server.Options{Drain: time.Minute, Logger: quiet})
		srv.Tool(func() string {
			close(started)
			time.Sleep(30 * time.Second)
			return "done"
		}, tool.Name("slow"))
		in, client := io.Pipe()
		var out logBuffer
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- srv.ServeStreams(ctx, in, &out, nil) }()
		io.WriteString(client, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`+"\n"+
			`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"slow"}}`+"\n")
		<-started
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if !strings.Contains(out.String(), `"text":"done"`) {
			t.Errorf("the call under way was not answered: %s", out.String())
		}
		client.Close()
	})
}

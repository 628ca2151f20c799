//go:build unix

package hostile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/transport"
)

// TestNginxDefaults: behind nginx as it comes, which speaks HTTP/1.0 to the server and
// buffers what it says: progress arrives while the call lasts, questions are answered,
// a client that gives up cancels, and what the server says by itself is heard.
func TestNginxDefaults(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{})
	for name, lines := range map[string][]string{
		"as it comes":        nil,
		"HTTP/1.1 upstream":  {`location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }`},
		"told not to buffer": {"location / { proxy_pass http://up; proxy_ignore_headers X-Accel-Buffering; proxy_buffering off; }"},
		"compressing":        {"gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;", "location / { proxy_pass http://up; }"},
	} {
		t.Run(name, func(t *testing.T) {
			n := startNginx(t, b.addr, lines...)
			overNginx(t, n, "", func(t *testing.T, way string, c *client.Client) {
				told, got := make(chan struct{}, 1), make(chan error, 1)
				go func() {
					_, err := c.Call(patiently(t), "linger", nil, client.OnProgress(func(client.Progress) { told <- struct{}{} }))
					got <- err
				}()
				arrives(t, "progress, while the call lasts", told)
				<-b.began
				b.release <- struct{}{}
				if err := arrives(t, "the answer", got); err != nil {
					t.Error(err)
				}
				wantCall(t, c, "ask", nil, "Ada")
				wantCall(t, c, "who", nil, "key of Ada")
				wantCall(t, c, "echo", map[string]string{"text": strings.Repeat("x", 500_000)}, strings.Repeat("x", 500_000))
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					_, err := c.Call(ctx, "linger", nil)
					got <- err
				}()
				arrives(t, "the call", b.began)
				cancel()
				if err := arrives(t, "the end of the call", got); !errors.Is(err, context.Canceled) {
					t.Errorf("a call that is cancelled: %v", err)
				}
				arrives(t, way+": the end of the function's context", b.cancelled)
			})
		})
	}
}

// TestNginxKeptConnections: a call that timed out, whose function goes on, holds up no
// other that nginx would send on the same connection.
func TestNginxKeptConnections(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{})
	n := startNginx(t, b.addr, `location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }`)
	overNginx(t, n, "", func(t *testing.T, way string, c *client.Client) {
		for range 5 {
			if got, err := c.Call(patiently(t), "hang", nil); err != nil || !got.IsError {
				t.Errorf("a call that times out: %+v, %v", got, err)
			}
			wantCall(t, c, "echo", map[string]string{"text": "x"}, "x")
		}
	})
}

// TestNginxIgnoresBuffering: where nginx is told not to heed X-Accel-Buffering, it holds
// back what a stream says until the response ends. Calls have their results; progress
// comes with them, the question of a session never, and HTTP+SSE does not work.
func TestNginxIgnoresBuffering(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{})
	n := startNginx(t, b.addr, "location / { proxy_pass http://up; proxy_ignore_headers X-Accel-Buffering; }")
	for _, way := range []string{"session", "alone"} {
		o := nginxWays[way].o
		o.Elicit = func(context.Context, *client.Elicitation) (*client.Elicited, error) {
			return &client.Elicited{Content: map[string]any{"name": "Ada"}}, nil
		}
		c := connect(t, n.url("/mcp"), o)
		told := 0
		wantCall(t, c, "slow", map[string]int{"ms": 1}, "done", client.OnProgress(func(client.Progress) { told++ }))
		if told != 1 {
			t.Errorf("%s: progress was told %d times", way, told)
		}
		wantCall(t, c, "echo", map[string]string{"text": "x"}, "x")
		if way == "alone" { // where the question is the result
			wantCall(t, c, "ask", nil, "Ada")
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if got, err := c.Call(ctx, "ask", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a question in a session: %+v, %v: docs/http.md says otherwise", got, err)
		}
		cancel()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	c, err := client.Connect(ctx, client.URL(n.url("/sse")), client.Options{Transport: "sse", Logger: unlogged})
	if err == nil {
		c.Close()
		t.Error("HTTP+SSE works: docs/http.md says otherwise")
	}
}

// cutting has nginx cut what is silent for a second and a half, or with -long for 5.
func cutting(t testing.TB, b *behind) (n *nginx, timeout time.Duration) {
	timeout = time.Duration(often(1500, 5000)) * time.Millisecond
	return startNginx(t, b.addr, fmt.Sprintf("proxy_read_timeout %dms;", timeout.Milliseconds()), "location / { proxy_pass http://up; }"), timeout
}

// TestNginxReadTimeout: nginx cuts streams that are silent. A call in a session that is
// cut again and again has its result all the same; one that has not said anything is
// lost, and its client knows.
func TestNginxReadTimeout(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{})
	n, timeout := cutting(t, b)
	o := nginxWays["session"].o
	o.Logger, o.Reconnect = unlogged, transport.Retry{Attempts: 2, First: time.Millisecond}
	c, err := client.Connect(patiently(t), client.URL(n.url("/mcp")), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const cuts = 4 // more than the client tries in a row without success
	told := 0
	wantCall(t, c, "slow", map[string]int{"ms": int(timeout.Milliseconds()) * cuts}, "done", client.OnProgress(func(client.Progress) { told++ }))
	if told != 1 {
		t.Errorf("progress was told %d times", told)
	}
	if got := b.resumed.Load(); got < cuts-1 {
		t.Errorf("the stream was resumed %d times: nginx did not cut", got)
	}
	_, err = c.Call(patiently(t), "silent", map[string]int{"ms": int(timeout.Milliseconds()) * 2})
	if status, ok := errors.AsType[*transport.StatusError](err); !ok || status.Status != http.StatusGatewayTimeout {
		t.Errorf("a call that is silent: %v", err)
	}
	wantCall(t, c, "echo", map[string]string{"text": "x"}, "x")
}

// TestNginxKeepAlive: a server that says something often enough is not cut, on any
// stream, in whatever way it is reached.
func TestNginxKeepAlive(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{KeepAlive: 200 * time.Millisecond})
	n, timeout := cutting(t, b)
	var calls sync.WaitGroup
	for _, way := range nginxWays {
		c := connect(t, n.url(way.path), way.o)
		calls.Go(func() {
			wantCall(t, c, "slow", map[string]int{"ms": int(timeout.Milliseconds()) * 2}, "done", client.OnProgress(func(client.Progress) {}))
		})
	}
	opened := b.opened.Load()
	calls.Wait()
	if got := b.opened.Load(); got != opened || b.resumed.Load() > 0 {
		t.Errorf("%d streams were cut, and %d sessions became %d", b.resumed.Load(), opened, got)
	}
}

// TestNginxIdle: HTTP+SSE streams that nginx cut for being silent are opened anew by
// package client, whose next call works.
func TestNginxIdle(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{KeepAlive: -1})
	n, _ := cutting(t, b)
	c, err := client.Connect(patiently(t), client.URL(n.url("/sse")), client.Options{Transport: "sse", Logger: unlogged})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 {
		opened := b.opened.Load()
		comesTrue(t, "another session, for nginx cut the one before", func() bool { return b.opened.Load() > opened })
		wantCall(t, c, "echo", map[string]string{"text": "x"}, "x")
	}
}

// TestNginxRestarts: nginx is reloaded, and stopped and started, while calls are under
// way. Those of a session have their results; of the others the client says that they
// are lost, and the next ones work.
func TestNginxRestarts(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{})
	n := startNginx(t, b.addr)
	for how, restart := range map[string]func(){
		"reload": func() {
			if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		},
		"restart": func() { n.stop(); n.start() },
	} {
		t.Run(how, func(t *testing.T) {
			overNginx(t, n, "", func(t *testing.T, way string, c *client.Client) {
				told, got := make(chan struct{}, 1), make(chan error, 1)
				go func() {
					_, err := c.Call(patiently(t), "linger", nil, client.OnProgress(func(client.Progress) { told <- struct{}{} }))
					got <- err
				}()
				arrives(t, "progress", told)
				<-b.began
				before := b.resumed.Load()
				restart()
				if way == "session" {
					comesTrue(t, "the client is back", func() bool { return b.resumed.Load() > before })
					b.release <- struct{}{}
					if err := arrives(t, "the answer", got); err != nil {
						t.Errorf("a call in a session: %v", err)
					}
				} else {
					if err := arrives(t, "the end of the call", got); !errors.Is(err, client.ErrLost) {
						t.Errorf("a call that cannot be taken up again: %v", err)
					}
					arrives(t, way+": the end of the function's context", b.cancelled)
				}
				wantCall(t, c, "echo", map[string]string{"text": "x"}, "x")
			})
		})
	}
}

// TestNginxPrefix: a server is reached under a prefix, which nginx may keep or strip,
// without a setting; connection arguments may stand in the path.
func TestNginxPrefix(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{})
	n := startNginx(t, b.addr,
		"location /stripped/ { proxy_pass http://up/; }",
		"location /kept/ { proxy_pass http://up; }",
		"location /k/ { proxy_pass http://up; }",
		"location /deep/er/ { proxy_pass http://up/k/; }")
	for prefix, who := range map[string]string{"/stripped": "key of Ada", "/kept": "key of Ada", "/k/path": "path", "/deep/er/path": "path"} {
		t.Run(prefix, func(t *testing.T) {
			overNginx(t, n, prefix, func(t *testing.T, way string, c *client.Client) {
				wantCall(t, c, "who", nil, who)
				wantCall(t, c, "ask", nil, "Ada")
			})
		})
	}
}

// TestNginxHost: on a loopback address a server takes the names that its options allow
// of what nginx gives it for Host, and refuses others.
func TestNginxHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		allowed []string
		header  string
		want    int
	}{
		{nil, `proxy_set_header Host $host;`, http.StatusOK},
		{nil, `proxy_set_header Host $proxy_host;`, http.StatusForbidden},
		{[]string{"up"}, `proxy_set_header Host $proxy_host;`, http.StatusOK},
		{nil, `proxy_set_header Host mcp.example.com;`, http.StatusForbidden},
		{[]string{"mcp.example.com"}, `proxy_set_header Host mcp.example.com;`, http.StatusOK},
		{[]string{"mcp.example.com"}, `proxy_set_header Host other.example.com;`, http.StatusForbidden},
	} {
		b := startBehind(t, server.Options{AllowedHosts: tt.allowed})
		n := startNginx(t, b.addr, "location / { proxy_pass http://up; "+tt.header+" }")
		got := raw(t, n.addr, post(n.addr, initialize("2025-11-25"), "Connection: close"))
		wantStatus(t, tt.header, got, tt.want)
	}
}

// TestNginxBodySize: a message that nginx finds too large is refused by it, and one that
// the server does by that: the client is told the status.
func TestNginxBodySize(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{})
	for lines, size := range map[string]int{"": 2 << 20, "client_max_body_size 20m;": 6 << 20} {
		n := startNginx(t, b.addr, lines, "location / { proxy_pass http://up; }")
		overNginx(t, n, "", func(t *testing.T, way string, c *client.Client) {
			_, err := c.Call(patiently(t), "echo", map[string]string{"text": strings.Repeat("x", size)})
			if status, ok := errors.AsType[*transport.StatusError](err); !ok || status.Status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %d bytes: %v", lines, size, err)
			}
			wantCall(t, c, "echo", map[string]string{"text": "x"}, "x")
		})
	}
}

// TestFaultTooLargeIsTold: who sends a message that is too large, and reads nothing
// before all of it is sent, as a proxy does, is told what was wrong.
func TestFaultTooLargeIsTold(t *testing.T) {
	t.Parallel()
	b := startBehind(t, server.Options{})
	for range often(5, 100) {
		c := dial(t, b.addr)
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(c, post(b.addr, strings.Repeat(" ", 6<<20))); err != nil {
			t.Errorf("sending: %v", err)
		}
		wantStatus(t, "6 MiB", readReply(t, bufio.NewReader(c)), http.StatusRequestEntityTooLarge)
	}
}

// TestNginxWithoutServer: while nothing listens behind nginx, its clients are told that;
// then they go on.
func TestNginxWithoutServer(t *testing.T) {
	t.Parallel()
	addr := freeAddress(t)
	n := startNginx(t, addr)
	res, err := http.Get(n.url("/healthz"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusBadGateway {
		t.Errorf("without a server: %s", res.Status)
	}
	ctx, cancel := context.WithTimeout(patiently(t), patience)
	defer cancel()
	_, err = client.Connect(ctx, client.URL(n.url("/mcp")), client.Options{Logger: unlogged})
	if status, ok := errors.AsType[*transport.StatusError](err); !ok || status.Status != http.StatusBadGateway {
		t.Errorf("connecting: %v", err)
	}
	p := startProcess(t, faultyCommand([]string{"--http", addr}))
	c := connect(t, n.url("/mcp"), client.Options{})
	wantCall(t, c, "echo", map[string]string{"text": "x"}, "x")
	if err := p.terminate(); err != nil {
		t.Error(err)
	}
}

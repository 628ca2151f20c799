package cli

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// planFor plans a command line, in which UPSTREAM is the URL of the test server.
func planFor(t *testing.T, args string) *proxyPlan {
	t.Helper()
	cleanEnvironment(t)
	upstream := httptest.NewServer(newTestServer().Handler())
	t.Cleanup(upstream.Close)
	plan, err := planOf(t, strings.ReplaceAll(args, "UPSTREAM", upstream.URL))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// An interrupt ends the proxy while its client says nothing.
func TestProxyStdioInterrupted(t *testing.T) {
	plan := planFor(t, "UPSTREAM/mcp|--arg|who=me|--query|who={who}")
	in, toProxy := io.Pipe()
	fromProxy, out := io.Pipe()
	defer in.Close() // ends the read that the proxy leaves behind
	p := testProgram()
	p.in, p.out = in, out
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.proxyStdio(ctx, plan) }()
	lines := bufio.NewReader(fromProxy)
	for _, m := range []struct{ say, hear string }{{initialize, `"testserver"`}, {callArg("who"), quoted("me")}} {
		if _, err := io.WriteString(toProxy, m.say+"\n"); err != nil {
			t.Fatal(err)
		}
		if answer, err := lines.ReadString('\n'); err != nil || !strings.Contains(answer, m.hear) {
			t.Fatalf("the answer is %q, %v; want %s", answer, err, m.hear)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestProxyStdioRefused(t *testing.T) {
	plan := planFor(t, "UPSTREAM/mcp|--query|who={who}")
	err := testProgram().proxyStdio(t.Context(), plan)
	if err == nil || !strings.Contains(err.Error(), "--arg name=value") || !strings.Contains(err.Error(), "who") {
		t.Errorf("the error is %v", err)
	}
}

// An interrupt ends the proxy in order while a client listens.
func TestProxyHTTPInterrupted(t *testing.T) {
	plan := planFor(t, "--port|0|UPSTREAM/mcp")
	said, err := io.Pipe()
	p := testProgram()
	p.err = err
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- p.proxyHTTP(ctx, plan)
		err.Close()
	}()
	lines := bufio.NewScanner(said)
	base := ""
	for base == "" && lines.Scan() {
		if at := announced.FindStringSubmatch(lines.Text()); at != nil {
			base = at[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, said) }() // what else it says
	req, failed := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/sse", nil)
	if failed != nil {
		t.Fatal(failed)
	}
	res, failed := http.DefaultClient.Do(req)
	if failed != nil {
		t.Fatal(failed)
	}
	defer res.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestProxyPortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	plan := planFor(t, "--http|"+ln.Addr().String()+"|UPSTREAM/mcp")
	if err := testProgram().proxyHTTP(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "see --port") {
		t.Errorf("the error is %v", err)
	}
}

func TestAnnounce(t *testing.T) {
	plan := planFor(t, "--http|:0|--path|/k/{auth}|UPSTREAM/mcp|--named-server|a b|UPSTREAM/mcp")
	var log strings.Builder
	plan.logger = slog.New(slog.NewTextHandler(&log, nil))
	f, err := newFront(plan)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	everywhere := &net.TCPAddr{IP: net.IPv6zero, Port: 80}
	f.announce(&said, everywhere)
	want := `127.0.0.1
  HTTP    http://localhost:80/k/{auth}/mcp
  SSE     http://localhost:80/k/{auth}/sse
a b
  HTTP    http://localhost:80/k/{auth}/servers/a%20b/mcp
  SSE     http://localhost:80/k/{auth}/servers/a%20b/sse
  status  http://localhost:80/status
To connect a client, paste this into its configuration; connection arguments follow the URL, as in ?name=value:
  {"mcpServers": {"127.0.0.1": {"url": "http://localhost:80/k/{auth}/mcp"}}}
`
	if said.String() != want {
		t.Errorf("it says\n%s\nwant\n%s", said.String(), want)
	}
	f.warnIfOpen(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80})
	if log.Len() > 0 {
		t.Errorf("of loopback it warns %s", log.String())
	}
	f.warnIfOpen(everywhere)
	if !strings.Contains(log.String(), "--api-key") {
		t.Errorf("of an open address it warns %q", log.String())
	}
	log.Reset()
	if err := f.plan.keys.add("K", "me"); err != nil {
		t.Fatal(err)
	}
	f.warnIfOpen(everywhere)
	if log.Len() > 0 {
		t.Errorf("with a key it warns %s", log.String())
	}
}

// Package servertest is a client for tests of a server, over any transport, in
// any revision, with any connection arguments, as many at once as wanted:
//
//	c := servertest.Connect(t, srv, servertest.Options{Args: url.Values{"auth": {"KEY"}}})
//	got := c.Call("forecast", map[string]any{"city": "Oslo"})
//
// Everything ends with the test, which fails if a goroutine is left behind.
package servertest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sessionmcp/sessionmcp/server"
)

// The transports that a client can use.
const (
	Pipe  = "pipe"  // in memory
	SSE   = "sse"   // HTTP+SSE over a loopback port
	Stdio = "stdio" // lines, as over standard input and output
	HTTP  = "http"  // streamable HTTP over a loopback port
)

// Latest is the revision that a client asks for unless told otherwise: the latest
// that begins with a handshake. Stateless is the one that has none.
const (
	Latest    = "2025-11-25"
	Stateless = "2026-07-28"
)

// Options say how a client connects. The zero value is an anonymous client over
// a pipe that speaks the latest revision with a handshake.
type Options struct {
	Transport string      // "" is Pipe
	Args      url.Values  // the connection arguments
	Header    http.Header // of every HTTP request; for SSE and HTTP
	Path      string      // under the server's URL; "" is /sse for SSE and /mcp for HTTP

	// Revision is what to ask for in initialize; "" is Latest. In Stateless there
	// is no initialize: each request says who sends it. Over HTTP nothing is sent
	// before the first request, so that is what a server refuses.
	Revision string

	// Raw is to connect and not initialize. What SendText is given is sent as it
	// is, in whichever revision.
	Raw bool

	// Capabilities are those that the client declares; nil is none.
	Capabilities map[string]any

	// LogLevel is that from which the client wants log messages; "" is none.
	LogLevel string

	// Answer answers what the server asks: elicitation/create,
	// sampling/createMessage, roots/list. The result is encoded with
	// encoding/json. In a session an error is answered, as it is if it is a
	// [*jsonrpc.Error]; in Stateless it ends the request that led to the question.
	// Answer is called on goroutines of its own, which Close waits for. Without it
	// every question is answered with an error; if Raw is set, it is the test's to
	// answer.
	Answer func(method string, params json.RawMessage) (result any, err error)

	// Mirror may change the headers of each POST, once they are all set; text is
	// its body. For HTTP, and for tests of what headers must say. The arguments that
	// a tool wants repeated in headers (Mcp-Param-…) are Mirror's to set.
	Mirror func(text []byte, h http.Header)

	// Tap is called with every text that the server sends, one at a time.
	Tap func(text []byte)
}

// Harness runs one server for any number of clients.
type Harness struct {
	t       testing.TB
	srv     *server.Server
	handler http.Handler
	mu      sync.Mutex
	http    *httptest.Server
}

// Start returns a harness for srv. It ends, with every client, when the test
// does; then the test fails if there are goroutines that were not there before.
func Start(t testing.TB, srv *server.Server) *Harness { return StartHandler(t, srv, srv.Handler()) }

// StartHandler is Start with the handler that HTTP clients reach: a mux of your
// own around srv.Handler().
func StartHandler(t testing.TB, srv *server.Server, handler http.Handler) *Harness {
	CheckLeaks(t)
	h := &Harness{t: t, srv: srv, handler: handler}
	t.Cleanup(h.close)
	return h
}

// CheckLeaks fails the test if, when it and the cleanups added after this call
// have ended, goroutines run that did not run before.
func CheckLeaks(t testing.TB) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		if !t.Failed() { // a failed test has said what matters
			goleak.VerifyNone(t, before)
		}
	})
}

func (h *Harness) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.srv.Shutdown(ctx) // at once: what is still under way is the test's to have ended
	if h.http != nil {
		h.http.Close()
	}
}

// URL returns the address of the server over HTTP, without a final slash. The
// first call starts it.
func (h *Harness) URL() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.http == nil {
		h.http = httptest.NewServer(h.handler)
	}
	return h.http.URL
}

// Connect connects a client. A connection that is refused fails the test.
func (h *Harness) Connect(o Options) *Client {
	h.t.Helper()
	c, err := h.Dial(o)
	if err != nil {
		h.t.Fatalf("connecting: %v", err)
	}
	return c
}

// Dial connects a client, or says why the server refused.
func (h *Harness) Dial(o Options) (*Client, error) {
	if o.Revision == "" {
		o.Revision = Latest
	}
	c := &Client{t: h.t, o: o, arrived: make(chan struct{})}
	var err error
	switch o.Transport {
	case "", Pipe:
		err = c.dialPipe(h.srv)
	case SSE:
		err = c.dialSSE(h.URL())
	case Stdio:
		c.dialStdio(h.srv)
	case HTTP:
		c.dialHTTP(h.URL())
	default:
		h.t.Fatalf("servertest: unknown transport %q", o.Transport)
	}
	if err != nil {
		return nil, err
	}
	h.t.Cleanup(c.Close)
	if o.Raw || c.stateless() {
		return c, nil
	}
	return c, c.initialize()
}

// Sessions connects n clients, each with its own options.
func (h *Harness) Sessions(n int, options func(i int) Options) []*Client {
	h.t.Helper()
	clients := make([]*Client, n)
	for i := range clients {
		clients[i] = h.Connect(options(i))
	}
	return clients
}

// Connect starts a harness for srv and connects one client.
func Connect(t testing.TB, srv *server.Server, o Options) *Client {
	t.Helper()
	return Start(t, srv).Connect(o)
}

// Package servertest is a client for tests of a server and its tools, over any
// transport, with any connection arguments, as many at once as wanted:
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

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
)

// The transports that a client can use.
const (
	Pipe  = "pipe"  // in memory
	SSE   = "sse"   // HTTP+SSE over a loopback port
	Stdio = "stdio" // lines, as over standard input and output
)

// Latest is the revision that a client asks for unless told otherwise.
const Latest = "2025-11-25"

// Options say how a client connects. The zero value is an anonymous client over
// a pipe that speaks the latest revision.
type Options struct {
	Transport string      // "" is Pipe
	Args      url.Values  // the connection arguments
	Header    http.Header // of every HTTP request; for SSE
	Path      string      // of the stream under the server's URL; for SSE, "" is /sse
	Revision  string      // to ask for in initialize; "" is Latest
	Raw       bool        // connect and do not initialize

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
	c := &Client{t: h.t, tap: o.Tap, arrived: make(chan struct{})}
	var err error
	switch o.Transport {
	case "", Pipe:
		err = c.dialPipe(h.srv, o)
	case SSE:
		err = c.dialSSE(h.URL(), o)
	case Stdio:
		err = c.dialStdio(h.srv, o)
	default:
		h.t.Fatalf("servertest: unknown transport %q", o.Transport)
	}
	if err != nil {
		return nil, err
	}
	h.t.Cleanup(c.Close)
	if o.Raw {
		return c, nil
	}
	if o.Revision == "" {
		o.Revision = Latest
	}
	return c, c.initialize(o.Revision)
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

// Result is what a tool answered.
type Result struct {
	Content           []Block         `json:"content"`
	StructuredContent json.RawMessage `json:"structuredContent"`
	IsError           bool            `json:"isError"`
	Meta              json.RawMessage `json:"_meta"`
}

// Block is one block of content, of any type.
type Block struct {
	Type     string          `json:"type"`
	Text     string          `json:"text"`
	Data     []byte          `json:"data"`
	MIME     string          `json:"mimeType"`
	URI      string          `json:"uri"`
	Resource json.RawMessage `json:"resource"`
}

// Text returns the text of the first block, "" if there is none.
func (r *Result) Text() string {
	if len(r.Content) == 0 {
		return ""
	}
	return r.Content[0].Text
}

// Decode decodes the structured content into dst.
func (r *Result) Decode(dst any) error { return json.Unmarshal(r.StructuredContent, dst) }

// Message is a notification that the server sent.
type Message struct {
	Method string
	Params json.RawMessage
}

// Client is a connection to the server under test. It is safe for concurrent use.
type Client struct {
	t     testing.TB
	send  func(text []byte) error
	stop  func()
	tap   func(text []byte)
	calls jsonrpc.Calls
	once  sync.Once

	// SessionID is the id the server gave the connection; "" over stdio.
	SessionID string
	// Endpoint is the URL that messages are POSTed to; for SSE.
	Endpoint string

	mu      sync.Mutex
	notes   []Message
	arrived chan struct{} // closed and replaced when notes grows
}

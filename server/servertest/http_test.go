package servertest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// log is a handler that notes the requests that come by.
type log struct {
	http.Handler
	mu   sync.Mutex
	seen []*http.Request
	text []string // the bodies
}

func (l *log) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	l.mu.Lock()
	l.seen, l.text = append(l.seen, r), append(l.text, string(body))
	l.mu.Unlock()
	l.Handler.ServeHTTP(w, r)
}

func (l *log) all() []*http.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen)
}

// TestHTTPSession: a session begins and ends as the specification has it, each
// request has the arguments, and what the server says by itself arrives.
func TestHTTPSession(t *testing.T) {
	closed := make(chan error, 1)
	srv := server.New("http", "1", server.Options{
		Logger:  quiet,
		OnClose: func(_ *server.Session, cause error) { closed <- cause },
	})
	srv.Tool(func() {}, tool.Name("here"))
	l := &log{Handler: srv.Handler()}
	h := servertest.StartHandler(t, srv, l)
	c := h.Connect(servertest.Options{Transport: servertest.HTTP, Header: http.Header{"X-Own": {"1"}}, Args: url.Values{"auth": {"A"}}})
	c.Call("here", nil)
	srv.Remove("here")
	c.Await("notifications/tools/list_changed", 1)
	id := c.SessionID
	c.Close()
	if cause := <-closed; cause != transport.ErrDeleted {
		t.Errorf("the session ended with %v", cause)
	}
	var got []string
	for i, r := range l.all() {
		got = append(got, r.Method)
		session, revision := r.Header.Get("Mcp-Session-Id"), r.Header.Get("Mcp-Protocol-Version")
		if first := i == 0; first != (session == "") || first != (revision == "") {
			t.Errorf("%s: session %q, revision %q", r.Method, session, revision)
		}
		if i > 0 && (session != id || revision != servertest.Latest) {
			t.Errorf("%s: session %q, revision %q", r.Method, session, revision)
		}
		if r.Header.Get("X-Own") == "" || r.Header.Get("Mcp-Method") != "" || r.URL.RequestURI() != "/mcp?auth=A" {
			t.Errorf("%s %s: %v", r.Method, r.URL, r.Header)
		}
	}
	if want := []string{"POST", "POST", "GET", "POST", "DELETE"}; !slices.Equal(got, want) {
		t.Errorf("the requests are %v, want %v", got, want)
	}
}

// TestHTTPSessionless: a server that keeps none has no stream and nothing to end.
func TestHTTPSessionless(t *testing.T) {
	srv := server.New("http", "1", server.Options{Logger: quiet, Sessionless: true})
	srv.Tool(func() string { return "yes" }, tool.Name("here"))
	l := &log{Handler: srv.Handler()}
	c := servertest.StartHandler(t, srv, l).Connect(servertest.Options{Transport: servertest.HTTP})
	if got := c.Call("here", nil).Text(); got != "yes" || c.SessionID != "" {
		t.Errorf("got %q in session %q", got, c.SessionID)
	}
	c.Close()
	for _, r := range l.all() {
		if r.Method != http.MethodPost {
			t.Errorf("%s %s", r.Method, r.URL)
		}
	}
}

// TestHTTPMixed: a request that stands alone says nothing of the session beside it.
func TestHTTPMixed(t *testing.T) {
	srv := server.New("mixed", "1", server.Options{Logger: quiet})
	l := &log{Handler: srv.Handler()}
	h := servertest.StartHandler(t, srv, l)
	c := h.Connect(servertest.Options{Transport: servertest.HTTP})
	params := map[string]any{"_meta": map[string]any{
		"io.modelcontextprotocol/protocolVersion":    servertest.Stateless,
		"io.modelcontextprotocol/clientCapabilities": map[string]any{},
	}}
	if _, err := c.Request("server/discover", params); err != nil {
		t.Error(err)
	}
	last := l.all()[len(l.all())-1].Header
	if last.Get("Mcp-Session-Id") != "" || last.Get("Mcp-Protocol-Version") != servertest.Stateless || last.Get("Mcp-Method") != "server/discover" {
		t.Errorf("the headers are %v", last)
	}
}

// TestMirror: over HTTP the headers repeat what a request says, in a form in which
// they survive, and a server that finds them to differ is believed.
func TestMirror(t *testing.T) {
	srv := server.New("mirror", "1", server.Options{DeclareResources: true, Logger: quiet})
	srv.Tool(func() {}, tool.Name("here"))
	l := &log{Handler: srv.Handler()}
	h := servertest.StartHandler(t, srv, l)
	c := h.Connect(servertest.Options{Transport: servertest.HTTP, Revision: servertest.Stateless})
	for uri, want := range map[string]string{
		"x:1":            "x:1",
		"":               "",
		"x:a b":          "x:a b",
		"x:é":            "=?base64?eDrDqQ==?=",
		" x:1":           "=?base64?IHg6MQ==?=",
		"x:\t":           "=?base64?eDoJ?=",
		"x:\n1":          "=?base64?eDoKMQ==?=",
		"=?base64?eA?=":  "=?base64?PT9iYXNlNjQ/ZUE/PQ==?=",
		"=?base64?eA==?": "=?base64?eA==?",
	} {
		_, err := c.TryRead(uri)
		if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != jsonrpc.CodeInvalidParams {
			t.Errorf("%q: %v", uri, err)
		}
		last := l.all()[len(l.all())-1].Header
		if got := last.Get("Mcp-Name"); got != want || last.Get("Mcp-Method") != "resources/read" || last.Get("Mcp-Protocol-Version") != servertest.Stateless || last.Get("Mcp-Session-Id") != "" {
			t.Errorf("%q: the headers are %v", uri, last)
		}
	}
	other := h.Connect(servertest.Options{
		Transport: servertest.HTTP,
		Revision:  servertest.Stateless,
		Mirror: func(text []byte, h http.Header) {
			if strings.Contains(string(text), `"here"`) {
				h.Set("Mcp-Name", "there")
			}
		},
	})
	_, err := other.TryCall("here", nil)
	refused, ok := errors.AsType[*servertest.RefusedError](err)
	if e, found := errors.AsType[*jsonrpc.Error](err); !ok || !found || e.Code != -32020 || refused.Status != http.StatusBadRequest {
		t.Errorf("the error is %v", err)
	}
	_, err = other.Request("tools/none", nil)
	if refused, ok = errors.AsType[*servertest.RefusedError](err); !ok || refused.Status != http.StatusNotFound {
		t.Errorf("the error is %v", err)
	}
}

// TestHTTPBroken: a server that does not answer is an error of who waits, and not
// the end of the client.
func TestHTTPBroken(t *testing.T) {
	srv := server.New("broken", "1", server.Options{Logger: quiet})
	srv.Tool(func() string { return "yes" }, tool.Name("here"))
	srv.Tool(func() {}, tool.Name("silent"))
	srv.Tool(func() {}, tool.Name("down"))
	srv.Tool(func() {}, tool.Name("cut"))
	srv.Tool(func() {}, tool.Name("ends"))
	l := &log{}
	l.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		is := func(name string) bool { return strings.Contains(string(body), fmt.Sprintf("%q", name)) }
		switch {
		case is("silent"):
			w.WriteHeader(http.StatusAccepted)
		case is("down"), is("note"):
			http.Error(w, "down", http.StatusBadGateway)
		case is("cut"):
			panic(http.ErrAbortHandler)
		case is("ends"):
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "id: 1\ndata:\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"last\"}\n\n")
		default:
			srv.Handler().ServeHTTP(w, r)
		}
	})
	c := servertest.StartHandler(t, srv, l).Connect(servertest.Options{Transport: servertest.HTTP})
	for name, want := range map[string]string{
		"silent": "without an answer",
		"down":   "refused with 502: down",
		"cut":    "EOF",
		"ends":   "without an answer",
	} {
		if _, err := c.TryCall(name, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %q", name, err, want)
		}
	}
	c.Await("last", 1)
	if err := c.Notify("note", nil); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("the notification ended with %v", err)
	}
	if got := c.Call("here", nil).Text(); got != "yes" {
		t.Errorf("afterwards: %q", got)
	}
}

// TestHTTPStream: a server may have no stream of a session, but not refuse one.
func TestHTTPStream(t *testing.T) {
	for status, ok := range map[int]bool{http.StatusMethodNotAllowed: true, http.StatusBadRequest: false} {
		srv := server.New("stream", "1", server.Options{Logger: quiet})
		h := servertest.StartHandler(t, srv, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.WriteHeader(status)
				return
			}
			srv.Handler().ServeHTTP(w, r)
		}))
		if _, err := h.Dial(servertest.Options{Transport: servertest.HTTP}); (err == nil) != ok {
			t.Errorf("with %d: %v", status, err)
		}
	}
}

// TestConcurrent: one client, many goroutines, each with its own answers.
func TestConcurrent(t *testing.T) {
	each(t, func(t *testing.T, o servertest.Options) {
		srv := server.New("concurrent", "1", server.Options{Logger: quiet})
		srv.Tool(func(ctx *tool.Context, n int) int {
			ctx.Progress(1, 1, "")
			return n
		}, tool.Name("echo"), tool.Params("n"))
		texts := 0
		o.Tap = func([]byte) { texts++ } // one at a time
		c := servertest.Connect(t, srv, o)
		texts = 0
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				res, err := c.TryCall("echo", map[string]int{"n": i})
				if err != nil || res.Text() != fmt.Sprint(i) {
					t.Errorf("%d got %+v, %v", i, res, err)
				}
			})
		}
		all.Wait()
		c.Close()
		if texts != 20 {
			t.Errorf("%d texts came", texts)
		}
	})
}

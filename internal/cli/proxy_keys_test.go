package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
)

// What a key stands for reaches no server, also one that is given all arguments.
func TestProxyPrincipalStays(t *testing.T) {
	cleanEnvironment(t)
	var mu sync.Mutex
	var heard strings.Builder
	handler := newTestServer().Handler()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		heard.Write(body)
		_ = r.Header.Write(&heard)
		heard.WriteString(r.URL.RawQuery)
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	}))
	defer upstream.Close()
	plan, err := planOf(t, "--port|0|--api-key|OURS|--arg-to-meta|*|"+upstream.URL+"/mcp")
	if err != nil {
		t.Fatal(err)
	}
	f, err := newFront(plan)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(f)
	defer srv.Close()
	for path, header := range map[string]http.Header{"/mcp": {"X-Api-Key": {"OURS"}}, "/sse?api_key=OURS": nil} {
		c, err := client.Connect(t.Context(), client.URL(srv.URL+path), client.Options{Header: header, Args: map[string][]string{"client_id": {"someone"}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Call(t.Context(), "arg", map[string]string{"name": "x"}); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	f.drain(t.Context())
	f.close(t.Context())
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(heard.String(), `"someone"`) {
		t.Errorf("the server is given no arguments: %s", heard.String())
	}
	for _, never := range []string{"OURS", "principal", keyPrincipal} {
		if strings.Contains(heard.String(), never) {
			t.Errorf("the server is told %s: %s", never, heard.String())
		}
	}
}

// Requests without a session find an upstream of their principal, and of nobody
// else's.
func TestProxyUpstreamOfPrincipal(t *testing.T) {
	w := newProxyWorld(t, "--port|0|--api-key|K1|UPSTREAM/mcp")
	if err := w.front.plan.keys.add("K2", "bob"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key  string
		want int
	}{{"K1", 1}, {"K2", 2}, {"K1", 2}} {
		c, err := client.Connect(t.Context(), client.URL(w.url+"/mcp"), client.Options{Header: http.Header{"X-Api-Key": {tt.key}}, Name: "t", Version: "1"})
		if err != nil {
			t.Fatal(err)
		}
		if !c.Server().Stateless() {
			t.Fatalf("it is spoken to in %s", c.Server().ProtocolVersion)
		}
		c.Close()
		if got := w.front.served[0].bridge.Status().Upstreams; got != tt.want {
			t.Errorf("with %s there are %d upstreams, want %d", tt.key, got, tt.want)
		}
	}
}

// A stream may be flushed before anything is written.
func TestCORSBeforeFlush(t *testing.T) {
	c := newCORS([]string{"https://app.example"}, nil)
	r := httptest.NewRequest(http.MethodGet, "/sse", nil)
	r.Header.Set("Origin", "https://app.example")
	recorder := httptest.NewRecorder()
	w := c.wrap(recorder, r)
	if err := http.NewResponseController(w).Flush(); err != nil {
		t.Fatal(err)
	}
	if res := recorder.Result(); res.Header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("the header is %v", res.Header)
	}
	r.Header.Set("Origin", "https://evil.example")
	if c.wrap(recorder, r) != http.ResponseWriter(recorder) {
		t.Error("a page that may not connect is told something")
	}
}

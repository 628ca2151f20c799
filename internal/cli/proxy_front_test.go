package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/internal/bridge"
)

// proxyWorld is a proxy on a real socket in front of the test server on another.
type proxyWorld struct {
	*testing.T
	front *front
	url   string
	log   *bytes.Buffer // to be read when all has ended
}

// newProxyWorld serves what a command line says, in which UPSTREAM is the URL of
// the test server.
func newProxyWorld(t *testing.T, args string) *proxyWorld {
	t.Helper()
	plan := planFor(t, args)
	w := &proxyWorld{T: t, log: new(bytes.Buffer)}
	plan.logger = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for i := range plan.offers {
		plan.offers[i].Logger = plan.logger
	}
	var err error
	if w.front, err = newFront(plan); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(w.front)
	w.url = srv.URL
	t.Cleanup(func() {
		w.front.drain(t.Context())
		w.front.close(t.Context())
		srv.Close()
		http.DefaultClient.CloseIdleConnections()
		for _, secret := range []string{"OURS", "theirs", "SECRET"} {
			if strings.Contains(w.log.String(), secret) {
				t.Errorf("the log tells %s:\n%s", secret, w.log)
			}
		}
	})
	return w
}

// initialize is the first message of a session.
const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`

// callArg asks the server for a connection argument.
func callArg(name string) string {
	return `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"arg","arguments":{"name":"` + name + `"}}}`
}

// response is what came of a request.
type response struct {
	status int
	header http.Header
	body   string
}

// do makes a request; header is lines of Name: Value. A path may have a query.
func (w *proxyWorld) do(method, path, body string, header ...string) response {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return response{res.StatusCode, res.Header, string(text)}
}

// session begins one and returns its id.
func (w *proxyWorld) session(path string, header ...string) string {
	w.Helper()
	res := w.do(http.MethodPost, path, initialize, header...)
	id := res.header.Get("Mcp-Session-Id")
	if res.status != http.StatusOK || id == "" || !strings.Contains(res.body, `"testserver"`) {
		w.Fatalf("initialize at %s answers %d %q, session %q", path, res.status, res.body, id)
	}
	return id
}

// arg asks the server in a session for an argument of the connection to it.
func (w *proxyWorld) arg(path, id, name string, header ...string) response {
	w.Helper()
	return w.do(http.MethodPost, path, callArg(name), append(header, "Mcp-Session-Id: "+id)...)
}

func TestProxyPlaces(t *testing.T) {
	w := newProxyWorld(t, "--port|0|UPSTREAM/mcp|--named-server|a b/c|UPSTREAM/mcp|--named-server|mcp|UPSTREAM/mcp")
	for _, path := range []string{"/mcp", "/servers/a%20b%2Fc/mcp", "/servers/mcp/mcp"} {
		w.session(path)
	}
	for path, want := range map[string]int{
		"/healthz":               http.StatusOK,
		"/status":                http.StatusOK,
		"/nowhere":               http.StatusNotFound,
		"/servers/other/mcp":     http.StatusNotFound, // and not the default server
		"/servers/":              http.StatusNotFound,
		"/servers/a%20b%2Fc/sse": http.StatusNotAcceptable, // for what is not said to be taken
	} {
		if res := w.do(http.MethodGet, path, "", "Accept: application/json"); res.status != want {
			t.Errorf("%s answers %d %s, want %d", path, res.status, res.body, want)
		}
	}
}

// A session of one server is none of another.
func TestProxySessionsApart(t *testing.T) {
	w := newProxyWorld(t, "--port|0|UPSTREAM/mcp|--named-server|a|UPSTREAM/mcp")
	id := w.session("/mcp")
	if res := w.arg("/servers/a/mcp", id, "x"); res.status != http.StatusNotFound {
		t.Errorf("another server answers %d %s", res.status, res.body)
	}
	if res := w.arg("/mcp", id, "x"); res.status != http.StatusOK {
		t.Errorf("the same server answers %d %s", res.status, res.body)
	}
}

func TestProxyTemplates(t *testing.T) {
	w := newProxyWorld(t, "--port|0|--query|key={auth}|--query|who={client_id?nobody}|UPSTREAM/mcp")
	for _, tt := range []struct {
		path, header string
		key, who     string
	}{
		{"/mcp?auth=k1", "X: y", "k1", "nobody"},
		{"/mcp?auth=k1&client_id=a%26b", "X: y", "k1", "a&b"},
		{"/mcp", "Authorization: Bearer k2", "k2", "nobody"},
	} {
		id := w.session(tt.path, tt.header)
		for name, want := range map[string]string{"key": tt.key, "who": tt.who} {
			if res := w.arg(tt.path, id, name, tt.header); !strings.Contains(res.body, quoted(want)) {
				t.Errorf("%s with %s: %s is not %s: %s", tt.path, tt.header, name, want, res.body)
			}
		}
	}
	if res := w.do(http.MethodPost, "/mcp", initialize); res.status != http.StatusBadRequest || !strings.Contains(res.body, "auth") {
		t.Errorf("without the argument: %d %s", res.status, res.body)
	}
}

// quoted is the text as the content of a result.
func quoted(text string) string { return `"text":` + strconv.Quote(text) }

func TestProxyPath(t *testing.T) {
	w := newProxyWorld(t, "--port|0|--path|/k/{auth}|--query|key={auth}|UPSTREAM/mcp|--named-server|a|UPSTREAM/mcp?key=a-{auth}")
	for path, want := range map[string]string{"/k/one/mcp": "one", "/k/t%2Fwo/mcp": "t/wo", "/k/one/servers/a/mcp": "a-one"} {
		id := w.session(path)
		if res := w.arg(path, id, "key"); !strings.Contains(res.body, quoted(want)) {
			t.Errorf("%s: %s", path, res.body)
		}
	}
	for _, path := range []string{"/mcp", "/k/one/servers/b/mcp", "/servers/a/mcp"} {
		if res := w.do(http.MethodPost, path, initialize); res.status != http.StatusNotFound {
			t.Errorf("%s answers %d %s", path, res.status, res.body)
		}
	}
}

func TestProxyKeys(t *testing.T) {
	w := newProxyWorld(t, "--port|0|--api-key|OURS|--query|key={auth?none}|--query|other={api_key?none}|UPSTREAM/mcp")
	for _, path := range []string{"/mcp", "/status", "/sse", "/nowhere", "/servers/a/mcp", "/mcp?auth=OURS", "/servers/a/healthz"} {
		res := w.do(http.MethodPost, path, initialize)
		if res.status != http.StatusUnauthorized || !strings.HasPrefix(res.header.Get("WWW-Authenticate"), "Bearer") || !json.Valid([]byte(res.body)) {
			t.Errorf("%s without a key answers %d %s", path, res.status, res.body)
		}
	}
	if res := w.do(http.MethodGet, "/healthz", ""); res.status != http.StatusOK {
		t.Errorf("healthz answers %d", res.status)
	}
	for _, tt := range []struct {
		path, header string
		key, other   string
	}{
		{"/mcp", "Authorization: Bearer OURS", "none", "none"},
		{"/mcp?api_key=OURS", "Authorization: Bearer theirs", "theirs", "none"},
		{"/mcp?auth=theirs&api_key=x", "X-API-Key: OURS", "theirs", "x"},
	} {
		id := w.session(tt.path, tt.header)
		for name, want := range map[string]string{"key": tt.key, "other": tt.other} {
			if res := w.arg(tt.path, id, name, tt.header); !strings.Contains(res.body, quoted(want)) {
				t.Errorf("%s with %s: %s is not %s: %s", tt.path, tt.header, name, want, res.body)
			}
		}
		if res := w.arg(tt.path, id, "key", "X-Other: y"); tt.path == "/mcp" && res.status != http.StatusUnauthorized {
			t.Errorf("the session without the key: %d %s", res.status, res.body)
		}
	}
}

// A session belongs to the key that opened it.
func TestProxyKeysBindSessions(t *testing.T) {
	w := newProxyWorld(t, "--port|0|--api-key|K1|UPSTREAM/mcp")
	if err := w.front.plan.keys.add("K2", "bob"); err != nil {
		t.Fatal(err)
	}
	id := w.session("/mcp", "X-API-Key: K1")
	if res := w.arg("/mcp", id, "x", "X-API-Key: K2"); res.status != http.StatusForbidden {
		t.Errorf("with another key: %d %s", res.status, res.body)
	}
	if res := w.arg("/mcp?api_key=K1", id, "x"); res.status != http.StatusOK {
		t.Errorf("with the key in another place: %d %s", res.status, res.body)
	}
}

// A stream that was opened by its URL alone is written to without a key, one that
// was opened with a header is not (transport, who may post).
func TestProxyKeysOfStreams(t *testing.T) {
	w := newProxyWorld(t, "--port|0|--api-key|K1|UPSTREAM/mcp")
	if err := w.front.plan.keys.add("K2", "bob"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		open, header string
		posts        map[string]int // by header
	}{
		{"/sse?api_key=K1", "X: y", map[string]int{"X: y": 202, "X-API-Key: K1": 202, "X-API-Key: K2": 403, "X-API-Key: api-key": 202}},
		{"/sse", "X-API-Key: K1", map[string]int{"X: y": 401, "Authorization: Bearer K1": 202, "X-API-Key: K2": 403, "X-API-Key: api-key": 401}},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+tt.open, nil)
		if err != nil {
			t.Fatal(err)
		}
		name, value, _ := strings.Cut(tt.header, ": ")
		req.Header.Set(name, value)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		buf := make([]byte, 512)
		n, err := res.Body.Read(buf)
		_, data, ok := strings.Cut(string(buf[:n]), "data: ")
		if err != nil || !ok {
			t.Fatalf("the stream begins with %q, %v", buf[:n], err)
		}
		path := "/" + strings.TrimSpace(data)
		for header, want := range tt.posts {
			if res := w.do(http.MethodPost, path, `{"jsonrpc":"2.0","method":"notifications/x"}`, header); res.status != want {
				t.Errorf("opened by %s with %s, and posted to with %s: %d %s", tt.open, tt.header, header, res.status, res.body)
			}
		}
	}
	if res := w.do(http.MethodPost, "/messages/?session_id=made-up", initialize); res.status != http.StatusNotFound {
		t.Errorf("a session that is made up: %d %s", res.status, res.body)
	}
}

func TestProxyStatus(t *testing.T) {
	w := newProxyWorld(t, "--port|0|--query|key={auth}|UPSTREAM/mcp?fixed=SECRET|--named-server|a|prog")
	w.session("/mcp?auth=SECRET2")
	res := w.do(http.MethodGet, "/status", "")
	var got proxyStatus
	if err := json.Unmarshal([]byte(res.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version == "" || len(got.Servers) != 2 || got.Servers[1].Name != "a" || got.Servers[0].Upstreams != 1 || got.Servers[0].Started != 1 {
		t.Errorf("status is %s", res.body)
	}
	if strings.Contains(res.body, "SECRET") {
		t.Errorf("status tells secrets: %s", res.body)
	}
	if res := w.do(http.MethodGet, "/status", "", "Host: evil.example"); res.status != http.StatusForbidden {
		t.Errorf("status for a rebound name answers %d", res.status)
	}
	for _, host := range []string{"localhost:1", "127.0.0.1", "[::1]:80", "LOCALHOST."} {
		if res := w.do(http.MethodGet, "/status", "", "Host: "+host); res.status != http.StatusOK {
			t.Errorf("status for %s answers %d", host, res.status)
		}
	}
	w.front.plan.flags.hosts = []string{"mcp.example"}
	if res := w.do(http.MethodGet, "/status", "", "Host: mcp.example:80"); res.status != http.StatusOK {
		t.Errorf("status for --allow-host answers %d", res.status)
	}
}

// A server that cannot be offered leaves the others alone.
func TestProxyBadServer(t *testing.T) {
	cleanEnvironment(t)
	upstream := httptest.NewServer(newTestServer().Handler())
	defer upstream.Close()
	good := proxied{Options: bridge.Options{Name: "good", URL: upstream.URL + "/mcp"}}
	template := proxied{Options: bridge.Options{Name: "template", URL: upstream.URL, Query: []string{"a={"}}}
	failing := proxied{Options: bridge.Options{Name: "failing"}, failure: errors.New("is written badly")}
	newPlan := func(offers ...proxied) *proxyPlan {
		return &proxyPlan{offers: offers, flags: new(proxyFlags), keys: new(keyring), logger: slog.New(slog.DiscardHandler)}
	}
	f, err := newFront(newPlan(failing, good, template))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(f)
	w := &proxyWorld{T: t, front: f, url: srv.URL}
	w.session("/servers/good/mcp")
	for _, name := range []string{"failing", "template"} {
		if res := w.do(http.MethodPost, "/servers/"+name+"/mcp", initialize); res.status != http.StatusServiceUnavailable {
			t.Errorf("%s answers %d %s", name, res.status, res.body)
		}
	}
	if res := w.do(http.MethodGet, "/status", ""); !strings.Contains(res.body, "is written badly") {
		t.Errorf("status is %s", res.body)
	}
	var said strings.Builder
	f.announce(&said, srv.Listener.Addr())
	if !strings.Contains(said.String(), "/servers/good/mcp") || strings.Contains(said.String(), "failing") {
		t.Errorf("it announces %s", said.String())
	}
	f.drain(t.Context())
	f.close(t.Context())
	srv.Close()
	http.DefaultClient.CloseIdleConnections()
	for _, offers := range [][]proxied{{failing}, {template}, {failing, template}} {
		if _, err := newFront(newPlan(offers...)); err == nil {
			t.Errorf("%s alone is no error", offers[0].Name)
		}
	}
}

func TestProxyStateless(t *testing.T) {
	w := newProxyWorld(t, "--port|0|--stateless|UPSTREAM/mcp")
	if res := w.do(http.MethodPost, "/mcp", initialize); res.header.Get("Mcp-Session-Id") != "" {
		t.Errorf("there is a session: %d %s", res.status, res.body)
	}
	if res := w.do(http.MethodGet, "/mcp", "", "Accept: text/event-stream"); res.status != http.StatusMethodNotAllowed {
		t.Errorf("GET answers %d", res.status)
	}
	w = newProxyWorld(t, "--port|0|UPSTREAM/mcp")
	if res := w.do(http.MethodDelete, "/mcp", "", "MCP-Protocol-Version: 1999-01-01"); res.status != http.StatusBadRequest || !strings.Contains(res.body, "2025-11-25") {
		t.Errorf("DELETE of a revision that nobody knows answers %d %s", res.status, res.body)
	}
}

func TestProxyCORS(t *testing.T) {
	const page = "https://app.example"
	for _, tt := range []struct {
		flags, origin string
		allow         string
		status        int
	}{
		{"", page, "", http.StatusForbidden},
		{"--allow-origin|" + page, page, page, http.StatusOK},
		{"--allow-origin|https://a,HTTPS://App.Example", page, page, http.StatusOK},
		{"--allow-origin|" + page, "https://evil.example", "", http.StatusForbidden},
		{"--allow-origin|*", page, "*", http.StatusOK},
		{"--allow-origin|*", "", "", http.StatusOK},
	} {
		w := newProxyWorld(t, strings.TrimPrefix(tt.flags+"|--port|0|--expose-header|X-A|--api-key|K|UPSTREAM/mcp", "|"))
		header := []string{"X-API-Key: K"}
		if tt.origin != "" {
			header = append(header, "Origin: "+tt.origin)
		}
		check := func(what string, res response, status int) {
			t.Helper()
			if res.status != status || res.header.Get("Access-Control-Allow-Origin") != tt.allow {
				t.Errorf("%s from %q, %s: %d, %v", tt.flags, tt.origin, what, res.status, res.header)
			}
			if exposed := res.header.Get("Access-Control-Expose-Headers"); (tt.allow != "") != strings.HasSuffix(exposed, "Mcp-Session-Id, Retry-After, WWW-Authenticate, X-A") {
				t.Errorf("%s from %q, %s: exposed are %q", tt.flags, tt.origin, what, exposed)
			}
			if vary := res.header.Values("Vary"); tt.allow == page && !slices.Equal(vary, []string{"Origin"}) {
				t.Errorf("%s from %q, %s: varies by %q", tt.flags, tt.origin, what, vary)
			}
		}
		check("with the key", w.do(http.MethodPost, "/mcp", initialize, header...), tt.status)
		check("without the key", w.do(http.MethodPost, "/mcp", initialize, header[1:]...), http.StatusUnauthorized)
		if tt.allow == "" {
			continue
		}
		res := w.do(http.MethodOptions, "/mcp", "", append(header[1:], "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-api-key, mcp-param-city,bad name")...)
		check("preflight", res, http.StatusNoContent)
		if got := res.header.Get("Access-Control-Allow-Headers"); got != "x-api-key, mcp-param-city" {
			t.Errorf("%s: allowed headers are %q", tt.flags, got)
		}
		if got := res.header.Get("Access-Control-Allow-Methods"); !strings.Contains(got, "DELETE") {
			t.Errorf("%s: allowed methods are %q", tt.flags, got)
		}
	}
}

// What is wrapped for CORS still streams.
func TestProxyCORSStreams(t *testing.T) {
	w := newProxyWorld(t, "--allow-origin|https://app.example|--port|0|UPSTREAM/mcp")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/sse", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://app.example")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || res.Header.Get("Access-Control-Expose-Headers") == "" {
		t.Errorf("the stream has %v", res.Header)
	}
	buf := make([]byte, 256)
	n, err := res.Body.Read(buf)
	if err != nil || !strings.Contains(string(buf[:n]), "event: endpoint") {
		t.Errorf("the stream begins with %q, %v", buf[:n], err)
	}
}

func TestProxyHealthWhileDraining(t *testing.T) {
	w := newProxyWorld(t, "--port|0|UPSTREAM/mcp")
	w.front.drain(t.Context())
	if res := w.do(http.MethodGet, "/healthz", ""); res.status != http.StatusServiceUnavailable {
		t.Errorf("healthz answers %d %s", res.status, res.body)
	}
	if res := w.do(http.MethodPost, "/mcp", initialize); res.status != http.StatusServiceUnavailable {
		t.Errorf("mcp answers %d %s", res.status, res.body)
	}
}

func TestShortName(t *testing.T) {
	for target, want := range map[string]string{"https://mcp.example.com:1/x": "mcp.example.com", "npx": "npx", "./bin/hello": "hello", `C:\bin\hello.exe`: "hello"} {
		if got := shortName(target); got != want {
			t.Errorf("%s is called %s, want %s", target, got, want)
		}
	}
}

package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

type whoOut struct {
	Auth    string   `json:"auth"`
	Client  string   `json:"client"`
	Tags    []string `json:"tags"`
	Session string   `json:"session"`
	Request string   `json:"request"`
	Kept    string   `json:"kept"`
}

// who answers with all that a call knows of its caller.
func who(ctx *tool.Context) whoOut {
	kept, _ := ctx.Get("kept")
	ctx.Set("kept", ctx.Arg("client_id", ""))
	text, _ := kept.(string)
	return whoOut{
		Auth:    ctx.Arg("auth", ""),
		Client:  ctx.Arg("client_id", ""),
		Tags:    ctx.Args().All("tag"),
		Session: ctx.SessionID(),
		Request: ctx.RequestID(),
		Kept:    text,
	}
}

// TestIsolation has 200 clients of one server make the same requests with the
// same ids at the same time, over HTTP in every way there is. Every answer,
// result, progress and log message has to be the client's own.
func TestIsolation(t *testing.T) {
	const clients, rounds = 200, 5
	srv := server.New("isolation", "1", server.Options{Logger: quiet})
	srv.Tool(who)
	srv.Tool(func(ctx *tool.Context, n int) string {
		ctx.Progress(float64(n), 0, ctx.Arg("client_id", ""))
		ctx.Log().Info("call", "client", ctx.Arg("client_id", ""))
		return ctx.Arg("client_id", "") + " " + strconv.Itoa(n)
	}, tool.Name("mixed"), tool.Params("n"))

	h := servertest.Start(t, srv)
	all := h.Sessions(clients, func(i int) servertest.Options {
		o := isolated(i)
		o.Args = url.Values{
			"auth":      {fmt.Sprintf("key-%d", i)},
			"client_id": {fmt.Sprintf("client-%d", i)},
			"tag":       {fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)},
		}
		return o
	})
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			if err := exercise(c, i, rounds); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return // what is awaited below might never come
	}
	for i, c := range all {
		client := fmt.Sprintf("client-%d", i)
		for _, m := range c.Await("notifications/progress", rounds) {
			if !strings.Contains(string(m.Params), `"message":"`+client+`"`) {
				t.Fatalf("%s got the progress %s", client, m.Params)
			}
		}
		for _, m := range c.Await("notifications/message", rounds) {
			if !strings.Contains(string(m.Params), `"client":"`+client+`"`) {
				t.Fatalf("%s got the message %s", client, m.Params)
			}
		}
	}
}

// isolated is how the client of this number is connected.
func isolated(i int) servertest.Options {
	return []servertest.Options{
		{Transport: servertest.SSE},
		{Transport: servertest.HTTP},
		{Transport: servertest.HTTP, Revision: servertest.Stateless, LogLevel: "info"},
	}[i%3]
}

// exercise makes the calls of one client: servertest numbers its requests from 1
// up, so those of all clients have the same ids.
func exercise(c *servertest.Client, i, rounds int) error {
	client, stateless, first := fmt.Sprintf("client-%d", i), isolated(i).Revision == servertest.Stateless, 1
	if !stateless {
		first = 3 // behind initialize and this
		if _, err := c.Request("logging/setLevel", map[string]any{"level": "info"}); err != nil {
			return err
		}
	}
	for n := range rounds {
		res, err := c.TryCall("who", nil)
		if err != nil {
			return err
		}
		var got whoOut
		if err := res.Decode(&got); err != nil {
			return err
		}
		want := whoOut{
			Auth:    fmt.Sprintf("key-%d", i),
			Client:  client,
			Session: c.SessionID,
			Request: strconv.Itoa(first + 2*n),
			Tags:    []string{fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)},
		}
		if n > 0 && !stateless {
			want.Kept = client
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("got %+v, want %+v", got, want)
		}
		raw, err := c.Request("tools/call", map[string]any{
			"name":      "mixed",
			"arguments": map[string]any{"n": n},
			"_meta":     map[string]any{"progressToken": "same"},
		})
		if err != nil {
			return err
		}
		if want := fmt.Sprintf(`"text":"%s %d"`, client, n); !strings.Contains(string(raw), want) {
			return fmt.Errorf("got %s, want %s", raw, want)
		}
	}
	return nil
}

// TestArgsOnEveryTransport: the same arguments reach the tool whatever the
// client is connected by.
func TestArgsOnEveryTransport(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			srv := server.New("args", "1", server.Options{Logger: quiet})
			srv.Tool(func(ctx *tool.Context) string {
				return ctx.Transport() + " " + ctx.Arg("client_id", "anonymous") + " " + strings.Join(ctx.Args().All("tag"), "+")
			}, tool.Name("args"))
			c := servertest.Connect(t, srv, servertest.Options{
				Transport: transport,
				Args:      url.Values{"client_id": {"me"}, "tag": {"a", "b"}},
			})
			if got, want := c.Call("args", nil).Text(), transport+" me a+b"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestArgsAreTheOpeningRequests: what a POST says changes nothing, and its
// header is to be had beside the opening one.
func TestArgsAreTheOpeningRequests(t *testing.T) {
	srv := server.New("args", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) string {
		return fmt.Sprintf("%v %s %s", ctx.Args(), ctx.ConnectHeader().Get("X-Which"), ctx.Header().Get("X-Which"))
	}, tool.Name("args"))
	said := make(chan string, 10)
	h := servertest.Start(t, srv)
	c := h.Connect(servertest.Options{
		Transport: servertest.SSE,
		Args:      url.Values{"client_id": {"me"}},
		Header:    http.Header{"X-Which": {"opening"}},
		Tap:       func(text []byte) { said <- string(text) },
	})
	<-said // initialize
	post(t, c.Endpoint+"&client_id=other&extra=1", http.Header{"X-Which": {"this"}},
		`{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{"name":"args"}}`, http.StatusAccepted)
	if got := <-said; !strings.Contains(got, "Args(client_id=me) opening this") {
		t.Error(got)
	}
}

// post sends a message as a stranger would, and returns the body of the answer.
func post(t *testing.T, url string, header http.Header, text string, status int) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if res.StatusCode != status {
		t.Errorf("POST: %d %s, want %d", res.StatusCode, body, status)
	}
	return string(body)
}

// TestStolenSession: a session id is worth nothing with another credential.
func TestStolenSession(t *testing.T) {
	called := make(chan string, 10)
	srv := server.New("stolen", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) { called <- ctx.Arg("auth", "") }, tool.Name("steal"))
	h := servertest.Start(t, srv)
	const text = `{"jsonrpc":"2.0","id":"s","method":"tools/call","params":{"name":"steal"}}`
	bearer := func(key string) http.Header { return http.Header{"Authorization": {"Bearer " + key}} }

	byHeader := h.Connect(servertest.Options{Transport: servertest.SSE, Header: bearer("ALICE")})
	byQuery := h.Connect(servertest.Options{Transport: servertest.SSE, Args: url.Values{"auth": {"ALICE"}}})
	anonymous := h.Connect(servertest.Options{Transport: servertest.SSE})
	for _, tt := range []struct {
		name   string
		url    string
		header http.Header
		status int
	}{
		{"header, another key", byHeader.Endpoint, bearer("MALLORY"), http.StatusForbidden},
		{"header, no key", byHeader.Endpoint, nil, http.StatusUnauthorized},
		{"header, another key in the query", byHeader.Endpoint + "&auth=MALLORY", bearer("ALICE"), http.StatusForbidden},
		{"query, another key", byQuery.Endpoint, bearer("MALLORY"), http.StatusForbidden},
		{"query, another key in the query", byQuery.Endpoint + "&auth=MALLORY", nil, http.StatusForbidden},
		{"anonymous, any key", anonymous.Endpoint, bearer("MALLORY"), http.StatusForbidden},
		{"unknown session", strings.Replace(byQuery.Endpoint, byQuery.SessionID, "e3b0c442-98fc-4c14-9afb-f4c8996fb924", 1), nil, http.StatusNotFound},
		{"no session", h.URL() + "/messages/", nil, http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := post(t, tt.url, tt.header, text, tt.status)
			if !strings.HasPrefix(body, `{"jsonrpc":"2.0","id":null,"error":{`) {
				t.Errorf("the body is %s, want a JSON-RPC error", body)
			}
		})
	}
	select {
	case auth := <-called:
		t.Errorf("a refused call reached the tool, as %q", auth)
	default:
	}
	post(t, byHeader.Endpoint, bearer("ALICE"), text, http.StatusAccepted)
	post(t, byQuery.Endpoint, bearer("ALICE"), text, http.StatusAccepted)
	if a, b := <-called, <-called; a != "ALICE" || b != "ALICE" {
		t.Errorf("calls of the owner came as %q and %q", a, b)
	}
}

// TestLifecycles opens, uses and closes sessions, and looks for what is left.
func TestLifecycles(t *testing.T) {
	const total, atOnce = 10_000, 20
	srv := server.New("lifecycles", "1", server.Options{Logger: quiet})
	srv.Tool(who)
	handler := httptest.NewServer(srv.Handler())
	defer handler.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	lifecycles := func(n int) {
		jobs := make(chan int)
		var wg sync.WaitGroup
		for range atOnce {
			wg.Go(func() {
				for i := range jobs {
					if err := lifecycle(t.Context(), client, handler.URL, i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range n {
			jobs <- i
		}
		close(jobs)
		wg.Wait()
		client.CloseIdleConnections()
	}
	lifecycles(total / 20) // pools and caches fill
	goroutines, heap := settle(handler)
	lifecycles(total)
	afterGoroutines, afterHeap := settle(handler)
	t.Logf("goroutines %d, then %d; heap %d KiB, then %d KiB", goroutines, afterGoroutines, heap>>10, afterHeap>>10)
	if afterGoroutines > goroutines {
		t.Errorf("%d goroutines, %d after %d sessions", goroutines, afterGoroutines, total)
	}
	// A leak of 100 bytes a session would be 1,000 KiB.
	if grown := int64(afterHeap) - int64(heap); grown > 500<<10 {
		t.Errorf("the heap grew by %d KiB over %d sessions", grown>>10, total)
	}
}

// settle waits for the server's connections to end, and measures.
func settle(s *httptest.Server) (goroutines int, heap uint64) {
	s.CloseClientConnections()
	for range 100 { // handlers return a moment after their connection
		runtime.GC()
		runtime.Gosched()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

// lifecycle is the whole life of a session, with net/http alone.
func lifecycle(ctx context.Context, client *http.Client, base string, i int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/sse?auth=key-%d", base, i), nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	events := eventReader(res.Body)
	_, endpoint := events()
	for id, text := range []string{
		`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"who"}}`,
	} {
		answer, err := client.Post(base+"/"+endpoint, "application/json", strings.NewReader(text))
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusAccepted {
			return fmt.Errorf("POST %d: %s", id, answer.Status)
		}
		event, data := events()
		if event != "message" || !strings.HasPrefix(data, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":`, id)) {
			return fmt.Errorf("event %q: %s", event, data)
		}
		if id == 1 && !strings.Contains(data, fmt.Sprintf(`\"auth\":\"key-%d\"`, i)) {
			return fmt.Errorf("session %d got %s", i, data)
		}
	}
	return nil
}

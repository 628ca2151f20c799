package bridge

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/transport"
)

// fake is an upstream that answers as a test says.
type fake struct {
	info    client.ServerInfo
	options client.Options
	do      func(ctx context.Context, o *client.Options, method string, params string) (string, error)

	mu    sync.Mutex
	heard []string // notifications, levels, subscriptions
	done  chan struct{}
	err   error
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard = append(f.heard, fmt.Sprintf(format, args...))
}

func (f *fake) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.heard, "; ")
}

func (f *fake) Server() *client.ServerInfo { return &f.info }
func (f *fake) Do(ctx context.Context, method string, params json.RawMessage, _ ...client.CallOption) (json.RawMessage, error) {
	result, err := f.do(ctx, &f.options, method, string(params))
	return json.RawMessage(result), err
}
func (f *fake) Notify(_ context.Context, method string, params json.RawMessage) error {
	f.note("%s %s", method, params)
	return nil
}
func (f *fake) Subscribe(_ context.Context, uri string, _ func()) (func(), error) {
	f.note("subscribe %s", uri)
	return func() { f.note("unsubscribe %s", uri) }, nil
}
func (f *fake) SetLevel(_ context.Context, level string) error { f.note("level %s", level); return nil }
func (f *fake) Done() <-chan struct{}                          { return f.done }
func (f *fake) Err() error                                     { return f.err }
func (f *fake) Close() error                                   { return nil }

// behind puts fake upstreams of this revision behind a front. Each is given to made.
func (f *front) behind(revision string, do func(ctx context.Context, o *client.Options, method string, params string) (string, error)) (made chan *fake) {
	made = make(chan *fake, 100)
	f.b.connect = func(_ context.Context, _ client.Target, o client.Options) (conn, error) {
		result := `{"protocolVersion":"` + revision + `","capabilities":{"tools":{"listChanged":true},"logging":{},"x":1},"serverInfo":{"name":"f","version":"0"},"own":true}`
		if revision == stateless {
			result = `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":5,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"f","version":"0"}}}`
		}
		up := &fake{options: o, do: do, done: make(chan struct{}), info: client.ServerInfo{
			ProtocolVersion: revision,
			Result:          json.RawMessage(result),
			Capabilities:    map[string]json.RawMessage{"tools": json.RawMessage(`{"listChanged":true}`), "logging": json.RawMessage("{}")},
		}}
		made <- up
		return up, nil
	}
	return made
}

// rawFront is a front before fakes.
func rawFront(t *testing.T, o Options) *front {
	o.URL = "http://nowhere.invalid/mcp"
	return newFront(t, nil, "", o)
}

// post sends a message and returns the response, whose events are lines.
func (f *front) post(header map[string]string, body string) (status int, h http.Header, text string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(soon(f.t), "POST", f.url+"/mcp", strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var b strings.Builder
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		all, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header, string(all)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			b.WriteString(data + "\n")
		}
	}
	return resp.StatusCode, resp.Header, b.String()
}

// alone is the _meta and the headers of a stateless request.
const envelopeMeta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}`

func (f *front) alone(method, name, params string) (status int, text string) {
	f.t.Helper()
	h := map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method}
	if name != "" {
		h["Mcp-Name"] = name
	}
	status, _, text = f.post(h, `{"jsonrpc":"2.0","id":"a","method":"`+method+`","params":{"_meta":{`+envelopeMeta+`}`+params+`}}`)
	return status, text
}

// initialize opens a session by HTTP and returns its header.
func (f *front) initialize() map[string]string {
	f.t.Helper()
	status, h, text := f.post(nil, helloText)
	if status != 200 || h.Get("Mcp-Session-Id") == "" {
		f.t.Fatalf("%d %s", status, text)
	}
	return map[string]string{"Mcp-Session-Id": h.Get("Mcp-Session-Id"), "Mcp-Protocol-Version": "2025-11-25"}
}

const hello = `{"protocolVersion":"2025-11-25","capabilities":{"x":{}},"clientInfo":{"name":"c","version":"1","own":[1.0]},"own":2}`
const helloText = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":` + hello + `}`

// pipe is a raw client on a pipe: what the bridge says comes from the channel.
func (f *front) pipe(args url.Values) (*transport.Pipe, <-chan string) {
	f.t.Helper()
	said := make(chan string, 1000)
	p, err := f.Connect(context.Background(), args, func(text []byte) { said <- string(text) })
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(p.Close)
	return p, said
}

func send(t *testing.T, p *transport.Pipe, text string) {
	t.Helper()
	if err := p.SendText([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, said <-chan string, want string) {
	t.Helper()
	if got := await(t, said); got != want {
		t.Fatalf("the bridge said %s\nand not         %s", got, want)
	}
}

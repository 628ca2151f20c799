package bridge

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
)

// listen opens a subscription with the id "sub" by HTTP. next returns what comes on
// its stream.
func (f *front) listen(filter string) (next func() string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(soon(f.t), "POST", f.url+"/mcp", strings.NewReader(
		`{"jsonrpc":"2.0","id":"sub","method":"subscriptions/listen","params":{"_meta":{`+envelopeMeta+`},"notifications":`+filter+`}}`))
	if err != nil {
		f.t.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	lines := bufio.NewScanner(resp.Body)
	return func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		return "the end"
	}
}

// TestListen: who listens hears what it asked for under the id of its request, and
// a farewell when the bridge shuts down.
func TestListen(t *testing.T) {
	for _, up := range []string{handshake, stateless} {
		t.Run(up, func(t *testing.T) {
			f := rawFront(t, Options{})
			made := f.behind(up, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
				if method != "subscriptions/listen" {
					return "{}", nil
				}
				said := func(method, more string) {
					o.OnNotification(ctx, method, json.RawMessage(`{"_meta":{"io.modelcontextprotocol/subscriptionId":77}`+more+`}`))
				}
				said("notifications/subscriptions/acknowledged", `,"notifications":{"toolsListChanged":true,"resourceSubscriptions":["u:1"]}`)
				said("notifications/tools/list_changed", "")
				said("notifications/resources/updated", `,"uri":"u:1"`)
				<-ctx.Done()
				return "", ctx.Err()
			})
			next := f.listen(`{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["u:1","u:1"]}`)
			const meta = `"_meta":{"io.modelcontextprotocol/subscriptionId":"sub"}`
			if got := next(); !strings.Contains(got, meta) || !strings.Contains(got, `"notifications":{"toolsListChanged":true,"resourceSubscriptions":["u:1"]}`) {
				t.Errorf("first comes %s", got)
			}
			if up == handshake {
				server := await(t, made)
				for _, said := range []string{"tools/list_changed", "prompts/list_changed"} {
					server.options.OnNotification(context.Background(), "notifications/"+said, nil)
				}
				for _, uri := range []string{"u:2", "u:1"} {
					server.options.OnNotification(context.Background(), "notifications/resources/updated", json.RawMessage(`{"uri":"`+uri+`"}`))
				}
			}
			if got := next(); !strings.Contains(got, "notifications/tools/list_changed") || !strings.Contains(got, meta) {
				t.Errorf("then comes %s", got)
			}
			if got := next(); !strings.Contains(got, "notifications/resources/updated") || !strings.Contains(got, `"uri":"u:1"`) || !strings.Contains(got, meta) {
				t.Errorf("then comes %s", got)
			}
			down := make(chan error, 1)
			go func() { down <- f.web.Shutdown(soon(t)) }()
			if got := next(); !strings.Contains(got, `"notifications/cancelled"`) || !strings.Contains(got, `"requestId":"sub"`) {
				t.Errorf("at the end comes %s", got)
			}
			if got := next(); !strings.HasPrefix(got, `{"jsonrpc":"2.0","id":"sub","result":{`) || !strings.Contains(got, `"resultType":"complete"`) {
				t.Errorf("the result is %s", got)
			}
			if err := await(t, down); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestListenRefused: a subscription that could say nothing, or says nothing.
func TestListenRefused(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, asker)
	if status, text := f.alone("subscriptions/listen", "", ""); status != 200 || !strings.Contains(text, "-32602") {
		t.Errorf("without a filter: %d %s", status, text)
	}
	status, _, text := f.post(map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen", "Accept": "application/json"},
		`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"_meta":{`+envelopeMeta+`},"notifications":{}}}`)
	if status != http.StatusNotAcceptable {
		t.Errorf("without a stream: %d %s", status, text)
	}
}

// TestCallOf: a question is put where it belongs.
func TestCallOf(t *testing.T) {
	tool, list, prompt := &call{method: "tools/call"}, &call{method: "tools/list"}, &call{method: "prompts/get"}
	for i, c := range []struct {
		in    *call
		calls []*call
		want  *call
	}{
		{nil, nil, nil},
		{nil, []*call{list}, list},
		{nil, []*call{list, list}, nil},
		{nil, []*call{tool, list}, tool},
		{nil, []*call{tool, prompt, list}, prompt},
		{tool, []*call{tool, prompt}, tool},
	} {
		u := &upstream{b: &Bridge{}, calls: c.calls}
		ctx := t.Context()
		if c.in != nil {
			ctx = context.WithValue(ctx, callKey{}, c.in)
		}
		if got := u.callOf(ctx); got != c.want {
			t.Errorf("%d: got %v", i, got)
		}
	}
}

// TestBatch: a session of 2025-03-26 may send batches.
func TestBatch(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind("2025-03-26", func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		if method == "bad" {
			return "", errors.New("broken")
		}
		return `{}`, nil
	})
	p, said := f.pipe(nil)
	send(t, p, strings.Replace(helloText, "2025-11-25", "2025-03-26", 1))
	await(t, said)
	send(t, p, `[{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","id":2,"method":"bad"}]`)
	expect(t, said, `[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"error":{"code":-32010,"message":"broken"}}]`)
}

// TestOrder: what a server says and answers comes in the order in which it did.
func TestOrder(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		for i := range 50 {
			in := ctx
			if i%2 == 0 {
				in = context.Background() // not said to belong to the call
			}
			o.OnNotification(in, "notifications/own", json.RawMessage(fmt.Sprint(`{"n":`, i, `}`)))
		}
		return `{}`, nil
	})
	p, said := f.pipe(nil)
	send(t, p, helloText)
	await(t, said)
	for range 10 {
		send(t, p, `{"jsonrpc":"2.0","id":2,"method":"x"}`)
		for i := range 50 {
			expect(t, said, fmt.Sprint(`{"jsonrpc":"2.0","method":"notifications/own","params":{"n":`, i, `}}`))
		}
		expect(t, said, `{"jsonrpc":"2.0","id":2,"result":{}}`)
	}
}

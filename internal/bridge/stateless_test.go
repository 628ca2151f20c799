package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// asker asks twice in a tool call, two questions at once the first time.
func asker(ctx context.Context, o *client.Options, method, params string) (string, error) {
	switch method {
	case "tools/call":
	case "resources/read":
		return "", jsonrpc.Errorf(-32002, "not here")
	case "tools/list":
		return `{"tools":[],"params":` + params + `}`, nil
	default:
		return "", jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "unknown")
	}
	ask := func(name string) string {
		answer, _, err := o.OnRequest(ctx, "elicitation/create", json.RawMessage(`{"message":`+strconv.Quote(name)+`}`))
		if err != nil {
			return err.Error()
		}
		return string(answer)
	}
	second := ask("first")
	return fmt.Sprintf(`{"content":[],"said":[%q,%q]}`, second, ask("second "+second)), nil
}

func stateOf(t *testing.T, text string) string {
	t.Helper()
	var m struct {
		Result struct {
			State string `json:"requestState"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.Result.State == "" {
		t.Fatalf("%s, %v", text, err)
	}
	return m.Result.State
}

// TestRounds: a server with sessions asks a client without, round by round.
func TestRounds(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, asker)
	status, first := f.alone("tools/call", "x", `,"name":"x"`)
	if status != 200 || !strings.Contains(first, `"inputRequests":{"question_1":{"method":"elicitation/create","params":{"message":"first"}}}`) {
		t.Fatalf("%d %s", status, first)
	}
	state := stateOf(t, first)
	for what, params := range map[string]string{
		"an invented state": `,"name":"x","requestState":"` + strings.Repeat("A", 26) + `"`,
		"another tool":      `,"name":"y","requestState":"` + state + `"`,
	} {
		name := params[9:10]
		if _, text := f.alone("tools/call", name, params); !strings.Contains(text, errAgain.Message) {
			t.Errorf("%s: %s", what, text)
		}
	}
	// Another client, for its capabilities are others.
	other := strings.Replace(envelopeMeta, `"elicitation":{}`, `"roots":{}`, 1)
	_, _, text := f.post(map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "x"},
		`{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{`+other+`},"name":"x","requestState":"`+state+`"}}`)
	if !strings.Contains(text, errAgain.Message) {
		t.Errorf("another client: %s", text)
	}

	again := `,"name":"x","requestState":"` + state + `","inputResponses":{"question_1":{"action":"decline"}}`
	_, _ = f.alone("tools/call", "x", `,"name":"x"`) // another call, which has its own
	_, second := f.alone("tools/call", "x", again)
	if !strings.Contains(second, `"message":"second {\"action\":\"decline\"}"`) {
		t.Fatalf("the second round is %s", second)
	}
	if _, repeated := f.alone("tools/call", "x", again); repeated != second {
		t.Errorf("the same answers again: %s, and not %s", repeated, second)
	}
	if _, text := f.alone("tools/call", "x", strings.Replace(again, "decline", "accept", 1)); !strings.Contains(text, errAgain.Message) {
		t.Errorf("other answers: %s", text)
	}
}

// TestMissingAnswer: what has not been answered is asked again.
func TestMissingAnswer(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		answer, _, err := o.OnRequest(ctx, "elicitation/create", nil)
		return fmt.Sprintf(`{"got":%s,"meta":%s}`, answer, params), err
	})
	_, first := f.alone("prompts/get", "x", `,"name":"x","a":1`)
	_, second := f.alone("prompts/get", "x", `,"name":"x","requestState":"`+stateOf(t, first)+`","inputResponses":{}`)
	if !strings.Contains(second, `"inputRequests":{"question_1":{"method":"elicitation/create"}}`) {
		t.Fatalf("without an answer: %s", second)
	}
	_, last := f.alone("prompts/get", "x", `,"name":"x","requestState":"`+stateOf(t, second)+`","inputResponses":{"question_1":{"roots": []}}`)
	want := `{"jsonrpc":"2.0","id":"a","result":{"got":{"roots": []},"meta":{"name":"x","a":1},"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"f","version":"0"}}}}`
	if last != want {
		t.Errorf("the result is %s, and not %s", last, want)
	}
}

// TestUnwantedLogs: a request hears the log messages that it asked for.
func TestUnwantedLogs(t *testing.T) {
	f := rawFront(t, Options{})
	made := f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		for _, level := range []string{"info", "error"} {
			o.OnNotification(context.Background(), "notifications/message", json.RawMessage(`{"level":"`+level+`","data":1}`))
		}
		return "{}", nil
	})
	p, said := f.pipe(nil)
	for i, level := range []string{"", "error", "info", "info"} {
		meta := envelopeMeta
		if level != "" {
			meta += `,"io.modelcontextprotocol/logLevel":"` + level + `"`
		}
		send(t, p, `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{`+meta+`}}}`)
		heard := 0
		for !strings.Contains(await(t, said), `"id":1`) {
			heard++
		}
		if want := []int{0, 1, 2, 2}[i]; heard != want {
			t.Errorf("level %q: %d messages", level, heard)
		}
	}
	if got := (<-made).said(); got != "level error; level info" {
		t.Errorf("the server was told %q", got)
	}
	send(t, p, `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{`+envelopeMeta+`,"io.modelcontextprotocol/logLevel":"loud"}}}`)
	if got := await(t, said); !strings.Contains(got, "-32602") {
		t.Errorf("an unknown level: %s", got)
	}
}

// TestStatelessWords: requests without a session have their own statuses, errors
// and members, whatever the server speaks.
func TestStatelessWords(t *testing.T) {
	f := rawFront(t, Options{})
	made := f.behind(handshake, asker)
	for _, c := range []struct{ method, name, params, want string }{
		{"server/discover", "", "", `200 {"jsonrpc":"2.0","id":"a","result":{"capabilities":{"tools":{"listChanged":true},"logging":{},"x":1},"own":true,"supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"f","version":"0"}}}}`},
		{"tools/list", "", `,"cursor":"c"`, `200 {"jsonrpc":"2.0","id":"a","result":{"tools":[],"params":{"cursor":"c"},"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"f","version":"0"}}}}`},
		{"resources/read", "u:1", `,"uri":"u:1"`, `200 {"jsonrpc":"2.0","id":"a","error":{"code":-32602,"message":"not here"}}`},
		{"no/such", "", "", `404 {"jsonrpc":"2.0","id":"a","error":{"code":-32601,"message":"unknown"}}`},
		{"ping", "", "", `404 {"jsonrpc":"2.0","id":"a","error":{"code":-32601,`},
		{"logging/setLevel", "", `,"level":"info"`, `404 {"jsonrpc":"2.0","id":"a","error":{"code":-32601,`},
		{"initialize", "", "", `404 {"jsonrpc":"2.0","id":"a","error":{"code":-32601,`},
		{"tools/call", "y", `,"name":"x"`, `400 {"jsonrpc":"2.0","id":"a","error":{"code":-32020,`},
	} {
		status, text := f.alone(c.method, c.name, c.params)
		if got := fmt.Sprint(status, " ", text); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s\nwant %s", c.method, got, c.want)
		}
	}
	status, _, text := f.post(map[string]string{"Mcp-Protocol-Version": "2199-01-01"}, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if status != 400 || !strings.Contains(text, `"code":-32022`) {
		t.Errorf("an unknown revision: %d %s", status, text)
	}
	if up := await(t, made); string(up.options.Capabilities) != `{"elicitation":{}}` || up.options.Initialize != nil {
		t.Errorf("the server was told %s", up.options.Capabilities)
	}
	if len(made) != 0 {
		t.Error("one client has several upstreams")
	}
}

// TestForwarded: between a client and a server without sessions params and results
// stay as they are.
func TestForwarded(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(stateless, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		if method == "server/discover" {
			return `{"supportedVersions":["2026-07-28"],"ttlMs":5}`, nil
		}
		return `{"resultType":"input_required", "params":` + params + `}`, nil
	})
	_, text := f.alone("tools/call", "x", `,"name":"x","requestState":"theirs","inputResponses":{"q":1.0}`)
	if want := `{"jsonrpc":"2.0","id":"a","result":{"resultType":"input_required", "params":{"_meta":{` + envelopeMeta + `},"name":"x","requestState":"theirs","inputResponses":{"q":1.0}}}}`; text != want {
		t.Errorf("got %s", text)
	}
	if _, text = f.alone("server/discover", "", ""); text != `{"jsonrpc":"2.0","id":"a","result":{"ttlMs":5,"supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"]}}` {
		t.Errorf("got %s", text)
	}
}

// TestGreeted: a session with a server that has none begins with what the server
// says of itself.
func TestGreeted(t *testing.T) {
	f := rawFront(t, Options{})
	made := f.behind(stateless, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		return `{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"f"}}}`, nil
	})
	p, said := f.pipe(nil)
	send(t, p, helloText)
	expect(t, said, `{"jsonrpc":"2.0","id":1,"result":{"capabilities":{},"protocolVersion":"2025-11-25","serverInfo":{"name":"f","version":"0"}}}`)
	send(t, p, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	send(t, p, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`)
	expect(t, said, `{"jsonrpc":"2.0","id":2,"result":{"tools":[]}}`)
	for _, c := range []struct{ method, params, want string }{
		{"ping", "", `"result":{}`},
		{"resources/subscribe", `{"uri":"u:1"}`, `"result":{}`},
		{"resources/subscribe", `{"uri":"u:1"}`, `"result":{}`},
		{"resources/unsubscribe", `{"uri":"u:1"}`, `"result":{}`},
		{"resources/unsubscribe", `{"uri":"u:2"}`, `"result":{}`},
		{"resources/subscribe", `{}`, `"code":-32602`},
		{"logging/setLevel", `{"level":"info"}`, `"result":{}`},
		{"logging/setLevel", `{"level":"loud"}`, `"code":-32602`},
		{"server/discover", `{}`, `"code":-32601`},
	} {
		params := c.params
		if params != "" {
			params = `,"params":` + params
		}
		send(t, p, `{"jsonrpc":"2.0","id":3,"method":"`+c.method+`"`+params+`}`)
		if got := await(t, said); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.method, got)
		}
	}
	up := await(t, made)
	if got := up.said(); got != "subscribe u:1; unsubscribe u:1; level info" {
		t.Errorf("the server heard %q", got)
	}
}

package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// kept is what functions kept of a call, and how it looked then.
type kept struct {
	mu  sync.Mutex
	all []any
	was []string
}

func (k *kept) keep(v any) {
	shown := show(v)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all, k.was = append(k.all, v), append(k.was, shown)
}

// show returns a value, or what a function finds, as text that shares nothing with
// it.
func show(v any) string {
	if find, ok := v.(func() any); ok {
		v = find()
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%T %s", v, text)
}

// selfish keeps a pointer to where it was decoded.
type selfish struct {
	Text string
	self *selfish
}

func (s *selfish) UnmarshalJSON(text []byte) error {
	s.self = s
	return json.Unmarshal(text, &s.Text)
}

func (s selfish) MarshalJSON() ([]byte, error) {
	if s.self == nil {
		return json.Marshal(s.Text)
	}
	return json.Marshal([]string{s.Text, s.self.Text})
}

type inner struct {
	Text string            `json:"text"`
	List []string          `json:"list"`
	Raw  json.RawMessage   `json:"raw"`
	More map[string]string `json:"more,omitempty"`
}

type everyKind struct {
	inner
	Bytes   []byte                     `json:"bytes"`
	Pointer *inner                     `json:"pointer"`
	Array   [2]inner                   `json:"array"`
	Any     any                        `json:"any"`
	Raws    map[string]json.RawMessage `json:"raws"`
	Number  json.Number                `json:"number"`
	Escaped string                     `json:"escaped"`
	Self    selfish                    `json:"self"`
	Default []string                   `json:"default,omitempty" jsonschema:"default=a,default=b"`
}

// arguments are of that type, with a text in every place.
func (everyKind) arguments(text string) string {
	part := fmt.Sprintf(`"text":%q,"list":[%[1]q,%[1]q],"raw":{"a":[%[1]q]},"more":{%[1]q:%[1]q}`, text)
	return fmt.Sprintf(`{%s,"bytes":"QUJD%s","pointer":{%[1]s},"array":[{%[1]s},{%[1]s}],"any":{%[3]q:[%[3]q]},"raws":{%[3]q:[%[3]q]},`+
		`"number":%[4]d,"escaped":"\u0041\n%[3]s","self":%[3]q}`, part, strings.Repeat("QUJD", len(text)), text, len(text))
}

// keeper is a server whose functions keep all that they are given, and so does its
// middleware, if it has some.
func keeper(k *kept, middleware bool) *server.Server {
	srv := server.New("keeper", "1", server.Options{})
	facts := func(ctx *tool.Context) {
		k.keep(func() any {
			return []any{ctx.Meta(), ctx.RequestID(), ctx.Client(), ctx.Args().All("client_id"), ctx.Header(), ctx.SessionID(), ctx.ProtocolVersion()}
		})
	}
	srv.Tool(func(ctx *tool.Context, in everyKind) string { k.keep(in); facts(ctx); return in.Text }, tool.Name("struct"))
	srv.Tool(func(ctx *tool.Context, in *everyKind) string { k.keep(in); facts(ctx); return in.Text }, tool.Name("pointer"))
	srv.Tool(func(ctx *tool.Context, text string, list []string, raw json.RawMessage, more map[string]string) string {
		k.keep([]any{text, list, raw, more})
		return text
	}, tool.Name("plain"), tool.Params("text", "list", "raw", "more"))
	srv.Tool(func(ctx *tool.Context, all json.RawMessage) string { k.keep(all); return "" }, tool.Name("raw"),
		tool.InputSchema(json.RawMessage(`{"type":"object"}`)))
	srv.Resource("keep://{text}", func(ctx *tool.Context, text string) string { k.keep(text); facts(ctx); return text }, tool.Name("keep"))
	srv.Prompt(func(ctx *tool.Context, text string) string { k.keep(text); facts(ctx); return text }, tool.Name("keep"), tool.Params("text"))
	if !middleware { // which is given copies, that functions then share
		return srv
	}
	srv.Use(func(next server.Handler) server.Handler {
		return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
			k.keep(r.Params)
			k.keep(r.Name)
			result, err := next(ctx, r)
			k.keep(result)
			return result, err
		}
	})
	srv.UseTools(func(next server.ToolHandler) server.ToolHandler {
		return func(ctx *tool.Context, t *tool.Tool, arguments json.RawMessage) (*tool.Result, error) {
			k.keep(arguments)
			r, err := next(ctx, t, arguments)
			k.keep(r)
			return r, err
		}
	})
	return srv
}

// TestKept: what a function was given it may keep: nothing of it changes when its
// call is over and other clients' messages are in the buffers that it came in.
func TestKept(t *testing.T) {
	t.Run("by functions", func(t *testing.T) { testKept(t, false) })
	t.Run("by middleware", func(t *testing.T) { testKept(t, true) })
}

func testKept(t *testing.T, middleware bool) {
	var k kept
	h := servertest.Start(t, keeper(&k, middleware))
	var clients sync.WaitGroup
	for n, transport := range []string{servertest.Pipe, servertest.Stdio, servertest.SSE, servertest.HTTP, servertest.HTTP, servertest.Pipe} {
		c := h.Connect(servertest.Options{
			Transport:    transport,
			Revision:     []string{"", servertest.Stateless}[n/4],
			Args:         url.Values{"client_id": {sessionMark(n)}},
			Capabilities: map[string]any{"experimental": map[string]any{"mark": sessionMark(n)}},
		})
		clients.Go(func() {
			for i := range often(20, 1000) {
				if err := keepAll(c, strings.Repeat(sessionMark(1000*n+i), 1+i%11)); err != nil {
					t.Errorf("%s: %v", transport, err)
				}
			}
		})
	}
	clients.Wait()
	if len(k.all) < 6*6*20 {
		t.Errorf("only %d values were kept", len(k.all))
	}
	for i, v := range k.all {
		if now := show(v); now != k.was[i] {
			t.Fatalf("%T was, in the call,\n%s, and is now\n%s", v, k.was[i], now)
		}
	}
}

// keepAll has each function called with a text.
func keepAll(c *servertest.Client, text string) error {
	meta := map[string]any{"progressToken": text, "own/" + text: []string{text}}
	arguments := json.RawMessage(everyKind{}.arguments(text))
	var plain map[string]json.RawMessage
	if err := json.Unmarshal(arguments, &plain); err != nil {
		return err
	}
	few := map[string]json.RawMessage{"text": plain["text"], "list": plain["list"], "raw": plain["raw"], "more": plain["more"]}
	for _, r := range []struct {
		method string
		params map[string]any
	}{
		{"tools/call", map[string]any{"name": "struct", "arguments": arguments}},
		{"tools/call", map[string]any{"name": "pointer", "arguments": arguments}},
		{"tools/call", map[string]any{"name": "plain", "arguments": few}},
		{"tools/call", map[string]any{"name": "raw", "arguments": arguments}},
		{"prompts/get", map[string]any{"name": "keep", "arguments": map[string]string{"text": text}}},
		{"resources/read", map[string]any{"uri": "keep://" + text}},
	} {
		r.params["_meta"] = meta
		got, err := c.Request(r.method, r.params)
		if err != nil || !strings.Contains(string(got), text) && r.params["name"] != "raw" || strings.Contains(string(got), `"isError":true`) {
			return fmt.Errorf("%s %v: %s, %w", r.method, r.params["name"], got, err)
		}
	}
	return nil
}

// TestBodyOfSlowCall: the body of a request is its own as long as the request lasts:
// what a function asks behind the work of others is sealed for the arguments that
// it came with.
func TestBodyOfSlowCall(t *testing.T) {
	p := newPrey(t, targetOptions{})
	p.Tool(func(ctx *tool.Context, text string) (string, error) {
		p.waiting <- text
		<-p.release
		who, err := tool.Elicit[answer](ctx, "Who?")
		return text + " " + who.Name, err
	}, tool.Name("late"), tool.Params("text"))
	const calls = 16
	room := func(n int) string { return fmt.Sprintf(`{"text":%q}`, strings.Repeat(sessionMark(n), 20)) }
	states := make([]string, calls)
	var rounds sync.WaitGroup
	for n := range calls {
		rounds.Go(func() { states[n] = p.wantAsked("a first round", p.try(try{name: "late", arguments: room(n)})) })
	}
	for range calls {
		await(t, "the calls", p.waiting)
	}
	for n := range often(200, 5000) {
		wantStatus(t, "a call of another", p.send("POST", "/mcp?auth=key-mallory", stateless("tools/call", `"name":"echo","arguments":`+room(9000+n%1000)), named("tools/call", "echo")...), http.StatusOK)
	}
	close(p.release)
	rounds.Wait()
	for n := range calls {
		if got := p.try(try{name: "late", arguments: room(n), state: states[n], responses: isAda}); !strings.Contains(got.body, sessionMark(n)+" Ada") {
			t.Errorf("call %d goes on with %.300s", n, got.body)
		}
	}
}

package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// modern returns the headers of a stateless request of a method.
func modern(method string, more ...string) http.Header {
	h := http.Header{
		"Accept":               {"application/json, text/event-stream"},
		"Mcp-Protocol-Version": {servertest.Stateless},
		"Mcp-Method":           {method},
	}
	for i := 0; i < len(more); i += 2 {
		h[more[i]] = []string{more[i+1]}
		if more[i+1] == "" {
			delete(h, more[i])
		}
	}
	return h
}

const envelope = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

// text returns a stateless request with the members in params.
func text(method, params string) string {
	if params != "" {
		params = "," + params
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":"r1","method":%q,"params":{%s%s}}`, method, envelope, params)
}

type regional struct {
	Region string `json:"region,omitempty" mcpheader:"Region"`
	Nested struct {
		Count *int `json:"count,omitempty" mcpheader:"Count"`
	} `json:"nested,omitzero"`
	Fast *bool `json:"fast,omitempty" mcpheader:"Fast"`
}

func httpServer(o server.Options) *server.Server {
	o.Logger = quiet
	srv := server.New("http", "1.0.0", o)
	srv.Tool(func(ctx *tool.Context) string { return "for " + ctx.Arg("client_id", "nobody") }, tool.Name("who"))
	srv.Tool(func(in regional) string { return "in " + in.Region }, tool.Name("place"))
	srv.Tool(func(ctx *tool.Context) error {
		_, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage("hi")}})
		return err
	}, tool.Name("sample"))
	srv.Resource("test://a", func() string { return "a" })
	srv.Prompt(func() string { return "hi" }, tool.Name("hi"))
	return srv
}

// TestStatelessRequests: what a request of 2026-07-28 may say wrong, and the
// status, code and data that it gets; each on the URL that serves all revisions.
func TestStatelessRequests(t *testing.T) {
	h := servertest.Start(t, httpServer(server.Options{}))
	mcp := h.URL() + "/mcp?client_id=me"
	list, who := modern("tools/list"), modern("tools/call", "Mcp-Name", "who")
	place := func(more ...string) http.Header {
		return modern("tools/call", append([]string{"Mcp-Name", "place"}, more...)...)
	}
	inRegion := func(arguments string) string {
		return text("tools/call", `"name":"place","arguments":`+arguments)
	}
	const unknownVersion = `{"jsonrpc":"2.0","id":"r1","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"1900-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}`
	for _, tt := range []struct {
		name   string
		header http.Header
		body   string
		status int
		want   string // in the body
	}{
		{"list", list, text("tools/list", ""), 200, `"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"http","version":"1.0.0"}}}`},
		{"call", who, text("tools/call", `"name":"who"`), 200, `"text":"for me"`},
		{"a session id is ignored", modern("tools/call", "Mcp-Name", "who", "Mcp-Session-Id", "00000000-0000-4000-8000-000000000000"), text("tools/call", `"name":"who"`), 200, `"text":"for me"`},
		{"discover", modern("server/discover"), text("server/discover", ""), 200, `"supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"]`},
		{"read", modern("resources/read", "Mcp-Name", "test://a"), text("resources/read", `"uri":"test://a"`), 200, `"text":"a"`},
		{"get", modern("prompts/get", "Mcp-Name", "hi"), text("prompts/get", `"name":"hi"`), 200, `"messages":[`},
		{"slashes escaped", list, strings.ReplaceAll(text("tools/list", ""), `text/`, `text\/`), 200, `"tools":[`},
		{"escaped slashes in keys", list, strings.ReplaceAll(text("tools/list", ""), `context`+`protocol/`, `context`+`protocol\/`), 200, `"tools":[`},

		{"no _meta", list, `{"jsonrpc":"2.0","id":"r1","method":"tools/list","params":{}}`, 400, `"id":"r1","error":{"code":-32602`},
		{"no params", list, `{"jsonrpc":"2.0","id":"r1","method":"tools/list"}`, 400, `"id":"r1","error":{"code":-32602`},
		{"no version in _meta", list, `{"jsonrpc":"2.0","id":"r1","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}}}`, 400, `"code":-32602`},
		{"no capabilities", list, `{"jsonrpc":"2.0","id":"r1","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`, 400, `"code":-32602`},
		{"capabilities of the wrong form", list, `{"jsonrpc":"2.0","id":"r1","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]}}}`, 400, `"code":-32602`},
		{"params of the wrong form", list, `{"jsonrpc":"2.0","id":"r1","method":"tools/list","params":[]}`, 400, `"code":-32602`},
		{"unknown version", modern("tools/list", "Mcp-Protocol-Version", "1900-01-01"), unknownVersion, 400, `"code":-32022,"message":"unsupported protocol version","data":{"supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"1900-01-01"}`},
		{"a version with a handshake", modern("tools/list", "Mcp-Protocol-Version", "2025-11-25"), strings.ReplaceAll(unknownVersion, "1900-01-01", "2025-11-25"), 400, `"data":{"supported":["2026-07-28"],"requested":"2025-11-25"}`},
		{"versions differ", list, unknownVersion, 400, `"code":-32020`},
		{"no version header", modern("tools/list", "Mcp-Protocol-Version", ""), text("tools/list", ""), 400, `"code":-32020`},
		{"log level", list, strings.Replace(text("tools/list", ""), `{"io.`, `{"io.modelcontextprotocol/logLevel":"loud","io.`, 1), 200, `"code":-32602`},

		{"no method header", modern("tools/list", "Mcp-Method", ""), text("tools/list", ""), 400, `"code":-32020`},
		{"another method header", modern("tools/call"), text("tools/list", ""), 400, `"code":-32020`},
		{"method header in capitals", modern("TOOLS/LIST"), text("tools/list", ""), 400, `"code":-32020`},
		{"two method headers", http.Header{"Accept": {"*/*"}, "Mcp-Protocol-Version": {servertest.Stateless}, "Mcp-Method": {"tools/list", "tools/call"}}, text("tools/list", ""), 400, `"code":-32020`},
		{"blanks around", modern("  tools/list "), text("tools/list", ""), 200, `"tools":[`},
		{"no name header", modern("tools/call"), text("tools/call", `"name":"who"`), 400, `"code":-32020`},
		{"another name header", modern("tools/call", "Mcp-Name", "place"), text("tools/call", `"name":"who"`), 400, `"code":-32020`},
		{"name header in base64", modern("tools/call", "Mcp-Name", "=?base64?d2hv?="), text("tools/call", `"name":"who"`), 200, `"text":"for me"`},
		{"name header not ASCII", modern("tools/call", "Mcp-Name", "wh\xc3\xb6"), text("tools/call", `"name":"wh\u00f6"`), 400, `"code":-32020`},
		{"unknown tool", modern("tools/call", "Mcp-Name", "x"), text("tools/call", `"name":"x"`), 200, `"code":-32602`},
		{"unknown resource", modern("resources/read", "Mcp-Name", "test://x"), text("resources/read", `"uri":"test://x"`), 200, `"error":{"code":-32602,"message":"resource not found","data":{"uri":"test://x"}}`},
		{"missing capability", modern("tools/call", "Mcp-Name", "sample"), text("tools/call", `"name":"sample"`), 400, `"code":-32021,"message":"the client does not support sampling","data":{"requiredCapabilities":{"sampling":{}}}`},

		{"parameter", place("Mcp-Param-Region", "eu"), inRegion(`{"region":"eu"}`), 200, `"text":"in eu"`},
		{"parameter in base64", place("Mcp-Param-Region", "=?base64?SGVsbG8=?="), inRegion(`{"region":"Hello"}`), 200, `"text":"in Hello"`},
		{"bad padding", place("Mcp-Param-Region", "=?base64?SGVsbG8?="), inRegion(`{"region":"Hello"}`), 400, `"code":-32020`},
		{"bits behind the end", place("Mcp-Param-Region", "=?base64?SGVsbG9=?="), inRegion(`{"region":"Hello"}`), 400, `"code":-32020`},
		{"not the alphabet", place("Mcp-Param-Region", "=?base64?SGVs!G8=?="), inRegion(`{"region":"Hello"}`), 400, `"code":-32020`},
		{"no suffix is literal", place("Mcp-Param-Region", "=?base64?SGVsbG8="), inRegion(`{"region":"=?base64?SGVsbG8="}`), 200, `"text":"in =?base64?SGVsbG8="`},
		{"no prefix is literal", place("Mcp-Param-Region", "SGVsbG8=?="), inRegion(`{"region":"SGVsbG8=?="}`), 200, `"text":"in SGVsbG8=?="`},
		{"another value", place("Mcp-Param-Region", "us"), inRegion(`{"region":"eu"}`), 400, `"code":-32020`},
		{"no header for a value", place(), inRegion(`{"region":"eu"}`), 400, `"code":-32020`},
		{"no value for a header", place("Mcp-Param-Region", "eu"), inRegion(`{}`), 400, `"code":-32020`},
		{"null for a header", place("Mcp-Param-Fast", "true"), inRegion(`{"fast":null}`), 400, `"code":-32020`},
		{"null", place(), inRegion(`{"fast":null}`), 200, `"text":"in "`},
		{"a value in the text of an object", place(), inRegion(`"{\"region\":\"eu\"}"`), 400, `"code":-32020`},
		{"a nested value in the text of an object", place(), inRegion(`{"nested":"{\"count\":7}"}`), 400, `"code":-32020`},
		{"boolean", place("Mcp-Param-Fast", "true"), inRegion(`{"fast":true}`), 200, `"text":"in "`},
		{"another boolean", place("Mcp-Param-Fast", "false"), inRegion(`{"fast":true}`), 400, `"code":-32020`},
		{"nested integer", place("Mcp-Param-Count", "42.0"), inRegion(`{"nested":{"count":42}}`), 200, `"text":"in "`},
		{"another integer", place("Mcp-Param-Count", "41"), inRegion(`{"nested":{"count":42}}`), 400, `"code":-32020`},
		{"nested integer without header", place(), inRegion(`{"nested":{"count":42}}`), 400, `"code":-32020`},

		{"unknown method", modern("no/such"), text("no/such", ""), 404, `"id":"r1","error":{"code":-32601`},
		{"initialize", modern("initialize"), text("initialize", ""), 404, `"code":-32601`},
		{"ping", modern("ping"), text("ping", ""), 404, `"code":-32601`},
		{"setLevel", modern("logging/setLevel"), text("logging/setLevel", `"level":"info"`), 404, `"code":-32601`},
		{"subscribe", modern("resources/subscribe"), text("resources/subscribe", `"uri":"test://a"`), 404, `"code":-32601`},
		{"unsubscribe", modern("resources/unsubscribe"), text("resources/unsubscribe", `"uri":"test://a"`), 404, `"code":-32601`},

		{"listen to nothing", modern("subscriptions/listen"), text("subscriptions/listen", ""), 200, `"code":-32602`},
		{"listen without a stream", modern("subscriptions/listen", "Accept", "application/json"), text("subscriptions/listen", `"notifications":{}`), 406, `"code":-32600`},
		{"_meta twice", list, `{"jsonrpc":"2.0","id":"r1","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}}}`, 400, `"code":-32602`},
		{"a batch", list, "[" + text("tools/list", "") + "]", 400, `"id":null,"error":{"code":-32600`},
		{"not JSON", list, `{`, 400, `"code":-32700`},
		{"not a message", list, `{"jsonrpc":"2.0","id":"r1"}`, 400, `"code":-32600`},
		{"a notification", modern("notifications/x"), `{"jsonrpc":"2.0","method":"notifications/x","params":{` + envelope + `}}`, 202, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := post(t, mcp, tt.header, tt.body, tt.status)
			if !strings.Contains(got, tt.want) || strings.Contains(strings.TrimSuffix(got, "\n"), "\n") {
				t.Errorf("the body is %s, want in it %s", got, tt.want)
			}
		})
	}
}

// TestSessionRequests: what a request of a session may say wrong over streamable
// HTTP.
func TestSessionRequests(t *testing.T) {
	h := servertest.Start(t, httpServer(server.Options{}))
	mcp := h.URL() + "/mcp?client_id=me"
	c := h.Connect(servertest.Options{Transport: servertest.HTTP, Args: url.Values{"client_id": {"me"}}})
	session := func(more ...string) http.Header {
		h := http.Header{"Accept": {"application/json, text/event-stream"}, "Mcp-Session-Id": {c.SessionID}}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = []string{more[i+1]}
			if more[i+1] == "" {
				delete(h, more[i])
			}
		}
		return h
	}
	const list = `{"jsonrpc":"2.0","id":"r1","method":"tools/list"}`
	for _, tt := range []struct {
		name   string
		header http.Header
		body   string
		status int
		want   string
	}{
		{"list", session(), list, 200, `"tools":[`},
		{"with its version", session("Mcp-Protocol-Version", "2025-11-25"), list, 200, `"tools":[`},
		{"with a version that is none", session("Mcp-Protocol-Version", "latest"), list, 400, `"error":{"code":-32022,`},
		{"a notification with a version that is none", session("Mcp-Protocol-Version", "latest"), `{"jsonrpc":"2.0","method":"notifications/x"}`, 400, `"error":{`},
		{"no session", session("Mcp-Session-Id", ""), list, 400, `"id":"r1","error":{"code":-32600`},
		{"a notification without a session", session("Mcp-Session-Id", ""), `{"jsonrpc":"2.0","method":"notifications/initialized"}`, 400, `"error":{`},
		{"an unknown session", session("Mcp-Session-Id", "x"), list, 404, `"error":{`},
		{"initialized twice", session(), `{"jsonrpc":"2.0","id":"r1","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`, 200, `"code":-32600`},
		{"initialize without a version", session("Mcp-Session-Id", ""), `{"jsonrpc":"2.0","id":"r1","method":"initialize","params":{}}`, 200, `"code":-32602`},
		{"unknown method", session(), `{"jsonrpc":"2.0","id":"r1","method":"no/such"}`, 200, `"code":-32601`},
		{"a method without sessions", session(), `{"jsonrpc":"2.0","id":"r1","method":"server/discover"}`, 200, `"code":-32601`},
		{"unknown resource", session(), `{"jsonrpc":"2.0","id":"r1","method":"resources/read","params":{"uri":"test://x"}}`, 200, `"error":{"code":-32002,"message":"resource not found","data":{"uri":"test://x"}}`},
		{"a batch after 2025-03-26", session(), "[" + list + "]", 400, `"id":null,"error":{"code":-32600`},
		{"an answer that nobody waits for", session(), `{"jsonrpc":"2.0","id":77,"result":{}}`, 202, ""},
		{"arguments of the wrong form", session(), `{"jsonrpc":"2.0","id":"r1","method":"tools/call","params":{"name":"who","arguments":[]}}`, 200, `"code":-32602`},
		{"not UTF-8", session(), "{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"ping\"}", 400, `"id":null,"error":{"code":-32700`},
		{"params of the wrong form", session(), `{"jsonrpc":"2.0","id":"r1","method":"tools/list","params":[]}`, 400, `"code":-32602`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := post(t, mcp, tt.header, tt.body, tt.status); !strings.Contains(got, tt.want) {
				t.Errorf("the body is %s, want in it %s", got, tt.want)
			}
		})
	}
}

// TestBothErasAtOnce: one connection serves requests with and without a session,
// each by its own rules.
func TestBothErasAtOnce(t *testing.T) {
	for _, via := range []string{servertest.Pipe, servertest.Stdio, servertest.SSE} {
		t.Run(via, func(t *testing.T) {
			c := servertest.Connect(t, httpServer(server.Options{}), servertest.Options{Transport: via})
			raw, err := c.Request("tools/list", nil)
			if err != nil || strings.Contains(string(raw), "resultType") {
				t.Errorf("with a session: %s, %v", raw, err)
			}
			r, err := ask(t, c, "tools/list", nil)
			if err != nil || r.Type != "complete" {
				t.Errorf("without: %+v, %v", r, err)
			}
			if _, err := c.Request("ping", nil); err != nil {
				t.Errorf("with a session: %v", err)
			}
			_, err = ask(t, c, "ping", nil)
			wantError(t, err, -32601, "")
		})
	}
}

// TestVanishedClient: the call of a stateless client that goes away ends.
func TestVanishedClient(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	srv := server.New("vanish", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) error {
		close(began)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil
	}, tool.Name("wait"))
	h := servertest.Start(t, srv)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL()+"/mcp", strings.NewReader(text("tools/call", `"name":"wait"`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = modern("tools/call", "Mcp-Name", "wait")
	req.Header.Set("Content-Type", "application/json")
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if res, err := client.Do(req); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}()
	<-began
	start := time.Now()
	cancel()
	if cause := <-ended; cause == nil || cause.Error() != "the client closed the connection" {
		t.Errorf("the call ended because of %v", cause)
	}
	t.Logf("the call ended %v after its client", time.Since(start))
	<-gone
}

// TestSessionless: with that option clients of every revision are served without
// sessions, by the arguments of each request.
func TestSessionless(t *testing.T) {
	h := servertest.Start(t, httpServer(server.Options{Sessionless: true}))
	mcp := h.URL() + "/mcp?client_id="
	legacy := http.Header{"Accept": {"application/json, text/event-stream"}, "Mcp-Protocol-Version": {"2025-06-18"}}
	const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
	got := post(t, mcp, legacy, initialize, 200)
	if !strings.Contains(got, `"protocolVersion":"2025-06-18"`) || !strings.Contains(got, `"resources":{"subscribe":false,"listChanged":false},"tools":{"listChanged":false}`) || strings.Contains(got, `"logging"`) {
		t.Error(got)
	}
	if got := post(t, mcp, legacy, `{"jsonrpc":"2.0","id":8,"method":"logging/setLevel","params":{"level":"info"}}`, 200); !strings.Contains(got, "-32601") {
		t.Error(got)
	}
	const subscribe = `{"jsonrpc":"2.0","id":9,"method":"resources/subscribe","params":{"uri":"test://a"}}`
	if got := post(t, mcp, legacy, subscribe, 200); !strings.Contains(got, "-32601") {
		t.Error(got)
	}
	post(t, mcp, legacy, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, 202)
	const call = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"who"}}`
	for _, client := range []string{"a", "b"} {
		if got := post(t, mcp+client, legacy, call, 200); !strings.Contains(got, "for "+client) {
			t.Error(got)
		}
	}
	// The revision is the one that the header names, or the first without one.
	const list = `{"jsonrpc":"2.0","id":3,"method":"tools/list"}`
	for version, structured := range map[string]bool{"2025-06-18": true, "": false} {
		header := legacy.Clone()
		if header.Set("Mcp-Protocol-Version", version); version == "" {
			header.Del("Mcp-Protocol-Version")
		}
		got := post(t, mcp, header, list, 200)
		if !json.Valid([]byte(got)) || strings.Contains(got, "resultType") {
			t.Error(got)
		}
		status := 200
		if structured {
			status = 400 // no batches any more
		}
		post(t, mcp, header, "["+list+"]", status)
	}
	if got := post(t, mcp+"c", modern("tools/call", "Mcp-Name", "who"), text("tools/call", `"name":"who"`), 200); !strings.Contains(got, "for c") {
		t.Error(got)
	}
}

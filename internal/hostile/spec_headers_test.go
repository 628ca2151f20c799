package hostile

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
)

// TestSpecHeaderParams: a tool that wants a header which is none is not offered,
// whatever else is on its list; and no argument adds a header by being one's value.
func TestSpecHeaderParams(t *testing.T) {
	tool := func(name, schema string) string { return `{"name":"` + name + `","inputSchema":` + schema + `}` }
	bad := func(name, header string) string {
		return tool(name, `{"type":"object","properties":{"a":{"type":"string","x-mcp-header":`+header+`}}}`)
	}
	behind := &watched{evil: &evil{stateless: true, info: `"instructions":""`, results: map[string]string{
		"tools/call good": `{"content":[]}`,
		"tools/list": `{"tools":[` + strings.Join([]string{
			bad("empty", `""`), bad("line break", `"A\r\nX-Evil: 1"`), bad("blank", `"A B"`), bad("colon", `"A:B"`), bad("umlaut", `"\u00e4"`), bad("no text", `7`),
			tool("twice", `{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}`),
			tool("number", `{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}`),
			tool("in items", `{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}`),
			tool("in alternatives", `{"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}`),
			tool("in conditions", `{"if":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}`),
			bad("good", `"Authorization"`), // Mcp-Param-Authorization, which is another
		}, ",") + `]}`,
	}}}
	h := httptest.NewServer(behind)
	defer h.Close()
	c, err := client.Connect(t.Context(), client.URL(h.URL), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var offered []string
	for tool, err := range c.Tools(t.Context()) {
		wantNil(t, "the list", err)
		offered = append(offered, tool.Name)
	}
	if !slices.Equal(offered, []string{"good"}) {
		t.Errorf("offered: %q", offered)
	}
	for _, value := range []string{"a\r\nX-Evil: 1", "a\nX-Evil: 1\n\nPOST /", "\x00", " a ", "é", "=?base64?WA==?="} {
		behind.take()
		if _, err := c.Call(t.Context(), "good", map[string]string{"a": value}); err != nil {
			t.Errorf("%q: %v", value, err)
		}
		head, _, _ := strings.Cut(behind.take(), "\r\n\r\n")
		if strings.Contains(head, "X-Evil") || !strings.Contains(head, "Mcp-Param-Authorization: =?base64?") || strings.Contains(head, "\r\nAuthorization:") {
			t.Errorf("%q is sent as %s", value, head)
		}
	}
}

// TestSpecTimeout: a call takes no longer than its client wants, however busy the
// server says that it is, and the server is told.
func TestSpecTimeout(t *testing.T) {
	eras(t, func(t *testing.T, stateless bool) {
		e := startEvil(t, &evil{stateless: stateless, info: `"instructions":""`})
		c := connectEvil(t, e, client.Options{Timeout: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var heard atomic.Int64
		_, err := c.Call(ctx, "busy", nil, client.OnProgress(func(client.Progress) { heard.Add(1) }))
		if err == nil || !strings.Contains(err.Error(), "took longer than 1s") {
			t.Errorf("the call ended with %v", err)
		}
		if heard.Load() == 0 {
			t.Error("the server said nothing meanwhile, which proves nothing")
		}
		want := map[bool]string{true: "hung up", false: "notifications/cancelled"}[stateless]
		select {
		case text := <-e.told:
			if !strings.Contains(text, want) {
				t.Errorf("the server was told %s, want %s", text, want)
			}
		case <-ctx.Done():
			t.Error("the server was not told")
		}
	})
}

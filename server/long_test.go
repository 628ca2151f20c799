package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// manyTools is a server whose list is written from where it is kept, or with
// middleware, which sees the result, is copied like any other. One of its schemas
// has line breaks.
func manyTools(copied bool) *server.Server {
	srv := server.New("many", "1", server.Options{Logger: quiet, PageSize: 150})
	srv.Tool(func(in json.RawMessage) string { return string(in) }, tool.Name("raw"),
		tool.InputSchema(json.RawMessage("{\n\t\"type\": \"object\",\r\n\t\"title\": \"a\\nb\"\n}")))
	for i := range 199 {
		srv.Tool(benchForecaster, tool.Name(fmt.Sprintf("forecast%d", i)))
	}
	if copied {
		srv.Use(func(next server.Handler) server.Handler {
			return func(ctx context.Context, r *server.Request) (json.RawMessage, error) { return next(ctx, r) }
		})
	}
	return srv
}

// TestLongList: a list that is not copied is the one that is, over every wire and
// on every page.
func TestLongList(t *testing.T) {
	for _, o := range wires {
		var lists [2]string
		for i, copied := range []bool{false, true} {
			c := servertest.Connect(t, manyTools(copied), o)
			for cursor := any(nil); ; {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // what is no message is no answer
				raw, err := c.RequestContext(ctx, "tools/list", map[string]any{"cursor": cursor})
				cancel()
				if err != nil {
					t.Fatalf("%+v: %v", o, err)
				}
				var page struct{ NextCursor string }
				if err := json.Unmarshal(raw, &page); err != nil {
					t.Fatalf("%+v: %v", o, err)
				}
				lists[i] += string(raw)
				if cursor = page.NextCursor; cursor == "" {
					break
				}
			}
		}
		if lists[0] != lists[1] || strings.Count(lists[0], `"forecast`) != 199 {
			t.Errorf("%+v: %d bytes with %d tools, and %d bytes by way of middleware",
				o, len(lists[0]), strings.Count(lists[0], `"forecast`), len(lists[1]))
		}
	}
}

// TestLongListInOtherForms: as an event, and in a batch, it has to be put together.
func TestLongListInOtherForms(t *testing.T) {
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for _, tt := range []struct{ accept, body string }{
		{"text/event-stream", list},
		{"application/json", "[" + list + "]"},
		{"text/event-stream", "[" + list + "]"},
	} {
		var lists [2]string
		for i, copied := range []bool{false, true} {
			h := servertest.Start(t, manyTools(copied))
			id := ""
			post := func(body, accept string) []byte {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL()+"/mcp", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Accept", accept)
				if id != "" {
					req.Header.Set("Mcp-Session-Id", id)
				}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				if id == "" {
					id = res.Header.Get("Mcp-Session-Id")
				}
				text, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != http.StatusOK {
					t.Fatalf("%s: %s, %v", body, res.Status, err)
				}
				return text
			}
			post(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26"}}`, "application/json")
			text := post(tt.body, tt.accept)
			if _, data, ok := bytes.Cut(text, []byte("data: ")); ok {
				text, _, _ = bytes.Cut(data, []byte("\n"))
			}
			if lists[i] = strings.TrimSpace(string(text)); !json.Valid([]byte(lists[i])) {
				t.Fatalf("%s, %s: answered %.200s", tt.accept, tt.body, text)
			}
		}
		if lists[0] != lists[1] || strings.Count(lists[0], `"forecast`) != 149 {
			t.Errorf("%s, %s: %d bytes, and %d by way of middleware", tt.accept, tt.body, len(lists[0]), len(lists[1]))
		}
	}
}

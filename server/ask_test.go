package server_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// wires are the ways to ask a client: in a session over each transport, and
// without one.
var wires = []servertest.Options{
	{Transport: servertest.Pipe},
	{Transport: servertest.Stdio},
	{Transport: servertest.SSE},
	{Transport: servertest.HTTP},
	{Transport: servertest.Pipe, Revision: servertest.Stateless},
	{Transport: servertest.Stdio, Revision: servertest.Stateless},
	{Transport: servertest.SSE, Revision: servertest.Stateless},
	{Transport: servertest.HTTP, Revision: servertest.Stateless},
}

func wireName(o servertest.Options) string {
	if o.Revision == "" {
		return o.Transport + "/" + servertest.Latest
	}
	return o.Transport + "/" + o.Revision
}

// everything is what a client can be asked.
var everything = map[string]any{
	"elicitation": map[string]any{"form": map[string]any{}, "url": map[string]any{}},
	"sampling":    map[string]any{"tools": map[string]any{}},
	"roots":       map[string]any{},
}

func accept(content any) (any, error) {
	return map[string]any{"action": "accept", "content": content}, nil
}

type guest struct {
	Name string `json:"name" jsonschema:"minLength=1"`
}

type confirm struct {
	Sure bool `json:"sure"`
}

// booking is a tool with two questions in a row and a side effect before each
// and after both.
type booking struct{ runs, reserved, charged, booked atomic.Int64 }

func (b *booking) Book(ctx *tool.Context, in struct {
	Room string `json:"room"`
}) (string, error) {
	b.runs.Add(1)
	number, err := tool.Once(ctx, "reserve", func() (int64, error) { return b.reserved.Add(1), nil })
	if err != nil {
		return "", err
	}
	who, err := tool.Elicit[guest](ctx, fmt.Sprintf("Who takes room %s, reservation %d?", in.Room, number))
	if err != nil {
		return "", err
	}
	if _, err := tool.Once(ctx, "charge", func() (bool, error) { b.charged.Add(1); return true, nil }); err != nil {
		return "", err
	}
	sure, err := tool.Elicit[confirm](ctx, "Sure, "+who.Name+"?")
	if err != nil {
		return "", err
	}
	if !sure.Sure {
		return "not booked", nil
	}
	_, err = tool.Once(ctx, "book", func() (bool, error) { b.booked.Add(1); return true, nil })
	return fmt.Sprintf("room %s for %s", in.Room, who.Name), err
}

// TestAskInEveryEra: one function, unchanged, asks its questions over every
// transport, with a session and without, and what it does once is done once.
func TestAskInEveryEra(t *testing.T) {
	for _, wire := range wires {
		t.Run(wireName(wire), func(t *testing.T) {
			var b booking
			srv := server.New("hotel", "1", server.Options{Logger: quiet})
			srv.Tool(b.Book)
			var mu sync.Mutex
			var asked []string
			wire.Capabilities = everything
			wire.Answer = func(method string, params json.RawMessage) (any, error) {
				var p struct{ Message string }
				if err := json.Unmarshal(params, &p); err != nil {
					return nil, err
				}
				mu.Lock()
				asked = append(asked, method+" "+p.Message)
				mu.Unlock()
				if strings.HasPrefix(p.Message, "Who") {
					return accept(map[string]any{"name": "Ada"})
				}
				return accept(map[string]any{"sure": true})
			}
			c := servertest.Connect(t, srv, wire)
			if got := c.Call("book", map[string]any{"room": "7"}); got.IsError || got.Text() != "room 7 for Ada" {
				t.Errorf("the tool answers %+v", got)
			}
			want := []string{"elicitation/create Who takes room 7, reservation 1?", "elicitation/create Sure, Ada?"}
			if !slices.Equal(asked, want) {
				t.Errorf("the client was asked %q", asked)
			}
			if b.reserved.Load() != 1 || b.charged.Load() != 1 || b.booked.Load() != 1 {
				t.Errorf("once is: reserved %d, charged %d, booked %d times", b.reserved.Load(), b.charged.Load(), b.booked.Load())
			}
			runs := int64(1)
			if wire.Revision == servertest.Stateless {
				runs = 3
			}
			if got := b.runs.Load(); got != runs {
				t.Errorf("the function ran %d times, want %d", got, runs)
			}
		})
	}
}

// TestAskTogether: what is asked before the function returns is asked at once
// where nothing waits, and one after the other where something does; and prompts
// and resources ask like tools.
func TestAskTogether(t *testing.T) {
	ask := func(ctx *tool.Context) (string, error) {
		who, err1 := tool.Elicit[guest](ctx, "Who?", tool.Key("user_name"))
		said, err2 := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage("Say hi.")}})
		roots, err3 := tool.Roots(ctx)
		if err := errors.Join(err1, err2, err3); err != nil {
			return "", err
		}
		err := tool.ElicitURL(ctx, "https://example.com/pay", "Pay.")
		return fmt.Sprint(who.Name, " ", said.Text(), " ", roots[0].URI), err
	}
	for _, wire := range wires {
		t.Run(wireName(wire), func(t *testing.T) {
			srv := server.New("asks", "1", server.Options{Logger: quiet})
			srv.Tool(ask, tool.Name("ask"))
			srv.Resource("test://ask", ask, tool.Name("ask"))
			srv.Prompt(ask, tool.Name("ask"))
			wire.Capabilities = everything
			wire.Answer = func(method string, params json.RawMessage) (any, error) {
				switch method {
				case "sampling/createMessage":
					return map[string]any{"role": "assistant", "model": "m", "content": map[string]any{"type": "text", "text": "hi"}}, nil
				case "roots/list":
					return map[string]any{"roots": []any{map[string]any{"uri": "file:///r"}}}, nil
				}
				if strings.Contains(string(params), `"url":"https://example.com/pay"`) {
					return map[string]any{"action": "accept"}, nil
				}
				return accept(map[string]any{"name": "Ada"})
			}
			c := servertest.Connect(t, srv, wire)
			const want = "Ada hi file:///r"
			if got := c.Call("ask", nil); got.IsError || got.Text() != want {
				t.Errorf("the tool answers %+v", got)
			}
			for method, params := range map[string]any{
				"resources/read": map[string]any{"uri": "test://ask"},
				"prompts/get":    map[string]any{"name": "ask"},
			} {
				if got, err := c.Request(method, params); err != nil || !strings.Contains(string(got), want) {
					t.Errorf("%s answers %s, %v", method, got, err)
				}
			}
		})
	}
}

// TestAnswers: what a client may answer, and what comes of it. An answer that is
// none is asked for again.
func TestAnswers(t *testing.T) {
	ask := func(ctx *tool.Context) (string, error) {
		who, err := tool.Elicit[guest](ctx, "Who?")
		switch {
		case errors.Is(err, tool.ErrDeclined):
			return "declined", nil
		case errors.Is(err, tool.ErrDismissed):
			return "dismissed", nil
		}
		return who.Name, err
	}
	type answers []map[string]any
	ada := map[string]any{"action": "accept", "content": map[string]any{"name": "Ada"}}
	for _, tt := range []struct {
		name string
		give answers
		want string
	}{
		{"decline", answers{{"action": "decline"}}, "declined"},
		{"cancel", answers{{"action": "cancel"}}, "dismissed"},
		{"accept without content", answers{{"action": "accept"}, ada}, "Ada"},
		{"a wrong type", answers{{"action": "accept", "content": map[string]any{"name": 7}}, ada}, "Ada"},
		{"against the schema", answers{{"action": "accept", "content": map[string]any{"name": ""}}, ada}, "Ada"},
		{"another property", answers{{"action": "accept", "content": map[string]any{"nom": "Ada"}}, ada}, "Ada"},
		{"one property more", answers{{"action": "accept", "content": map[string]any{"name": "Ada", "nom": 7}}}, "Ada"},
		{"no action", answers{{}, ada}, "Ada"},
		{"an unknown action", answers{{"action": "shrug"}, ada}, "Ada"},
	} {
		for _, wire := range wires {
			t.Run(tt.name+"/"+wireName(wire), func(t *testing.T) {
				var n atomic.Int64
				wire.Capabilities = everything
				wire.Answer = func(string, json.RawMessage) (any, error) {
					return tt.give[min(int(n.Add(1)), len(tt.give))-1], nil
				}
				srv := server.New("answers", "1", server.Options{Logger: quiet})
				srv.Tool(ask, tool.Name("ask"))
				c := servertest.Connect(t, srv, wire)
				if got := c.Call("ask", nil); got.IsError || got.Text() != tt.want {
					t.Errorf("the tool answers %+v", got)
				}
				if n.Load() != int64(len(tt.give)) {
					t.Errorf("the client was asked %d times", n.Load())
				}
			})
		}
	}
}

// TestMisfits: a client that never answers is not asked for ever, and the caller
// hears why.
func TestMisfits(t *testing.T) {
	for _, wire := range wires {
		t.Run(wireName(wire), func(t *testing.T) {
			var n atomic.Int64
			wire.Capabilities = everything
			wire.Answer = func(string, json.RawMessage) (any, error) {
				n.Add(1)
				return accept(map[string]any{"name": ""})
			}
			c := servertest.Connect(t, askingServer(), wire)
			got := c.Call("form", nil)
			if !got.IsError || !strings.Contains(got.Text(), "name: expected a string of at least 1 character") || n.Load() != 3 {
				t.Errorf("after %d answers the tool says %+v", n.Load(), got)
			}
		})
	}
}

// TestInputEndsInQuestion: a client on stdio that closes its end while it is asked
// something gets the answer to its call, and the server ends.
func TestInputEndsInQuestion(t *testing.T) {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- askingServer().ServeStreams(t.Context(), in, out, nil)
		out.Close()
	}()
	go io.WriteString(toServer, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}}}}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"form"}}
`)
	lines := bufio.NewScanner(fromServer)
	var last string
	for lines.Scan() {
		if last = lines.Text(); strings.Contains(last, "elicitation/create") {
			toServer.Close()
		}
	}
	if !strings.Contains(last, `"id":2`) || !strings.Contains(last, "answers no more") {
		t.Errorf("the last line is %s", last)
	}
	if err := <-served; err != nil {
		t.Errorf("serving ended with %v", err)
	}
}

// TestAnswerDuringShutdown: a call that is under way when the server shuts down
// gets the answer that it waits for.
func TestAnswerDuringShutdown(t *testing.T) {
	for _, wire := range wires[2:4] {
		t.Run(wireName(wire), func(t *testing.T) {
			asked, closing := make(chan struct{}), make(chan struct{})
			srv := server.New("late", "1", server.Options{Logger: quiet})
			srv.Tool(func(ctx *tool.Context) (string, error) {
				who, err := tool.Elicit[guest](ctx, "Who?")
				return who.Name, err
			}, tool.Name("form"))
			wire.Capabilities = everything
			wire.Answer = func(string, json.RawMessage) (any, error) {
				close(asked)
				<-closing
				return accept(map[string]any{"name": "Ada"})
			}
			h := servertest.Start(t, srv)
			c := h.Connect(wire)
			done := make(chan error, 1)
			go func() {
				<-asked
				go func() { done <- srv.Shutdown(t.Context()) }()
				for {
					res, err := http.Get(h.URL() + "/healthz")
					if err != nil {
						t.Error(err)
						break
					}
					res.Body.Close()
					if res.StatusCode == http.StatusServiceUnavailable {
						break
					}
				}
				http.DefaultTransport.(*http.Transport).CloseIdleConnections()
				close(closing)
			}()
			if got := c.Call("form", nil); got.Text() != "Ada" {
				t.Errorf("the tool answers %+v", got)
			}
			if err := <-done; err != nil {
				t.Errorf("shutting down: %v", err)
			}
		})
	}
}

// TestCapabilities: a client is asked only what it said that it can answer. A
// tool may do without; else the caller gets the error of its revision.
func TestCapabilities(t *testing.T) {
	urlOnly := map[string]any{"elicitation": map[string]any{"url": map[string]any{}}}
	formOnly := map[string]any{"elicitation": map[string]any{}}
	for _, tt := range []struct {
		tool     string
		declares map[string]any
		lacks    string // in requiredCapabilities
	}{
		{"form", nil, `{"elicitation":{}}`},
		{"form", urlOnly, `{"elicitation":{"form":{}}}`},
		{"url", formOnly, `{"elicitation":{"url":{}}}`},
		{"url", nil, `{"elicitation":{"url":{}}}`},
		{"tools", nil, `{"sampling":{}}`},
		{"tools", map[string]any{"sampling": map[string]any{}}, `{"sampling":{"tools":{}}}`},
		{"roots", formOnly, `{"roots":{}}`},
	} {
		for _, wire := range wires {
			t.Run(tt.tool+tt.lacks+wireName(wire), func(t *testing.T) {
				wire.Capabilities = tt.declares
				wire.Answer = func(method string, _ json.RawMessage) (any, error) {
					t.Errorf("the client was asked %s", method)
					return nil, errors.New("not asked")
				}
				c := servertest.Connect(t, askingServer(), wire)
				got, err := c.TryCall(tt.tool, nil)
				if wire.Revision == "" {
					if err != nil || !got.IsError || !strings.Contains(got.Text(), "the client does not support") {
						t.Errorf("got %+v, %v", got, err)
					}
				} else {
					wantError(t, err, -32021, `{"requiredCapabilities":`+tt.lacks+`}`)
				}
				if got := c.Call("optional", nil); got.Text() != "without" {
					t.Errorf("a tool that can do without answers %+v", got)
				}
			})
		}
	}
}

// wantError wants a JSON-RPC error with this code, and with these data if any.
func wantError(t *testing.T, err error, code int, data string) {
	t.Helper()
	got, ok := errors.AsType[*jsonrpc.Error](err)
	if !ok || got.Code != code || data != "" && string(got.Data) != data {
		t.Errorf("got %v (data %s), want code %d, data %s", err, dataOf(got), code, data)
	}
}

func dataOf(e *jsonrpc.Error) []byte {
	if e == nil {
		return nil
	}
	return e.Data
}

// askingServer has a tool for each thing to ask for.
func askingServer() *server.Server {
	srv := server.New("capabilities", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) error {
		_, err := tool.Elicit[guest](ctx, "Who?")
		return err
	}, tool.Name("form"))
	srv.Tool(func(ctx *tool.Context) error { return tool.ElicitURL(ctx, "https://example.com", "Go.") }, tool.Name("url"))
	srv.Tool(func(ctx *tool.Context) error {
		_, err := tool.Sample(ctx, tool.Sampling{
			Messages: []tool.Message{tool.UserMessage("hi")},
			Tools:    []tool.Spec{{Name: "t", Input: json.RawMessage(`{"type":"object"}`)}},
		})
		return err
	}, tool.Name("tools"))
	srv.Tool(func(ctx *tool.Context) error {
		_, err := tool.Roots(ctx)
		return err
	}, tool.Name("roots"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		if _, err := tool.Roots(ctx); errors.Is(err, errors.ErrUnsupported) {
			return "without", nil
		}
		return "with", nil
	}, tool.Name("optional"))
	return srv
}

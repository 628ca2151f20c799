package servertest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

type guest struct {
	Name string `json:"name"`
}

// asking is a server whose tools ask their client.
func asking() *server.Server {
	srv := server.New("asking", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) (string, error) {
		g, err1 := tool.Elicit[guest](ctx, "Who?")
		roots, err2 := tool.Roots(ctx)
		if err := errors.Join(err1, err2); err != nil {
			return "", err
		}
		said, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage("Greet " + g.Name)}})
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s (%d)", said.Text(), len(roots)), nil
	}, tool.Name("greet"))
	var n atomic.Int64
	srv.Tool(func(ctx *tool.Context) error {
		_, err := tool.Elicit[guest](ctx, "Who now?", tool.Key(fmt.Sprint(n.Add(1))))
		return err
	}, tool.Name("curious"))
	return srv
}

var everything = map[string]any{"elicitation": struct{}{}, "sampling": struct{}{}, "roots": struct{}{}}

// answers says what a helpful user, model and client would.
func answers(method string, params json.RawMessage) (any, error) {
	switch method {
	case "elicitation/create":
		return map[string]any{"action": "accept", "content": guest{"Ann"}}, nil
	case "roots/list":
		return map[string]any{"roots": []tool.Root{{URI: "file:///a"}}}, nil
	case "sampling/createMessage":
		if !strings.Contains(string(params), "Greet Ann") {
			return nil, errors.New("asked for something else")
		}
		return map[string]any{"role": "assistant", "model": "m", "content": map[string]string{"type": "text", "text": "Hello, Ann"}}, nil
	}
	return nil, errors.New("asked " + method)
}

// TestAnswer: what a tool asks is answered, in a session by a response and without
// one by asking again.
func TestAnswer(t *testing.T) {
	each(t, func(t *testing.T, o servertest.Options) {
		o.Capabilities, o.Answer = everything, answers
		c := servertest.Connect(t, asking(), o)
		if got := c.Call("greet", nil); got.IsError || got.Text() != "Hello, Ann (1)" {
			t.Errorf("got %+v", got)
		}
		asked := len(c.Notifications("elicitation/create"))
		if stateless := o.Revision == servertest.Stateless; stateless != (asked == 0) {
			t.Errorf("%d requests came", asked)
		}
	})
}

// TestAnswerError: a question that the test refuses to answer.
func TestAnswerError(t *testing.T) {
	each(t, func(t *testing.T, o servertest.Options) {
		o.Capabilities = everything
		o.Answer = func(string, json.RawMessage) (any, error) { return nil, jsonrpc.Errorf(-1, "out of office") }
		c := servertest.Connect(t, asking(), o)
		got, err := c.TryCall("greet", nil)
		if o.Revision == servertest.Stateless {
			if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != -1 || !strings.Contains(err.Error(), "answering ") {
				t.Errorf("the error is %v", err)
			}
			return
		}
		if err != nil || !got.IsError || !strings.Contains(got.Text(), "out of office") {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// TestAnswerNobody: a question that there is nobody to answer says so.
func TestAnswerNobody(t *testing.T) {
	each(t, func(t *testing.T, o servertest.Options) {
		o.Capabilities = everything
		c := servertest.Connect(t, asking(), o)
		got, err := c.TryCall("greet", nil)
		if o.Revision != servertest.Stateless {
			if err != nil || !strings.Contains(got.Text(), "servertest.Options.Answer") {
				t.Errorf("got %+v, %v", got, err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), "servertest.Options.Answer") {
			t.Errorf("got %+v, %v", got, err)
		}
		raw, err := c.Request("tools/call", map[string]any{"name": "greet"})
		if err != nil || !strings.Contains(string(raw), `"resultType":"input_required"`) {
			t.Errorf("the result is %s, %v", raw, err)
		}
	})
}

// TestAnswerRounds: a server that asks for ever is not answered for ever.
func TestAnswerRounds(t *testing.T) {
	var n atomic.Int64
	c := servertest.Connect(t, asking(), servertest.Options{
		Revision:     servertest.Stateless,
		Capabilities: everything,
		Answer: func(method string, params json.RawMessage) (any, error) {
			n.Add(1)
			return answers(method, params)
		},
	})
	_, err := c.TryCall("curious", nil)
	if err == nil || !strings.Contains(err.Error(), "asks on after 20 rounds") || n.Load() != 20 {
		t.Errorf("%v after %d answers", err, n.Load())
	}
}

// TestAnswerRaw: what comes to a client that sends texts alone is the test's to
// answer, unless it said how.
func TestAnswerRaw(t *testing.T) {
	for _, via := range everywhere {
		t.Run(via, func(t *testing.T) {
			said := make(chan string, 10)
			c := servertest.Connect(t, asking(), servertest.Options{
				Transport: via,
				Raw:       true,
				Tap:       func(text []byte) { said <- string(text) },
			})
			send := func(text, want string) {
				t.Helper()
				if err := c.SendText(text); err != nil {
					t.Fatal(err)
				}
				if want == "" {
					return
				}
				if got := <-said; !strings.Contains(got, want) {
					t.Fatalf("%s: the server said %s", text, got)
				}
			}
			send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"roots":{},"sampling":{}},"clientInfo":{"name":"t","version":"1"}}}`, `"id":0,"result"`)
			if (c.SessionID == "") != (via == servertest.Stdio) {
				t.Errorf("the session is %q", c.SessionID)
			}
			send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`, "")
			send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet"}}`, `"method":"elicitation/create"`)
			for i := range 10 { // time for an answer that is not the test's
				send(fmt.Sprintf(`{"jsonrpc":"2.0","id":"%d","method":"ping"}`, i), fmt.Sprintf(`"id":"%d"`, i))
			}
			send(`{"jsonrpc":"2.0","id":1,"result":{"action":"decline"}}`, `"method":"roots/list"`)
			send(`{"jsonrpc":"2.0","id":2,"result":{"roots":[]}}`, `declined`)
			send(`{bad`, `"code":-32700`)
			send(`[{"jsonrpc":"2.0","id":3,"method":"ping"}]`, `"id":null,"error"`)
		})
	}
}

// TestAnswerClose: Close waits for an answer that is on its way.
func TestAnswerClose(t *testing.T) {
	srv := server.New("asking", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) error {
		_, err := tool.Roots(ctx)
		return err
	}, tool.Name("ask"))
	asked, over := make(chan struct{}), make(chan struct{})
	var answered atomic.Bool
	c := servertest.Connect(t, srv, servertest.Options{
		Capabilities: everything,
		Answer: func(string, json.RawMessage) (any, error) {
			close(asked)
			<-over
			answered.Store(true)
			return nil, nil
		},
	})
	go func() {
		defer close(over) // Close ends the call first
		if _, err := c.TryCall("ask", nil); err == nil {
			t.Error("the call has a result")
		}
	}()
	<-asked
	c.Close()
	if !answered.Load() {
		t.Error("Close returned before Answer did")
	}
}

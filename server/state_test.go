package server_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// round is a result of a stateless call.
type round struct {
	Type    string                     `json:"resultType"`
	State   string                     `json:"requestState"`
	Inputs  map[string]json.RawMessage `json:"inputRequests"`
	Content []struct{ Text string }    `json:"content"`
	IsError bool                       `json:"isError"`
}

// byHand is a stateless client that answers questions itself.
func byHand(t testing.TB, srv *server.Server, args url.Values) *servertest.Client {
	return servertest.Connect(t, srv, servertest.Options{
		Revision:     servertest.Stateless,
		Args:         args,
		Capabilities: everything,
		Raw:          true,
	})
}

// ask sends a request as it is, with the envelope.
func ask(t testing.TB, c *servertest.Client, method string, params map[string]any) (round, error) {
	t.Helper()
	all := map[string]any{"_meta": map[string]any{
		"io.modelcontextprotocol/protocolVersion":    servertest.Stateless,
		"io.modelcontextprotocol/clientCapabilities": everything,
	}}
	for name, value := range params {
		all[name] = value
	}
	raw, err := c.Request(method, all)
	if err != nil {
		return round{}, err
	}
	var r round
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return r, nil
}

func hotel(b *booking, o server.Options) *server.Server {
	o.Logger = quiet
	srv := server.New("hotel", "1", o)
	srv.Tool(b.Book)
	srv.Tool(b.Book, tool.Name("other"))
	srv.Prompt(b.Book, tool.Name("book"))
	return srv
}

func bookParams(room, state string, responses any) map[string]any {
	p := map[string]any{"name": "book", "arguments": map[string]any{"room": room}}
	if state != "" {
		p["requestState"] = state
	}
	if responses != nil {
		p["inputResponses"] = responses
	}
	return p
}

var (
	isAda  = map[string]any{"guest": map[string]any{"action": "accept", "content": map[string]any{"name": "Ada"}}}
	isSure = map[string]any{"confirm": map[string]any{"action": "accept", "content": map[string]any{"sure": true}}}
)

// TestState: what a client may do with the state of a call, and what is refused:
// everything but to give it back unchanged, itself, for the same request.
func TestState(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	var b booking
	srv := hotel(&b, server.Options{StateKey: key})
	h := servertest.Start(t, srv)
	connect := func(client string) *servertest.Client {
		return h.Connect(servertest.Options{Revision: servertest.Stateless, Raw: true, Args: url.Values{"auth": {client}}})
	}
	c := connect("alice")
	first, err := ask(t, c, "tools/call", bookParams("7", "", nil))
	if err != nil || first.Type != "input_required" || first.State == "" || first.Inputs["guest"] == nil {
		t.Fatalf("the first round is %+v, %v", first, err)
	}
	for what, leak := range map[string]string{"an argument": "7", "a result": "reserve", "a credential": "alice"} {
		raw, _ := base64.RawURLEncoding.DecodeString(first.State)
		if strings.Contains(string(raw), leak) && len(leak) > 3 {
			t.Errorf("the state shows %s", what)
		}
	}

	foreign := bookParams("7", first.State, isAda)
	foreign["name"] = "other"
	stranger := hotel(&b, server.Options{})
	for _, tt := range []struct {
		name   string
		c      *servertest.Client
		params map[string]any
	}{
		{"a suffix", c, bookParams("7", first.State+"x", isAda)},
		{"a line break", c, bookParams("7", first.State[:9]+"\n"+first.State[9:], isAda)},
		{"another character", c, bookParams("7", flip(first.State), isAda)},
		{"not base64", c, bookParams("7", "!", isAda)},
		{"empty", c, map[string]any{"name": "book", "requestState": ""}},
		{"not a string", c, map[string]any{"name": "book", "requestState": 7}},
		{"other arguments", c, bookParams("8", first.State, isAda)},
		{"another tool", c, foreign},
		{"another caller", connect("mallory"), bookParams("7", first.State, isAda)},
		{"another key", byHand(t, stranger, url.Values{"auth": {"alice"}}), bookParams("7", first.State, isAda)},
		{"responses of the wrong form", c, bookParams("7", first.State, []any{1})},
	} {
		before := b.runs.Load()
		_, err := ask(t, tt.c, "tools/call", tt.params)
		if err == nil {
			t.Errorf("%s: was taken", tt.name)
			continue
		}
		wantError(t, err, -32602, "")
		if b.runs.Load() != before {
			t.Errorf("%s: the function ran", tt.name)
		}
	}

	for _, tt := range []struct {
		name      string
		responses any
	}{
		{"none", nil},
		{"another key", map[string]any{"who": isAda["guest"]}},
		{"null for an answer", map[string]any{"guest": nil}},
		{"a number for an answer", map[string]any{"guest": 7}},
		{"what was not asked yet", isSure},
	} {
		got, err := ask(t, c, "tools/call", bookParams("7", first.State, tt.responses))
		if err != nil || got.Type != "input_required" || got.Inputs["guest"] == nil {
			t.Errorf("responses: %s: not asked again: %+v, %v", tt.name, got, err)
		}
	}
	both := map[string]any{"guest": isAda["guest"], "confirm": isSure["confirm"]}
	if got, err := ask(t, c, "tools/call", bookParams("7", first.State, both)); err != nil || got.Inputs["confirm"] == nil {
		t.Errorf("an answer to what was not asked yet is taken: %+v, %v", got, err)
	}
	if _, err := ask(t, c, "prompts/get", bookParams("7", first.State, isAda)); err == nil {
		t.Error("the state of a tool is taken for a prompt of the same name")
	}
	// The members of arguments may come in another order; a second process with
	// the key takes the state.
	twin := byHand(t, hotel(&b, server.Options{StateKey: key}), url.Values{"auth": {"alice"}})
	second, err := ask(t, twin, "tools/call", bookParams("7", first.State, isAda))
	if err != nil || second.Type != "input_required" || second.Inputs["confirm"] == nil || second.State == first.State {
		t.Fatalf("the second round is %+v, %v", second, err)
	}
	last, err := ask(t, c, "tools/call", bookParams("7", second.State, isSure))
	if err != nil || last.Type != "complete" || last.Content[0].Text != "room 7 for Ada" {
		t.Fatalf("the last round is %+v, %v", last, err)
	}
}

// TestStateOfPrincipals: a state is its caller's, also where what encoding/json
// shows of a principal is the same for all.
func TestStateOfPrincipals(t *testing.T) {
	type hidden struct{ name string }
	for name, principal := range map[string]func(c *server.Connect) any{
		"a name":      func(c *server.Connect) any { return c.Args.Get("auth") },
		"fields":      func(c *server.Connect) any { return &struct{ Name string }{c.Args.Get("auth")} },
		"hidden":      func(c *server.Connect) any { return hidden{c.Args.Get("auth")} },
		"unencodable": func(c *server.Connect) any { return func() string { return c.Args.Get("auth") } },
	} {
		t.Run(name, func(t *testing.T) {
			var b booking
			srv := hotel(&b, server.Options{Authenticate: func(c *server.Connect) (any, error) { return principal(c), nil }})
			h := servertest.Start(t, srv)
			connect := func(client string) *servertest.Client {
				return h.Connect(servertest.Options{Revision: servertest.Stateless, Raw: true, Args: url.Values{"auth": {client}}})
			}
			first, err := ask(t, connect("alice"), "tools/call", bookParams("7", "", nil))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ask(t, connect("alice"), "tools/call", bookParams("7", first.State, isAda)); err != nil {
				t.Errorf("the same caller on another connection: %v", err)
			}
			_, err = ask(t, connect("mallory"), "tools/call", bookParams("7", first.State, isAda))
			wantError(t, err, -32602, "")
		})
	}
}

// flip changes one character in the middle of s.
func flip(s string) string {
	b := []byte(s)
	if b[len(b)/2] == 'A' {
		b[len(b)/2] = 'B'
	} else {
		b[len(b)/2] = 'A'
	}
	return string(b)
}

// TestRepeatedRound: a client that sends a round again, because it lost the
// answer or in bad faith, does not make happen twice what is under Once.
func TestRepeatedRound(t *testing.T) {
	var b booking
	c := byHand(t, hotel(&b, server.Options{}), nil)
	first, err := ask(t, c, "tools/call", bookParams("7", "", nil))
	if err != nil {
		t.Fatal(err)
	}
	var second round
	for range 3 {
		if second, err = ask(t, c, "tools/call", bookParams("7", first.State, isAda)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 5)
	for range cap(done) {
		go func() {
			last, err := ask(t, c, "tools/call", bookParams("7", second.State, isSure))
			if err == nil && (last.IsError || last.Content[0].Text != "room 7 for Ada") {
				err = errors.New(last.Content[0].Text)
			}
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if b.reserved.Load() != 1 || b.charged.Load() != 1 || b.booked.Load() != 1 {
		t.Errorf("once is: reserved %d, charged %d, booked %d times", b.reserved.Load(), b.charged.Load(), b.booked.Load())
	}
}

// TestStateExpires: a state is good for as long as the options say.
func TestStateExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b booking
		c := byHand(t, hotel(&b, server.Options{StateTTL: time.Minute}), nil)
		defer c.Close()
		first, err := ask(t, c, "tools/call", bookParams("7", "", nil))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(58 * time.Second)
		if _, err := ask(t, c, "tools/call", bookParams("7", first.State, isAda)); err != nil {
			t.Errorf("before its end: %v", err)
		}
		time.Sleep(3 * time.Second)
		_, err = ask(t, c, "tools/call", bookParams("7", first.State, isAda))
		wantError(t, err, -32602, "")
	})
}

// TestSwallowedQuestion: a function that drops the error of a question, or hides
// it in another, has asked all the same, and does nothing under Once meanwhile.
func TestSwallowedQuestion(t *testing.T) {
	var ran atomic.Int64
	srv := server.New("swallow", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) (string, error) {
		who, _ := tool.Elicit[guest](ctx, "Who?")
		_, err := tool.Once(ctx, "greet", func() (bool, error) { ran.Add(1); return true, nil })
		if err != nil {
			return "", errors.New("something else")
		}
		return "hello " + who.Name, nil
	}, tool.Name("drop"))
	c := byHand(t, srv, nil)
	first, err := ask(t, c, "tools/call", map[string]any{"name": "drop"})
	if err != nil || first.Type != "input_required" || ran.Load() != 0 {
		t.Fatalf("the first round is %+v, %v, and Once ran %d times", first, err, ran.Load())
	}
	last, err := ask(t, c, "tools/call", map[string]any{"name": "drop", "requestState": first.State, "inputResponses": isAda})
	if err != nil || last.Content[0].Text != "hello Ada" || ran.Load() != 1 {
		t.Errorf("the last round is %+v, %v, and Once ran %d times", last, err, ran.Load())
	}
}

// TestKeys: each question of a round has a key of its own, whatever its author
// called it.
func TestKeys(t *testing.T) {
	srv := server.New("keys", "1", server.Options{Logger: quiet})
	srv.Tool(func(ctx *tool.Context) (string, error) {
		a, err1 := tool.Elicit[guest](ctx, "A?")
		b, err2 := tool.Elicit[guest](ctx, "B?", tool.Key("guest_2"))
		c, err3 := tool.Elicit[guest](ctx, "C?")
		return a.Name + b.Name + c.Name, errors.Join(err1, err2, err3)
	}, tool.Name("three"))
	c := byHand(t, srv, nil)
	first, err := ask(t, c, "tools/call", map[string]any{"name": "three"})
	if err != nil || len(first.Inputs) != 3 {
		t.Fatalf("asked %v, %v", first.Inputs, err)
	}
	answers := map[string]any{}
	for key, q := range first.Inputs {
		var p struct{ Params struct{ Message string } }
		if err := json.Unmarshal(q, &p); err != nil {
			t.Fatal(err)
		}
		answers[key] = map[string]any{"action": "accept", "content": map[string]any{"name": strings.ToLower(p.Params.Message[:1])}}
	}
	last, err := ask(t, c, "tools/call", map[string]any{"name": "three", "requestState": first.State, "inputResponses": answers})
	if err != nil || last.Content[0].Text != "abc" {
		t.Errorf("got %+v, %v", last, err)
	}
}

// TestShortStateKey: a key that can be guessed is none.
func TestShortStateKey(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "StateKey") {
			t.Errorf("the panic says %q", text)
		}
	}()
	server.New("short", "1", server.Options{StateKey: []byte("secret")})
}

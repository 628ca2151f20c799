package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
)

// A server answers its handshake and ends at once: who waited for it gets it, or an
// error.
func TestNilConn(t *testing.T) {
	f := rawFront(t, Options{Restarts: 1000})
	f.b.firstWait = time.Nanosecond
	f.b.connect = func(_ context.Context, _ client.Target, o client.Options) (conn, error) {
		up := &fake{options: o, do: asker, done: make(chan struct{}), info: client.ServerInfo{ProtocolVersion: handshake, Result: json.RawMessage(`{}`)}}
		up.err = client.ErrLost
		close(up.done)
		return up, nil
	}
	bad := 0
	u := f.b.newUpstream(&filled{}, "x", client.Raw{}, handshake)
	for range 20000 {
		c, err := u.connection(context.Background())
		if c == nil && err == nil {
			bad++
		}
		u.mu.Lock()
		u.row = 0
		u.next = time.Time{}
		u.mu.Unlock()
	}
	u.end(errEnded)
	if bad > 0 {
		t.Errorf("connection returned nil, nil %d times of 20000", bad)
	}
}

func TestAnsweredRounds(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		answer, _, err := o.OnRequest(ctx, "elicitation/create", json.RawMessage(`{"message":"m"}`))
		return `{"content":[]}`, func() error { _ = answer; return err }()
	})
	p, said := f.pipe(nil)
	for i := range 1001 {
		send(t, p, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"x","_meta":{%s}}}`, i, envelopeMeta))
		first := await(t, said)
		if !strings.Contains(first, "requestState") {
			t.Fatalf("after %d calls that were all asked AND answered: %s", i, first)
		}
		send(t, p, fmt.Sprintf(`{"jsonrpc":"2.0","id":"r%d","method":"tools/call","params":{"name":"x","requestState":%q,"inputResponses":{"question_1":{"action":"accept"}},"_meta":{%s}}}`, i, stateOf(t, first), envelopeMeta))
		if got := await(t, said); !strings.Contains(got, "complete") {
			t.Fatal(got)
		}
	}
}

// A question that names no call is not put to one of several strangers.
func TestWrongUser(t *testing.T) {
	f := rawFront(t, Options{})
	free, began, goOn := make(chan struct{}), make(chan string, 2), make(chan struct{})
	f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		if !strings.Contains(params, "alice") {
			began <- "bob"
			select {
			case <-ctx.Done():
			case <-free:
			}
			return `{"content":[],"bob":1}`, nil
		}
		began <- "alice"
		<-goOn // a stdio server: its question names no call
		answer, _, err := o.OnRequest(context.Background(), "elicitation/create", json.RawMessage(`{"message":"alice, your password?"}`))
		return fmt.Sprintf(`{"content":[],"said":%q}`, answer), err
	})
	got := make(chan string, 2)
	go func() {
		_, text := f.alone("tools/call", "x", `,"name":"x","arguments":{"who":"alice"}`)
		got <- "alice got " + text
	}()
	if w := await(t, began); w != "alice" {
		t.Fatal(w)
	}
	go func() {
		defer func() { recover() }()
		_, text := f.alone("tools/call", "x", `,"name":"x","arguments":{"who":"bob"}`)
		got <- "bob got " + text
	}()
	await(t, began)
	close(goOn)
	first := await(t, got)
	if strings.HasPrefix(first, "bob got") && strings.Contains(first, "alice, your password") {
		t.Errorf("WRONG USER: %s", first)
	} else {
		t.Log(first)
	}
	close(free)
	t.Log(await(t, got))
}

// TestQuestionOutlivesItsCall: a question that names no call may be put in the wrong
// one. If that ends without an answer the question does, too, and whoever waits for
// it goes on.
func TestQuestionOutlivesItsCall(t *testing.T) {
	f := rawFront(t, Options{})
	began, ask, end := make(chan string, 2), make(chan struct{}), make(chan struct{})
	f.behind(handshake, func(_ context.Context, o *client.Options, _, params string) (string, error) {
		if strings.Contains(params, "late") {
			began <- "late"
			<-end
			return `{"content":[],"late":true}`, nil
		}
		began <- "asking"
		<-ask
		_, _, err := o.OnRequest(context.Background(), "elicitation/create", json.RawMessage(`{"message":"m"}`))
		return fmt.Sprintf(`{"content":[],"told":%q}`, fmt.Sprint(err)), nil
	})
	p, said := f.pipe(nil)
	for _, name := range []string{"asking", "late"} {
		send(t, p, fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"method":"tools/call","params":{"name":%[1]q,"_meta":{%s}}}`, name, envelopeMeta))
		await(t, began)
	}
	close(ask)
	if got := await(t, said); !strings.Contains(got, `"id":"late"`) || !strings.Contains(got, "question_1") {
		t.Fatalf("the question is put as %s", got)
	}
	close(end)
	if got := await(t, said); !strings.Contains(got, `"id":"asking"`) || !strings.Contains(got, "has not been answered") {
		t.Errorf("the call that asked ends with %s", got)
	}
}

// TestCancelledRound: a client that cancels a request while that is about to ask
// something ends the call, and does not leave it waiting for an answer.
func TestCancelledRound(t *testing.T) {
	b, err := New(Options{URL: "http://nowhere.invalid/mcp", Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	var why error
	p := &parked{b: b, up: new(upstream), wake: make(chan struct{}, 1), open: []*question{{key: "q"}}, cancel: func(cause error) { why = cause }}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCancelled)
	if result, failure := p.next(&way{ctx: ctx}); result != nil || failure != errAgain || why != errCancelled {
		t.Errorf("it asks %s, %v, and the call ends with %v", result, failure, why)
	}
	why = nil
	result, failure := p.next(&way{ctx: t.Context()})
	if failure != nil || len(b.rounds) != 1 {
		t.Fatalf("it does not ask: %v", failure)
	}
	b.abandon([]byte(`{"requestState":"none"}`))
	b.abandon([]byte(`{"requestState":1}`))
	b.abandon(nil)
	if why != nil {
		t.Fatalf("another call ends with %v", why)
	}
	if b.abandon(result); why != errCancelled || len(b.rounds) != 0 {
		t.Errorf("the call ends with %v, and %d wait", why, len(b.rounds))
	}
}

func TestUndeclared(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		answer, _, err := o.OnRequest(ctx, "sampling/createMessage", json.RawMessage(`{"messages":[]}`))
		return `{"got":` + string(answer) + `}`, err
	})
	if _, text := f.alone("tools/call", "x", `,"name":"x"`); strings.Contains(text, "sampling/createMessage\"") {
		t.Errorf("client with elicitation only got: %s", text)
	}
	g := rawFront(t, Options{})
	g.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		answer, _, err := o.OnRequest(ctx, "elicitation/create", json.RawMessage(`{"message":"x"}`))
		return `{"tools":[],"x":` + string(answer) + `}`, err
	})
	if _, text := g.alone("tools/list", "", ``); strings.Contains(text, "input_required") {
		t.Errorf("tools/list: %s", text)
	}
}

// Only a listener is there when the server dies.
func TestListenAfterDeath(t *testing.T) {
	for _, era := range []string{handshake, stateless} {
		f := rawFront(t, Options{})
		f.b.firstWait = time.Millisecond
		died := make(chan struct{})
		made := f.behind(era, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
			select {
			case <-ctx.Done():
			case <-died:
			}
			return "", client.ErrLost
		})
		p, said := f.pipe(nil)
		send(t, p, `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{`+envelopeMeta+`}}}`)
		up := await(t, made)
		if era == handshake {
			t.Log(await(t, said))
		} else {
			time.Sleep(100 * time.Millisecond)
		}
		up.err = client.ErrLost
		close(up.done)
		close(died)
		select {
		case <-made:
			t.Log(era, "started again")
		case got := <-said:
			t.Log(era, "said", got)
		case <-time.After(3 * time.Second):
			t.Errorf("%s: 3 s after the server died the listener hears nothing, and no other server is started", era)
		}
	}
}

// _session_params of a client's own are removed wherever they may hide.
func TestSmuggledParams(t *testing.T) {
	for _, on := range []bool{true, false} {
		b, err := New(Options{URL: "http://x/", InjectParams: on})
		if err != nil {
			t.Fatal(err)
		}
		f := &filled{args: url.Values{"auth": {"mine"}}}
		for _, params := range []string{
			`{"name":"x","arguments":{"_session_params":1},"arguments":{"\u005fsession_params":{"auth":"victim"}}}`,
			`{"name":"x","\u0061rguments":{"\u005fsession_params":{"auth":"victim"}}}`,
		} {
			out := string(b.inject(f, "tools/call", []byte(params)))
			if strings.Contains(out, "victim") || strings.Contains(out, "mine") != on {
				t.Errorf("injecting is %v: %s became %s", on, params, out)
			}
		}
		_ = b.Close(context.Background())
	}
	f := rawFront(t, Options{InjectParams: true})
	f.behind(handshake, asker)
	p, said := f.pipe(url.Values{"auth": {"mine"}})
	for i, arguments := range []string{`"{\"_session_params\":{\"auth\":\"victim\"}}"`, `[{"_session_params":{"auth":"victim"}}]`, `7`} {
		send(t, p, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"x","arguments":%s,"_meta":{%s}}}`, i, arguments, envelopeMeta))
		if got := await(t, said); !strings.Contains(got, "-32602") {
			t.Errorf("arguments %s: %s", arguments, got)
		}
	}
}

func TestLevelsOfParallelRequests(t *testing.T) {
	f := rawFront(t, Options{})
	began, free := make(chan struct{}), make(chan struct{})
	made := f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		if method == "slow" {
			close(began)
			<-free
		}
		return "{}", nil
	})
	p, said := f.pipe(nil)
	send(t, p, `{"jsonrpc":"2.0","id":1,"method":"slow","params":{"_meta":{`+envelopeMeta+`,"io.modelcontextprotocol/logLevel":"debug"}}}`)
	await(t, began)
	send(t, p, `{"jsonrpc":"2.0","id":2,"method":"fast","params":{"_meta":{`+envelopeMeta+`,"io.modelcontextprotocol/logLevel":"error"}}}`)
	await(t, said)
	if got := (<-made).said(); got != "level debug" {
		t.Errorf("while a request wants debug messages the server is told: %s", got)
	}
	close(free)
}

func TestQuery(t *testing.T) {
	b, err := New(Options{URL: "http://x/", Query: []string{"key=a+b&c#d e"}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := b.plan.fill(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(f.url)
	if err != nil || u.Query().Get("key") != "a+b&c#d e" {
		t.Errorf("%s: the key is %q, %v", f.url, u.Query().Get("key"), err)
	}
	_ = b.Close(context.Background())
}

func TestResultsAreNotKept(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		_, _, err := o.OnRequest(ctx, "elicitation/create", json.RawMessage(`{"message":"m"}`))
		return `{"content":"` + strings.Repeat("x", 4<<20) + `"}`, err
	})
	p, said := f.pipe(nil)
	for i := range 20 {
		send(t, p, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"x","_meta":{%s}}}`, i, envelopeMeta))
		first := await(t, said)
		send(t, p, fmt.Sprintf(`{"jsonrpc":"2.0","id":"r%d","method":"tools/call","params":{"name":"x","requestState":%q,"inputResponses":{"question_1":{"action":"accept"}},"_meta":{%s}}}`, i, stateOf(t, first), envelopeMeta))
		await(t, said)
	}
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 32<<20 {
		t.Errorf("20 calls that are over keep %d MB for 10 minutes", m.HeapAlloc>>20)
	}
}

func TestRoundsOfGone(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, asker)
	for i := range 11 {
		p, said := f.pipe(nil)
		for j := range 100 {
			send(t, p, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"x","_meta":{%s}}}`, j, envelopeMeta))
			if got := await(t, said); !strings.Contains(got, "requestState") {
				t.Fatalf("connection %d, after %d connections that are gone: %s", i, i, got)
			}
		}
		p.Close()
		f.empty()
	}
}

// TestRoundsOfOthers: also where all have one upstream, what a client was asked is its
// own to answer.
func TestRoundsOfOthers(t *testing.T) {
	f := rawFront(t, Options{Shared: true})
	f.behind(handshake, asker)
	first := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{` + envelopeMeta + `}}}`
	alice, toAlice := f.pipe(url.Values{"auth": {"alice"}})
	mallory, toMallory := f.pipe(url.Values{"auth": {"mallory"}})
	send(t, alice, first)
	state := stateOf(t, await(t, toAlice))
	again := strings.Replace(first, `"name":"x"`, `"name":"x","requestState":"`+state+`","inputResponses":{"question_1":{"action":"decline"}}`, 1)
	send(t, mallory, again)
	if got := await(t, toMallory); !strings.Contains(got, errAgain.Message) {
		t.Errorf("another goes on with %s", got)
	}
	if status, _, text := f.post(map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "x"}, again); !strings.Contains(text, errAgain.Message) {
		t.Errorf("another goes on with %d %s", status, text)
	}
	send(t, alice, again)
	if got := await(t, toAlice); !strings.Contains(got, `"message":"second {\"action\":\"decline\"}"`) {
		t.Errorf("the second round is %s", got)
	}
}

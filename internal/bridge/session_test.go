package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// TestVerbatim: between a session and a server with sessions every byte stays.
func TestVerbatim(t *testing.T) {
	f := rawFront(t, Options{})
	made := f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		switch method {
		case "fails":
			return "", &jsonrpc.Error{Code: -7, Message: "no\u2028", Data: json.RawMessage(`{"a": 1.0}`)}
		case "says":
			o.OnNotification(ctx, "notifications/own", json.RawMessage(`{ "x" : 1.0 }`))
			o.OnNotification(context.Background(), "notifications/progress", json.RawMessage(`{"progressToken":1}`)) // nobody's
			o.OnNotification(context.Background(), "notifications/tools/list_changed", nil)
		case "asks":
			answer, handled, err := o.OnRequest(ctx, "own/question", json.RawMessage(`{ "q":1 }`))
			return fmt.Sprintf(`{"got":%s,"handled":%v,"err":"%v"}`, answer, handled, err), nil
		}
		return fmt.Sprintf(`{ "method":%q, "params":%s }`, method, strings.TrimSpace(params+" ")), nil
	})
	p, said := f.pipe(nil)
	send(t, p, `{"jsonrpc":"2.0","id":0,"method":"ping"}`)
	expect(t, said, `{"jsonrpc":"2.0","id":0,"result":{}}`)
	send(t, p, helloText)
	expect(t, said, `{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"logging":{},"x":1},"serverInfo":{"name":"f","version":"0"},"own":true}}`)
	up := await(t, made)
	if string(up.options.Initialize) != hello || string(up.options.Info) != `{"name":"c","version":"1","own":[1.0]}` || up.options.Revision != handshake {
		t.Errorf("the server was told %s, %s, %s", up.options.Initialize, up.options.Info, up.options.Revision)
	}
	send(t, p, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	send(t, p, `{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{ "name":"\u00e9", "arguments":{"a":1.0}, "_meta":{"own":1}}}`)
	expect(t, said, `{"jsonrpc":"2.0","id":"x","result":{ "method":"tools/call", "params":{ "name":"\u00e9", "arguments":{"a":1.0}, "_meta":{"own":1}} }}`)
	if got := up.said(); got != "notifications/initialized " {
		t.Errorf("before the first call the server heard %q", got)
	}
	send(t, p, `{"jsonrpc":"2.0","id":2,"method":"own/method","params":{"cursor":"c"}}`)
	expect(t, said, `{"jsonrpc":"2.0","id":2,"result":{ "method":"own/method", "params":{"cursor":"c"} }}`)
	send(t, p, `{"jsonrpc":"2.0","id":3,"method":"fails","params":{}}`)
	expect(t, said, `{"jsonrpc":"2.0","id":3,"error":{"code":-7,"message":"no\u2028","data":{"a": 1.0}}}`)
	send(t, p, `{"jsonrpc":"2.0","id":4,"method":"says","params":{}}`)
	expect(t, said, `{"jsonrpc":"2.0","method":"notifications/own","params":{ "x" : 1.0 }}`)
	expect(t, said, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
	expect(t, said, `{"jsonrpc":"2.0","id":4,"result":{ "method":"says", "params":{} }}`)
	send(t, p, `{"jsonrpc":"2.0","id":5,"method":"asks"}`)
	expect(t, said, `{"jsonrpc":"2.0","id":1,"method":"own/question","params":{ "q":1 }}`)
	send(t, p, `{"jsonrpc":"2.0","id":1,"result":{"a": 1}}`)
	expect(t, said, `{"jsonrpc":"2.0","id":5,"result":{"got":{"a": 1},"handled":true,"err":"<nil>"}}`)
	send(t, p, `{"jsonrpc":"2.0","id":6,"method":"asks"}`)
	expect(t, said, `{"jsonrpc":"2.0","id":2,"method":"own/question","params":{ "q":1 }}`)
	send(t, p, `{"jsonrpc":"2.0","id":2,"error":{"code":-9,"message":"never"}}`)
	expect(t, said, `{"jsonrpc":"2.0","id":6,"result":{"got":,"handled":true,"err":"never (-9)"}}`)
	send(t, p, `{"jsonrpc":"2.0","id":7,"method":"initialize","params":`+hello+`}`)
	expect(t, said, `{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"this session is initialized already"}}`)
}

// TestUnknownRevision: a client of a revision that nobody here knows is its
// server's to answer.
func TestUnknownRevision(t *testing.T) {
	f := rawFront(t, Options{})
	made := f.behind("2199-01-01", nil)
	p, said := f.pipe(nil)
	send(t, p, strings.Replace(helloText, "2025-11-25", "2199-01-01", 1))
	if got := await(t, said); !strings.Contains(got, `"protocolVersion":"2199-01-01"`) {
		t.Errorf("the answer is %s", got)
	}
	if up := await(t, made); up.options.Revision != handshake || !strings.Contains(string(up.options.Initialize), "2199-01-01") {
		t.Errorf("the server was told %s, %s", up.options.Initialize, up.options.Revision)
	}
}

// TestOutside: what comes outside a session is refused.
func TestOutside(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, nil)
	for body, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`:              `400 {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"tools/list before initialize`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`:      `400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a message outside a session`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[1]}`: `400 {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"params must be an object"}}`,
		`[` + helloText + `]`: `400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not part`,
	} {
		status, _, text := f.post(nil, body)
		if got := fmt.Sprint(status, " ", text); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", body, got)
		}
	}
}

// TestAskInResponse: a client without a stream of its own is asked in the response
// to its call.
func TestAskInResponse(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		// The server does not say which call it asks in.
		o.OnNotification(context.Background(), "notifications/message", json.RawMessage(`{"level":"info","data":1}`))
		_, _, err := o.OnRequest(context.Background(), "roots/list", nil)
		return fmt.Sprintf(`{"err":"%v"}`, err), nil
	})
	session := f.initialize()
	done := make(chan string, 1)
	go func() {
		_, _, text := f.post(session, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x"}}`)
		done <- text
	}()
	f.inFlight(1)
	for answered := false; !answered; { // it may not have been asked yet
		status, _, text := f.post(session, `{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}`)
		if status != 202 {
			t.Fatalf("%d %s", status, text)
		}
		select {
		case text := <-done:
			want := `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}
{"jsonrpc":"2.0","id":1,"method":"roots/list"}
{"jsonrpc":"2.0","id":2,"result":{"err":"<nil>"}}
`
			if !strings.HasSuffix(strings.TrimPrefix(text, "\n"), want) {
				t.Errorf("the response is %s", text)
			}
			answered = true
		default:
		}
	}
	session["Accept"] = "application/json" // which takes no questions
	if _, _, text := f.post(session, `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"x"}}`); !strings.Contains(text, "the client cannot be asked") {
		t.Errorf("the response is %s", text)
	}
}

// TestTakeBack: a question whose call is over is taken back.
func TestTakeBack(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		go o.OnRequest(ctx, "roots/list", nil)
		<-ctx.Done()
		return "", ctx.Err()
	})
	p, said := f.pipe(nil)
	send(t, p, helloText)
	await(t, said)
	send(t, p, `{"jsonrpc":"2.0","id":9,"method":"tools/call"}`)
	expect(t, said, `{"jsonrpc":"2.0","id":1,"method":"roots/list"}`)
	send(t, p, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}`)
	expect(t, said, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	f.inFlight(0)
}

// TestUnprompted: what a server says and asks by itself reaches the session, and
// nothing of it before the answer to initialize.
func TestUnprompted(t *testing.T) {
	f := rawFront(t, Options{})
	made := f.behind(handshake, nil)
	connect := f.b.connect
	f.b.connect = func(ctx context.Context, to client.Target, o client.Options) (conn, error) {
		o.OnNotification(context.Background(), "notifications/early", nil)
		return connect(ctx, to, o)
	}
	p, said := f.pipe(nil)
	send(t, p, helloText)
	if got := await(t, said); !strings.Contains(got, `"id":1,"result"`) {
		t.Errorf("first came %s", got)
	}
	expect(t, said, `{"jsonrpc":"2.0","method":"notifications/early"}`)
	up := await(t, made)
	answer := make(chan string, 1)
	go func() {
		result, _, err := up.options.OnRequest(context.Background(), "roots/list", nil)
		answer <- fmt.Sprintf("%s %v", result, err)
	}()
	expect(t, said, `{"jsonrpc":"2.0","id":1,"method":"roots/list"}`)
	send(t, p, `{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}`)
	if got := await(t, answer); got != `{"roots":[]} <nil>` {
		t.Errorf("the server got %s", got)
	}
	result, handled, err := up.options.OnRequest(context.Background(), "ping", nil)
	if string(result) != "{}" || !handled || err != nil {
		t.Errorf("ping: %s, %v, %v", result, handled, err)
	}
	p.Close()
	if _, _, err = up.options.OnRequest(context.Background(), "roots/list", nil); err == nil {
		t.Error("a client that has gone was asked")
	}
}

// TestStdio: a bridge on standard input and output serves until the input ends.
func TestStdio(t *testing.T) {
	f := rawFront(t, Options{})
	made := f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
		return `{"method":"` + method + `"}`, nil
	})
	in, out := strings.NewReader(helloText+"\n"), new(lines)
	r, w := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- transport.ServeStdio(t.Context(), &f.table, f.b.Accept, io.MultiReader(in, r), out, transport.StdioOptions{})
	}()
	await(t, made)
	for f.table.Len() == 1 && !strings.Contains(out.String(), "own") { // the answer to initialize
		runtime.Gosched()
	}
	fmt.Fprintln(w, `{"jsonrpc":"2.0","id":2,"method":"x"}`)
	w.Close()
	if err := await(t, served); err != nil {
		t.Error(err)
	}
	if got := out.String(); !strings.HasSuffix(got, `{"jsonrpc":"2.0","id":2,"result":{"method":"x"}}`+"\n") {
		t.Errorf("the bridge said %s", got)
	}
	f.empty()
}

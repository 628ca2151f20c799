package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// TestShared: one upstream serves all connections, and tells none what is another's.
func TestShared(t *testing.T) {
	for _, up := range []string{handshake, stateless} {
		srv := upstreamServer()
		f := newFront(t, srv, up, Options{Shared: true})
		updates := make(chan string, 10)
		var clients []*client.Client
		for i, via := range []string{"pipe", "http", "sse"} {
			c := f.connect(via, helpful(client.Options{Revision: handshake, OnLog: func(_ context.Context, m *client.LogMessage) { updates <- fmt.Sprint(i, m.Level) }}))
			clients = append(clients, c)
		}
		clients = append(clients, f.connect("http", client.Options{Revision: stateless}))
		for _, c := range clients {
			if got, err := c.Call(soon(t), "echo", map[string]string{"text": "x"}); err != nil || got.Text() != "x|" {
				t.Errorf("%v, %v", got, err)
			}
		}
		if s := f.b.Status(); s.Started != 1 || s.Upstreams != 1 {
			t.Errorf("the status is %+v", s)
		}
		if got, err := clients[0].Call(soon(t), "ask", nil); err == nil && !got.IsError {
			t.Errorf("a user of many was asked: %v, %v", got, err)
		}
		for i := range 2 {
			if _, err := clients[i].Subscribe(soon(t), "note:1", func() { updates <- fmt.Sprint(i) }); err != nil {
				t.Fatal(err)
			}
		}
		srv.ResourceUpdated("note:1")
		if got := await(t, updates) + await(t, updates); got != "01" && got != "10" {
			t.Errorf("%s were told", got)
		}
		clients[0].Close()
		srv.ResourceUpdated("note:1")
		if got := await(t, updates); got != "1" {
			t.Errorf("%s was told", got)
		}
		if len(updates) != 0 {
			t.Errorf("%s was told, too", <-updates)
		}
	}
}

// TestFull: there is no place for one more, until somebody leaves.
func TestFull(t *testing.T) {
	f := rawFront(t, Options{Upstreams: 1})
	f.behind(handshake, asker)
	p, said := f.pipe(nil)
	send(t, p, helloText)
	await(t, said)
	status, h, text := f.post(nil, helloText)
	if status != 503 || h.Get("Retry-After") == "" || !strings.Contains(text, errFull.Message) {
		t.Errorf("a session more: %d %v %s", status, h, text)
	}
	if status, text = f.alone("tools/list", "", ""); status != 503 || !strings.Contains(text, `"code":-32000`) {
		t.Errorf("a request more: %d %s", status, text)
	}
	q, told := f.pipe(nil)
	send(t, q, helloText)
	if got := await(t, told); !strings.Contains(got, errFull.Message) {
		t.Errorf("a pipe more: %s", got)
	}
	p.Close()
	f.empty()
	if status, text = f.alone("tools/list", "", ""); status != 200 {
		t.Errorf("after one has left: %d %s", status, text)
	}
	send(t, q, helloText) // what nobody holds makes room
	if got := await(t, told); !strings.Contains(got, `"result"`) {
		t.Errorf("a pipe, instead of one that is idle: %s", got)
	}
}

// TestNotEvicted: an upstream that a call waits in makes no room, and nor does one
// that somebody listens to.
func TestNotEvicted(t *testing.T) {
	for what, text := range map[string]string{
		"a call":        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{` + envelopeMeta + `}}}`,
		"who listens":   `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{},"_meta":{` + envelopeMeta + `}}}`,
		"(nobody does)": `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{` + envelopeMeta + `}}}`,
	} {
		f := rawFront(t, Options{Upstreams: 1})
		f.behind(handshake, asker)
		p, said := f.pipe(nil)
		send(t, p, text)
		await(t, said)
		status, _, _ := f.post(nil, helloText)
		if full := status == 503; full == (what == "(nobody does)") {
			t.Errorf("%s: a session more: %d", what, status)
		}
	}
}

// TestSharedQuestion: a question that may be another user's is put to nobody.
func TestSharedQuestion(t *testing.T) {
	for _, shared := range []bool{true, false} {
		f := rawFront(t, Options{Shared: shared})
		f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
			if method != "tools/call" {
				return "{}", nil
			}
			_, _, err := o.OnRequest(context.Background(), "roots/list", nil)
			return fmt.Sprintf(`{"err":"%v"}`, err), nil
		})
		p, said := f.pipe(nil)
		send(t, p, helloText)
		await(t, said)
		send(t, p, `{"jsonrpc":"2.0","id":2,"method":"tools/call"}`)
		got := await(t, said)
		if asked := strings.Contains(got, "roots/list"); asked == shared {
			t.Errorf("shared %v: %s", shared, got)
		}
	}
}

// TestKeys: who is another has another upstream.
func TestKeys(t *testing.T) {
	f := rawFront(t, Options{})
	made := f.behind(handshake, asker)
	for range 2 {
		for _, key := range []string{"a", "b"} {
			c := f.connect("http", client.Options{Revision: stateless, Name: "n", Args: url.Values{"auth": {key}}})
			if _, err := c.Do(soon(t), "tools/list", nil); err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
	}
	if len(made) != 2 {
		t.Errorf("%d upstreams", len(made))
	}
	type opaque struct{ name string }
	a, b := &opaque{"a"}, &opaque{"b"}
	for _, c := range []struct {
		one, two any
		same     bool
	}{
		{nil, nil, true}, {"a", "a", true}, {"a", "b", false}, {1, 1, true}, {a, a, true}, {a, b, false},
		{struct{ ID int }{1}, struct{ ID int }{1}, true}, {struct{ ID int }{1}, struct{ ID int }{2}, false},
		{func() {}, func() {}, false}, {"1", 1, false},
	} {
		if (principalKey(c.one) == principalKey(c.two)) != c.same {
			t.Errorf("%v and %v", c.one, c.two)
		}
	}
}

// TestIdle: an upstream that nobody uses ends, with the connection that it is of.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Options{URL: "http://h/mcp", Idle: time.Hour, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		f := &front{t: t, b: b}
		f.behind(handshake, func(ctx context.Context, o *client.Options, method, params string) (string, error) {
			time.Sleep(90 * time.Minute) // of the bubble
			return "{}", nil
		})
		said := make(chan string, 10)
		p, err := f.Connect(t.Context(), nil, func(text []byte) { said <- string(text) })
		if err != nil {
			t.Fatal(err)
		}
		send(t, p, helloText)
		<-said
		send(t, p, `{"jsonrpc":"2.0","id":2,"method":"slow"}`)
		<-said // an upstream that works is not idle
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if b.Status().Upstreams != 1 {
			t.Error("it has ended too early")
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		select {
		case <-p.Done():
		default:
			t.Error("the connection lasts")
		}
		if b.Status().Upstreams != 0 {
			t.Error("the upstream lasts")
		}
		p.Close()
	})
}

// TestStatelessIdle: nobody says that a client without a session has gone, nor that
// one will not come back with answers.
func TestStatelessIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Options{URL: "http://h/mcp", Idle: -1, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		f := &front{t: t, b: b}
		f.behind(handshake, asker)
		said := make(chan string, 10)
		p, err := f.Connect(t.Context(), nil, func(text []byte) { said <- string(text) })
		if err != nil {
			t.Fatal(err)
		}
		ask := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{` + envelopeMeta + `}`
		send(t, p, ask+`}}`)
		state := stateOf(t, <-said)
		time.Sleep(9 * time.Minute)
		send(t, p, ask+`,"requestState":"`+state+`","inputResponses":{"question_1":{"a":1}}}}`)
		state = stateOf(t, <-said)
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		if b.Status().Upstreams != 1 {
			t.Error("it has ended while a call waits")
		}
		time.Sleep(2 * time.Minute)
		send(t, p, ask+`,"requestState":"`+state+`","inputResponses":{"question_2":{"a":1}}}}`)
		if got := <-said; !strings.Contains(got, errAgain.Message) {
			t.Errorf("too late: %s", got)
		}
		send(t, p, `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{},"_meta":{`+envelopeMeta+`}}}`)
		<-said
		time.Sleep(maxIdleStateless * 5)
		synctest.Wait()
		if b.Status().Upstreams != 1 {
			t.Error("the upstream has ended while somebody listens")
		}
		send(t, p, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"l"}}`)
		time.Sleep(maxIdleStateless * 2)
		synctest.Wait()
		if b.Status().Upstreams != 0 {
			t.Error("the upstream lasts")
		}
		p.Close()
	})
}

// TestBackOff: what does not start is not tried all the time, and each request that
// needs it is told why it did not.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Options{URL: "http://h/mcp?k={auth}", Restarts: 3, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		tries := 0
		b.connect = func(context.Context, client.Target, client.Options) (conn, error) {
			tries++
			return nil, errors.New("no route to s3cret")
		}
		f := &front{t: t, b: b}
		said := make(chan string, 10)
		p, err := f.Connect(t.Context(), url.Values{"auth": {"s3cret"}}, func(text []byte) { said <- string(text) })
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for want, took := range []time.Duration{0, 250 * time.Millisecond, 750 * time.Millisecond, 1750 * time.Millisecond} {
			send(t, p, `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{`+envelopeMeta+`}}}`)
			if got := <-said; got != `{"jsonrpc":"2.0","id":1,"error":{"code":-32010,"message":"no route to [redacted]"}}` {
				t.Errorf("got %s", got)
			}
			if tries != want+1 || time.Since(began) != took {
				t.Errorf("%d tries in %v", tries, time.Since(began))
			}
		}
		send(t, p, `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{`+envelopeMeta+`}}}`)
		if got := <-said; !strings.Contains(got, errGaveUp.Error()) {
			t.Errorf("got %s", got)
		}
		time.Sleep(rest)
		send(t, p, `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{`+envelopeMeta+`}}}`)
		if got := <-said; !strings.Contains(got, "no route") {
			t.Errorf("a minute later: %s", got)
		}
		p.Close()
		synctest.Wait()
		if s := b.Status(); s.Failed != 5 || s.Upstreams != 0 || s.LastError != "no route to [redacted]" || s.Target != "http://h/mcp" {
			t.Errorf("the status is %+v", s)
		}
	})
}

// TestStart: a server that does not answer is not waited for for ever.
func TestStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Options{URL: "http://h/mcp", Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		b.connect = func(ctx context.Context, _ client.Target, _ client.Options) (conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		f := &front{t: t, b: b}
		said := make(chan string, 10)
		p, err := f.Connect(t.Context(), nil, func(text []byte) { said <- string(text) })
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		send(t, p, helloText)
		if got := <-said; !strings.Contains(got, "took longer than 1m0s to start") || time.Since(began) != time.Minute {
			t.Errorf("got %s after %v", got, time.Since(began))
		}
		p.Close()
		synctest.Wait()
	})
}

// TestClosed: a bridge that was closed starts nothing.
func TestClosed(t *testing.T) {
	f := rawFront(t, Options{})
	f.behind(handshake, asker)
	p, said := f.pipe(nil)
	send(t, p, helloText)
	await(t, said)
	if err := f.b.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	send(t, p, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`)
	if got := await(t, said); !strings.Contains(got, errEnded.Error()) {
		t.Errorf("got %s", got)
	}
	q, said := f.pipe(nil)
	send(t, q, helloText)
	if got := await(t, said); !strings.Contains(got, errEnded.Error()) {
		t.Errorf("got %s", got)
	}
}

// TestOutbox: messages leave in order, and no more wait than may.
func TestOutbox(t *testing.T) {
	var sent []string
	gate := make(chan struct{})
	o := &outbox{send: func(_ context.Context, m *jsonrpc.Message) error {
		<-gate
		sent = append(sent, string(m.Params))
		return nil
	}}
	n := 0
	for o.put("x", json.RawMessage(fmt.Sprint(n))) {
		n++
	}
	if n < maxWaiting || n > maxWaiting+1 {
		t.Errorf("%d wait", n)
	}
	close(gate)
	o.flush(t.Context())
	if len(sent) != n || sent[0] != "0" || sent[n-1] != fmt.Sprint(n-1) {
		t.Errorf("%d were sent", len(sent))
	}
	o.close()
	if o.put("x", nil) || o.use(func() {}) {
		t.Error("it is not closed")
	}
}

var _ transport.Observer = (*session)(nil)

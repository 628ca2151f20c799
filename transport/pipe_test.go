package transport

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

func openPipe(t *testing.T, o PipeOptions) (*Pipe, *fake, chan string) {
	t.Helper()
	f, texts := newFake(), make(chan string, 1000)
	pipe, err := OpenPipe(t.Context(), new(Table), f.accept, func(text []byte) { texts <- string(text) }, o)
	if err != nil {
		t.Fatal(err)
	}
	return pipe, f, texts
}

func TestPipe(t *testing.T) {
	pipe, f, texts := openPipe(t, PipeOptions{Args: url.Values{"auth": {"A"}}, Header: http.Header{"X": {"y"}}, Limits: Limits{Message: 100}})
	p := f.last()
	if p.Kind != "pipe" || p.ID != pipe.SessionID() || p.Header.Get("X") != "y" || p.Receiver() == nil {
		t.Errorf("the peer is %+v", p)
	}
	if err := pipe.Send(t.Context(), message(t, request(1, "args", `{}`))); err != nil {
		t.Fatal(err)
	}
	if got := <-texts; got != result(1, `{"auth":["A"]}`) {
		t.Error(got)
	}
	p.Notify(&jsonrpc.Message{Method: "changed"})
	if got := <-texts; got != `{"jsonrpc":"2.0","method":"changed"}` {
		t.Error(got)
	}
	for text, want := range map[string]string{
		"{":                         `-32700`,
		strings.Repeat(" ", 101):    `the message is larger than 100 bytes`,
		`{"jsonrpc":"2.0","id":8}`:  `{"jsonrpc":"2.0","id":8,"error":{"code":-32600,`,
		request(2, "echo", `["x"]`): result(2, `["x"]`),
	} {
		if err := pipe.SendText([]byte(text)); err != nil {
			t.Error(err)
		}
		if got := <-texts; !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
	pipe.Close()
	<-pipe.Done()
	endsWith(t, p, ErrClientGone)
	if err := pipe.SendText([]byte("{}")); err != ErrClientGone {
		t.Errorf("sending after Close: %v", err)
	}
	p.Notify(&jsonrpc.Message{Method: "m"})
	if err := p.Send(t.Context(), &jsonrpc.Message{Method: "m"}); err != ErrClientGone || len(texts) != 0 {
		t.Errorf("the server sending after Close: %v, %d texts", err, len(texts))
	}
}

// The text is the caller's again when SendText returns.
func TestPipeKeepsNoText(t *testing.T) {
	pipe, f, texts := openPipe(t, PipeOptions{})
	text := []byte(request(1, "stubborn", `{}`))
	if err := pipe.SendText(text); err != nil {
		t.Fatal(err)
	}
	<-f.started
	clear(text)
	close(f.release)
	if got := <-texts; got != result(1, `"released"`) {
		t.Error(got)
	}
	pipe.Close()
}

func TestPipeCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe, f, _ := openPipe(t, PipeOptions{})
		for i, method := range []string{"block", "stubborn"} {
			if err := pipe.SendText([]byte(request(i, method, `{}`))); err != nil {
				t.Fatal(err)
			}
		}
		closed := make(chan error, 1)
		go func() { pipe.Close(); closed <- nil }()
		synctest.Wait()
		waits(t, closed)
		if n := f.last().calls.running(); n != 1 {
			t.Errorf("%d calls run, want the one that does not mind", n)
		}
		close(f.release)
		<-closed
		pipe.Close()
	})
}

// One text at a time, and Send gives up when it is told to.
func TestPipeSendWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, busy := newFake(), make(chan struct{})
		pipe, err := OpenPipe(t.Context(), new(Table), f.accept, func([]byte) { <-busy }, PipeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p := f.last()
		ctx, cancel := context.WithCancelCause(t.Context())
		first, second, third := sending(t.Context(), p.out, "1"), sending(ctx, p.out, "2"), sending(t.Context(), p.out, "3")
		waits(t, first)
		waits(t, second)
		cancel(ErrIdle)
		if err := <-second; err != ErrIdle {
			t.Errorf("got %v, want the cause of the sender's context", err)
		}
		p.Close(ErrExpired)
		if err := <-third; err != ErrExpired {
			t.Errorf("got %v, want the cause of the connection's end", err)
		}
		close(busy)
		if err := <-first; err != nil {
			t.Error(err)
		}
		pipe.Close()
	})
}

// A client may send while it is given a text, whatever it sends.
func TestPipeSendsFromCallback(t *testing.T) {
	f, got := newFake(), make(chan string, 10)
	var pipe *Pipe
	opened := make(chan struct{})
	pipe, err := OpenPipe(t.Context(), new(Table), f.accept, func(text []byte) {
		<-opened
		got <- string(text)
		if string(text) == result(1, `{}`) {
			_ = pipe.SendText([]byte("{"))
			_ = pipe.SendText([]byte(request(2, "echo", `{}`)))
		}
	}, PipeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	close(opened)
	if err := pipe.SendText([]byte(request(1, "echo", `{}`))); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-got
	}
	pipe.Close()
}

// Whoever ends it, a pipe leaves the table, once.
func TestPipeLeavesTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.principal = "ann"
		var table Table
		open := func() *Pipe {
			pipe, err := OpenPipe(t.Context(), &table, f.accept, func([]byte) {}, PipeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return pipe
		}
		first, second := open(), open()
		f.last().Close(ErrExpired)
		synctest.Wait()
		if table.Len() != 1 || table.accounts["ann"] != 1 {
			t.Errorf("%d connections, accounts %v", table.Len(), table.accounts)
		}
		second.Close()
		second.Close()
		if table.accounts["ann"] != 1 {
			t.Errorf("accounts %v", table.accounts)
		}
		first.Close()
		if table.Len() != 0 || len(table.accounts) != 0 {
			t.Errorf("%d connections, accounts %v", table.Len(), table.accounts)
		}
	})
}

// A Receiver that panics in its caller's goroutine is not waited for.
func TestPipeReceivePanics(t *testing.T) {
	pipe, _, _ := openPipe(t, PipeOptions{})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = pipe.SendText([]byte(request(1, "panic", `{}`)))
	}()
	pipe.Close()
}

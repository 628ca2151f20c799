package transport

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

func TestBatch(t *testing.T) {
	note := `{"jsonrpc":"2.0","method":"note"}`
	const invalid = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid message: not a JSON object"}}`
	for _, tt := range []struct {
		name, in string
		want     string // "" for nothing
		notes    string
	}{
		{name: "one", in: `[` + request(1, "echo", `{}`) + `]`, want: `[` + result(1, `{}`) + `]`},
		{
			name: "all kinds", in: ` [ ` + request(1, "echo", `[1]`) + `,` + note + `, ` + request(2, "echo", `{}`) + `,{"jsonrpc":"2.0","id":3,"result":1}]`,
			want: `[` + result(1, `[1]`) + `,` + result(2, `{}`) + `]`, notes: "note ",
		},
		{name: "notifications alone", in: `[` + note + `,` + note + `]`, notes: "note note"},
		{name: "invalid elements", in: `[1,` + request(1, "echo", `{}`) + `,[]]`, want: `[` + invalid + `,` + result(1, `{}`) + `,` + invalid + `]`},
		{
			name: "invalid with an id", in: `[{"jsonrpc":"2.0","id":"q","method":""}]`,
			want: `[{"jsonrpc":"2.0","id":"q","error":{"code":-32600,"message":"invalid message: \"method\" must be a string that is not empty"}}]`,
		},
		{
			name: "invalid response", in: `[{"jsonrpc":"2.0","id":7,"result":1,"error":1}]`,
			want: `[{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid message: both a \"result\" and an \"error\""}}]`,
		},
		{name: "empty", in: `[]`, want: `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid message: an empty batch"}}`},
		{name: "broken", in: `[{}`, want: `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"invalid JSON at byte 3: unexpected end, want ',' or ']'"}}`},
		{name: "too long", in: `[1` + strings.Repeat(",1", 1000) + `]`, want: `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid message: a batch of more than 1000"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pipe, f, texts := openPipe(t, PipeOptions{})
			if err := pipe.SendText([]byte(tt.in)); err != nil {
				t.Fatal(err)
			}
			_ = f.last().calls.wait(t.Context())
			pipe.Close()
			close(texts)
			if got := <-texts; got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if more, ok := <-texts; ok {
				t.Errorf("and %s", more)
			}
			if f.noted() != tt.notes {
				t.Errorf("noted %q", f.noted())
			}
		})
	}
}

// What belongs to a request, and a response that comes when the array has been
// sent, go by themselves.
func TestBatchPassesThrough(t *testing.T) {
	texts := make(chan string, 10)
	p, err := newPeer(t.Context(), "pipe")
	if err != nil {
		t.Fatal(err)
	}
	p.out = newDirect(&p.ctx, func(text []byte) error { texts <- string(text); return nil })
	var late Sender
	run, failure := p.deliver(receiverFunc(func(x *Exchange) func() {
		if !x.Batch {
			t.Error("the message does not say that it came in a batch")
		}
		return func() {
			late = x.Reply
			_ = x.Reply.Send(t.Context(), &jsonrpc.Message{Method: "progress"})
			_ = x.Reply.Send(t.Context(), &jsonrpc.Message{ID: x.Message.ID, Result: []byte(`1`)})
			if x.Message.ID == "2" {
				runtime.Goexit() // and the third runs all the same
			}
		}
	}), []byte("["+request(1, "a", `{}`)+","+request(2, "a", `{}`)+","+request(3, "a", `{}`)+"]"), nil)
	if failure != nil {
		t.Fatal(failure)
	}
	done := make(chan struct{})
	go func() { defer close(done); run() }()
	<-done
	_ = late.Send(t.Context(), message(t, result(4, `"late"`)))
	close(texts)
	var got []string
	for text := range texts {
		got = append(got, text)
	}
	progress := `{"jsonrpc":"2.0","method":"progress"}`
	want := []string{progress, progress, progress, "[" + result(1, `1`) + "," + result(2, `1`) + "," + result(3, `1`) + "]", result(4, `"late"`)}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	p.Close(nil)
}

type receiverFunc func(x *Exchange) func()

func (f receiverFunc) Receive(_ context.Context, x *Exchange) func() { return f(x) }

func TestBatchOverSSE(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		s.send("[" + request(1, "echo", `{}`) + "," + request(2, "stubborn", `{}`) + "]")
		synctest.Wait()
		close(w.release)
		s.want("[" + result(1, `{}`) + "," + result(2, `"released"`) + "]")
		s.close()
	})
}

package transport

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// deaf is a receiver of nothing.
type deaf struct{}

func (deaf) Receive(context.Context, *Exchange) (run func()) { return nil }

func TestForgetKeepsNothing(t *testing.T) {
	in, theirs := io.Pipe()
	mine, out := io.Pipe()
	go func() { _, _ = io.Copy(io.Discard, mine) }()
	l := OpenStreams(in, out, deaf{}, LinkOptions{}).(*streams)
	for id := range 100 {
		o := &Outbound{Message: &jsonrpc.Message{ID: jsonrpc.ID('0' + rune(id)), Method: "wait"}, Lost: func(error) { t.Error("told of a request that was forgotten") }}
		if err := l.Send(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		l.Forget(o.Message.ID)
	}
	if n := len(l.asked.asked); n > 0 {
		t.Errorf("%d requests are kept", n)
	}
	theirs.Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestForgetHangsUp(t *testing.T) {
	gone := make(chan struct{})
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(gone)
	}))
	defer ts.Close()
	l, err := OpenHTTP(ts.URL, deaf{}, LinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := &Outbound{Message: &jsonrpc.Message{ID: "1", Method: "wait"}, Lost: func(error) {}}
	if err := l.Send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	l.Forget("1")
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the request is still open")
	}
}

package transport

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

func openMemory(tb testing.TB, accept Accept, to Receiver) Link {
	tb.Helper()
	l, err := OpenMemory(context.Background(), func(ctx context.Context, args url.Values, toClient func([]byte)) (*Pipe, error) {
		return OpenPipe(ctx, new(Table), accept, toClient, PipeOptions{Args: args, Limits: Limits{Message: 1000}})
	}, url.Values{"auth": {"A"}}, to, LinkOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func TestMemory(t *testing.T) {
	f, b := newFake(), newInbox()
	l := openMemory(t, f.accept, b)
	if l.Kind() != "pipe" || l.Err() != nil {
		t.Error(l.Kind(), l.Err())
	}
	send(t, l, b.ask(1, "args", `{}`))
	b.want(t, result(1, `{"auth":["A"]}`))
	p := f.last()
	if err := p.Send(t.Context(), &jsonrpc.Message{ID: "7", Method: "echo", Params: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	b.want(t, request(7, "echo", `{}`))
	err := l.Send(t.Context(), b.ask(2, "m", `["`+strings.Repeat("x", 1000)+`"]`))
	if err == nil || !strings.Contains(err.Error(), "and the server takes 1000") {
		t.Errorf("a message that is too large: %v", err)
	}
	send(t, l, b.ask(3, "block", `{}`))
	<-f.started
	<-f.started
	if err := l.Close(); err != nil || l.Err() != nil {
		t.Error(err, l.Err())
	}
	endsWith(t, p, ErrClientGone)
	if got := b.losses(); got != "3: "+ErrClosed.Error() {
		t.Errorf("lost %s", got)
	}
	if err := l.Send(t.Context(), b.ask(4, "m", `{}`)); err != ErrClosed {
		t.Errorf("Send after Close: %v", err)
	}
}

func TestMemoryServerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b := newFake(), newInbox()
		l := openMemory(t, f.accept, b)
		send(t, l, b.ask(1, "stubborn", `{}`))
		for i := range 5 {
			if err := f.last().Send(t.Context(), &jsonrpc.Message{Method: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		f.last().Close(ErrShutdown)
		err := ended(t, l)
		if !errors.Is(err, ErrServerGone) || !errors.Is(err, ErrShutdown) {
			t.Errorf("ended with %v", err)
		}
		for i := range 5 {
			b.want(t, fmt.Sprintf(`{"jsonrpc":"2.0","method":"%d"}`, i))
		}
		synctest.Wait()
		if got := b.losses(); got != "1: "+err.Error() {
			t.Errorf("lost %s", got)
		}
		began := time.Now()
		_ = l.Close()
		if time.Since(began) != grace {
			t.Errorf("Close took %v", time.Since(began))
		}
		close(f.release)
	})
}

// A receiver that takes its time holds up the server, not for ever.
func TestMemorySlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, busy := newFake(), make(chan struct{})
		l := openMemory(t, f.accept, receiverFunc(func(*Exchange) func() { <-busy; return nil }))
		sent := make(chan error, 1)
		go func() {
			for range memoryTexts + 1 {
				_ = f.last().Send(t.Context(), &jsonrpc.Message{Method: "note"})
			}
			sent <- nil
			sent <- f.last().Send(t.Context(), &jsonrpc.Message{Method: "note"})
		}()
		<-sent
		synctest.Wait()
		waits(t, sent)
		closed := make(chan error, 1)
		go func() { closed <- l.Close() }()
		<-sent
		close(busy)
		<-closed
	})
}

func TestMemoryRefused(t *testing.T) {
	refused := errors.New("no")
	_, err := OpenMemory(t.Context(), func(context.Context, url.Values, func([]byte)) (*Pipe, error) { return nil, refused }, nil, newInbox(), LinkOptions{})
	if err != refused {
		t.Error(err)
	}
}

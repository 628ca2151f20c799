package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// Many send on one stream at once, some without waiting: each message arrives
// whole, once, and those of one sender in order.
func TestSSEManySenders(t *testing.T) {
	const senders, each = 8, 300
	o := options()
	o.Limits.Queue = 1 << 10 // so that some wait
	w := serve(t, o, nil)
	s := w.open("/sse", nil)
	p := w.last()
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for i := range each {
				params := fmt.Appendf(nil, `{"from":%d,"number":%d,"pad":%q}`, sender, i, strings.Repeat("x", i))
				m := &jsonrpc.Message{Method: "note", Params: params}
				if sender == 0 {
					p.Notify(m)
				} else if err := p.Send(t.Context(), m); err != nil {
					t.Errorf("sender %d: %v", sender, err)
					return
				}
			}
		})
	}
	var next [senders]int
	for range senders * each {
		e, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Params struct {
				From, Number int
				Pad          string
			}
		}
		if err := json.Unmarshal([]byte(e.data), &m); err != nil {
			t.Fatalf("%s: %v", e.data, err)
		}
		if m.Params.Number != next[m.Params.From] || len(m.Params.Pad) != m.Params.Number {
			t.Fatalf("sender %d: message %d with %d bytes, want %d", m.Params.From, m.Params.Number, len(m.Params.Pad), next[m.Params.From])
		}
		next[m.Params.From]++
	}
	all.Wait()
	s.close()
}

// brittle is a writer that panics when it is told to.
type brittle struct {
	http.ResponseWriter
	broken *atomic.Bool
}

func (b brittle) Unwrap() http.ResponseWriter { return b.ResponseWriter }
func (b brittle) Write(text []byte) (int, error) {
	if b.broken.Load() && bytes.Contains(text, []byte("jsonrpc")) {
		panic("no paper")
	}
	return b.ResponseWriter.Write(text)
}

// A writer that panics ends its stream, although it is not the goroutine of the
// stream that writes, and net/http gets to know.
func TestSSEWriterPanicsLater(t *testing.T) {
	var broken atomic.Bool
	w := serve(t, options(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(brittle{w, &broken}, r)
		})
	})
	w.mayPanic = true
	s := w.open("/sse", nil)
	p := w.last()
	broken.Store(true)
	if err := p.Send(t.Context(), &jsonrpc.Message{Method: "note"}); err != nil && err != ErrClientGone { // nil where the GET was busy, and writes it
		t.Errorf("sent with %v", err)
	}
	endsWith(t, p, ErrClientGone)
	if e, err := s.next(); err == nil {
		t.Errorf("the stream goes on with %+v", e)
	}
	broken.Store(false)
	other := w.open("/sse", nil)
	other.send(request(1, "echo", `{}`))
	other.want(result(1, `{}`))
	other.close()
}

// Comments come when nothing else does, whoever writes.
func TestSSEKeepAliveAfterSends(t *testing.T) {
	o := options()
	o.KeepAlive = 15 * time.Second
	bubble(t, o, nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		p := w.last()
		began := time.Now()
		for i := range 10 {
			time.Sleep(10 * time.Second)
			sent := make(chan error, 1)
			go func() { sent <- p.Send(t.Context(), &jsonrpc.Message{ID: "1", Result: fmt.Append(nil, i)}) }()
			s.want(result(1, fmt.Sprint(i)))
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		}
		if line, err := s.r.ReadString('\n'); err != nil || line != ": keep-alive\n" {
			t.Errorf("read %q, %v, want a comment", line, err)
		}
		if d := time.Since(began); d != 115*time.Second {
			t.Errorf("it came after %v", d)
		}
		s.close()
	})
}

// A stream that ends while somebody writes to it waits for him, and is written to
// no more.
func TestSSEEndsWhileWriting(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		p := w.last()
		sent := make(chan error, 1)
		go func() {
			sent <- p.Send(t.Context(), &jsonrpc.Message{ID: "1", Result: []byte(`"` + strings.Repeat("x", 100_000) + `"`)})
		}()
		synctest.Wait()
		p.Close(ErrIdle)
		synctest.Wait()
		if n := w.h.streams.running(); n != 1 {
			t.Errorf("%d streams are open while one is written", n)
		}
		if _, err := s.next(); err != nil {
			t.Error(err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		s.ends()
		if err := p.Send(t.Context(), &jsonrpc.Message{Method: "late"}); err != ErrIdle {
			t.Errorf("after the end: %v", err)
		}
	})
}

// stuck is a writer that nobody reads: a message cannot be written in its time, and
// as net/http does it ends the request's context before it says so.
type stuck struct {
	*httptest.ResponseRecorder
	gone context.CancelFunc
}

func (s stuck) FlushError() error { return nil }
func (s stuck) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte("jsonrpc")) {
		s.gone()
		time.Sleep(time.Minute)
		return 0, io.ErrShortWrite
	}
	return len(text), nil
}

// Whoever could not write knows better why the stream has ended than the request.
func TestSSESlowReaderIsToldFromOneThatWent(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			h := NewHTTP(new(Table), f.accept, options())
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan struct{})
			go func() {
				defer close(served)
				h.ServeHTTP(stuck{httptest.NewRecorder(), cancel}, httptest.NewRequest("GET", "/sse", nil).WithContext(ctx))
			}()
			synctest.Wait()
			if err := f.last().Send(t.Context(), &jsonrpc.Message{Method: "note"}); err != ErrSlowReader {
				t.Errorf("sent with %v", err)
			}
			<-served
			if cause := context.Cause(f.last().Context()); cause != ErrSlowReader {
				t.Fatalf("the connection ended because of: %v", cause)
			}
		})
	}
}

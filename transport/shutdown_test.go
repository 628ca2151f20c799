package transport

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// shutdown starts a shutdown that gives calls this long.
func (w *world) shutdown(limit time.Duration) <-chan error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		done <- w.h.Shutdown(ctx)
	}()
	synctest.Wait()
	return done
}

// refusesAll checks that nothing new begins.
func (w *world) refusesAll(s *stream) {
	w.t.Helper()
	_, err := w.get("/sse", nil)
	if r := refusalOf(w.t, err); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		w.t.Errorf("a new session: %v", r)
	}
	if r := w.do(http.MethodPost, s.post, request(9, "echo", `{}`), nil); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		w.t.Errorf("a new request: %v", r)
	}
	if r := w.do(http.MethodGet, w.url+"/healthz", "", nil); r.StatusCode != 503 {
		w.t.Errorf("health: %v", r)
	}
}

func TestShutdownLetsCallsEnd(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		s, idle := w.open("/sse", nil), w.open("/sse", nil)
		s.send(request(1, "stubborn", `{}`))
		done := w.shutdown(time.Hour)
		w.refusesAll(s)
		if w.table.Len() != 2 {
			t.Errorf("%d sessions are open while a call runs, want 2", w.table.Len())
		}
		close(w.release)
		s.want(result(1, `"released"`))
		s.ends()
		idle.ends()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, p := range w.peers {
			endsWith(t, p, ErrShutdown)
		}
	})
}

func TestShutdownCutsCalls(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		s, other := w.open("/sse", nil), w.open("/sse", nil)
		s.send(request(1, "block", `{}`))
		other.send(request(2, "stubborn", `{}`))
		began := time.Now()
		done := w.shutdown(15 * time.Second)
		s.want(result(1, fmt.Sprintf("%q", ErrShutdown.Error()))) // late, and delivered
		if d := time.Since(began); d != 15*time.Second {
			t.Errorf("the call was told after %v", d)
		}
		s.ends()
		other.ends()
		if err := <-done; err == nil {
			t.Error("Shutdown does not say that it cut calls")
		}
		if d := time.Since(began); d != 15*time.Second+grace {
			t.Errorf("Shutdown took %v", d)
		}
		close(w.release) // the call that was left behind ends on its own
	})
}

// Shutdown returns when the last answers are written, and does not wait for ever
// for a client that does not read them.
func TestShutdownWritesToTheEnd(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		s.send(request(1, "big", `[100000]`))
		done := w.shutdown(time.Minute)
		time.Sleep(10 * time.Second)
		waits(t, done)
		if _, err := s.next(); err != nil {
			t.Error(err)
		}
		s.ends()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		s.send(request(1, "big", `[100000]`))
		began := time.Now()
		if err := <-w.shutdown(10 * time.Second); err == nil {
			t.Error("Shutdown does not say that a client did not read")
		}
		if d := time.Since(began); d != 10*time.Second+2*grace { // for the call that answers, and for the stream
			t.Errorf("Shutdown took %v", d)
		}
		s.close()
	})
}

// A session that is being accepted when the shutdown begins does not stay open.
func TestShutdownWhileAccepting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		accepting, goOn := make(chan struct{}), make(chan struct{})
		w := &world{fake: f, t: t, table: new(Table), url: "http://test"}
		w.h = NewHTTP(w.table, func(p *Peer) (Receiver, error) {
			close(accepting)
			<-goOn
			return f.accept(p)
		}, options())
		ln := &memListener{conns: make(chan net.Conn), done: make(chan struct{})}
		srv := &http.Server{Handler: w.h}
		go srv.Serve(ln)
		w.client = &http.Client{Transport: &http.Transport{DialContext: ln.dial, DisableKeepAlives: true}}
		opened := make(chan error, 1)
		go func() {
			_, err := w.get("/sse", nil)
			opened <- err
		}()
		<-accepting
		done := w.shutdown(time.Hour)
		close(goOn)
		if r := refusalOf(t, <-opened); r.StatusCode != 503 {
			t.Error(r)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		endsWith(t, f.last(), ErrShutdown)
		srv.Close()
		synctest.Wait()
		w.allGone()
	})
}

// Connections that came another way are not HTTP's to end.
func TestShutdownLeavesOthers(t *testing.T) {
	f := newFake()
	var table Table
	pipe, err := OpenPipe(t.Context(), &table, f.accept, func([]byte) {}, PipeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := NewHTTP(&table, f.accept, options()).Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if f.last().Context().Err() != nil {
		t.Error("the pipe was closed")
	}
	pipe.Close()
}

func TestListenAndServe(t *testing.T) {
	w := &world{fake: newFake(), t: t, table: new(Table), client: &http.Client{Transport: &http.Transport{}}}
	w.h = NewHTTP(w.table, w.accept, options())
	defer w.client.CloseIdleConnections()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	addr, served := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		served <- ListenAndServe(ctx, "127.0.0.1:0", w.h, 0, func(a net.Addr) { addr <- a })
	}()
	w.url = "http://" + (<-addr).String()
	s := w.open("/sse", nil)
	s.send(request(1, "stubborn", `{}`))
	<-w.started
	if err := ListenAndServe(ctx, w.url[len("http://"):], w.h, 0, nil); err == nil {
		t.Error("the same address twice")
	}
	stop()
	for !w.h.runs.hasEnded() {
		w.do(http.MethodGet, w.url+"/healthz", "", nil)
	}
	w.refusesAll(s)
	close(w.release)
	s.want(result(1, `"released"`))
	s.ends()
	if err := <-served; err != nil {
		t.Error(err)
	}
	w.allGone()
}

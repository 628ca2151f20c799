package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/servers"
	"github.com/sessionmcp/sessionmcp/bench/internal/wire"
)

// start runs a server in this process and returns what connects to it.
func start(tb testing.TB, s serve.Server, w wire.Wire, o serve.Options) func(like wire.Request) wire.Client {
	tb.Helper()
	o.Mode = w.Mode()
	if w == wire.Stdio {
		return func(wire.Request) wire.Client { return startStdio(tb, s, o) }
	}
	handler, err := s.Handler(o)
	if err != nil {
		tb.Fatal(err)
	}
	listening := httptest.NewServer(handler)
	tb.Cleanup(func() {
		listening.CloseClientConnections()
		listening.Close()
	})
	return func(like wire.Request) wire.Client {
		c, err := wire.Dial(strings.TrimPrefix(listening.URL, "http://"), w, like, wire.Options{})
		if err != nil {
			tb.Fatalf("%s: %v", s.Name, err)
		}
		tb.Cleanup(func() { c.Close() })
		return c
	}
}

// startStdio connects pipes of the operating system, as a process has them, to
// what serves stdio.
func startStdio(tb testing.TB, s serve.Server, o serve.Options) wire.Client {
	tb.Helper()
	in, toServer := pipe(tb)
	fromServer, out := pipe(tb)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- s.Streams(ctx, o, in, out)
		out.Close()
	}()
	tb.Cleanup(func() {
		toServer.Close()
		io.Copy(io.Discard, fromServer)
		cancel()
		if err := <-served; err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
			tb.Errorf("%s: serving stdio ended with %v", s.Name, err)
		}
	})
	c, err := wire.NewLines(toServer, fromServer)
	if err != nil {
		tb.Fatalf("%s: %v", s.Name, err)
	}
	return c
}

func pipe(tb testing.TB) (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

// forAll names the parts as benchstat reads them: -col /server sets the servers
// side by side.
func forAll[T interface {
	testing.TB
	Run(string, func(T)) bool
}](t T, reqs []wire.Request, do func(T, serve.Server, wire.Wire, wire.Request)) {
	for _, w := range wire.All {
		for _, req := range reqs {
			for _, s := range servers.All {
				t.Run(fmt.Sprintf("transport=%s/tool=%s/server=%s", w, req.Name, s.Name), func(t T) { do(t, s, w, req) })
			}
		}
	}
}

var calls = []wire.Request{wire.Echo(), wire.Forecast()}

// BenchmarkCall is one tools/call after the other, of one client.
func BenchmarkCall(b *testing.B) {
	forAll(b, calls, func(b *testing.B, s serve.Server, w wire.Wire, req wire.Request) {
		c := wire.NewCaller(start(b, s, w, serve.Options{Tools: 2})(req), w, req, 1000)
		if err := c.Call(); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Call(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

const clients = 16

// BenchmarkParallel has 16 clients that call at once, on stdio 16 calls in flight.
func BenchmarkParallel(b *testing.B) {
	forAll(b, calls, func(b *testing.B, s serve.Server, w wire.Wire, req wire.Request) {
		dial := start(b, s, w, serve.Options{Tools: 2})
		if w == wire.Stdio {
			client := dial(req).(*wire.Lines)
			flight := wire.NewFlight(client, wire.NewCaller(client, w, req, 1000))
			run(b, func(n int64) error { return flight.Run(clients, func() bool { n--; return n >= 0 }, nil) })
			return
		}
		callers := make([]*wire.Caller, clients)
		for i := range callers {
			callers[i] = wire.NewCaller(dial(req), w, req, int64(i+1)*1_000_000_000)
		}
		run(b, func(n int64) error { return together(callers, n) })
	})
}

// run measures n calls, once all clients have made one.
func run(b *testing.B, do func(n int64) error) {
	if err := do(clients); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := do(int64(b.N)); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
}

// together lets the callers make n calls between them.
func together(callers []*wire.Caller, n int64) error {
	var left atomic.Int64
	left.Store(n)
	failed := make([]error, len(callers))
	var wg sync.WaitGroup
	for i, c := range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 && failed[i] == nil {
				failed[i] = c.Call()
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// TestAnswers wants right answers of every server on every wire, and sees that
// what is compared does the same.
func TestAnswers(t *testing.T) {
	all := append(calls, wire.Mirror(1<<19), wire.Length(1<<20), wire.Repeat(1<<20), wire.Wide())
	forAll(t, all, func(t *testing.T, s serve.Server, w wire.Wire, req wire.Request) {
		c := wire.NewCaller(start(t, s, w, serve.Options{Tools: 2, Extra: true})(req), w, req, 1000)
		for range 3 {
			if err := c.Call(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestLists(t *testing.T) {
	forAll(t, []wire.Request{wire.List()}, func(t *testing.T, s serve.Server, w wire.Wire, req wire.Request) {
		l := wire.NewLister(start(t, s, w, serve.Options{Tools: 1100})(req), w, 1100, 1000)
		for range 2 {
			if err := l.Call(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestRefusals wants arguments that do not fit refused, by all but raw: a server
// that checks less would do less work.
func TestRefusals(t *testing.T) {
	for _, args := range []string{
		`{"city":"Oslo","days":99,"units":"metric"}`,
		`{"city":"Oslo","days":3,"units":"kelvin"}`,
		`{"city":"Oslo","days":3}`,
	} {
		text := []byte(`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"forecast","arguments":` + args + `}}`)
		for _, s := range servers.All[1:] {
			answer, err := start(t, s, wire.HTTP, serve.Options{Tools: 2})(wire.Forecast()).Call(text)
			if err != nil {
				t.Fatal(err)
			}
			var m struct {
				Error  json.RawMessage
				Result struct{ IsError bool }
			}
			if err := json.Unmarshal(answer, &m); err != nil {
				t.Fatal(err)
			}
			if m.Error == nil && !m.Result.IsError {
				t.Errorf("%s takes %s and answers %s", s.Name, args, answer)
			}
		}
	}
}

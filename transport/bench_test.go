package transport

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// bareHandler is the floor: it reads the body and writes a fixed answer.
func bareHandler(w http.ResponseWriter, r *http.Request) {
	if _, err := io.ReadAll(r.Body); err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, result(7, `{"content":[{"type":"text","text":"hello"}]}`))
}

// quickSession answers everything, and keeps its connection when told to.
type quickSession struct{ p *Peer }

func (s quickSession) Receive(_ context.Context, x *Exchange) (run func()) {
	return func() {
		if x.Message.Method == "keep" {
			_ = s.p.Keep(true)
		}
		m := jsonrpc.Message{ID: x.Message.ID, Result: []byte(`{"content":[{"type":"text","text":"hello"}]}`)}
		_ = x.Reply.Send(s.p.Context(), &m)
	}
}

// caller is a client that allocates nothing itself.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func dialCaller(tb testing.TB, url, header, text string) *caller {
	addr := strings.TrimPrefix(url, "http://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	head := "POST /mcp?client_id=x HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n%sContent-Length: %d\r\n\r\n%s"
	return &caller{conn, bufio.NewReader(conn), fmt.Appendf(nil, head, addr, header, len(text), text)}
}

func (c *caller) call(tb testing.TB) {
	if _, err := c.conn.Write(c.out); err != nil {
		tb.Fatal(err)
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			tb.Fatal(err)
		}
		if len(line) == 2 {
			break
		}
	}
	want := len(result(7, `{"content":[{"type":"text","text":"hello"}]}`))
	if b, err := c.in.Peek(want); err != nil || !bytes.HasSuffix(b, []byte("}")) {
		tb.Fatalf("%s, %v", b, err)
	}
	_, _ = c.in.Discard(want)
}

// benchCaller starts a server and returns a client of it.
func benchCaller(tb testing.TB, kind string) *caller {
	table := new(Table)
	h := NewHTTP(table, func(p *Peer) (Receiver, error) { return quickSession{p}, nil }, options())
	var handler http.Handler = h
	if kind == "bare" {
		handler = http.HandlerFunc(bareHandler)
	}
	srv := httptest.NewServer(handler)
	tb.Cleanup(func() {
		_ = h.Shutdown(context.Background())
		srv.CloseClientConnections()
		srv.Close()
	})
	header := ""
	if kind == "session" {
		res, err := http.Post(srv.URL+"/mcp", "application/json", strings.NewReader(request(1, "keep", `{}`)))
		if err != nil {
			tb.Fatal(err)
		}
		res.Body.Close()
		header = "Mcp-Session-Id: " + res.Header.Get("Mcp-Session-Id") + "\r\n"
	}
	return dialCaller(tb, srv.URL, header, request(7, "tools/call", `{"name":"echo","arguments":{"text":"hello"}}`))
}

// BenchmarkPost is one call by streamable HTTP that is answered with JSON.
func BenchmarkPost(b *testing.B) {
	for _, kind := range []string{"bare", "transient", "session"} {
		b.Run(kind, func(b *testing.B) {
			c := benchCaller(b, kind)
			b.ReportAllocs()
			for b.Loop() {
				c.call(b)
			}
		})
	}
}

// TestPostAllocations holds what is allocated for one call above the bare
// handler. The limits are above the figures of today, 24 and 10, by what a
// garbage collection in between can make of them.
func TestPostAllocations(t *testing.T) {
	if poolsDrop {
		t.Skip("the pools drop what they hold")
	}
	measure := func(kind string) float64 {
		c := benchCaller(t, kind)
		return testing.AllocsPerRun(500, func() { c.call(t) })
	}
	bare := measure("bare")
	for kind, limit := range map[string]float64{"transient": 27, "session": 13} {
		if got := measure(kind) - bare; got > limit {
			t.Errorf("%s allocates %.0f times above the bare handler, limit %.0f", kind, got, limit)
		}
	}
}

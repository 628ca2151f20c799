package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// The harness: one client on two connections, the stream and the POSTs, that
// allocates nothing per call itself, so that what is counted is the server's.

type sseClient struct {
	stream, post net.Conn
	events, acks *bufio.Reader
	head         string // of a POST, up to the content length
	out          []byte
}

func dialBench(tb testing.TB, base, query string) *sseClient {
	addr := strings.TrimPrefix(base, "http://")
	c := &sseClient{}
	for _, conn := range []*net.Conn{&c.stream, &c.post} {
		var err error
		if *conn, err = net.Dial("tcp", addr); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { (*conn).Close() })
	}
	c.events, c.acks = bufio.NewReaderSize(c.stream, 1<<20), bufio.NewReader(c.post)
	fmt.Fprintf(c.stream, "GET /sse%s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", query, addr)
	endpoint := strings.TrimSpace(string(c.awaitLine(tb, c.events, "data: ")))
	c.head = fmt.Sprintf("POST /%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: ",
		strings.TrimPrefix(endpoint, "/"), addr)
	return c
}

// awaitLine reads up to a line that starts with prefix, and returns the rest of it.
func (c *sseClient) awaitLine(tb testing.TB, r *bufio.Reader, prefix string) []byte {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			tb.Fatal(err)
		}
		if bytes.HasPrefix(line, []byte(prefix)) {
			return line[len(prefix):]
		}
	}
}

// call sends a message and returns the event that answers it.
func (c *sseClient) call(tb testing.TB, text []byte) []byte {
	c.out = append(c.out[:0], c.head...)
	c.out = strconv.AppendInt(c.out, int64(len(text)), 10)
	c.out = append(append(c.out, "\r\n\r\n"...), text...)
	if _, err := c.post.Write(c.out); err != nil {
		tb.Fatal(err)
	}
	c.awaitLine(tb, c.acks, "\r\n")
	return c.awaitLine(tb, c.events, "data: ")
}

// bareHandler is the floor: net/http and encoding/json, and one fixed answer. It
// moves bytes as an SSE server has to, and does nothing with them.
func bareHandler() http.Handler {
	answers := make(chan []byte, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sse", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: endpoint\ndata: /messages\n\n")
		w.(http.Flusher).Flush()
		for {
			select {
			case b := <-answers:
				io.WriteString(w, "event: message\ndata: ")
				w.Write(b)
				io.WriteString(w, "\n\n")
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("POST /messages", func(w http.ResponseWriter, r *http.Request) {
		out, ok := bareAnswer(r)
		if !ok {
			return
		}
		w.WriteHeader(http.StatusAccepted)
		answers <- out
	})
	return mux
}

// bareAnswer reads a request with encoding/json and writes the one answer.
func bareAnswer(r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, false
	}
	var req struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	if json.Unmarshal(body, &req) != nil {
		return nil, false
	}
	out, err := json.Marshal(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  json.RawMessage `json:"result"`
	}{"2.0", req.ID, json.RawMessage(`{"content":[{"type":"text","text":"hello"}]}`)})
	return out, err == nil
}

func benchServer() http.Handler {
	srv := server.New("bench", "1", server.Options{Logger: quiet})
	addBenchTools(srv)
	return srv.Handler()
}

func addBenchTools(srv *server.Server) {
	srv.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
	srv.Tool(benchForecaster, tool.Name("forecast"))
}

func benchForecaster(ctx *tool.Context, in forecastIn) forecastOut {
	return forecastOut{City: in.City, Days: in.Days, For: ctx.Arg("client_id", "anonymous")}
}

// longList is a server of a thousand tools.
func longList() http.Handler {
	srv := server.New("bench", "1", server.Options{Logger: quiet})
	for i := range 1000 {
		srv.Tool(benchForecaster, tool.Name("forecast"+strconv.Itoa(i)))
	}
	return srv.Handler()
}

const (
	benchEcho     = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}}}`
	benchList     = `{"jsonrpc":"2.0","id":7,"method":"tools/list"}`
	benchForecast = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"forecast","arguments":{"city":"Oslo","days":3}}}`
)

// benchClient connects to a handler of its own, ready to call.
func benchClient(tb testing.TB, handler http.Handler) *sseClient {
	s := httptest.NewUnstartedServer(handler)
	s.Start()
	tb.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	c := dialBench(tb, s.URL, "?auth=KEY&client_id=me")
	c.call(tb, []byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`))
	return c
}

// postClient is one client on one connection to streamable HTTP.
type postClient struct {
	conn net.Conn
	in   *bufio.Reader
	head string // of a POST, up to the content length
	out  []byte
	body []byte
}

// dialPost connects to a handler of its own. The headers are those of every POST;
// a session is begun unless they name a revision.
func dialPost(tb testing.TB, handler http.Handler, headers string) *postClient {
	s := httptest.NewServer(handler)
	addr := strings.TrimPrefix(s.URL, "http://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		conn.Close()
		s.CloseClientConnections()
		s.Close()
	})
	const accept = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
	c := &postClient{conn: conn, in: bufio.NewReader(conn)}
	begin := fmt.Sprintf("POST /mcp?auth=KEY&client_id=me HTTP/1.1\r\nHost: %s\r\n%s%s", addr, accept, headers)
	c.head = begin + "Content-Length: "
	if headers != "" {
		return c
	}
	id := c.call(tb, []byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`))
	c.head = begin + "Mcp-Session-Id: " + string(id) + "\r\nContent-Length: "
	return c
}

// call sends a message and returns the id of the session that begins with the
// answer, or else the answer.
func (c *postClient) call(tb testing.TB, text []byte) (answer []byte) {
	c.out = strconv.AppendInt(append(c.out[:0], c.head...), int64(len(text)), 10)
	c.out = append(append(c.out, "\r\n\r\n"...), text...)
	if _, err := c.conn.Write(c.out); err != nil {
		tb.Fatal(err)
	}
	var id []byte
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			tb.Fatal(err)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if digits, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, d := range digits {
				length = 10*length + int(d-'0')
			}
		}
		if value, ok := bytes.CutPrefix(line, []byte("Mcp-Session-Id: ")); ok {
			id = bytes.Clone(value)
		}
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err := io.ReadFull(c.in, c.body); err != nil {
		tb.Fatal(err)
	}
	if id != nil {
		return id
	}
	return c.body
}

// barePost is the floor of streamable HTTP.
func barePost() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, ok := bareAnswer(r)
		if !ok {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Mcp-Session-Id", "s")
		w.Write(out)
	})
}

// statelessHead and statelessText make a call of a session one of 2026-07-28.
func statelessHead(tool string) string {
	return "Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: " + tool + "\r\n"
}

func statelessText(text string) string {
	const envelope = `"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}},`
	return strings.Replace(text, `"params":{`, envelope, 1)
}

// A benchCase is a client and what it calls.
type benchCase struct {
	name, text string
	dial       func(tb testing.TB) caller
	bare       string // the name of the case that is the floor
	limit      float64
}

type caller interface {
	call(tb testing.TB, text []byte) []byte
}

var benchCases = []benchCase{
	{"sse/bare", benchEcho, func(tb testing.TB) caller { return benchClient(tb, bareHandler()) }, "", 0},
	{"sse/echo", benchEcho, func(tb testing.TB) caller { return benchClient(tb, benchServer()) }, "sse/bare", 12},
	{"sse/forecast", benchForecast, func(tb testing.TB) caller { return benchClient(tb, benchServer()) }, "sse/bare", 10},
	{"http/bare", benchEcho, func(tb testing.TB) caller { return dialPost(tb, barePost(), "") }, "", 0},
	{"http/echo", benchEcho, func(tb testing.TB) caller { return dialPost(tb, benchServer(), "") }, "http/bare", 10},
	{"http/forecast", benchForecast, func(tb testing.TB) caller { return dialPost(tb, benchServer(), "") }, "http/bare", 10},
	{"stateless/bare", statelessText(benchEcho), func(tb testing.TB) caller { return dialPost(tb, barePost(), statelessHead("echo")) }, "", 0},
	{"stateless/echo", statelessText(benchEcho), func(tb testing.TB) caller { return dialPost(tb, benchServer(), statelessHead("echo")) }, "stateless/bare", 28},
	{"stateless/forecast", statelessText(benchForecast), func(tb testing.TB) caller { return dialPost(tb, benchServer(), statelessHead("forecast")) }, "stateless/bare", 26},
	{"sse/list", benchList, func(tb testing.TB) caller { return benchClient(tb, longList()) }, "sse/bare", 15},
	{"http/list", benchList, func(tb testing.TB) caller { return dialPost(tb, longList(), "") }, "http/bare", 15},
	{"stdio/echo", benchEcho, dialStdio, "none", 16},
	{"stdio/forecast", benchForecast, dialStdio, "none", 16},
}

// BenchmarkCall is one tools/call from socket to function and back.
func BenchmarkCall(b *testing.B) {
	for _, bb := range benchCases {
		b.Run(bb.name, func(b *testing.B) {
			c := bb.dial(b)
			text := []byte(bb.text)
			b.ReportAllocs()
			for b.Loop() {
				c.call(b, text)
			}
		})
	}
}

// stdioClient is one client on a pair of pipes.
type stdioClient struct {
	in   *io.PipeWriter
	out  *bufio.Reader
	line []byte
}

func dialStdio(tb testing.TB) caller {
	srv := server.New("bench", "1", server.Options{Logger: quiet})
	addBenchTools(srv)
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	served := make(chan error, 1)
	go func() { served <- srv.ServeStreams(context.Background(), in, out, nil) }()
	tb.Cleanup(func() {
		toServer.Close()
		<-served
	})
	c := &stdioClient{in: toServer, out: bufio.NewReaderSize(fromServer, 2<<20)}
	c.call(tb, []byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`))
	return c
}

func (c *stdioClient) call(tb testing.TB, text []byte) []byte {
	c.line = append(append(c.line[:0], text...), '\n')
	if _, err := c.in.Write(c.line); err != nil {
		tb.Fatal(err)
	}
	answer, err := c.out.ReadSlice('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

// TestCallAllocations holds what the framework allocates for one call above the
// bare handler. The limits are above the figures of today, in the README, by what
// a garbage collection in between can make of it.
func TestCallAllocations(t *testing.T) {
	bare := make(map[string]float64)
	for _, tt := range benchCases {
		c, text := tt.dial(t), []byte(tt.text)
		if got := string(c.call(t, text)); !strings.Contains(got, `"content":[`) && !strings.Contains(got, `"tools":[`) && tt.bare != "" {
			t.Fatalf("%s: answered %s", tt.name, got)
		}
		got := testing.AllocsPerRun(500, func() { c.call(t, text) })
		if tt.bare == "" {
			bare[tt.name] = got
			continue
		}
		got -= bare[tt.bare]
		if poolsDrop {
			tt.limit *= 2
		}
		t.Logf("%s: %.0f allocations above the %.0f of the bare handler", tt.name, got, bare[tt.bare])
		if got > tt.limit {
			t.Errorf("%s allocates %.0f times above the bare handler, limit %.0f", tt.name, got, tt.limit)
		}
	}
}

// TestMegabyte holds what is allocated for a call that takes a megabyte and gives
// it back, in megabytes: one is the function's own, one the answer. What the
// request came in is used again.
func TestMegabyte(t *testing.T) {
	text := []byte(strings.Replace(benchEcho, "hello", strings.Repeat("x", 1<<20), 1))
	limit := 3.0
	if poolsDrop {
		limit *= 2
	}
	for name, c := range map[string]caller{
		"http":  dialPost(t, benchServer(), ""),
		"stdio": dialStdio(t),
	} {
		if got := c.call(t, text); len(got) < 1<<20 {
			t.Fatalf("%s: answered %.100s", name, got)
		}
		const runs = 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			c.call(t, text)
		}
		runtime.ReadMemStats(&after)
		got := float64(after.TotalAlloc-before.TotalAlloc) / runs / (1 << 20)
		t.Logf("%s: %.2f MiB a call", name, got)
		if got > limit {
			t.Errorf("%s: a call of a megabyte allocates %.2f MiB, limit %.1f", name, got, limit)
		}
	}
}

// Package wire is a client for measurements: it speaks MCP over sockets and
// pipes by hand and, once it has made its first call, allocates nothing, so that
// what a process with a server in it allocates is the server's.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
)

// Wire is a transport and the revision spoken on it.
type Wire string

// The wires. HTTP and Stateless are streamable HTTP of 2025-11-25, with a session
// and without; Modern is 2026-07-28, which has none.
const (
	SSE       Wire = "sse"
	HTTP      Wire = "http"
	Stateless Wire = "stateless"
	Modern    Wire = "2026-07-28"
	Stdio     Wire = "stdio"
)

// All are the wires.
var All = []Wire{SSE, HTTP, Stateless, Modern, Stdio}

// Mode is the mode of a server that speaks it.
func (w Wire) Mode() serve.Mode {
	if w == Modern {
		return serve.Stateless
	}
	return serve.Mode(w)
}

// revision is what the client asks for. HTTP+SSE is older than the last two
// revisions with a handshake, but carries them.
func (w Wire) revision() string {
	switch w {
	case SSE:
		return "2025-06-18"
	case Modern:
		return "2026-07-28"
	}
	return "2025-11-25"
}

// Client is a connection that is ready to call.
type Client interface {
	// Call sends a message and returns the answer, valid until the next Call.
	Call(text []byte) ([]byte, error)
	Close() error
}

// Options say how to connect. The zero value works.
type Options struct {
	Deadline time.Time // of everything that the client does
	Buffer   int       // bytes to read into at once: 64 KiB if zero
	Post     *Conn     // HTTP+SSE: a connection to send on that others use as well
}

func (o Options) buffer() int {
	if o.Buffer == 0 {
		return 64 << 10
	}
	return o.Buffer
}

// Dial connects to a server on TCP and does the handshake. A request of Modern
// says in its headers what it is: all of a client are like the one that is given.
func Dial(addr string, w Wire, like Request, o Options) (Client, error) {
	var c Client
	var err error
	switch w {
	case SSE:
		c, err = dialSSE(addr, o)
	case HTTP, Stateless, Modern:
		c, err = dialPost(addr, w, like, o)
	default:
		return nil, fmt.Errorf("%s is not served on TCP", w)
	}
	if err != nil {
		return nil, fmt.Errorf("connect over %s: %w", w, err)
	}
	return c, nil
}

const initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`

func (w Wire) initialize() []byte {
	return []byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"` + w.revision() +
		`","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}`)
}

func (w Wire) checkInitialize(text []byte) error {
	var m struct {
		ID     int `json:"id"`
		Result struct {
			ProtocolVersion string `json:"protocolVersion"`
		} `json:"result"`
	}
	if err := json.Unmarshal(text, &m); err != nil || m.ID != 1 || m.Result.ProtocolVersion != w.revision() {
		return fmt.Errorf("initialize with %s was answered %q", w.revision(), clip(text))
	}
	return nil
}

func clip(text []byte) []byte { return text[:min(len(text), 300)] }

// postClient is streamable HTTP.
type postClient struct {
	*Conn
	head []byte
}

func dialPost(addr string, w Wire, like Request, o Options) (Client, error) {
	conn, err := DialConn(addr, o)
	if err != nil {
		return nil, err
	}
	common := "POST /mcp HTTP/1.1\r\nHost: " + addr +
		"\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
	version := "Mcp-Protocol-Version: " + w.revision() + "\r\n"
	c := &postClient{Conn: conn}
	switch w {
	case Stateless:
		c.head = []byte(common + version)
		return c, nil
	case Modern:
		version += "Mcp-Method: " + like.Method + "\r\n"
		if like.Tool != "" {
			version += "Mcp-Name: " + like.Tool + "\r\n"
		}
		c.head = []byte(common + version)
		return c, nil
	}
	c.head = []byte(common)
	answer, err := c.Call(w.initialize())
	if err == nil {
		err = w.checkInitialize(answer)
	}
	if err == nil && conn.session == "" {
		err = errors.New("initialize was answered without Mcp-Session-Id")
	}
	if err == nil {
		c.head = []byte(common + version + "Mcp-Session-Id: " + conn.session + "\r\n")
		err = conn.send(c.head, []byte(initialized))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *postClient) Call(text []byte) ([]byte, error) {
	if err := c.send(c.head, text); err != nil {
		return nil, err
	}
	if !c.stream {
		return c.body, nil
	}
	return answerIn(c.body)
}

var dataField = []byte("data:")

// answerIn finds the answer among the events of one response: it is the last.
func answerIn(events []byte) ([]byte, error) {
	end := len(events)
	for end > 0 {
		begin := bytes.LastIndexByte(events[:end-1], '\n') + 1
		data, ok := bytes.CutPrefix(events[begin:end], dataField)
		if data = bytes.TrimSpace(data); ok && len(data) > 0 {
			return data, nil
		}
		end = begin
	}
	return nil, errors.New("the response is an event stream without an answer")
}

// sseClient is HTTP+SSE: a stream to read and a connection to send on.
type sseClient struct {
	stream *Conn
	post   *Conn
	shared bool
	head   []byte
	line   []byte
}

func dialSSE(addr string, o Options) (Client, error) {
	stream, err := DialConn(addr, o)
	if err != nil {
		return nil, err
	}
	c := &sseClient{stream: stream, post: o.Post, shared: o.Post != nil}
	if err := c.open(addr, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *sseClient) open(addr string, o Options) error {
	if c.post == nil {
		post, err := DialConn(addr, o)
		if err != nil {
			return err
		}
		c.post = post
	}
	if err := c.stream.get("GET /sse HTTP/1.1\r\nHost: " + addr + "\r\nAccept: text/event-stream\r\n\r\n"); err != nil {
		return err
	}
	endpoint, err := c.next()
	if err != nil {
		return err
	}
	base := &url.URL{Scheme: "http", Host: addr, Path: "/sse"}
	at, err := base.Parse(string(endpoint))
	if err != nil {
		return err
	}
	c.head = []byte("POST " + at.RequestURI() + " HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: application/json\r\n")
	answer, err := c.Call(SSE.initialize())
	if err != nil {
		return err
	}
	if err := SSE.checkInitialize(answer); err != nil {
		return err
	}
	return c.post.send(c.head, []byte(initialized))
}

func (c *sseClient) Call(text []byte) ([]byte, error) {
	if err := c.post.send(c.head, text); err != nil {
		return nil, err
	}
	for {
		answer, err := c.next()
		if err != nil || !fromServer(answer) {
			return answer, err
		}
	}
}

var method = []byte(`"method":`)

// fromServer reports whether the server says something of its own, a ping say.
func fromServer(text []byte) bool { return bytes.Contains(text[:min(len(text), 60)], method) }

// next returns the data of the next event.
func (c *sseClient) next() ([]byte, error) {
	for {
		line, err := readLine(c.stream.events, &c.line)
		if err != nil {
			return nil, err
		}
		if data, ok := bytes.CutPrefix(line, dataField); ok {
			return bytes.TrimSpace(data), nil
		}
	}
}

func (c *sseClient) Close() error {
	if c.post != nil && !c.shared {
		c.post.Close()
	}
	return c.stream.Close()
}

// tcp connects, without a delay for small writes, which is Go's default.
func tcp(addr string, deadline time.Time) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(deadline); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
)

const (
	cannedID   = 1001
	cannedText = `{"jsonrpc":"2.0","id":1001,"result":{"content":[{"type":"text","text":"A text of the length that people write."}]}}`
	cannedHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)

// canned answers every POST with the answer to request 1001: in its response, or
// on the stream if one was asked for. It allocates nothing while it does.
func canned(t *testing.T) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	streams := make(chan net.Conn, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go cannedConn(conn, streams)
		}
	}()
	return listener.Addr().String()
}

func cannedConn(conn net.Conn, streams chan net.Conn) {
	event := "event: message\ndata: " + cannedText + "\n\n"
	chunk := []byte(fmt.Sprintf("%x\r\n%s\r\n", len(event), event))
	whole := []byte(cannedHead + string(chunk) + "0\r\n\r\n")
	accepted := []byte("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
	in, length := bufio.NewReader(conn), 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if n, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length = number(bytes.TrimSpace(n))
		}
		if bytes.HasPrefix(line, []byte("GET ")) {
			io.WriteString(conn, cannedHead)
			streams <- conn
			return
		}
		if len(bytes.TrimSpace(line)) > 0 {
			continue
		}
		in.Discard(length)
		select {
		case stream := <-streams:
			conn.Write(accepted)
			stream.Write(chunk)
			streams <- stream
		default:
			conn.Write(whole)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	t.Run("post", func(t *testing.T) {
		c, err := Dial(canned(t), Modern, Echo(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		allocatesNothing(t, c)
	})
	t.Run("sse", func(t *testing.T) {
		addr := canned(t)
		c := &sseClient{head: []byte("POST / HTTP/1.1\r\n")}
		for _, conn := range []**Conn{&c.stream, &c.post} {
			var err error
			if *conn, err = DialConn(addr, Options{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.stream.get("GET / HTTP/1.1\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		allocatesNothing(t, c)
	})
	t.Run("stdio", func(t *testing.T) {
		in, toServer := io.Pipe()
		fromServer, out := io.Pipe()
		go func() {
			lines, line := bufio.NewReader(in), []byte(cannedText+"\n")
			for {
				if _, err := lines.ReadSlice('\n'); err != nil {
					return
				}
				out.Write(line)
			}
		}()
		allocatesNothing(t, &Lines{w: toServer, in: bufio.NewReader(fromServer)})
	})
}

func allocatesNothing(t *testing.T, client Client) {
	t.Helper()
	t.Cleanup(func() { client.Close() })
	c := NewCaller(client, Modern, Echo(), 0)
	call := func() {
		c.id = cannedID - 1
		if err := c.Call(); err != nil {
			t.Fatal(err)
		}
	}
	call()
	if n := testing.AllocsPerRun(200, call); n > 0 {
		t.Errorf("a call allocates %v times", n)
	}
}

func TestChecks(t *testing.T) {
	for _, wrong := range []string{
		`{"jsonrpc":"2.0","id":1001,"error":{"code":-32603,"message":"no"}}`,
		`{"jsonrpc":"2.0","id":1001,"result":{"isError":true,"content":[{"type":"text","text":"A text of the length that people write."}]}}`,
		`{"jsonrpc":"2.0","id":1001,"result":{"content":[{"type":"text","text":"another"}]}}`,
		`{"jsonrpc":"2.0","id":1001,"result":{"content":[]}}`,
		cannedText + "x",
	} {
		c := NewCaller(nil, HTTP, Echo(), 0)
		if id, err := c.Check([]byte(cannedText)); err != nil || id != cannedID {
			t.Fatalf("the right answer: %d, %v", id, err)
		}
		if _, err := c.Check([]byte(wrong)); err == nil {
			t.Errorf("%s is taken for right", wrong)
		}
	}
}

package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
)

// Conn is a connection that speaks HTTP/1.1.
type Conn struct {
	conn   net.Conn
	in     *bufio.Reader
	events *bufio.Reader // what a stream that was asked for with get says
	chunks chunks
	out    []byte

	// Of the last response:
	session string
	body    []byte
	stream  bool // it is an event stream
	chunked bool
	length  int
}

// DialConn connects and sends nothing yet.
func DialConn(addr string, o Options) (*Conn, error) {
	conn, err := tcp(addr, o.Deadline)
	if err != nil {
		return nil, err
	}
	c := &Conn{conn: conn, in: bufio.NewReaderSize(conn, o.buffer())}
	c.chunks.in = c.in
	return c, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// send sends a request and reads the response. The head goes up to the content
// length, which is the last header.
func (c *Conn) send(head, body []byte) error {
	c.out = append(append(c.out[:0], head...), "Content-Length: "...)
	c.out = append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n\r\n"...)
	c.out = append(c.out, body...)
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	status, err := c.readHead()
	if err != nil {
		return err
	}
	if err := c.readBody(); err != nil {
		return err
	}
	if status/100 != 2 {
		return fmt.Errorf("the server answered with status %d: %q", status, clip(c.body))
	}
	return nil
}

// get sends a request whose response is a stream without end.
func (c *Conn) get(request string) error {
	if _, err := io.WriteString(c.conn, request); err != nil {
		return err
	}
	status, err := c.readHead()
	if err != nil {
		return err
	}
	if status != 200 || !c.stream || !c.chunked {
		return fmt.Errorf("the stream was answered with status %d and is no event stream in chunks", status)
	}
	c.events = bufio.NewReaderSize(&c.chunks, c.in.Size())
	return nil
}

var errHead = errors.New("the head of the response is no HTTP/1.1")

func (c *Conn) readHead() (status int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, errHead
	}
	status = number(line[9:12])
	c.stream, c.chunked, c.length = false, false, -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			return status, nil
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			return 0, errHead
		}
		c.header(line[:colon], bytes.TrimSpace(line[colon+1:]))
	}
}

func (c *Conn) header(name, value []byte) {
	is := func(s string) bool { return len(name) == len(s) && bytes.EqualFold(name, []byte(s)) }
	switch {
	case is("Content-Length"):
		c.length = number(value)
	case is("Transfer-Encoding"):
		c.chunked = true // there is no other
	case is("Content-Type"):
		c.stream = bytes.HasPrefix(value, []byte("text/event-stream"))
	case is("Mcp-Session-Id") && c.session != string(value):
		c.session = string(value)
	}
}

// number reads digits; what is none is -1.
func number(digits []byte) int {
	n := 0
	for _, d := range digits {
		if d < '0' || d > '9' {
			return -1
		}
		n = 10*n + int(d-'0')
	}
	return n
}

func (c *Conn) readBody() error {
	c.body = c.body[:0]
	if !c.chunked {
		if c.length < 0 {
			return errors.New("the response has no length")
		}
		c.body = slices.Grow(c.body, c.length)[:c.length]
		_, err := io.ReadFull(c.in, c.body)
		return err
	}
	c.chunks.begin()
	for {
		c.body = slices.Grow(c.body, 4096)
		n, err := c.chunks.Read(c.body[len(c.body):cap(c.body)])
		c.body = c.body[:len(c.body)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// chunks reads a body in chunks, up to and with the line that ends it.
type chunks struct {
	in    *bufio.Reader
	left  int // of the chunk
	later bool
}

func (c *chunks) begin() { c.left, c.later = 0, false }

func (c *chunks) Read(p []byte) (int, error) {
	if c.left == 0 {
		if err := c.size(); err != nil {
			return 0, err
		}
	}
	n, err := c.in.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// size reads the line before a chunk, with the end of the chunk before.
func (c *chunks) size() error {
	if c.later {
		if _, err := c.in.Discard(2); err != nil {
			return err
		}
	}
	c.later = true
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	for _, d := range bytes.TrimSpace(line) {
		switch {
		case '0' <= d && d <= '9':
			c.left = c.left<<4 | int(d-'0')
		case 'a' <= d && d <= 'f':
			c.left = c.left<<4 | int(d-'a'+10)
		default:
			return fmt.Errorf("%q is no size of a chunk", line)
		}
	}
	if c.left > 0 {
		return nil
	}
	if _, err := c.in.Discard(2); err != nil {
		return err
	}
	return io.EOF
}

// readLine returns a line of any length, without its end, valid until the next.
func readLine(r *bufio.Reader, long *[]byte) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err == nil {
		return bytes.TrimRight(line, "\r\n"), nil
	}
	*long = (*long)[:0]
	for errors.Is(err, bufio.ErrBufferFull) {
		*long = append(*long, line...)
		line, err = r.ReadSlice('\n')
	}
	*long = append(*long, line...)
	return bytes.TrimRight(*long, "\r\n"), err
}

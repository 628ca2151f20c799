package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Lines is stdio: a message a line, on a pair of pipes.
type Lines struct {
	w    io.WriteCloser
	in   *bufio.Reader
	out  []byte
	line []byte
}

// NewLines does the handshake with a server that reads w and writes r.
func NewLines(w io.WriteCloser, r io.Reader) (*Lines, error) {
	c := &Lines{w: w, in: bufio.NewReaderSize(r, 64<<10)}
	answer, err := c.Call(Stdio.initialize())
	if err == nil {
		err = Stdio.checkInitialize(answer)
	}
	if err == nil {
		c.Add([]byte(initialized))
		err = c.Flush()
	}
	if err != nil {
		return nil, fmt.Errorf("connect over stdio: %w", err)
	}
	return c, nil
}

// Call sends a message and returns the answer, valid until the next Call.
func (c *Lines) Call(text []byte) ([]byte, error) {
	c.Add(text)
	if err := c.Flush(); err != nil {
		return nil, err
	}
	return c.Next()
}

// Add puts a message into what Flush sends.
func (c *Lines) Add(text []byte) { c.out = append(append(c.out, text...), '\n') }

// Flush sends what was added.
func (c *Lines) Flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.w.Write(c.out)
	c.out = c.out[:0]
	return err
}

// Next returns the next answer.
func (c *Lines) Next() ([]byte, error) {
	for {
		line, err := readLine(c.in, &c.line)
		if errors.Is(err, io.EOF) {
			err = errors.New("the server ended its output")
		}
		if err != nil {
			return nil, err
		}
		if len(line) > 0 && !fromServer(line) {
			return line, nil
		}
	}
}

// Waiting reports whether an answer, or its beginning, is there already.
func (c *Lines) Waiting() bool { return c.in.Buffered() > 0 }

// Close ends the server's input.
func (c *Lines) Close() error { return c.w.Close() }

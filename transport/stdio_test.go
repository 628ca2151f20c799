package transport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// lines runs a connection whose input is text, and returns what it wrote, sorted.
func lines(t *testing.T, o StdioOptions, in io.Reader) ([]string, *fake) {
	t.Helper()
	f := newFake()
	var table Table
	var out bytes.Buffer
	if err := ServeStdio(t.Context(), &table, f.accept, in, &out, o); err != nil {
		t.Error(err)
	}
	endsWith(t, f.last(), ErrClientGone)
	if table.Len() != 0 || f.last().calls.running() != 0 {
		t.Error("something is left")
	}
	if out.Len() == 0 {
		return nil, f
	}
	got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	slices.Sort(got)
	return got, f
}

func TestStdio(t *testing.T) {
	one, two := request(1, "echo", `{}`), request(2, "echo", `{"a":2}`)
	answers := []string{result(1, `{}`), result(2, `{"a":2}`)}
	for _, tt := range []struct {
		name, in string
		want     []string
		notes    string
	}{
		{name: "nothing", in: ""},
		{name: "lines", in: one + "\n" + two + "\n", want: answers},
		{name: "CRLF", in: one + "\r\n" + two + "\r\n", want: answers},
		{name: "blank lines", in: "\n\r\n  \n" + one + "\n\n\t\n" + two + "\n \n", want: answers},
		{name: "spaces", in: "  " + one + " \n" + two + "\t\n", want: answers},
		{name: "no newline at the end", in: one + "\n" + two, want: answers},
		{name: "notification", in: `{"jsonrpc":"2.0","method":"note"}` + "\n", notes: "note"},
		{name: "no JSON", in: "}\n" + one + "\n", want: []string{
			result(1, `{}`), `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"invalid JSON at byte 0: unexpected '}', want a value"}}`,
		}},
		{name: "no message", in: `{"jsonrpc":"2.0","id":3}` + "\n" + one, want: []string{
			result(1, `{}`), `{"jsonrpc":"2.0","id":3,"error":{"code":-32600,"message":"invalid message: neither a \"method\" nor one of \"result\" and \"error\" with an \"id\""}}`,
		}},
		{name: "broken response", in: `{"jsonrpc":"2.0","id":3,"result":1,"error":2}` + "\n", want: []string{
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid message: both a \"result\" and an \"error\""}}`,
		}},
		{name: "pretty result", in: request(1, "pretty", `{}`), want: []string{`{"jsonrpc":"2.0","id":1,"result":{   "a": 1,    "b": "x\ny" }}`}},
		{name: "batch", in: "[" + one + "," + two + "]\n", want: []string{"[" + answers[0] + "," + answers[1] + "]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in)), iotest.DataErrReader(strings.NewReader(tt.in))} {
				got, f := lines(t, StdioOptions{}, in)
				if !slices.Equal(got, tt.want) || f.noted() != tt.notes {
					t.Errorf("got  %q, notes %q\nwant %q", got, f.noted(), tt.want)
				}
			}
		})
	}
}

func TestStdioMessageSize(t *testing.T) {
	const limit = 100_000 // more than the reader's buffer
	long := func(size int) string {
		head, tail := `{"jsonrpc":"2.0","id":1,"method":"echo","params":["`, `"]}`
		return head + strings.Repeat("x", size-len(head)-len(tail)) + tail
	}
	const tooLong = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the message is larger than 100000 bytes"}}`
	for _, tt := range []struct {
		size int
		ok   bool
	}{{limit, true}, {limit + 1, false}, {limit + 2, false}, {10 * limit, false}} {
		for _, end := range []string{"\n", "\r\n", ""} {
			in := long(tt.size) + end
			if end != "" {
				in += request(2, "echo", `{}`) + end
			}
			got, _ := lines(t, StdioOptions{Limits: Limits{Message: limit}}, strings.NewReader(in))
			if slices.Contains(got, tooLong) == tt.ok || end != "" && !slices.Contains(got, result(2, `{}`)) {
				t.Errorf("%d bytes and %q: %.300q", tt.size, end, got)
			}
		}
	}
	got, _ := lines(t, StdioOptions{Limits: noLimits}, strings.NewReader(long(limit)))
	if len(got) != 1 || len(got[0]) < limit-100 {
		t.Errorf("without limits: %.300q", got)
	}
}

// console is a stdio connection that a test talks to.
type console struct {
	*fake
	table  Table
	in     *io.PipeWriter
	out    *bufio.Reader
	outEnd *io.PipeReader
	stop   context.CancelFunc
	served chan error
}

// talk runs f with a connection in a synctest bubble.
func talk(t *testing.T, o StdioOptions, f func(t *testing.T, c *console)) {
	synctest.Test(t, func(t *testing.T) {
		in, toServer := io.Pipe()
		fromServer, out := io.Pipe()
		ctx, stop := context.WithCancel(t.Context())
		c := &console{fake: newFake(), in: toServer, out: bufio.NewReader(fromServer), outEnd: fromServer, stop: stop, served: make(chan error, 1)}
		go func() { c.served <- ServeStdio(ctx, &c.table, c.accept, in, out, o) }()
		f(t, c)
		stop()
		toServer.Close()
		out.Close()
		synctest.Wait()
		if c.table.Len() != 0 {
			t.Error("the connection is still in the table")
		}
	})
}

func (c *console) write(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func (c *console) want(t *testing.T, line string) {
	t.Helper()
	if got, err := c.out.ReadString('\n'); got != line+"\n" || err != nil {
		t.Fatalf("got %s, %v, want %s", got, err, line)
	}
}

func TestStdioEndWaitsForAnswers(t *testing.T) {
	talk(t, StdioOptions{Args: map[string][]string{"auth": {"A"}}}, func(t *testing.T, c *console) {
		c.write(t, request(1, "args", `{}`))
		c.want(t, result(1, `{"auth":["A"]}`))
		c.write(t, request(2, "stubborn", `{}`))
		c.in.Close()
		time.Sleep(24 * time.Hour)
		waits(t, c.served)
		close(c.release)
		c.want(t, result(2, `"released"`))
		if err := <-c.served; err != nil {
			t.Error(err)
		}
	})
}

func TestStdioDrain(t *testing.T) {
	late := func(id int) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"error":{"code":-32000,"message":"the server is shutting down"}}`, id)
	}
	t.Run("calls end", func(t *testing.T) {
		talk(t, StdioOptions{}, func(t *testing.T, c *console) {
			c.write(t, request(1, "stubborn", `{}`))
			c.stop()
			synctest.Wait()
			c.write(t, request(2, "echo", `{}`))
			c.want(t, late(2))
			c.write(t, "["+request(3, "echo", `{}`)+`,{"jsonrpc":"2.0","method":"note"},`+request(4, "echo", `{}`)+"]")
			c.want(t, "["+late(3)+","+late(4)+"]")
			c.write(t, `{"jsonrpc":"2.0","method":"note"}`)
			if c.noted() != "note" { // a call under way may be waiting for it, or be what it cancels
				t.Error("a notification was not delivered while a call was under way")
			}
			close(c.release)
			c.want(t, result(1, `"released"`))
			if err := <-c.served; err != nil {
				t.Error(err)
			}
			endsWith(t, c.last(), ErrShutdown)
		})
	})
	for _, closed := range []bool{false, true} { // also while the end of the input waits for answers
		t.Run(fmt.Sprintf("calls are ended, input closed %v", closed), func(t *testing.T) {
			talk(t, StdioOptions{Drain: 3 * time.Second}, func(t *testing.T, c *console) {
				c.write(t, request(1, "block", `{}`))
				if closed {
					c.in.Close()
				}
				began := time.Now()
				c.stop()
				c.want(t, result(1, `"the server is shutting down"`))
				if err := <-c.served; err != nil || time.Since(began) != 3*time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
	t.Run("a call is left behind", func(t *testing.T) {
		talk(t, StdioOptions{}, func(t *testing.T, c *console) {
			c.write(t, request(1, "stubborn", `{}`))
			began := time.Now()
			c.stop()
			if err := <-c.served; err != nil || time.Since(began) != defaultDrain+grace {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			close(c.release)
			c.write(t, request(2, "echo", `{}`)) // the read that was under way
			if n := c.out.Buffered(); n != 0 {
				t.Errorf("%d bytes were written after the end", n)
			}
			p := c.last()
			if err := p.Send(t.Context(), &jsonrpc.Message{Method: "m"}); err != ErrShutdown {
				t.Errorf("sending after the end: %v", err)
			}
			p.Notify(&jsonrpc.Message{Method: "m"})
		})
	})
}

func TestStdioBrokenStreams(t *testing.T) {
	talk(t, StdioOptions{}, func(t *testing.T, c *console) {
		c.write(t, request(1, "block", `{}`))
		c.in.CloseWithError(errors.New("input/output error"))
		if err := <-c.served; err == nil || err.Error() != "reading from the client: input/output error" {
			t.Error(err)
		}
		endsWith(t, c.last(), ErrClientGone)
		if n := c.last().calls.running(); n != 0 {
			t.Errorf("%d calls were not waited for", n)
		}
	})
	talk(t, StdioOptions{}, func(t *testing.T, c *console) {
		c.outEnd.CloseWithError(io.ErrClosedPipe)
		c.write(t, request(1, "block", `{}`))
		c.write(t, request(2, "echo", `{}`))
		if err := <-c.served; err != ErrClientGone {
			t.Error(err)
		}
	})
	talk(t, StdioOptions{}, func(t *testing.T, c *console) {
		c.write(t, request(1, "block", `{}`))
		why := errors.New("logged out")
		c.last().Close(why)
		if err := <-c.served; err != why {
			t.Error(err)
		}
	})
}

// A client that sends and does not read is not read from either.
func TestStdioClientThatOnlySends(t *testing.T) {
	talk(t, StdioOptions{Limits: Limits{Calls: 5}}, func(t *testing.T, c *console) {
		go func() {
			for i := range 100 {
				io.WriteString(c.in, request(i, "echo", `{}`)+"\n")
			}
			c.in.Close()
		}()
		time.Sleep(time.Second) // the first is found to be slow
		synctest.Wait()
		if n := c.last().calls.running(); n != 10 {
			t.Errorf("%d requests are at work, want 10", n)
		}
		for range 100 {
			if _, err := c.out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-c.served; err != nil {
			t.Error(err)
		}
	})
}

func TestStdioRefused(t *testing.T) {
	f := newFake()
	f.refuse = &Refusal{Status: 401, Reason: "no key"}
	var table Table
	err := ServeStdio(t.Context(), &table, f.accept, strings.NewReader(""), io.Discard, StdioOptions{})
	if err != f.refuse || table.Len() != 0 || err.Error() != "refused with 401 Unauthorized: no key" {
		t.Error(err)
	}
}

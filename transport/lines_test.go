package transport

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// worker is a receiver whose methods take their time.
type worker struct {
	t      *testing.T
	p      *Peer
	answer chan struct{} // of what it asked
	order  []string      // of the messages
	reader string        // the goroutine that reads
	here   atomic.Int32  // calls that ran there
}

func (w *worker) accept(p *Peer) (Receiver, error) {
	w.p, w.answer = p, make(chan struct{}, 1)
	return w, nil
}

// goroutine names the goroutine that asks, by the first line of its stack.
func goroutine() string {
	stack := make([]byte, 64)
	stack = stack[:runtime.Stack(stack, false)]
	name, _, _ := bytes.Cut(stack, []byte(" ["))
	return string(name)
}

// Receive implements [Receiver].
func (w *worker) Receive(_ context.Context, x *Exchange) (run func()) {
	m := &x.Message
	w.order = append(w.order, string(m.ID)+m.Method)
	w.reader = goroutine()
	if m.Method == "" {
		w.answer <- struct{}{}
		return nil
	}
	reader := w.reader
	return func() {
		if goroutine() == reader {
			w.here.Add(1)
		}
		switch m.Method {
		case "sleep":
			time.Sleep(time.Second)
		case "ask":
			_ = x.Reply.Send(w.p.Context(), &jsonrpc.Message{ID: `"q"`, Method: "question"})
			<-w.answer
		case "exit":
			defer w.reply(x)
			runtime.Goexit()
		}
		w.reply(x)
	}
}

func (w *worker) reply(x *Exchange) {
	_ = x.Reply.Send(w.p.Context(), &jsonrpc.Message{ID: x.Message.ID, Result: []byte("{}")})
}

// terminal is a client of a worker.
type terminal struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

// work serves a worker in a bubble and hands its client to f.
func work(t *testing.T, f func(w *worker, c *terminal)) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{t: t}
		in, toServer := io.Pipe()
		fromServer, out := io.Pipe()
		served := make(chan error, 1)
		go func() { served <- ServeStdio(t.Context(), new(Table), w.accept, in, out, StdioOptions{}) }()
		f(w, &terminal{t, toServer, bufio.NewReader(fromServer)})
		toServer.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func (c *terminal) write(id int, method string) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, request(id, method, `{}`)+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the id of the next message.
func (c *terminal) read() string {
	c.t.Helper()
	line, err := c.out.ReadBytes('\n')
	var m struct{ ID json.RawMessage }
	if err == nil {
		err = json.Unmarshal(line, &m)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return string(m.ID)
}

// Quick calls run where they are read. One that is slow holds up what comes behind
// it for an instant, and the next ones run beside others until they are quick.
func TestLines(t *testing.T) {
	work(t, func(w *worker, c *terminal) {
		id := 0
		quick := func(n int) {
			t.Helper()
			for range n {
				id++
				c.write(id, "quick")
				if got := c.read(); got != fmt.Sprint(id) {
					t.Fatalf("the answer to %d is to %s", id, got)
				}
			}
		}
		quick(10)
		if n := w.here.Load(); n != 10 {
			t.Errorf("%d of 10 quick calls ran where they were read", n)
		}
		began := time.Now()
		c.write(1000, "sleep")
		quick(1)
		if d := time.Since(began); d > 2*watchEvery {
			t.Errorf("a slow call held up another for %v", d)
		}
		quick(1)
		if d := time.Since(began); d > 2*watchEvery {
			t.Errorf("a slow call held up two others for %v", d)
		}
		if got := c.read(); got != "1000" {
			t.Errorf("the slow answer is to %s", got)
		}
		w.here.Store(0)
		quick(slowCalls)
		if n := w.here.Load(); n > 5 {
			t.Errorf("%d calls behind a slow one ran where they were read", n)
		}
		w.here.Store(0)
		quick(10)
		if n := w.here.Load(); n != 10 {
			t.Errorf("%d of 10 quick calls ran where they were read, much later", n)
		}
	})
}

// A call that asks the client lets another goroutine read the answer, at once.
func TestLinesThatAsk(t *testing.T) {
	work(t, func(w *worker, c *terminal) {
		began := time.Now()
		c.write(1, "ask")
		if got := c.read(); got != `"q"` {
			t.Fatalf("got %s", got)
		}
		io.WriteString(c.in, `{"jsonrpc":"2.0","id":"q","result":{}}`+"\n")
		if got := c.read(); got != "1" {
			t.Errorf("got %s", got)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("the answer was read after %v", d)
		}
	})
}

// A call that ends its goroutine ends no more than that.
func TestLinesThatExit(t *testing.T) {
	work(t, func(w *worker, c *terminal) {
		for id := range 3 {
			c.write(id, "exit")
			if got := c.read(); got != fmt.Sprint(id) {
				t.Errorf("got %s", got)
			}
		}
		c.write(3, "quick")
		if got := c.read(); got != "3" {
			t.Errorf("got %s", got)
		}
	})
}

// However the reading changes hands, messages are received in order, and each is
// answered.
func TestLinesInOrder(t *testing.T) {
	work(t, func(w *worker, c *terminal) {
		const n = 2000
		go func() {
			for id := range n {
				method := "quick"
				switch id % 97 {
				case 3:
					method = "sleep"
				case 50:
					method = "exit"
				}
				c.write(id, method)
			}
		}()
		seen := make(map[string]bool)
		for range n {
			seen[c.read()] = true
		}
		if len(seen) != n {
			t.Errorf("%d answers, want %d", len(seen), n)
		}
		for id, got := range w.order {
			if want := fmt.Sprint(id); got[:len(want)] != want {
				t.Fatalf("message %d was received in place of %d", id, id)
			}
		}
	})
}

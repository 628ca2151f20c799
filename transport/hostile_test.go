package transport

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBodiesLimit: what the bodies of all clients together take is bounded, while
// they are received and while they are worked on, and given back. Small ones still
// have room where large ones have none.
func TestBodiesLimit(t *testing.T) {
	o := options()
	o.Limits.Bodies = 64 << 10
	spaces := strings.Repeat(" ", 24_000)
	small, large := "{", "{"+spaces // no messages, which is found out when they have been read
	for name, take := range map[string]func(w *world) (giveBack func()){
		"a body that is being received": func(w *world) func() {
			addr := strings.TrimPrefix(w.url, "http://")
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", addr, len(spaces)+1, spaces)
			return func() { conn.Close() }
		},
		"the body of a call": func(w *world) func() {
			var call sync.WaitGroup
			call.Go(func() { w.post(`{"jsonrpc":"2.0","id":1,"method":"stubborn"}`+spaces, nil) })
			<-w.started
			return func() { close(w.release); call.Wait() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, o, nil)
			until := func(text string, status int) {
				t.Helper()
				for deadline := time.Now().Add(timeout); ; {
					r := w.post(text, nil)
					if r.StatusCode == status {
						return
					}
					if r.StatusCode != 503 && r.StatusCode != 400 || time.Now().After(deadline) {
						t.Fatal(r)
					}
				}
			}
			giveBack := take(w)
			until(large, 503) // when what was sent has arrived
			if r := w.post(small, nil); r.StatusCode != 400 {
				t.Errorf("a small one: %v", r)
			}
			giveBack()
			until(large, 400) // when its end has been noticed
		})
	}
}

// TestQueueTellsOnce: what is pushed past the limit waits there once.
func TestQueueTellsOnce(t *testing.T) {
	q := newQueue(10)
	for range 100 {
		q.push([]byte("0123456789"))
		q.push([]byte("other"))
	}
	if got := len(q.take()); got != 3 {
		t.Errorf("%d texts wait", got)
	}
	q.push([]byte("other"))
	if got := len(q.take()); got != 1 {
		t.Errorf("afterwards %d texts wait", got)
	}
}

// TestReplayAfterTheEnd: what comes behind the answer is not recorded, or the
// stream would be counted when it has been dropped.
func TestReplayAfterTheEnd(t *testing.T) {
	limits := options().Limits.WithDefaults()
	r := newReplay(context.Background(), &limits, newBudget(&limits), false)
	l := r.open()
	l.add([]byte("answer"), true)
	size := r.size
	if _, direct := l.add([]byte("late"), false); direct || r.size != size {
		t.Errorf("it is to be written: %v, and %d bytes have become %d", direct, size, r.size)
	}
	r.stop()
}

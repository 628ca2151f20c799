package transport

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// TestBodiesLimit: what clients send before anyone has asked who they are is
// bounded for all of them together, and given back.
func TestBodiesLimit(t *testing.T) {
	o := options()
	o.Limits.Bodies = 1000
	w := serve(t, o, nil)
	addr := strings.TrimPrefix(w.url, "http://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 2000\r\n\r\n%s", addr, strings.Repeat(" ", 900))
	deadline := time.Now().Add(10 * time.Second)
	big := "{" + strings.Repeat(" ", 300) // no message, which is found out when it has been read
	for {                                 // until what was sent has arrived
		r := w.post(big, nil)
		if r.StatusCode == 503 {
			break
		}
		if r.StatusCode != 400 || time.Now().After(deadline) {
			t.Fatal(r)
		}
	}
	conn.Close()
	for w.post(big, nil).StatusCode != 400 { // until its end has been noticed
		if time.Now().After(deadline) {
			t.Fatal("what a client took is not given back")
		}
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
	r := newReplay(context.Background(), &limits, false)
	l := r.open()
	l.add([]byte("answer"), true)
	size := r.size
	if _, direct := l.add([]byte("late"), false); direct || r.size != size {
		t.Errorf("it is to be written: %v, and %d bytes have become %d", direct, size, r.size)
	}
	r.stop()
}

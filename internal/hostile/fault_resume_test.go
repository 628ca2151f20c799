package hostile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/transport"
)

// event is one of an event stream.
type event struct{ id, data string }

// eventsOf are the complete events of a text.
func eventsOf(text string) (all []event) {
	blocks := strings.Split(text, "\n\n")
	for _, block := range blocks[:len(blocks)-1] { // the last one is not complete
		var e event
		for line := range strings.Lines(block) {
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				e.id = strings.TrimSpace(id)
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				e.data = strings.TrimSpace(data)
			}
		}
		all = append(all, e)
	}
	return all
}

// bodyOf sends a request, reads no more than n bytes of the answer, and returns what
// that holds of the body.
func (s *cutServer) bodyOf(text string, n int64) string {
	c := s.connectTo()
	if c == nil {
		return ""
	}
	defer c.Close()
	_, _ = io.WriteString(c, text)
	res, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, n)), nil)
	if err != nil {
		return "" // the header was not complete
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body) // as far as it goes
	return string(body)
}

// TestFaultResumeAtEveryByte: a client of a session whose connection breaks, wherever
// that is in the answer to its call, comes back and gets what it has not read: each
// event once, in order, the result last.
func TestFaultResumeAtEveryByte(t *testing.T) {
	s := newCutServer(t, server.Limits{Calls: 1000})
	session := begin(t, s.host, "")
	s.baseline()
	text := s.exchange("a call", "steps", session, "")
	whole := eventsOf(s.bodyOf(text, 1<<20))
	if len(whole) != 5 {
		t.Fatalf("the events of a call are %q", whole)
	}
	const most = 1100 // bytes of an answer, about
	var resumed atomic.Int64
	each(most, func(n int) {
		id := fmt.Sprintf("%04d", n)
		sent := strings.Replace(text, `"id":"once"`, `"id":"`+id+`"`, 1)
		got := eventsOf(s.bodyOf(sent, int64(n)))
		if len(got) == 0 {
			return // it knows no event to come back with
		}
		last := got[len(got)-1].id
		resumed.Add(1)
		rest := s.bodyOf(request("GET", "/mcp", s.host, "", "Mcp-Session-Id: "+session, "Accept: text/event-stream", "Last-Event-ID: "+last, "Connection: close"), 1<<20)
		got = append(got, eventsOf(rest)...)
		if len(got) != len(whole) {
			t.Errorf("cut after %d bytes the client got %q", n, got)
			return
		}
		for i, e := range got {
			if want := strings.Replace(whole[i].data, `"id":"once"`, `"id":"`+id+`"`, 1); e.data != want {
				t.Errorf("cut after %d bytes event %d is %q, want %q", n, i, e, want)
			}
		}
	})
	if n := resumed.Load(); n < most/2 {
		t.Errorf("%d streams of %d were resumed", n, most)
	}
	s.settled()
}

// breaker makes requests, and breaks the answer to a call behind some bytes.
type breaker struct {
	http.RoundTripper
	after int
}

// RoundTrip implements [http.RoundTripper].
func (b *breaker) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil && r.Method == http.MethodPost && r.ContentLength > 0 {
		res.Body = &broken{res.Body, b.after}
	}
	return res, err
}

// broken is a body that breaks.
type broken struct {
	io.ReadCloser
	left int
}

// Read implements [io.Reader].
func (b *broken) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, syscall.ECONNRESET
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// TestFaultClientCutAtEveryByte: package client gets the result of a call in a session
// wherever the answer broke, and its progress once each; but if that was before the
// server had named a place to come back to, the call was lost, and the client says so.
func TestFaultClientCutAtEveryByte(t *testing.T) {
	s := newCutServer(t, server.Limits{})
	pool := &http.Transport{}
	t.Cleanup(pool.CloseIdleConnections)
	b := &breaker{pool, 1 << 20}
	c, err := client.Connect(patiently(t), client.URL("http://"+s.host+"/mcp"), client.Options{
		Revision: servertest.Latest, Logger: unlogged, HTTPClient: &http.Client{Transport: b},
		Reconnect: transport.Retry{First: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const first = len("id: 1-0\ndata: \n\n")
	lost := 0
	for b.after = range 700 {
		var steps []float64
		got, err := client.Call[string](patiently(t), c, "steps", nil, client.OnProgress(func(p client.Progress) { steps = append(steps, p.Done) }))
		switch {
		case errors.Is(err, client.ErrLost) && b.after < first+3: // the number of the stream has up to four digits
			lost++
		case err != nil || got != "done" || len(steps) != 3 || steps[2] != 3:
			t.Errorf("broken behind %d bytes the call got %q, %v, and progress of %v", b.after, got, err, steps)
		}
	}
	if lost < 10 {
		t.Errorf("%d calls were lost: nothing broke", lost)
	}
}

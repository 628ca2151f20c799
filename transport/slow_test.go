package transport

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// A client that does not read blocks its own answers, holds the queue's bytes,
// and is cut off; nobody else notices.
func TestSlowReader(t *testing.T) {
	o := options()
	o.Limits.Queue = 100_000
	o.Limits.Write = 30 * time.Second
	bubble(t, o, nil, func(t *testing.T, w *world) {
		slow := w.open("/sse", nil)
		p := w.last()
		began := time.Now()
		for i := range 8 {
			slow.send(request(i, "big", `[40000]`))
			synctest.Wait()
		}
		q := &p.out.(*sseStream).queue
		if q.size > 100_000 || q.size < 60_000 {
			t.Errorf("%d bytes are queued", q.size)
		}
		if n := p.calls.running(); n < 4 {
			t.Errorf("%d answers wait, want more", n)
		}
		other := w.open("/sse", nil)
		for i := range 5 {
			other.send(request(i, "echo", `{}`))
			other.want(result(i, `{}`))
		}
		other.close()
		if d := time.Since(began); d != 0 {
			t.Errorf("the others waited for %v", d)
		}
		endsWith(t, p, ErrSlowReader)
		if d := time.Since(began); d != 30*time.Second {
			t.Errorf("the session ended after %v", d)
		}
		slow.close()
	})
}

// Over a socket it is the same, though net/http then says that the client went.
func TestSlowReaderOverSocket(t *testing.T) {
	o := options()
	o.Limits.Write = 200 * time.Millisecond
	w := serve(t, o, nil)
	s := w.open("/sse", nil)
	s.send(request(1, "big", `[30000000]`)) // more than the kernel buffers
	endsWith(t, w.last(), ErrSlowReader)
}

// A client that reads, however slowly, gets a message larger than the queue, in
// more time than one write has.
func TestSlowReaderThatReads(t *testing.T) {
	o := options()
	o.Limits.Queue = 1000
	o.Limits.Write = 30 * time.Second
	bubble(t, o, nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		const size = 10 * chunk
		s.send(request(1, "big", `[655360]`))
		began := time.Now()
		var text strings.Builder
		for buf := make([]byte, 4096); text.Len() < size; {
			time.Sleep(time.Second)
			n, err := s.r.Read(buf)
			if err != nil {
				t.Fatalf("after %d bytes and %v: %v", text.Len(), time.Since(began), err)
			}
			text.Write(buf[:n])
		}
		if d := time.Since(began); d < 2*time.Minute {
			t.Errorf("it was read in %v: too fast to prove anything", d)
		}
		s.close()
	})
}

// Nothing is dropped for a reader that pauses.
func TestReaderThatPauses(t *testing.T) {
	const n = 1000
	o := options()
	o.Limits.Queue = 50_000
	o.Limits.Calls = n
	bubble(t, o, nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		big := `"` + strings.Repeat("x", 10_000) + `"`
		read, sent := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(read)
			for i := range n {
				if i%100 == 0 {
					time.Sleep(20 * time.Second)
				}
				s.want(result(i, big))
			}
		}()
		go func() {
			defer close(sent)
			p := w.last()
			for i := range n { // the answers in order: one sender
				m := &jsonrpc.Message{ID: jsonrpc.ID(strconv.Itoa(i)), Result: []byte(big)}
				if err := p.Send(t.Context(), m); err != nil {
					t.Errorf("response %d: %v", i, err)
					return
				}
			}
		}()
		<-sent
		<-read
		s.close()
	})
}

// A client that sends and does not read is told so, before it fills the server.
func TestClientThatOnlySends(t *testing.T) {
	o := options()
	o.Limits.Calls = 5
	bubble(t, o, nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		for i := range 10 {
			s.send(request(i, "stubborn", `{}`))
		}
		r := w.do(http.MethodPost, s.post, request(10, "stubborn", `{}`), nil)
		if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
			t.Error(r)
		}
		if n := w.last().calls.running(); n != 10 {
			t.Errorf("%d are counted", n)
		}
		close(w.release)
		for range 10 {
			if _, err := s.next(); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		s.send(request(11, "echo", `{}`))
		s.want(result(11, `{}`))
		s.close()
	})
}

func TestKeepAlive(t *testing.T) {
	for _, tt := range []struct {
		option, every time.Duration
	}{{0, 15 * time.Second}, {time.Minute, time.Minute}} {
		o := options()
		o.KeepAlive = tt.option
		bubble(t, o, nil, func(t *testing.T, w *world) {
			s := w.open("/sse", nil)
			last := time.Now()
			for i := range 5 {
				if e, err := s.next(); err != nil || e != (seen{name: "comment", data: "keep-alive"}) {
					t.Fatal(e, err)
				}
				if d := time.Since(last); d != tt.every {
					t.Errorf("comment %d came after %v", i, d)
				}
				last = time.Now()
			}
			// A message is a sign of life as well.
			time.Sleep(tt.every / 3)
			s.send(request(1, "echo", `{}`))
			s.want(result(1, `{}`))
			last = time.Now()
			if _, err := s.next(); err != nil || time.Since(last) != tt.every {
				t.Errorf("after a message: %v, %v", time.Since(last), err)
			}
			s.close()
		})
	}
	o := options()
	o.KeepAlive = -1
	o.Limits.Idle = 2 * time.Hour
	bubble(t, o, nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		if e, err := s.next(); err == nil || time.Since(w.last().opened) != 2*time.Hour {
			t.Errorf("without keep-alive: %v", e)
		}
		s.close()
	})
}

// The timeouts of a server are for requests, not for streams.
func TestServerTimeouts(t *testing.T) {
	timeouts := func(srv *http.Server) { srv.WriteTimeout, srv.ReadTimeout = time.Second, time.Second }
	for _, limits := range []Limits{{}, noLimits} {
		o := options()
		o.Limits = limits
		bubble(t, o, timeouts, func(t *testing.T, w *world) {
			s := w.open("/sse", nil)
			for i := range 5 {
				if e, err := s.next(); err != nil || e.name != "comment" {
					t.Fatalf("after %v: %v, %v", time.Since(w.last().opened), e, err)
				}
				s.send(request(i, "stubborn", `{}`))
				time.Sleep(3 * time.Second)
				w.release <- struct{}{}
				s.want(result(i, `"released"`))
			}
			s.close()
		})
	}
}

// A body that does not come is not waited for.
func TestReadLimit(t *testing.T) {
	o := options()
	o.Limits.Read = 5 * time.Second
	bubble(t, o, nil, func(t *testing.T, w *world) {
		s := w.open("/sse", nil)
		began := time.Now()
		body, late := io.Pipe()
		defer late.Close()
		req, err := http.NewRequest(http.MethodPost, s.post, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = 100
		res, err := w.client.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusBadRequest {
				t.Error(res.Status)
			}
		}
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("waited for %v", d)
		}
		s.close()
	})
}

// A client that sends no body is told why it is refused for its header, when the time
// for the body has passed.
func TestRefusedWithoutBody(t *testing.T) {
	bubble(t, options(), nil, func(t *testing.T, w *world) {
		conn, err := w.client.Transport.(*http.Transport).DialContext(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		began := time.Now()
		if _, err := io.WriteString(conn, "POST /other HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusNotFound {
			t.Errorf("got %v, %v", res, err)
		}
		if d := time.Since(began); d != 30*time.Second {
			t.Errorf("after %v", d)
		}
	})
}

// Who sends requests and reads no responses is hung up on, whatever the response.
func TestResponseThatIsNotRead(t *testing.T) {
	const message = "POST /mcp HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
	for _, text := range []string{
		"GET /other HTTP/1.1\r\nHost: test\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n",
		"GET /mcp HTTP/1.1\r\nHost: test\r\n\r\n",
		"OPTIONS /mcp HTTP/1.1\r\nHost: test\r\n\r\n",
		fmt.Sprintf(message, 1, "{"),
		fmt.Sprintf(message, 34, `{"jsonrpc":"2.0","method":"noted"}`),
		fmt.Sprintf(message, len(request(1, "echo", `{}`)), request(1, "echo", `{}`)),
	} {
		bubble(t, options(), nil, func(t *testing.T, w *world) {
			conn, err := w.client.Transport.(*http.Transport).DialContext(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
			time.Sleep(61 * time.Second)
			if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("%.20q…: after a minute there are %d bytes to read, %v", text, n, err)
			}
		})
	}
}

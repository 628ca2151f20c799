package transport

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

func TestMessageSize(t *testing.T) {
	o := options()
	o.Limits.Message = 200
	w := serve(t, o, nil)
	s := w.open("/sse", nil)
	for _, tt := range []struct{ size, status int }{{200, 202}, {201, 413}, {100_000, 413}} {
		head, tail := `{"jsonrpc":"2.0","id":1,"method":"echo","params":["`, `"]}`
		body := head + strings.Repeat("x", tt.size-len(head)-len(tail)) + tail
		for _, chunked := range []bool{false, true} {
			req, err := http.NewRequest(http.MethodPost, s.post, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if chunked {
				req.ContentLength = -1
			}
			res, err := w.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != tt.status {
				t.Errorf("%d bytes, chunked %v: %s, want %d", tt.size, chunked, res.Status, tt.status)
			}
			if tt.status == 202 {
				s.want(result(1, body[len(head)-2:len(body)-1]))
			}
		}
	}
}

func TestSessionsAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name      string
		limits    Limits
		principal any
		open      []string // that fit
		refused   string
		other     string // that still fits; "" for none
	}{
		{name: "all", limits: Limits{Sessions: 2}, open: []string{"/sse?auth=A", "/sse"}, refused: "/sse?auth=B"},
		{name: "of a credential", limits: Limits{SessionsPerPrincipal: 2}, open: []string{"/sse?auth=A", "/sse?key=z&auth=A"}, refused: "/sse?auth=A&key=y", other: "/sse?auth=B"},
		{name: "of a principal", limits: Limits{SessionsPerPrincipal: 2}, principal: "ann", open: []string{"/sse?auth=A", "/sse"}, refused: "/sse?auth=B"},
		{name: "of a principal that is a pointer", limits: Limits{SessionsPerPrincipal: 1}, principal: new(int), open: []string{"/sse?auth=A"}, refused: "/sse?auth=A", other: "/sse?auth=B"},
		{name: "of a principal that cannot be compared", limits: Limits{SessionsPerPrincipal: 1}, principal: []int{1}, open: []string{"/sse?auth=A"}, refused: "/sse?auth=A", other: "/sse"},
		{name: "anonymous", limits: Limits{SessionsPerPrincipal: 1}, open: []string{"/sse", "/sse?client_id=x", "/sse"}},
		{name: "no limits", limits: noLimits, open: []string{"/sse?auth=A", "/sse?auth=A", "/sse?auth=A"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			o.Limits = tt.limits
			bubble(t, o, nil, func(t *testing.T, w *world) {
				w.principal = tt.principal
				var open []*stream
				for _, path := range tt.open {
					open = append(open, w.open(path, nil))
				}
				defer func() {
					for _, s := range open {
						s.close()
					}
				}()
				if tt.other != "" {
					w.open(tt.other, nil).close()
					synctest.Wait()
				}
				if tt.refused == "" {
					return
				}
				_, err := w.get(tt.refused, nil)
				r := refusalOf(t, err)
				m, err := jsonrpc.Parse([]byte(r.body))
				if r.StatusCode != 503 || r.Header.Get("Retry-After") != "10" || err != nil || m.Error.Code != jsonrpc.CodeServerBusy {
					t.Error(r)
				}
				open[0].close() // its place is free again
				synctest.Wait()
				open = append(open, w.open(tt.refused, nil))
			})
		})
	}
}

// life is how long a session lasted, why it ended, and what it was sent.
type life struct {
	d        time.Duration
	cause    error
	messages []string
}

// live opens a session with a client that reads, and waits for its end. during,
// which may be nil, is done meanwhile.
func live(t *testing.T, l Limits, during func(w *world, s *stream)) (got life) {
	o := options()
	o.Limits = l
	bubble(t, o, nil, func(t *testing.T, w *world) {
		began := time.Now()
		s := w.open("/sse", nil)
		read := make(chan struct{})
		go func() {
			defer close(read)
			for e, err := s.next(); err == nil; e, err = s.next() {
				if e.name == "message" {
					got.messages = append(got.messages, e.data)
				}
			}
		}()
		if during != nil {
			during(w, s)
		}
		ctx := w.last().Context()
		<-ctx.Done()
		got.d, got.cause = time.Since(began), context.Cause(ctx)
		<-read
		s.close()
	})
	return got
}

func TestIdle(t *testing.T) {
	if got := live(t, Limits{Idle: time.Hour}, nil); got.cause != ErrIdle || got.d != time.Hour {
		t.Errorf("an idle session: %+v", got)
	}
	got := live(t, Limits{Idle: time.Hour}, func(w *world, s *stream) {
		time.Sleep(30 * time.Minute) // a message restarts the time, an answer as well
		s.send(`{"jsonrpc":"2.0","method":"note"}`)
		time.Sleep(30 * time.Minute)
		s.send(request(1, "stubborn", `{}`))
		time.Sleep(3 * time.Hour)
		close(w.release)
	})
	if want := 5 * time.Hour; got.cause != ErrIdle || got.d < want || got.d > want+time.Second || len(got.messages) != 1 {
		t.Errorf("a session with a call of three hours: %+v, want %v", got, want)
	}
	got = live(t, Limits{Idle: -1, Age: 30 * time.Hour}, nil)
	if got.cause != ErrExpired || got.d != 30*time.Hour {
		t.Errorf("a session that may be idle for ever: %+v", got)
	}
}

// A request that comes in the moment in which its session ends is answered or
// refused.
func TestIdleOrRequest(t *testing.T) {
	o := options()
	o.Limits.Idle = time.Second
	answered, refused := 0, 0
	for range 100 {
		bubble(t, o, nil, func(t *testing.T, w *world) {
			s := w.open("/sse", nil)
			status := make(chan int, 1)
			go func() {
				time.Sleep(time.Second)
				r := httptest.NewRequest(http.MethodPost, s.post, strings.NewReader(request(1, "echo", `{}`)))
				r.Header.Set("Content-Type", "application/json")
				res := httptest.NewRecorder() // straight to the handler: over a connection it would come too late
				w.h.ServeHTTP(res, r)
				status <- res.Code
			}()
			e, err := s.next()
			switch code := <-status; {
			case code == 202 && err == nil && e.data == result(1, `{}`):
				answered++
			case code == 404 && err != nil:
				refused++
			default:
				t.Errorf("%d, and on the stream %v, %v", code, e, err)
			}
			s.close()
		})
	}
	t.Logf("%d answered, %d refused", answered, refused)
}

// A message that comes while nextLook looks does not make "for ever" overflow.
func TestIdleWithoutLimitAndMessageNow(t *testing.T) {
	h := NewHTTP(new(Table), nil, HTTPOptions{Limits: noLimits})
	p, err := newPeer(t.Context(), "sse")
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		done := make(chan struct{})
		go func() { p.touch(); close(done) }()
		h.nextLook(p)
		<-done
	}
	if p.ctx.Err() != nil {
		t.Error(p.ctx.Err())
	}
	p.Close(nil)
}

func TestAge(t *testing.T) {
	if got := live(t, Limits{Age: time.Hour}, nil); got.cause != ErrExpired || got.d != time.Hour {
		t.Errorf("an idle session: %+v", got)
	}
	// A call is told, may answer, and has a second to do so.
	for method, want := range map[string]string{"block": fmt.Sprintf("%q", ErrExpired.Error()), "stubborn": `"released"`} {
		got := live(t, Limits{Age: time.Hour}, func(w *world, s *stream) {
			s.send(request(1, method, `{}`))
			time.Sleep(time.Hour + grace/2)
			if r := w.do(http.MethodPost, s.post, request(2, "echo", `{}`), nil); r.StatusCode != http.StatusNotFound {
				t.Error("a new request: ", r)
			}
			close(w.release)
		})
		if got.cause != ErrExpired || got.d < time.Hour || got.d > time.Hour+grace || len(got.messages) != 1 || got.messages[0] != result(1, want) {
			t.Errorf("%s: %+v", method, got)
		}
	}
	got := live(t, Limits{Age: time.Hour}, func(w *world, s *stream) {
		s.send(request(1, "stubborn", `{}`))
		<-w.last().Context().Done()
		close(w.release)
	})
	if got.cause != ErrExpired || got.d != time.Hour+grace || len(got.messages) != 0 {
		t.Errorf("a call that does not end: %+v", got)
	}
}

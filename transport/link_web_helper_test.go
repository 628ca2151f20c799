package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// ears is a Receiver that keeps what it hears, with what it was about, and answers
// requests with {}.
type ears struct {
	t     *testing.T
	heard chan string
	sent  chan error // by the answers
}

func newEars(t *testing.T) *ears {
	return &ears{t: t, heard: make(chan string, 10_000), sent: make(chan error, 100)}
}

func (e *ears) Receive(ctx context.Context, x *Exchange) (run func()) {
	e.heard <- about(x.About, string(x.Message.Append(nil)))
	if !x.Message.IsRequest() {
		return nil
	}
	return func() {
		e.sent <- x.Reply.Send(ctx, &jsonrpc.Message{ID: x.Message.ID, Result: []byte(`{}`)})
	}
}

func about(id jsonrpc.ID, text string) string { return fmt.Sprintf("%s: %s", id, text) }

// want fails the test unless these messages are heard next, in this order.
func (e *ears) want(texts ...string) {
	e.t.Helper()
	for _, want := range texts {
		if got := await(e.t, e.heard); got != want {
			e.t.Fatalf("heard %s\nwant  %s", got, want)
		}
	}
}

// silent fails the test if something was heard that was not asked for.
func (e *ears) silent() {
	e.t.Helper()
	select {
	case got := <-e.heard:
		e.t.Errorf("heard %s as well", got)
	default:
	}
}

func await[T any](t *testing.T, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(timeout):
		t.Fatal("nothing comes")
	}
	return v
}

// losses is the Lost of requests.
type losses chan error

// want fails the test unless a request is lost with such an error.
func (l losses) want(t *testing.T, want error) error {
	t.Helper()
	err := await(t, l)
	if !errors.Is(err, want) {
		t.Fatalf("lost with %v, want %v", err, want)
	}
	return err
}

// none fails the test if a request was lost.
func (l losses) none(t *testing.T) {
	t.Helper()
	select {
	case err := <-l:
		t.Errorf("lost with %v", err)
	default:
	}
}

// lose returns an Outbound of a message whose loss goes to lost.
func (l losses) lose(t *testing.T, text string) *Outbound {
	return &Outbound{Message: message(t, text), Lost: func(err error) { l <- err }}
}

// remote is a server for links.
type remote struct {
	*httptest.Server
	t *testing.T
	*ears
	lost losses
}

func newRemote(t *testing.T, h http.HandlerFunc) *remote {
	f := &remote{t: t, ears: newEars(t), lost: make(losses, 1000)}
	f.Server = httptest.NewServer(h)
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

// dial returns a link to path.
func (f *remote) dial(path string, o LinkOptions) *HTTPLink {
	f.t.Helper()
	l, err := OpenHTTP(f.URL+path, f.ears, o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { l.Close() })
	return l
}

// send sends a message, which is taken.
func (f *remote) send(l Link, text string) {
	f.t.Helper()
	if err := l.Send(f.t.Context(), f.lost.lose(f.t, text)); err != nil {
		f.t.Fatal(err)
	}
}

// inBubble runs f in a synctest bubble with a link to a server of h: time passes
// when everybody waits.
func inBubble(t *testing.T, h http.HandlerFunc, o LinkOptions, run func(t *testing.T, f *remote, l *HTTPLink)) {
	synctest.Test(t, func(t *testing.T) {
		ln := &memListener{conns: make(chan net.Conn), done: make(chan struct{})}
		srv := &http.Server{Handler: h}
		go srv.Serve(ln)
		tr := &http.Transport{DialContext: ln.dial}
		o.Client = &http.Client{Transport: tr}
		f := &remote{t: t, ears: newEars(t), lost: make(losses, 1000)}
		l, err := OpenHTTP("http://test/mcp?key=secret", f.ears, o)
		if err != nil {
			t.Fatal(err)
		}
		run(t, f, l)
		l.Close()
		tr.CloseIdleConnections()
		srv.Close()
		synctest.Wait()
	})
}

// eventStream answers with an event stream, and returns what writes to it.
func eventStream(w http.ResponseWriter) (write func(text string)) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	return func(text string) {
		_, _ = io.WriteString(w, text)
		_ = http.NewResponseController(w).Flush()
	}
}

// data is an event with an id, "" for none.
func data(id, text string) string {
	if id != "" {
		id = "id: " + id + "\n"
	}
	return id + "event: message\ndata: " + text + "\n\n"
}

// body reads the body of a request.
func body(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// answerJSON answers with one text.
func answerJSON(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// steps serves the requests one after the other.
func steps(t *testing.T, each ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if len(each) == 0 {
			mu.Unlock()
			t.Errorf("%s came, and nothing more was expected", r.Method)
			w.WriteHeader(http.StatusTeapot)
			return
		}
		next := each[0]
		each = each[1:]
		mu.Unlock()
		next(w, r)
	}
}

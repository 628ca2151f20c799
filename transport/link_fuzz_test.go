package transport

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// tripper is a server without a socket.
type tripper func(r *http.Request) *http.Response

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	return f(r), nil
}

// receiveFunc is a Receiver.
type receiveFunc func(x *Exchange) (run func())

func (f receiveFunc) Receive(_ context.Context, x *Exchange) (run func()) { return f(x) }

// FuzzHTTPLink: whatever the server sends, in its first response and when the
// stream is taken up again, a request is answered once or lost once.
func FuzzHTTPLink(f *testing.F) {
	answer := result(1, `{}`)
	for _, s := range [][2]string{
		{data("a", note), answerEvent}, {"id: a\ndata:\n\n", data("a", answer) + answerEvent}, {answerEvent + answerEvent, ""},
		{data("a", "["+answer+","+answer+"]"), ""}, {data("", `{"jsonrpc":"2.0","id":1,"result":1,"error":2}`), ""},
		{"id: a\n\n", "id: \x01\n\n"}, {answer, answer}, {"id\nid: a\ndata: " + answer, ""},
	} {
		f.Add(s[0], s[1], 200, true)
		f.Add(s[0], s[1], 400, false)
	}
	f.Fuzz(func(t *testing.T, first, second string, status int, stream bool) {
		tries := 0
		server := tripper(func(r *http.Request) *http.Response {
			text := second
			if tries++; tries == 1 {
				text = first
			}
			h := http.Header{"Content-Type": {"application/json"}}
			if stream {
				h.Set("Content-Type", "text/event-stream")
			}
			return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text)), Request: r}
		})
		var mu sync.Mutex
		answers, lost := 0, 0
		to := receiveFunc(func(x *Exchange) func() {
			mu.Lock()
			defer mu.Unlock()
			if x.Message.Method == "" && x.Message.ID == "1" {
				answers++
			}
			return nil
		})
		l, err := OpenHTTP("http://test/mcp", to, LinkOptions{Client: &http.Client{Transport: server}, Retry: Retry{Attempts: 1, First: 1, Most: 1}})
		if err != nil {
			t.Fatal(err)
		}
		err = l.Send(t.Context(), &Outbound{Message: message(t, request(1, "m", `{}`)), Lost: func(error) {
			mu.Lock()
			defer mu.Unlock()
			lost++
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = l.posts.wait(ctx) // the text may ask for a wait that is too long
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		if err != nil || answers+lost != 1 {
			t.Errorf("%q, then %q: %d answers, lost %d times, sent with %v", first, second, answers, lost, err)
		}
	})
}

// One call over a link: what the link adds to what net/http takes.
func BenchmarkHTTPLink(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(bareHandler))
	defer srv.Close()
	answered := make(chan struct{}, 1)
	to := receiveFunc(func(x *Exchange) func() {
		answered <- struct{}{}
		return nil
	})
	m := &jsonrpc.Message{ID: "7", Method: "tools/call", Params: []byte(`{"name":"hello","arguments":{"name":"x"}}`)}
	b.Run("link", func(b *testing.B) {
		l, err := OpenHTTP(srv.URL+"/mcp", to, LinkOptions{})
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		o := &Outbound{Message: m, Lost: func(err error) { b.Error(err); answered <- struct{}{} }}
		b.ReportAllocs()
		for b.Loop() {
			if err := l.Send(b.Context(), o); err != nil {
				b.Fatal(err)
			}
			<-answered
		}
	})
	b.Run("net/http", func(b *testing.B) {
		client := &http.Client{Transport: newHTTPTransport()}
		defer client.CloseIdleConnections()
		text := string(m.Append(nil))
		b.ReportAllocs()
		for b.Loop() {
			res, err := client.Post(srv.URL+"/mcp", "application/json", strings.NewReader(text))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.ReadAll(res.Body)
			res.Body.Close()
		}
	})
}

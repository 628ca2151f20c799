package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sseServer is an HTTP+SSE server that a test writes the stream of.
type sseServer struct {
	*remote
	stream   chan string // what is written; closed is its end
	endpoint string
	posts    func(w http.ResponseWriter, r *http.Request, text string)
}

func newSSEServer(t *testing.T) *sseServer {
	s := &sseServer{stream: make(chan string), endpoint: "messages/?session_id=x"}
	s.remote = newRemote(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			s.posts(w, r, body(r))
			return
		}
		write := eventStream(w)
		write("event: endpoint\ndata: " + s.endpoint + "\n\n")
		for {
			select {
			case text, ok := <-s.stream:
				if !ok {
					return
				}
				write(text)
			case <-r.Context().Done():
				return
			}
		}
	})
	s.posts = func(w http.ResponseWriter, r *http.Request, text string) {
		w.WriteHeader(http.StatusAccepted)
		if m := message(t, text); m.IsRequest() {
			s.stream <- ": ping\n\nevent: other\ndata: x\n\ndata: " + result(1, `"`+r.URL.String()+r.Header.Get("Authorization")+`"`) + "\n\n"
		}
	}
	return s
}

func (s *sseServer) open() Link {
	s.t.Helper()
	l, err := OpenSSE(s.t.Context(), s.URL+"/a/sse?auth=secret", s.ears, LinkOptions{Header: http.Header{"Authorization": {"me"}}, Message: 9000})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	return l
}

func TestSSELink(t *testing.T) {
	for endpoint, want := range map[string]string{
		"messages/?session_id=x": "/a/messages/?session_id=x",
		"../m?x":                 "/m?x",
		"/m":                     "/m",
		"?x=1":                   "/a/sse?x=1",
	} {
		s := newSSEServer(t)
		s.endpoint = endpoint
		l := s.open()
		s.send(l, note)
		s.send(l, request(1, "m", `{}`))
		s.want(about("", result(1, `"`+want+`me"`)))
		s.stream <- data("", "["+note+","+note+"]")
		s.want(about("", note), about("", note))
		s.stream <- data("", request(9, "ask", `{}`))
		s.want(about("", request(9, "ask", `{}`)))
		if err := await(t, s.sent); err != nil {
			t.Error(err)
		}
		s.stream <- "event: endpoint\ndata: " + endpoint + "\n\n" + data("", note) // again: nothing new
		s.want(about("", note))
		s.send(l, request(1, "m", `{}`))
		s.want(about("", result(1, `"`+want+`me"`)))
		if err := l.Close(); err != nil || l.Err() != nil || l.Kind() != "sse" {
			t.Errorf("closed with %v and %v", err, l.Err())
		}
		if err := l.Send(t.Context(), s.lost.lose(t, request(2, "m", `{}`))); err != ErrClosed {
			t.Errorf("sent with %v after it", err)
		}
		s.lost.none(t)
	}
}

// TestSSELinkAnswerFirst: a POST whose answer has come on the stream is not broken
// off when nobody waits for the answer any more, unless it takes too long.
func TestSSELinkAnswerFirst(t *testing.T) {
	for name, after := range map[string]time.Duration{"taken": grace / 2, "never taken": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln := &memListener{conns: make(chan net.Conn), done: make(chan struct{})}
				stream, broken := make(chan string), make(chan time.Duration, 1)
				srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodGet {
						write := eventStream(w)
						write("event: endpoint\ndata: messages\n\n")
						write(<-stream)
						<-r.Context().Done()
						return
					}
					_ = body(r)
					began := time.Now()
					stream <- data("", result(1, `{}`))
					select {
					case <-time.After(after):
						w.WriteHeader(http.StatusAccepted)
					case <-r.Context().Done():
						broken <- time.Since(began)
					}
				})}
				go srv.Serve(ln)
				tr := &http.Transport{DialContext: ln.dial}
				f := &remote{t: t, ears: newEars(t), lost: make(losses, 1000)}
				l, err := OpenSSE(t.Context(), "http://test/sse", f.ears, LinkOptions{Client: &http.Client{Transport: tr}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				sent := make(chan error, 1)
				go func() { sent <- l.Send(ctx, f.lost.lose(t, request(1, "m", `{}`))) }()
				f.want(about("", result(1, `{}`)))
				cancel()
				if err := await(t, sent); err != nil {
					t.Errorf("sent with %v", err)
				}
				synctest.Wait()
				select {
				case d := <-broken:
					if after < grace || d != grace {
						t.Errorf("broken off after %v", d)
					}
				default:
					if after > grace {
						t.Error("the POST goes on for ever")
					}
				}
				f.lost.none(t)
				l.Close()
				tr.CloseIdleConnections()
				srv.Close()
				synctest.Wait()
			})
		})
	}
}

// The end of the stream is that of the link.
func TestSSELinkEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		text string // "" ends the stream
		want error
		says string
	}{
		"end":             {"", ErrServerGone, "closed the connection"},
		"second endpoint": {"event: endpoint\ndata: other\n\n", nil, "a second endpoint"},
		"other origin":    {"event: endpoint\ndata: http://evil.example/?secret\n\n", nil, "of another origin, http://evil.example: "},
		"too long":        {data("", strings.Repeat("x", 9001)), errTooLong, "longer than the limit of 9000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSSEServer(t)
			s.posts = func(w http.ResponseWriter, r *http.Request, text string) { w.WriteHeader(202) }
			l := s.open()
			s.send(l, request(1, "m", `{}`))
			if tt.text == "" {
				close(s.stream)
			} else {
				s.stream <- tt.text
			}
			await(t, l.Done())
			if err := l.Err(); err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("ended with %v", err)
			}
			s.lost.want(t, l.Err())
			if err := l.Send(t.Context(), s.lost.lose(t, note)); !errors.Is(err, l.Err()) {
				t.Errorf("sent with %v after that", err)
			}
			s.lost.none(t)
		})
	}
}

// Who waits when the link is closed is told.
func TestSSELinkClose(t *testing.T) {
	s := newSSEServer(t)
	posting := make(chan struct{})
	s.posts = func(w http.ResponseWriter, r *http.Request, text string) {
		if strings.Contains(text, "hang") {
			close(posting)
			<-r.Context().Done()
		}
		w.WriteHeader(202)
	}
	l := s.open()
	s.send(l, request(1, "m", `{}`))
	hung := make(chan error)
	go func() { hung <- l.Send(t.Context(), s.lost.lose(t, request(2, "hang", `{}`))) }()
	await(t, posting)
	l.Close()
	s.lost.want(t, ErrClosed)
	if err := await(t, hung); err != ErrClosed {
		t.Errorf("what was sent meanwhile fails with %v", err)
	}
	s.lost.none(t)
}

func TestSSELinkPosts(t *testing.T) {
	s := newSSEServer(t)
	l := s.open()
	s.posts = func(w http.ResponseWriter, r *http.Request, text string) { answerJSON(w, 200, result(1, `{}`)) }
	s.send(l, request(1, "m", `{}`))
	s.want(about("", result(1, `{}`))) // in place
	for _, status := range []int{400, 404, 500} {
		s.posts = func(w http.ResponseWriter, r *http.Request, text string) {
			answerJSON(w, status, `{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"}}`)
		}
		err := l.Send(t.Context(), s.lost.lose(t, request(1, "m", `{}`)))
		if e, _ := errors.AsType[*StatusError](err); e == nil || e.Status != status || e.Ended != (status == 404) || !strings.HasSuffix(e.Error(), ": no") {
			t.Errorf("%d: %v", status, err)
		}
	}
	l.Close()
	s.lost.none(t)
}

// A stream that does not open is no link.
func TestSSELinkRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, tt := range map[string]struct {
		serve http.HandlerFunc
		says  string
	}{
		"401":          {refuses(401), "401 Unauthorized"},
		"JSON":         {func(w http.ResponseWriter, r *http.Request) { answerJSON(w, 200, `{}`) }, "such as /sse"},
		"end":          {ends(""), "before it named the endpoint"},
		"cut":          {cuts(""), "unexpected EOF"},
		"other origin": {ends("event: endpoint\ndata: //evil.example/?secret\n\n"), "of another origin, http://evil.example"},
		"other scheme": {ends("event: endpoint\ndata: file:///secret\n\n"), "of another origin, file://"},
		"no URL":       {ends("event: endpoint\ndata: http://[secret\n\n"), "is no URL"},
		"given up": {func(w http.ResponseWriter, r *http.Request) {
			eventStream(w)(data("", note))
			cancel()
			<-r.Context().Done()
		}, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newRemote(t, tt.serve)
			ctx := ctx
			if name != "given up" {
				ctx = t.Context()
			}
			l, err := OpenSSE(ctx, f.URL+"/sse?auth=secret", f.ears, LinkOptions{})
			if l != nil || err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("opened with %v, want %s", err, tt.says)
			}
		})
	}
}

// The link against the server of this package.
func TestSSELinkOwnServer(t *testing.T) {
	w := serve(t, options(), nil)
	f := &remote{t: t, ears: newEars(t), lost: make(losses, 10)}
	l, err := OpenSSE(t.Context(), w.url+"/sse/?client_id=me&auth=k", f.ears, LinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f.send(l, request(1, "args", `{}`))
	f.want(about("", result(1, `{"auth":["k"],"client_id":["me"]}`)))
	large := fmt.Sprintf("[%d]", 1<<20)
	f.send(l, request(2, "big", large))
	f.want(about("", result(2, `"`+strings.Repeat("x", 1<<20)+`"`)))
	f.send(l, request(3, "block", `{}`))
	w.last().Close(ErrExpired)
	await(t, l.Done())
	f.lost.want(t, ErrServerGone)
}

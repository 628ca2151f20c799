package transport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// stream is an open event stream.
type stream struct {
	w        *world
	res      *http.Response
	r        *bufio.Reader
	close    func()
	header   http.Header
	endpoint string // as announced
	post     string // the URL that is
}

// get opens a stream. A response that is none is returned as an error.
func (w *world) get(path string, header http.Header) (*stream, error) {
	return w.stream(http.MethodGet, path, "", header)
}

// stream opens the stream that answers a request.
func (w *world) stream(method, path, body string, header http.Header) (*stream, error) {
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header = header.Clone()
	res, err := w.client.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		defer cancel()
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return nil, &reply{res, string(body)}
	}
	s := &stream{w: w, res: res, r: bufio.NewReaderSize(res.Body, 4096), header: header}
	s.close = func() { cancel(); res.Body.Close() }
	return s, nil
}

// open opens a stream and reads the endpoint event.
func (w *world) open(path string, header http.Header) *stream {
	w.t.Helper()
	s, err := w.get(path, header)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.close)
	e, err := s.next()
	if err != nil || e.name != "endpoint" {
		w.t.Fatalf("the first event is %+v, %v", e, err)
	}
	s.endpoint = e.data
	ref, err := s.res.Request.URL.Parse(e.data)
	if err != nil {
		w.t.Fatal(err)
	}
	s.post = ref.String()
	return s
}

// seen is an event as a client reads it. hasData tells an empty field from none.
type seen struct {
	name, data, id, retry string
	hasData               bool
}

// next reads an event, or a comment, by the rules of the HTML standard.
func (s *stream) next() (e seen, err error) {
	var data []string
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return e, err
		}
		switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":"); {
		case line == "\n":
			e.data = strings.Join(data, "\n")
			return e, nil
		case name == "":
			e.name, data = "comment", append(data, strings.TrimPrefix(value, " "))
		case name == "event":
			e.name = strings.TrimPrefix(value, " ")
		case name == "id":
			e.id = strings.TrimPrefix(value, " ")
		case name == "retry":
			e.retry = strings.TrimPrefix(value, " ")
		case name == "data":
			e.hasData = true
			data = append(data, strings.TrimPrefix(value, " "))
		default:
			return e, fmt.Errorf("unexpected line %q", line)
		}
	}
}

// want reads a message and compares it.
func (s *stream) want(text string) {
	s.w.t.Helper()
	for {
		e, err := s.next()
		if e.name == "comment" {
			continue
		}
		if err != nil || e.name != "message" || e.data != text {
			s.w.t.Fatalf("got %.200v, %v, want the message %.200s", e, err, text)
		}
		return
	}
}

// ends reads to the end of the stream.
func (s *stream) ends() {
	s.w.t.Helper()
	if _, err := io.Copy(io.Discard, s.r); err != nil {
		s.w.t.Errorf("the stream ended with %v", err)
	}
}

// reply is an HTTP response read to its end; as an error, one that was not wanted.
type reply struct {
	*http.Response
	body string
}

func (r *reply) Error() string { return fmt.Sprintf("%s: %s", r.Status, r.body) }

// refusal returns the response that err is.
func refusalOf(t *testing.T, err error) *reply {
	t.Helper()
	var r *reply
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a response that refuses", err)
	}
	return r
}

// do sends a request with a JSON body.
func (w *world) do(method, url, body string, header http.Header) *reply {
	w.t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	if _, given := req.Header["Content-Type"]; !given {
		req.Header.Set("Content-Type", "application/json")
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	res, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return &reply{res, string(text)}
}

// send posts a message, which has to be accepted.
func (s *stream) send(body string) {
	s.w.t.Helper()
	if r := s.w.do(http.MethodPost, s.post, body, s.header); r.StatusCode != http.StatusAccepted || r.body != "" {
		s.w.t.Fatal(r)
	}
}

func request(id int, method, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, params)
}

func result(id int, result string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%s}`, id, result)
}

// endsWith waits for the end of a connection and compares why.
func endsWith(t *testing.T, p *Peer, want error) {
	t.Helper()
	<-p.Context().Done()
	if got := context.Cause(p.Context()); got != want {
		t.Errorf("the connection ended with %v, want %v", got, want)
	}
}

func message(t *testing.T, text string) *jsonrpc.Message {
	t.Helper()
	m, err := jsonrpc.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

package hostile

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// soakClient makes requests as plainly as can be, so that most of the time is the
// server's.
type soakClient struct {
	*http.Client
	url string
}

func newSoakClient(t *testing.T, base string) *soakClient {
	transport := &http.Transport{MaxIdleConnsPerHost: soakWorkers}
	return &soakClient{&http.Client{Transport: transport, Timeout: patience}, base}
}

// do makes a request. A body that is wanted whole is read by the caller.
func (c *soakClient) do(ctx context.Context, method, target, body string, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, line := range append(header, asJSON...) {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	return c.Do(req)
}

// want makes a request and reads an answer that has to have this status and text.
func (c *soakClient) want(status int, text, method, target, body string, header ...string) error {
	res, err := c.do(context.Background(), method, target, body, header...)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != status || !strings.Contains(string(got), text) {
		return fmt.Errorf("%s %.200s: %s %.300s, want %d with %.100s", method, body, res.Status, got, status, text)
	}
	return nil
}

// callOf is the body of a call.
func callOf(id int, tool, arguments string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"progressToken":"p"}}}`, id, tool, arguments)
}

func echoOf(id int, text string) string { return callOf(id, "echo", fmt.Sprintf(`{"text":%q}`, text)) }

// stream is an event stream, read by line.
type stream struct {
	*bufio.Scanner
	io.Closer
	lastID string
}

func newStream(res *http.Response) *stream {
	s := &stream{Scanner: bufio.NewScanner(res.Body), Closer: res.Body}
	s.Buffer(nil, 4<<20)
	return s
}

// until reads to an event whose data have this text, and returns them.
func (s *stream) until(text string) (string, error) {
	for s.Scan() {
		name, value, _ := strings.Cut(s.Text(), ": ")
		switch {
		case name == "id":
			s.lastID = value
		case name == "data" && strings.Contains(value, text):
			return value, nil
		}
	}
	return "", fmt.Errorf("the stream ended before %.100s: %w", text, s.Err())
}

// openSSE opens a stream of HTTP+SSE and returns where to POST to.
func (c *soakClient) openSSE() (s *stream, endpoint string, err error) {
	res, err := c.do(context.Background(), "GET", c.url+"/sse?client_id=soak", "")
	if err != nil {
		return nil, "", err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, "", fmt.Errorf("a stream: %s", res.Status)
	}
	s = newStream(res)
	ref, err := s.until("session_id=")
	if err != nil {
		s.Close()
		return nil, "", err
	}
	at, err := url.Parse(c.url + "/" + ref)
	if err != nil {
		s.Close()
		return nil, "", err
	}
	return s, at.String(), nil
}

func (c *soakClient) sse(calls bool) error {
	s, endpoint, err := c.openSSE()
	if err != nil {
		return err
	}
	defer s.Close()
	if !calls {
		return nil
	}
	if err := c.want(202, "", "POST", endpoint, initialize("2024-11-05")); err != nil {
		return err
	}
	for i := range 3 {
		text := soakText()
		if err := c.want(202, "", "POST", endpoint, echoOf(i+2, text)); err != nil {
			return err
		}
		if _, err := s.until(text); err != nil {
			return err
		}
	}
	return nil
}

// deaf calls what has much to say, and does not read.
func (c *soakClient) deaf() error {
	s, endpoint, err := c.openSSE()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := c.want(202, "", "POST", endpoint, initialize("2024-11-05")); err != nil {
		return err
	}
	return c.want(202, "", "POST", endpoint, callOf(2, "work", `{"steps":100,"each":20000}`))
}

// begin begins a session and returns the header that names it.
func (c *soakClient) begin() (header string, err error) {
	res, err := c.do(context.Background(), "POST", c.url+"/mcp?client_id=soak", initialize("2025-11-25"))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return "", err
	}
	if res.StatusCode != 200 {
		return "", fmt.Errorf("initialize: %s", res.Status)
	}
	return "Mcp-Session-Id: " + res.Header.Get("Mcp-Session-Id"), nil
}

func (c *soakClient) session(end bool) error {
	id, err := c.begin()
	if err != nil {
		return err
	}
	for i := range 3 {
		text := soakText()
		if err := c.want(200, text, "POST", c.url+"/mcp", echoOf(i+2, text), id); err != nil {
			return err
		}
	}
	if err := c.want(200, "soak done", "POST", c.url+"/mcp", callOf(9, "work", `{"steps":5,"each":1000,"text":"done"}`), id); err != nil {
		return err
	}
	if !end {
		return nil
	}
	return c.want(204, "", "DELETE", c.url+"/mcp", "", id)
}

// resume loses the connection in the middle of a call, and comes back for the rest.
func (c *soakClient) resume() error {
	id, err := c.begin()
	if err != nil {
		return err
	}
	ctx, cut := context.WithCancel(context.Background())
	defer cut()
	res, err := c.do(ctx, "POST", c.url+"/mcp", callOf(2, "work", `{"steps":20,"each":100,"text":"resumed"}`), id)
	if err != nil {
		return err
	}
	s := newStream(res)
	_, err = s.until(`"progress":3`)
	s.Close()
	cut()
	if err != nil {
		return err
	}
	res, err = c.do(context.Background(), "GET", c.url+"/mcp", "", id, "Last-Event-ID: "+s.lastID)
	if err != nil {
		return err
	}
	s = newStream(res)
	defer s.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("resuming: %s", res.Status)
	}
	if _, err := s.until(`"text":"soak resumed"`); err != nil {
		return err
	}
	return c.want(204, "", "DELETE", c.url+"/mcp", "", id)
}

func (c *soakClient) alone() error {
	for range 3 {
		text, err := json.Marshal(soakText())
		if err != nil {
			return err
		}
		body := stateless("tools/call", `"name":"echo","arguments":{"text":`+string(text)+`}`)
		if err := c.want(200, string(text), "POST", c.url+"/mcp?client_id=soak", body, named("tools/call", "echo")...); err != nil {
			return err
		}
	}
	return nil
}

func (c *soakClient) listen() error {
	body := stateless("subscriptions/listen", `"notifications":{"toolsListChanged":true,"resourceSubscriptions":["mine://soak"]}`)
	res, err := c.do(context.Background(), "POST", c.url+"/mcp?client_id=soak", body, named("subscriptions/listen", "")...)
	if err != nil {
		return err
	}
	s := newStream(res)
	defer s.Close()
	if _, err := s.until("acknowledged"); err != nil {
		return err
	}
	touch := stateless("tools/call", `"name":"touch"`)
	if err := c.want(200, "", "POST", c.url+"/mcp?client_id=soak", touch, named("tools/call", "touch")...); err != nil {
		return err
	}
	_, err = s.until("mine://soak")
	return err
}

// hangUp begins a call that would take a minute.
func (c *soakClient) hangUp() error {
	host := strings.TrimPrefix(c.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return err
	}
	defer conn.Close()
	body := stateless("tools/call", `"name":"sleep","arguments":{"ms":60000}`)
	_, err = io.WriteString(conn, post(host, body, named("tools/call", "sleep")...))
	return err
}

func (c *soakClient) panics() error {
	body := stateless("tools/call", `"name":"panic","arguments":{"s":"soak"}`)
	return c.want(200, "internal error", "POST", c.url+"/mcp", body, named("tools/call", "panic")...)
}

func (c *soakClient) nonsense() error {
	for _, text := range []string{"", "{", "[]", `{"jsonrpc":"2.0","id":1}`, strings.Repeat("[", 10_000), "\x00\xff"} {
		if err := c.want(400, "error", "POST", c.url+"/mcp", text); err != nil {
			return err
		}
	}
	return c.want(404, "no such session", "POST", c.url+"/messages/?session_id=none", "{}")
}

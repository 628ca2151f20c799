package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	sse "github.com/tmaxmax/go-sse"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
)

// maxEvent is the largest event that a client reads: go-sse's own default of
// 64 KiB is smaller than a message may be.
const maxEvent = 64 << 20

var errClosed = errors.New("the connection has ended")

func (c *Client) initialize(revision string) error {
	_, err := c.Request(mcp.Initialize, mcp.InitializeParams{
		ProtocolVersion: revision,
		Capabilities:    map[string]json.RawMessage{},
		ClientInfo:      mcp.Implementation{Name: "servertest", Version: "1"},
	})
	if err != nil {
		return err
	}
	return c.Notify(mcp.Initialized, nil)
}

func (c *Client) dialPipe(srv *server.Server, o Options) error {
	pipe, err := srv.Connect(context.Background(), o.Args, c.receive)
	if err != nil {
		return err
	}
	c.SessionID, c.send = pipe.SessionID(), pipe.SendText
	c.stop = pipe.Close
	return nil
}

func (c *Client) dialStdio(srv *server.Server, o Options) error {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	served, read := make(chan error, 1), make(chan struct{})
	go func() {
		err := srv.ServeStreams(context.Background(), in, out, o.Args)
		in.CloseWithError(errClosed)
		out.Close()
		served <- err
	}()
	go func() {
		defer close(read)
		c.readLines(fromServer)
	}()
	c.send = func(text []byte) error {
		_, err := toServer.Write(append(bytes.Clone(text), '\n'))
		return err
	}
	c.stop = func() {
		toServer.Close()
		<-served
		<-read
	}
	return nil
}

func (c *Client) readLines(r io.Reader) {
	dec := json.NewDecoder(r) // one JSON text a line
	for {
		var text json.RawMessage
		if dec.Decode(&text) != nil {
			c.calls.Close(errClosed)
			return
		}
		c.receive(text)
	}
}

// dialSSE opens the stream with net/http and go-sse's parser.
func (c *Client) dialSSE(base string, o Options) error {
	if o.Path == "" {
		o.Path = "/sse"
	}
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+o.Path+"?"+o.Args.Encode(), nil)
	if err != nil {
		cancel()
		return err
	}
	req.Header = cloneHeader(o.Header)
	req.Header.Set("Accept", "text/event-stream")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	res, err := client.Do(req)
	if err != nil {
		cancel()
		return err
	}
	if res.StatusCode != http.StatusOK {
		defer cancel()
		defer client.CloseIdleConnections()
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return &RefusedError{Status: res.StatusCode, Body: string(body), Header: res.Header}
	}
	first, read := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(read)
		defer res.Body.Close()
		c.readEvents(res, first)
	}()
	c.stop = func() {
		cancel()
		<-read
		client.CloseIdleConnections()
	}
	if err := <-first; err != nil {
		c.stop()
		return err
	}
	c.send = func(text []byte) error { return c.post(client, o.Header, text) }
	return nil
}

func cloneHeader(h http.Header) http.Header {
	if h == nil {
		return make(http.Header)
	}
	return h.Clone()
}

// RefusedError is the HTTP answer to a connection that was refused.
type RefusedError struct {
	Status int
	Body   string
	Header http.Header
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("refused with %d: %s", e.Status, e.Body)
}

// readEvents reads the stream to its end. first gets the outcome of the
// endpoint event.
func (c *Client) readEvents(res *http.Response, first chan<- error) {
	defer c.calls.Close(errClosed)
	for event, err := range sse.Read(res.Body, &sse.ReadConfig{MaxEventSize: maxEvent}) {
		switch {
		case err != nil:
			if c.Endpoint == "" {
				first <- err
			}
			return
		case event.Type == "endpoint":
			ref, err := res.Request.URL.Parse(event.Data)
			if err == nil {
				c.Endpoint = ref.String()
				c.SessionID = ref.Query().Get("session_id")
			}
			first <- err
		default:
			c.receive([]byte(event.Data))
		}
	}
	if c.Endpoint == "" {
		first <- errors.New("the stream ended before the endpoint event")
	}
}

// post sends a text. An answer that comes with the response is received like
// one from the stream.
func (c *Client) post(client *http.Client, header http.Header, text []byte) error {
	req, err := http.NewRequest(http.MethodPost, c.Endpoint, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header = cloneHeader(header)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode == http.StatusBadRequest:
		c.receive(body)
	case res.StatusCode != http.StatusAccepted:
		return &RefusedError{Status: res.StatusCode, Body: string(body), Header: res.Header}
	}
	return nil
}

// receive takes one text from the server.
func (c *Client) receive(text []byte) {
	if c.tap != nil {
		c.tap(text)
	}
	m, err := jsonrpc.Parse(text)
	if err != nil { // a batch, or what the tap is there to see
		return
	}
	if m.Method == "" {
		c.calls.Answer(&m)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = append(c.notes, Message{Method: m.Method, Params: bytes.Clone(m.Params)})
	close(c.arrived)
	c.arrived = make(chan struct{})
}

// SendText sends any text, well formed or not.
func (c *Client) SendText(text string) error { return c.send([]byte(text)) }

// Request sends a request and waits for its result. A JSON-RPC error is a
// [*jsonrpc.Error].
func (c *Client) Request(method string, params any) (json.RawMessage, error) {
	return c.RequestContext(c.t.Context(), method, params)
}

// RequestContext is Request; when ctx ends it cancels the request.
func (c *Client) RequestContext(ctx context.Context, method string, params any) (json.RawMessage, error) {
	raw, err := encode(params)
	if err != nil {
		return nil, err
	}
	send := func(m *jsonrpc.Message) error { return c.send(m.Append(nil)) }
	cancelled := func(id jsonrpc.ID) {
		_ = c.Notify(mcp.Cancelled, mcp.CancelledParams{RequestID: json.RawMessage(id)})
	}
	return c.calls.Do(ctx, send, cancelled, method, raw)
}

// Notify sends a notification.
func (c *Client) Notify(method string, params any) error {
	raw, err := encode(params)
	if err != nil {
		return err
	}
	m := jsonrpc.Message{Method: method, Params: raw}
	return c.send(m.Append(nil))
}

func encode(params any) ([]byte, error) {
	if params == nil {
		return nil, nil
	}
	return json.Marshal(params)
}

// Call calls a tool. An answer that is not a result fails the test; a result
// with IsError does not.
func (c *Client) Call(name string, arguments any) *Result {
	c.t.Helper()
	res, err := c.TryCall(name, arguments)
	if err != nil {
		c.t.Fatalf("calling %s: %v", name, err)
	}
	return res
}

// TryCall calls a tool.
func (c *Client) TryCall(name string, arguments any) (*Result, error) {
	params := map[string]any{"name": name}
	if arguments != nil {
		params["arguments"] = arguments
	}
	raw, err := c.Request(mcp.ToolsCall, params)
	if err != nil {
		return nil, err
	}
	var res Result
	return &res, json.Unmarshal(raw, &res)
}

// Tools returns the names in tools/list, page after page.
func (c *Client) Tools() []string {
	c.t.Helper()
	var names []string
	for params := (map[string]any{}); ; {
		raw, err := c.Request(mcp.ToolsList, params)
		if err != nil {
			c.t.Fatalf("listing tools: %v", err)
		}
		var page struct {
			Tools      []struct{ Name string }
			NextCursor string
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			c.t.Fatalf("listing tools: %v", err)
		}
		for _, tool := range page.Tools {
			names = append(names, tool.Name)
		}
		if page.NextCursor == "" {
			return names
		}
		params["cursor"] = page.NextCursor
	}
}

// Notifications returns those received so far of a method, in order.
func (c *Client) Notifications(method string) []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	others := func(m Message) bool { return m.Method != method }
	return slices.DeleteFunc(slices.Clone(c.notes), others)
}

// Await waits until n notifications of a method have come, and returns them. It
// fails the test if the test's context ends first.
func (c *Client) Await(method string, n int) []Message {
	c.t.Helper()
	for {
		c.mu.Lock()
		arrived := c.arrived
		c.mu.Unlock()
		if got := c.Notifications(method); len(got) >= n {
			return got
		}
		select {
		case <-arrived:
		case <-c.t.Context().Done():
			c.t.Fatalf("waiting for %d of %s: %v", n, method, c.t.Context().Err())
		}
	}
}

// Close ends the connection as a client does that goes away. It may be called
// more than once.
func (c *Client) Close() {
	c.once.Do(func() {
		c.stop()
		c.calls.Close(errClosed)
	})
}

package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// client speaks MCP one request at a time. It is written from the specification
// with the standard library alone, and shares no code with the server.
type client struct {
	t    *testing.T
	id   int
	send func(text []byte) error
	next func() (text []byte, err error)
}

// initialize opens the session.
func (c *client) initialize() {
	c.t.Helper()
	var res struct {
		ServerInfo struct{ Name string }
	}
	c.request("initialize", map[string]any{
		"protocolVersion": "2025-06-18",
		"capabilities":    map[string]any{},
		"clientInfo":      map[string]any{"name": "smoke", "version": "1"},
	}, &res)
	if res.ServerInfo.Name == "" {
		c.t.Error("initialize: the server has no name")
	}
	if err := c.send([]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)); err != nil {
		c.t.Fatal(err)
	}
}

// tools returns the names in tools/list.
func (c *client) tools() []string {
	c.t.Helper()
	var res struct {
		Tools []struct{ Name, Description string }
	}
	c.request("tools/list", map[string]any{}, &res)
	var names []string
	for _, tool := range res.Tools {
		names = append(names, tool.Name)
		if tool.Description == "" {
			c.t.Errorf("tool %s has no description", tool.Name)
		}
	}
	return names
}

// call calls a tool, without arguments if they are nil. structured, unless nil, gets the structured content.
func (c *client) call(name string, arguments map[string]any, structured any) (text string, isError bool) {
	c.t.Helper()
	var res struct {
		Content           []struct{ Text string }
		StructuredContent json.RawMessage
		IsError           bool
	}
	params := map[string]any{"name": name}
	if arguments != nil {
		params["arguments"] = arguments
	}
	c.request("tools/call", params, &res)
	if len(res.Content) != 1 {
		c.t.Fatalf("%s answered %d blocks, want 1", name, len(res.Content))
	}
	if structured != nil {
		if err := json.Unmarshal(res.StructuredContent, structured); err != nil {
			c.t.Fatalf("%s answered %q: %v", name, res.Content[0].Text, err)
		}
	}
	return res.Content[0].Text, res.IsError
}

// request sends a request and decodes its result into dst.
func (c *client) request(method string, params, dst any) {
	c.t.Helper()
	c.id++
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": c.id, "method": method, "params": params})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.send(text); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	for {
		text, err := c.next()
		if err != nil {
			c.t.Fatalf("%s: waiting for the answer: %v", method, err)
		}
		var m struct {
			ID            int
			Method        string
			Result, Error json.RawMessage
		}
		if err := json.Unmarshal(text, &m); err != nil {
			c.t.Fatalf("%s: the server sent %q: %v", method, text, err)
		}
		if m.Method != "" { // a notification
			continue
		}
		if m.ID != c.id || m.Error != nil {
			c.t.Fatalf("%s: request %d was answered with %s", method, c.id, text)
		}
		if err := json.Unmarshal(m.Result, dst); err != nil {
			c.t.Fatalf("%s: the result is %s: %v", method, m.Result, err)
		}
		return
	}
}

// dialSSE connects to the stream and initializes.
func dialSSE(ctx context.Context, t *testing.T, base string, args url.Values) *client {
	t.Helper()
	res := get(ctx, t, base+"/sse?"+args.Encode())
	if res.StatusCode != http.StatusOK {
		t.Fatalf("connecting: %s", res.Status)
	}
	events := bufio.NewReader(res.Body)
	event, data, err := readEvent(events)
	if err != nil || event != "endpoint" {
		t.Fatalf("the first event is %q %q (%v), want the endpoint", event, data, err)
	}
	endpoint, err := res.Request.URL.Parse(string(data))
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, next: func() ([]byte, error) {
		_, data, err := readEvent(events)
		return data, err
	}, send: func(text []byte) error { return post(ctx, endpoint.String(), text) }}
	c.initialize()
	return c
}

// get asks for a stream. The response is closed with the test.
func get(ctx context.Context, t *testing.T, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// post takes a message to the endpoint.
func post(ctx context.Context, endpoint string, text []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("%s: %s", res.Status, body)
	}
	return nil
}

// readEvent reads the next event that is not a comment.
func readEvent(r *bufio.Reader) (event string, data []byte, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", nil, err
		}
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "event":
			event = value
		case name == "data":
			data = append(data, value...)
		case name == "" && value == "" && data != nil:
			return event, data, nil
		}
	}
}

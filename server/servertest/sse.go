package servertest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	sse "github.com/tmaxmax/go-sse"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// maxEvent is the largest event that a client reads: go-sse's own default of
// 64 KiB is smaller than a message may be.
const maxEvent = 64 << 20

// RefusedError is the HTTP answer to a connection, or over streamable HTTP to a
// message, that was refused.
type RefusedError struct {
	Status int
	Body   string
	Header http.Header
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("refused with %d: %s", e.Status, e.Body)
}

// Unwrap returns the [*jsonrpc.Error] that the body holds, nil if it holds none.
func (e *RefusedError) Unwrap() error {
	m, err := jsonrpc.Parse([]byte(e.Body))
	if err != nil || m.Error == nil {
		return nil
	}
	return m.Error
}

func refusal(res *http.Response) *RefusedError {
	body, _ := io.ReadAll(res.Body) // what came of it
	return &RefusedError{Status: res.StatusCode, Body: string(body), Header: res.Header}
}

// address is what to connect to.
func (c *Client) address(base, path string) string {
	address := base + cmp.Or(c.o.Path, path)
	if len(c.o.Args) > 0 {
		address += "?" + c.o.Args.Encode()
	}
	return address
}

// dialSSE opens the stream with net/http and go-sse's parser.
func (c *Client) dialSSE(base string) error {
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	c.stop = func() {
		cancel()
		client.CloseIdleConnections()
	}
	res, err := c.get(ctx, client, c.address(base, "/sse"))
	if err != nil {
		c.stop()
		return err
	}
	first, read := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(read)
		defer res.Body.Close()
		c.readStream(res, first)
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
	c.send = func(_ context.Context, text []byte, _ func(error)) error { return c.post(client, text) }
	return nil
}

// get opens a stream, or returns a [*RefusedError].
func (c *Client) get(ctx context.Context, client *http.Client, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header = cloneHeader(c.o.Header)
	req.Header.Set("Accept", "text/event-stream")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}

func cloneHeader(h http.Header) http.Header {
	if h == nil {
		return make(http.Header)
	}
	return h.Clone()
}

// readStream reads the stream to its end. first gets the outcome of the endpoint
// event.
func (c *Client) readStream(res *http.Response, first chan<- error) {
	defer c.calls.Close(errClosed)
	for event, err := range events(res.Body) {
		switch {
		case err != nil:
			if c.Endpoint == "" {
				first <- err
			}
			return
		case event.Type == "endpoint":
			first <- c.setEndpoint(res.Request.URL, event.Data)
		default:
			c.receive([]byte(event.Data))
		}
	}
	if c.Endpoint == "" {
		first <- errors.New("the stream ended before the endpoint event")
	}
}

func events(r io.Reader) func(func(sse.Event, error) bool) {
	return sse.Read(r, &sse.ReadConfig{MaxEventSize: maxEvent})
}

func (c *Client) setEndpoint(base *url.URL, reference string) error {
	ref, err := base.Parse(reference)
	if err != nil {
		return err
	}
	c.Endpoint, c.SessionID = ref.String(), ref.Query().Get("session_id")
	return nil
}

// post sends a text. An answer that comes with the response is received like
// one from the stream.
func (c *Client) post(client *http.Client, text []byte) error {
	req, err := http.NewRequest(http.MethodPost, c.Endpoint, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header = cloneHeader(c.o.Header)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusAccepted {
		return nil
	}
	refused := refusal(res)
	if refused.Status == http.StatusBadRequest {
		c.receive([]byte(refused.Body))
		return nil
	}
	return refused
}

package transport

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/internal/redact"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// web makes the HTTP requests of a link, to one origin and no other.
type web struct {
	url     *url.URL
	client  *http.Client
	own     *http.Transport // nil if the client is the caller's
	header  http.Header
	limit   int             // of a message
	secrets *redact.Secrets // what was sent and must not come back in an error
}

func newWeb(address string, o *LinkOptions) (*web, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("this is no URL of a server: it has to be like http://localhost:8080/mcp") // its text may hold secrets
	}
	w := &web{url: u, header: o.Header.Clone(), limit: cmp.Or(o.Message, defaultLinkMessage)}
	if w.limit < 0 {
		w.limit = math.MaxInt - eventMargin
	}
	w.secrets = redact.Of(secretsOf(u, o.Header)...)
	client := http.Client{}
	if o.Client != nil {
		client = *o.Client
	} else {
		w.own = newHTTPTransport()
		client.Transport = w.own
	}
	client.CheckRedirect = nil
	client.Transport = oneOrigin{cmp.Or[http.RoundTripper](client.Transport, http.DefaultTransport)}
	w.client = &client
	return w, nil
}

// defaultLinkMessage is [LinkOptions.Message].
const defaultLinkMessage = 64 << 20

// newHTTPTransport is net/http's own with more idle connections to a server: each
// message is a request. Nothing bounds how long an answer may take.
func newHTTPTransport() *http.Transport {
	t := &http.Transport{ForceAttemptHTTP2: true}
	if d, ok := http.DefaultTransport.(*http.Transport); ok {
		t = d.Clone()
	}
	t.MaxIdleConnsPerHost = 16
	t.ResponseHeaderTimeout = 0
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		u, err := http.ProxyFromEnvironment(r)
		if err != nil {
			return nil, errors.New("the proxy that the environment names is no URL") // which may hold a password
		}
		return u, nil
	}
	return t
}

// secretsOf returns what an error must not repeat.
func secretsOf(u *url.URL, h http.Header) (all []string) {
	all = append(all, u.RawQuery)
	for _, values := range u.Query() {
		all = append(all, values...)
	}
	if password, ok := u.User.Password(); ok {
		all = append(all, password)
	}
	for _, values := range h {
		for _, v := range values {
			all = append(all, v)
			if _, token, ok := strings.Cut(v, " "); ok { // after Bearer
				all = append(all, token)
			}
		}
	}
	return all
}

// oneOrigin lets a response redirect to no other origin, and no POST become a GET.
type oneOrigin struct{ to http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (o oneOrigin) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := o.to.RoundTrip(req)
	if err != nil || res.StatusCode < 300 || res.StatusCode > 399 || res.Header.Get("Location") == "" {
		return res, err
	}
	if err = mayRedirect(req, res); err != nil {
		res.Body.Close()
		return nil, err
	}
	return res, nil
}

func mayRedirect(req *http.Request, res *http.Response) error {
	to, err := req.URL.Parse(res.Header.Get("Location"))
	switch {
	case err != nil: // its text is the URL
		return fmt.Errorf("the server redirects (%d) to what is no URL", res.StatusCode)
	case origin(to) != origin(req.URL):
		return fmt.Errorf("the server redirects (%d) to another origin: connect to %s if that is right", res.StatusCode, origin(to))
	case req.Method != http.MethodGet && res.StatusCode != http.StatusTemporaryRedirect && res.StatusCode != http.StatusPermanentRedirect:
		return fmt.Errorf("the server redirects a %s with %d, which would make it a GET: connect to the URL it redirects to", req.Method, res.StatusCode)
	}
	return nil
}

// origin returns scheme, host and port (RFC 6454, section 4).
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + host
}

// request makes a request without a body, for nil, or with one of JSON.
func (w *web) request(ctx context.Context, method string, u *url.URL, body []byte) *http.Request {
	var r io.Reader
	if body != nil {
		r = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "", r)
	if err != nil {
		panic(err) // of methods and contexts that are not
	}
	req.URL, req.Host = u, ""
	req.Header = w.header.Clone()
	if req.Header == nil {
		req.Header = make(http.Header, 6)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// addHeader sets what more there is in the header of a request.
func addHeader(h, more http.Header) {
	for name, values := range more {
		h[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
}

// do makes a request. The error holds no URL, and is the cause of the request's
// context where that has ended.
func (w *web) do(req *http.Request) (*http.Response, error) {
	res, err := w.client.Do(req)
	if err == nil {
		return res, nil
	}
	if req.Context().Err() != nil {
		return nil, context.Cause(req.Context())
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return nil, err
}

// close closes what the client keeps open.
func (w *web) close() {
	if w.own != nil {
		w.own.CloseIdleConnections()
	}
}

// readAll reads the body of a response, which is a message.
func (w *web) readAll(res *http.Response, buf *pool.Buffer) error {
	most := int64(w.limit)
	b := bytes.NewBuffer(buf.B)
	_, err := b.ReadFrom(io.LimitReader(res.Body, most+1))
	buf.B = b.Bytes()
	if err == nil && int64(len(buf.B)) > most {
		return w.tooLong()
	}
	return err
}

func (w *web) tooLong() error {
	return fmt.Errorf("%w of %d bytes: see LinkOptions.Message", errTooLong, w.limit)
}

var errTooLong = errors.New("the server sent a message that is longer than the limit")

// mediaType returns that of a response, without parameters.
func mediaType(res *http.Response) string {
	typ, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return typ
}

// refusal reads a response that is no answer. named is that the request named a
// session.
func (w *web) refusal(res *http.Response, named bool) (e *StatusError, text []byte) {
	const most = 4 << 10
	buf := pool.Buffer{}
	if mediaType(res) == "application/json" { // it may be the error that the request is answered with
		_ = w.readAll(res, &buf) // what came of it
	} else {
		buf.B, _ = io.ReadAll(io.LimitReader(res.Body, most+1))
	}
	rpc := rpcError(buf.B)
	if rpc != nil {
		rpc.Message = w.secrets.Hide(rpc.Message)
	}
	return &StatusError{
		Status: res.StatusCode,
		Header: res.Header,
		Body:   w.secrets.Hide(strings.ToValidUTF8(cut(buf.B, most), "")),
		Ended:  res.StatusCode == http.StatusNotFound && named && (rpc == nil || rpc.Code != jsonrpc.CodeMethodNotFound),
		rpc:    rpc,
	}, buf.B
}

// rpcError returns the JSON-RPC error that a body holds. It may have no id at all
// (2025-11-25, transports, sending messages to the server, 4), which in a message
// is an error.
func rpcError(body []byte) *jsonrpc.Error {
	var m struct {
		Version string         `json:"jsonrpc"`
		Error   *jsonrpc.Error `json:"error"`
	}
	if json.Unmarshal(body, &m) != nil || m.Version != "2.0" {
		return nil
	}
	return m.Error
}

// Error holds the status and the beginning of a body that is text, and no URL:
// its query may hold secrets.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	said := ""
	if rpc := e.rpcError(); rpc != nil {
		said = rpc.Message
	} else if typ, _, _ := mime.ParseMediaType(e.Header.Get("Content-Type")); typ == "text/plain" || typ == "application/json" {
		said = e.Body
	}
	if said = strings.Join(strings.Fields(said), " "); said == "" {
		return text
	}
	const most = 200
	return text + ": " + cut([]byte(said), most)
}

// Unwrap returns the [*jsonrpc.Error] that the body holds, nil if it holds none.
func (e *StatusError) Unwrap() error {
	if rpc := e.rpcError(); rpc != nil {
		return rpc
	}
	return nil
}

func (e *StatusError) rpcError() *jsonrpc.Error {
	if e.rpc != nil {
		return e.rpc
	}
	return rpcError([]byte(e.Body))
}

// passing reports whether what went wrong may be over the next time.
func passing(err error) bool {
	e, ok := errors.AsType[*StatusError](err)
	if !ok {
		return true
	}
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
}

// sleep returns after d, or with ctx's cause.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

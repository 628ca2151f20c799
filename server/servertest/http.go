package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// headerSession carries the id of a streamable HTTP session.
const headerSession = "Mcp-Session-Id"

// streamable is a connection by streamable HTTP: a POST for each text, and in a
// session a GET for what the server says by itself.
type streamable struct {
	c       *Client
	client  *http.Client
	ctx     context.Context // ends with the connection
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	session   string
	revision  string // of the session
	listening bool
}

func (c *Client) dialHTTP(base string) {
	s := &streamable{c: c, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	c.Endpoint = c.address(base, "/mcp")
	c.send, c.stop = s.send, s.stop
}

// post is one POST.
type post struct {
	text     []byte
	message  jsonrpc.Message // of which a batch has nothing
	ctx      context.Context
	alone    bool // it needs no session
	lost     func(error)
	answered bool
}

// send posts a text. A text with a request has been sent in full when send
// returns, so that those sent one after the other leave one after the other.
// Anything else has been answered.
func (s *streamable) send(ctx context.Context, text []byte, lost func(error)) error {
	p := &post{text: bytes.Clone(text), lost: lost}
	p.message, _ = jsonrpc.Parse(p.text) // what is no message is sent like one
	req, err := s.request(http.MethodPost, p)
	if err != nil {
		return err
	}
	var hangUp context.CancelFunc
	p.ctx, hangUp = context.WithCancel(s.ctx)
	keep := func() bool { return true }
	if p.alone {
		keep = context.AfterFunc(ctx, hangUp)
	}
	end := func() { keep(); hangUp() }
	if p.message.IsRequest() || jsonrpc.IsBatch(p.text) {
		return s.begin(req, p, end)
	}
	defer end()
	if err := s.exchange(req, p); err != nil || p.message.Method != mcp.Initialized {
		return err
	}
	return s.listen()
}

// begin makes a POST on a goroutine and returns when its text has been sent. end
// is called when it has ended.
func (s *streamable) begin(req *http.Request, p *post, end func()) error {
	sent := make(chan struct{})
	var once sync.Once
	told := func() { once.Do(func() { close(sent) }) }
	p.ctx = httptrace.WithClientTrace(p.ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { told() },
	})
	if !s.run(func() {
		defer end()
		defer told() // it may have failed before
		s.fetch(req, p)
	}) {
		end()
		return errClosed
	}
	<-sent
	return nil
}

// run runs f on a goroutine that the end of the connection waits for.
func (s *streamable) run(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Go(f)
	return true
}

// request makes a request of the session, or of p alone; p is nil for one
// without a body.
func (s *streamable) request(method string, p *post) (*http.Request, error) {
	var body io.Reader
	if p != nil {
		body = bytes.NewReader(p.text)
	}
	req, err := http.NewRequest(method, s.c.Endpoint, body)
	if err != nil {
		return nil, err
	}
	req.Header = cloneHeader(s.c.o.Header)
	req.Header.Set("Accept", "text/event-stream")
	if p != nil {
		req.Header.Set("Accept", "application/json, text/event-stream")
		req.Header.Set("Content-Type", "application/json")
		p.alone = mirror(&p.message, req.Header)
	}
	if p == nil || !p.alone {
		s.identify(req.Header)
	}
	if p != nil && s.c.o.Mirror != nil {
		s.c.o.Mirror(p.text, req.Header)
	}
	return req, nil
}

// identify sets the headers of a session.
func (s *streamable) identify(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != "" {
		h.Set(headerSession, s.session)
	}
	if s.revision != "" {
		h.Set(mcp.HeaderVersion, s.revision)
	}
}

// fetch is exchange for a request: if there is no answer, who waits is told.
func (s *streamable) fetch(req *http.Request, p *post) {
	err := s.exchange(req, p)
	if err == nil && !p.answered {
		err = errors.New("the response ended without an answer")
	}
	switch _, refused := err.(*RefusedError); {
	case err == nil:
	case p.lost != nil:
		p.lost(err)
	case refused: // and there is nobody else to tell
		s.c.t.Logf("servertest: %s was %v", p.text, err)
	}
}

// exchange makes a POST and receives what the server says to it. A response with
// the status of an error is told to p.lost if it has a body of JSON, and else is
// the error.
func (s *streamable) exchange(req *http.Request, p *post) error {
	res, err := s.client.Do(req.WithContext(p.ctx))
	if err != nil {
		if s.ctx.Err() != nil {
			return errClosed
		}
		return err
	}
	defer res.Body.Close()
	s.adopt(res.Header.Get(headerSession))
	if res.StatusCode >= 300 {
		return s.refused(p, refusal(res))
	}
	if typ, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); typ == "text/event-stream" {
		return s.readEvents(res.Body, p)
	}
	body, err := io.ReadAll(res.Body)
	if err == nil && len(body) > 0 {
		s.receive(body, p)
	}
	return err
}

// refused tells of a response with the status of an error. A JSON-RPC error in it
// is for who waits, or for the tap, like any other.
func (s *streamable) refused(p *post, refused *RefusedError) error {
	if !json.Valid([]byte(refused.Body)) {
		return refused
	}
	s.c.tap([]byte(refused.Body))
	p.answered = true
	if p.lost != nil {
		p.lost(refused)
	}
	return nil
}

// adopt makes what the server said to be a session this connection's.
func (s *streamable) adopt(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" && id != s.session {
		s.session, s.c.SessionID = id, id
	}
}

func (s *streamable) readEvents(body io.Reader, p *post) error {
	for event, err := range events(body) {
		if err != nil {
			return err
		}
		if event.Data != "" {
			s.receive([]byte(event.Data), p)
		}
	}
	return nil
}

// receive takes what the server says in the response to p, which is nil for the
// stream of the session.
func (s *streamable) receive(text []byte, p *post) {
	m, err := jsonrpc.Parse(text)
	if p != nil && (err != nil || m.Method == "") { // a batch is answered by one
		p.answered = true
		if p.message.Method == mcp.Initialize {
			s.initialized(&m)
		}
	}
	s.c.receive(text)
}

// initialized notes the revision of the session.
func (s *streamable) initialized(m *jsonrpc.Message) {
	var result mcp.InitializeResult
	if json.Unmarshal(m.Result, &result) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision = result.ProtocolVersion
}

// listen opens the stream of the session, if there is a session, and there is
// none yet. A server may have no such stream.
func (s *streamable) listen() error {
	s.mu.Lock()
	wanted := s.session != "" && !s.listening
	s.listening = s.listening || wanted
	s.mu.Unlock()
	if !wanted {
		return nil
	}
	req, err := s.request(http.MethodGet, nil)
	if err != nil {
		return err
	}
	res, err := s.client.Do(req.WithContext(s.ctx))
	if err != nil {
		return err
	}
	switch {
	case res.StatusCode == http.StatusMethodNotAllowed:
		return res.Body.Close()
	case res.StatusCode != http.StatusOK:
		defer res.Body.Close()
		return refusal(res)
	}
	read := func() {
		defer res.Body.Close()
		_ = s.readEvents(res.Body, nil) // ends with the session, or with the connection
	}
	if !s.run(read) {
		return res.Body.Close()
	}
	return nil
}

// goodbye is how long a client that goes away waits for the server to see it.
const goodbye = 5 * time.Second

// stop ends the session and then the connection.
func (s *streamable) stop() {
	s.mu.Lock()
	s.closed = true
	session := s.session
	s.mu.Unlock()
	if session != "" {
		s.endSession()
	}
	s.cancel()
	s.running.Wait()
	s.client.CloseIdleConnections()
}

// endSession says that the session is over. A server that is gone does not hear
// it, and one that ended it before does not want to.
func (s *streamable) endSession() {
	ctx, cancel := context.WithTimeout(s.ctx, goodbye)
	defer cancel()
	req, err := s.request(http.MethodDelete, nil)
	if err != nil {
		return
	}
	if res, err := s.client.Do(req.WithContext(ctx)); err == nil {
		res.Body.Close()
	}
}

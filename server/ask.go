package server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// Ask implements [tool.Outlet]. In a session the question is a request on the
// way that the call came, and the function waits; without one it is kept for the
// result, see rounds.
func (c *call) Ask(q *tool.Question) error {
	if err := c.mayAsk(q); err != nil {
		return err
	}
	if c.revision.Stateless {
		return c.rounds().ask(c.revision, q)
	}
	method, params, err := encodeQuestion(c.revision, q)
	if err != nil {
		return err
	}
	for range maxAttempts {
		var answer []byte
		if answer, err = c.askClient(method, params); err != nil {
			return err
		}
		if err = q.Read(answer); err == nil {
			return nil
		}
	}
	return misfit(method, err)
}

// maxAttempts is how often a client may answer, within one call, something that
// is no answer. It is told why in the end alone: a question has no place for it.
const maxAttempts = 3

func misfit(question string, err error) error {
	return tool.Errorf("the client's answer to %s is none: %w", question, err)
}

var errAnswered = errors.New("the call has been answered, or cancelled: nothing can be asked in it any more")

// askClient sends a request to the client and waits for the result.
func (c *call) askClient(method string, params []byte) ([]byte, error) {
	ctx := c.ctx
	var id jsonrpc.ID
	send := func(m *jsonrpc.Message) error {
		id = m.ID
		c.mu.Lock()
		if c.open == nil {
			c.open = make(map[jsonrpc.ID]bool)
		}
		c.open[id] = true
		c.mu.Unlock()
		c.telling.RLock()
		defer c.telling.RUnlock()
		if c.answered.Load() {
			return errAnswered
		}
		return c.exchange.Reply.Send(ctx, m)
	}
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, id)
	}()
	answer, err := c.session.asked.Do(ctx, send, c.takeBack, method, params)
	if refusal, ok := errors.AsType[*jsonrpc.Error](err); ok {
		return nil, tool.Errorf("the client refused %s: %s", method, clip(refusal.Message))
	}
	return answer, err
}

// takeBack tells the client that a question, or "" for all, wants no answer any
// more. It does so once for each, and has done so when it returns.
func (c *call) takeBack(id jsonrpc.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for open := range c.open {
		if id != "" && open != id {
			continue
		}
		delete(c.open, open)
		params, err := json.Marshal(mcp.CancelledParams{RequestID: json.RawMessage(open)})
		if err == nil {
			_ = c.exchange.Reply.Send(c.session.peer.Context(), &jsonrpc.Message{Method: mcp.Cancelled, Params: params}) // fails with the connection
		}
	}
}

// mayAsk reports what keeps the question from being asked: the client did not
// say that it can answer such a one, or its revision has none.
func (c *call) mayAsk(q *tool.Question) error {
	needs, known := "roots", true
	switch q.Kind {
	case tool.AskForm:
		needs, known = "elicitation", c.revision.forms
		if known && c.client.Supports(needs) && c.revision.urls && !c.client.Supports("elicitation.form") {
			needs = "elicitation.form"
		}
	case tool.AskURL:
		needs, known = "elicitation.url", c.revision.urls
	case tool.AskSampling:
		needs = "sampling"
		if q.Sampling.UsesTools() && c.client.Supports(needs) {
			needs, known = "sampling.tools", c.revision.sampledTools
		}
	}
	if !known || !c.client.Supports(needs) {
		return &tool.CapabilityError{Capability: needs}
	}
	return nil
}

// formParams and urlParams are those of elicitation/create.
type formParams struct {
	Mode    string          `json:"mode,omitempty"`
	Message string          `json:"message"`
	Schema  json.RawMessage `json:"requestedSchema"`
}

type urlParams struct {
	Mode    string `json:"mode"`
	Message string `json:"message"`
	ID      string `json:"elicitationId,omitempty"`
	URL     string `json:"url"`
}

// encodeQuestion returns the request that asks q, as the revision has it.
func encodeQuestion(rev *revision, q *tool.Question) (method string, params []byte, err error) {
	switch q.Kind {
	case tool.AskForm:
		p := formParams{Message: q.Message, Schema: q.Form.Document()}
		if rev.urls {
			p.Mode = "form"
		}
		if !rev.choices {
			if p.Schema, err = q.Form.Plain(); err != nil {
				return "", nil, err
			}
		}
		params, err = appendJSON(nil, p)
		return mcp.Elicit, params, err
	case tool.AskURL:
		p := urlParams{Mode: "url", Message: q.Message, URL: q.URL}
		if rev.urlIDs {
			p.ID = rand.Text()
		}
		params, err = appendJSON(nil, p)
		return mcp.Elicit, params, err
	case tool.AskSampling:
		params, err = encodeSampling(rev, q.Sampling)
		return mcp.SampleText, params, err
	case tool.AskRoots:
		return mcp.ListRoots, nil, nil
	}
	return "", nil, errors.New("server: a question of no known kind")
}

// missingCapability is the error of a stateless request that could not be served
// because of what its client did not declare.
func missingCapability(e *tool.CapabilityError) error {
	settings := map[string]any{}
	for parts := strings.Split(e.Capability, "."); len(parts) > 0; parts = parts[:len(parts)-1] {
		settings = map[string]any{parts[len(parts)-1]: settings}
	}
	data, err := json.Marshal(mcp.MissingCapability{RequiredCapabilities: settings})
	if err != nil {
		return err
	}
	return &httpError{http.StatusBadRequest, &jsonrpc.Error{
		Code:    mcp.CodeMissingCapability,
		Message: e.Error(),
		Data:    data,
	}}
}

// Suspend implements [tool.Outlet].
func (c *call) Suspend(retry time.Duration) bool {
	s, ok := c.exchange.Reply.(transport.Suspender)
	return ok && !c.answered.Load() && s.Suspend(retry)
}

package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// A request of a stateless revision says in its _meta what a session would know:
// which revision it speaks, who sends it, what the client can do. Package envelope
// reads it; this file says what it means for a call.

// overHTTP reports whether the rules for the headers of streamable HTTP hold.
func (s *session) overHTTP() bool { return s.peer.Kind == "http" }

// standAlone reads what a stateless request says of itself into c, and checks it.
func (s *session) standAlone(c *call, e *envelope.Envelope) error {
	if err := e.Check(s.headerOf(c.exchange), c.method, &c.in); err != nil {
		return &httpError{http.StatusBadRequest, err}
	}
	c.revision = byDate(jsontext.Text(e.Version))
	if h := c.serving; h == nil || h.session || h.needs != nil && !h.needs(s.server) {
		return &httpError{http.StatusNotFound, jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "method %q is not known here in revision %s", clip(c.method), c.revision.Date)}
	}
	return c.readClient(e)
}

// readClient takes what the request says of its client, and of the log messages
// it wants.
func (c *call) readClient(e *envelope.Envelope) error {
	client := &tool.Client{}
	for key, val := range jsontext.All(e.Capabilities) {
		if client.Capabilities == nil {
			client.Capabilities = make(map[string]json.RawMessage)
		}
		client.Capabilities[jsontext.Text(key)] = bytes.Clone(val) // a function may keep it
	}
	for key, val := range jsontext.All(e.Client) {
		var field *string
		switch string(jsontext.Key(key)) {
		case "name":
			field = &client.Name
		case "title":
			field = &client.Title
		case "version":
			field = &client.Version
		default:
			continue
		}
		if !isString(val) {
			return badRequest(jsonrpc.CodeInvalidParams, "params._meta[%q] has a %s that is no string", mcp.MetaClient, jsontext.Text(key))
		}
		*field = jsontext.Text(val)
	}
	c.client, c.level = client, levelOff
	if e.Level == nil {
		return nil
	}
	level, err := parseLevel("params._meta["+mcp.MetaLogLevel+"]", jsontext.Text(e.Level))
	if err != nil {
		return err
	}
	c.level = level
	return nil
}

// refuseVersion refuses a GET or a DELETE of a revision that nobody knows
// (2025-06-18, transports, protocol version header).
func refuseVersion(h http.Header) *transport.Refusal {
	if date := h.Get(mcp.HeaderVersion); date != "" && byDate(date) == nil {
		return &transport.Refusal{Status: http.StatusBadRequest, Reason: fmt.Sprintf("the protocol version %q is not one of %s", clip(date), strings.Join(envelope.Supported(""), ", "))}
	}
	return nil
}

// httpError is an error that over streamable HTTP has a status of its own.
type httpError struct {
	status int
	err    *jsonrpc.Error
}

func (e *httpError) Error() string { return e.err.Error() }
func (e *httpError) Unwrap() error { return e.err }

func badRequest(code int, format string, args ...any) error {
	return &httpError{http.StatusBadRequest, jsonrpc.Errorf(code, format, args...)}
}

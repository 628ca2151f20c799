package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// A request of a stateless revision says in its _meta what a session would know:
// which revision it speaks, who sends it, what the client can do. This file
// tells such requests from those of a session, and reads what they say
// (2026-07-28, basic, _meta; versioning).

// envelope is what a request's _meta holds, as slices of its params.
type envelope struct{ version, client, capabilities, level []byte }

// read takes the members of _meta from params. What of it is not of the type
// that it should be stays nil.
func (e *envelope) read(params []byte) error {
	return members(params, func(key, val []byte) error {
		if !jsontext.Is(key, "_meta") {
			return nil
		}
		if *e = (envelope{}); val[0] != '{' { // the last of equal keys counts, whole
			return nil
		}
		return members(val, func(key, val []byte) error {
			switch {
			case val[0] == '"' && jsontext.Is(key, mcp.MetaVersion):
				e.version = val
			case val[0] == '{' && jsontext.Is(key, mcp.MetaClient):
				e.client = val
			case val[0] == '{' && jsontext.Is(key, mcp.MetaCapabilities):
				e.capabilities = val
			case jsontext.Is(key, mcp.MetaLogLevel):
				e.level = val
			}
			return nil
		})
	})
}

// metaWord is in every key that an envelope reads, however its slash is spelt:
// params without it are not worth a scan.
var metaWord = []byte("io.modelcontextprotocol")

// standsAlone reports whether a message is one of a stateless revision: its _meta
// names a revision, or else its HTTP header names one that has no sessions, or
// that nobody knows. That holds also for a message that lacks the rest, so that it
// is told so in the words of its revision.
func standsAlone(h http.Header, m *jsonrpc.Message) bool {
	if bytes.Contains(m.Params, metaWord) {
		var e envelope
		if len(m.Params) > 0 && m.Params[0] == '{' && e.read(m.Params) == nil && e.version != nil {
			return true
		}
	}
	if h == nil {
		return false
	}
	date := h.Get(mcp.HeaderVersion)
	if date == "" {
		return false
	}
	r := byDate(date)
	return r == nil || r.stateless
}

// overHTTP reports whether the rules for the headers of streamable HTTP hold.
func (s *session) overHTTP() bool { return s.peer.Kind == "http" }

// standAlone reads what a stateless request says of itself into c, and checks it.
func (s *session) standAlone(c *call, h method, known bool) error {
	var e envelope
	if err := e.read(c.params); err != nil {
		return badRequest(jsonrpc.CodeInvalidParams, "params: %v", err)
	}
	switch named := c.header.Get(mcp.HeaderVersion); {
	case e.version == nil && s.overHTTP() && named != "" && byDate(named) == nil:
		return unsupportedVersion(named)
	case e.version == nil:
		return badRequest(jsonrpc.CodeInvalidParams, "params._meta[%q] is missing: each request names its revision", mcp.MetaVersion)
	case s.overHTTP():
		if err := checkVersion(c.header, jsontext.Text(e.version)); err != nil {
			return err
		}
	}
	c.revision = byDate(jsontext.Text(e.version))
	if c.revision == nil || !c.revision.stateless {
		return unsupportedVersion(jsontext.Text(e.version))
	}
	if e.capabilities == nil {
		return badRequest(jsonrpc.CodeInvalidParams, "params._meta[%q] is missing: it is an object, and may be empty", mcp.MetaCapabilities)
	}
	if s.overHTTP() {
		if err := checkMethod(c.header, c.method, c.params); err != nil {
			return err
		}
	}
	if !known || h.session || h.needs != nil && !h.needs(s.server) {
		return &httpError{http.StatusNotFound, jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "method %q is not known here in revision %s", clip(c.method), c.revision.date)}
	}
	return c.readClient(&e)
}

// readClient takes what the request says of its client, and of the log messages
// it wants.
func (c *call) readClient(e *envelope) error {
	client := &tool.Client{}
	_ = members(e.capabilities, func(key, val []byte) error { // has been read before
		if client.Capabilities == nil {
			client.Capabilities = make(map[string]json.RawMessage)
		}
		client.Capabilities[jsontext.Text(key)] = bytes.Clone(val) // a function may keep it
		return nil
	})
	err := members(e.client, func(key, val []byte) error {
		var field *string
		switch {
		case jsontext.Is(key, "name"):
			field = &client.Name
		case jsontext.Is(key, "title"):
			field = &client.Title
		case jsontext.Is(key, "version"):
			field = &client.Version
		default:
			return nil
		}
		if !isString(val) {
			return badRequest(jsonrpc.CodeInvalidParams, "params._meta[%q] has a %s that is no string", mcp.MetaClient, jsontext.Text(key))
		}
		*field = jsontext.Text(val)
		return nil
	})
	if err != nil {
		return err
	}
	c.client, c.level = client, levelOff
	if e.level == nil {
		return nil
	}
	level, err := parseLevel("params._meta["+mcp.MetaLogLevel+"]", jsontext.Text(e.level))
	if err != nil {
		return err
	}
	c.level = level
	return nil
}

// supported are the revisions that a client may choose from, the latest first.
// One that begins with a handshake is no choice for a client that has just named
// it in a request without.
func supported(requested string) []string {
	known := byDate(requested)
	var choice []string
	for _, r := range slices.Backward(revisions) {
		if r.stateless || known == nil {
			choice = append(choice, r.date)
		}
	}
	return choice
}

func unsupportedVersion(requested string) error {
	data, err := json.Marshal(mcp.UnsupportedVersion{Supported: supported(requested), Requested: requested})
	if err != nil {
		return err
	}
	return &httpError{http.StatusBadRequest, &jsonrpc.Error{
		Code:    mcp.CodeUnsupportedVersion,
		Message: "unsupported protocol version",
		Data:    data,
	}}
}

// refuseVersion refuses a GET or a DELETE of a revision that nobody knows
// (2025-06-18, transports, protocol version header).
func refuseVersion(h http.Header) *transport.Refusal {
	if date := h.Get(mcp.HeaderVersion); date != "" && byDate(date) == nil {
		return &transport.Refusal{Status: http.StatusBadRequest, Reason: fmt.Sprintf("the protocol version %q is not one of %s", clip(date), strings.Join(supported(""), ", "))}
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

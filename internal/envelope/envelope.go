// Package envelope is what a request of a stateless revision says of itself, in
// its _meta and again in HTTP headers: how it is told from one of a session, how
// it is read and checked, and how it is written (2026-07-28, basic, _meta;
// streamable HTTP, request headers).
package envelope

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// Envelope is what a request's _meta says, as raw JSON: slices of its params, nil
// where it is missing or of another type.
type Envelope struct{ Version, Client, Capabilities, Level []byte }

// Params are what a request says beside what its method is about, and the subject
// of those methods that have one: slices of its params, nil for what is missing.
type Params struct {
	Name, URI, Arguments []byte
	Meta                 []byte // _meta, nil if that is no object
	Token                []byte // of progress
	Responses, State     []byte // inputResponses and requestState
}

// Read takes all of it from params, which have been read before: they are an
// object, or nothing. The last of equal keys counts, whole.
func (p *Params) Read(params []byte) (e Envelope) {
	for key, val := range jsontext.All(params) {
		switch string(jsontext.Key(key)) {
		case "name":
			p.Name = val
		case "uri":
			p.URI = val
		case "arguments":
			p.Arguments = val
		case "inputResponses":
			p.Responses = val
		case "requestState":
			p.State = val
		case "_meta":
			e = p.readMeta(val)
		}
	}
	return e
}

func (p *Params) readMeta(meta []byte) (e Envelope) {
	p.Meta, p.Token = nil, nil
	if meta[0] != '{' {
		return e
	}
	p.Meta = meta
	for key, val := range jsontext.All(meta) {
		switch string(jsontext.Key(key)) {
		case "progressToken":
			p.Token = val
		case mcp.MetaVersion:
			e.Version = ifKind(val, '"')
		case mcp.MetaClient:
			e.Client = ifKind(val, '{')
		case mcp.MetaCapabilities:
			e.Capabilities = ifKind(val, '{')
		case mcp.MetaLogLevel:
			e.Level = val
		}
	}
	return e
}

// ifKind returns a value that begins so, and nil for any other.
func ifKind(val []byte, first byte) []byte {
	if val[0] != first {
		return nil
	}
	return val
}

// metaWord is in every key that an envelope reads, however its slash is spelt:
// params without it are not worth a scan.
var metaWord = []byte("io.modelcontextprotocol")

// StandsAlone reports whether a message is one of a stateless revision: its _meta
// names a revision, or else its HTTP header names one that has no sessions, or
// that nobody knows. That holds also for a message that lacks the rest, so that it
// is told so in the words of its revision. h is nil on other transports.
func StandsAlone(h http.Header, m *jsonrpc.Message) bool {
	var e Envelope
	if bytes.Contains(m.Params, metaWord) {
		e = new(Params).Read(m.Params)
	}
	return e.StandsAlone(h)
}

// StandsAlone is the function of that name for the message with this envelope.
func (e *Envelope) StandsAlone(h http.Header) bool {
	if e.Version != nil {
		return true
	}
	date := h.Get(mcp.HeaderVersion)
	if date == "" {
		return false
	}
	r := mcp.ByDate(date)
	return r == nil || r.Stateless
}

// Check holds a request, its params, and, over HTTP, its headers to each other:
// what every stateless revision demands of every request. h is nil on other
// transports. Over HTTP the error is answered with 400.
func (e *Envelope) Check(h http.Header, method string, p *Params) *jsonrpc.Error {
	if e.Version == nil {
		if named := h.Get(mcp.HeaderVersion); named != "" && mcp.ByDate(named) == nil {
			return Unsupported(named)
		}
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params._meta[%q] is missing: each request names its revision", mcp.MetaVersion)
	}
	version := jsontext.Text(e.Version)
	if h != nil {
		if err := checkVersion(h, version); err != nil {
			return err
		}
	}
	if r := mcp.ByDate(version); r == nil || !r.Stateless {
		return Unsupported(version)
	}
	if e.Capabilities == nil {
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params._meta[%q] is missing: it is an object, and may be empty", mcp.MetaCapabilities)
	}
	if h != nil {
		return p.checkMethod(h, method)
	}
	return nil
}

// Supported are the revisions that a client may choose from, the latest first.
// One that begins with a handshake is no choice for a client that has just named
// it in a request without.
func Supported(requested string) []string {
	known := mcp.ByDate(requested)
	var choice []string
	for i := len(mcp.Revisions) - 1; i >= 0; i-- {
		if r := &mcp.Revisions[i]; r.Stateless || known == nil {
			choice = append(choice, r.Date)
		}
	}
	return choice
}

// Unsupported is the answer to a request of a revision that is not there.
func Unsupported(requested string) *jsonrpc.Error {
	data, err := json.Marshal(mcp.UnsupportedVersion{Supported: Supported(requested), Requested: requested})
	if err != nil {
		return jsonrpc.AsError(err)
	}
	return &jsonrpc.Error{Code: mcp.CodeUnsupportedVersion, Message: "unsupported protocol version", Data: data}
}

// clip keeps what a client wrote from filling an answer.
func clip(text string) string {
	if len(text) > 100 {
		return text[:100] + "..."
	}
	return text
}

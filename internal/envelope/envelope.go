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

// Read takes the envelope from params.
func (e *Envelope) Read(params []byte) error {
	return jsontext.Members(params, func(key, val []byte) error {
		if !jsontext.Is(key, "_meta") {
			return nil
		}
		if *e = (Envelope{}); val[0] != '{' { // the last of equal keys counts, whole
			return nil
		}
		return jsontext.Members(val, func(key, val []byte) error {
			switch {
			case val[0] == '"' && jsontext.Is(key, mcp.MetaVersion):
				e.Version = val
			case val[0] == '{' && jsontext.Is(key, mcp.MetaClient):
				e.Client = val
			case val[0] == '{' && jsontext.Is(key, mcp.MetaCapabilities):
				e.Capabilities = val
			case jsontext.Is(key, mcp.MetaLogLevel):
				e.Level = val
			}
			return nil
		})
	})
}

// metaWord is in every key that an envelope reads, however its slash is spelt:
// params without it are not worth a scan.
var metaWord = []byte("io.modelcontextprotocol")

// StandsAlone reports whether a message is one of a stateless revision: its _meta
// names a revision, or else its HTTP header names one that has no sessions, or
// that nobody knows. That holds also for a message that lacks the rest, so that it
// is told so in the words of its revision. h is nil on other transports.
func StandsAlone(h http.Header, m *jsonrpc.Message) bool {
	if bytes.Contains(m.Params, metaWord) {
		var e Envelope
		if len(m.Params) > 0 && m.Params[0] == '{' && e.Read(m.Params) == nil && e.Version != nil {
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
	r := mcp.ByDate(date)
	return r == nil || r.Stateless
}

// Check holds a message, its envelope, and, over HTTP, its headers to each other:
// what every stateless revision demands of every request. h is nil on other
// transports. Over HTTP the error is answered with 400.
func (e *Envelope) Check(h http.Header, m *jsonrpc.Message) *jsonrpc.Error {
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
		return checkMethod(h, m.Method, m.Params)
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

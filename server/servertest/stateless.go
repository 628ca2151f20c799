package servertest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// stateless reports whether each request says what a session would know.
func (c *Client) stateless() bool { return c.o.Revision == Stateless }

// envelop puts into the _meta of a request's params what every request of
// Stateless says (2026-07-28, basic, _meta). What the caller has put there stays.
func (c *Client) envelop(params []byte) ([]byte, error) {
	members, meta := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if len(params) > 0 {
		if err := json.Unmarshal(params, &members); err != nil {
			return nil, fmt.Errorf("params must be an object, for its _meta: %w", err)
		}
	}
	if given, ok := members["_meta"]; ok {
		if err := json.Unmarshal(given, &meta); err != nil {
			return nil, fmt.Errorf("params._meta must be an object: %w", err)
		}
	}
	said := map[string]any{
		mcp.MetaVersion:      c.o.Revision,
		mcp.MetaClient:       self,
		mcp.MetaCapabilities: c.capabilities(),
	}
	if c.o.LogLevel != "" {
		said[mcp.MetaLogLevel] = c.o.LogLevel
	}
	for key, value := range said {
		if _, ok := meta[key]; ok {
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		meta[key] = raw
	}
	raw, err := json.Marshal(meta)
	if err != nil {
		return nil, err
	}
	members["_meta"] = raw
	return json.Marshal(members)
}

// mirrored says which parameter of a method the header Mcp-Name repeats.
var mirrored = map[string]string{
	mcp.ToolsCall:     "name",
	mcp.PromptsGet:    "name",
	mcp.ResourcesRead: "uri",
}

// mirror sets the headers that repeat what a message says of itself, and reports
// whether it says anything: its _meta names a revision (2026-07-28, streamable
// HTTP, request headers).
func mirror(m *jsonrpc.Message, h http.Header) bool {
	var params map[string]json.RawMessage
	var meta map[string]json.RawMessage
	if json.Unmarshal(m.Params, &params) != nil || json.Unmarshal(params["_meta"], &meta) != nil {
		return false
	}
	var version, name string
	if json.Unmarshal(meta[mcp.MetaVersion], &version) != nil {
		return false
	}
	h.Set(mcp.HeaderVersion, headerValue(version))
	h.Set(mcp.HeaderMethod, headerValue(m.Method))
	if member, ok := mirrored[m.Method]; ok && json.Unmarshal(params[member], &name) == nil {
		h.Set(mcp.HeaderName, headerValue(name))
	}
	return true
}

// headerValue writes a text so that it survives as a header: in base64 between
// marks where it would not as it is (2026-07-28, streamable HTTP, value encoding).
func headerValue(text string) string {
	const prefix, suffix = "=?base64?", "?="
	unsafe := func(r rune) bool { return r < ' ' || r > '~' }
	marked := strings.HasPrefix(text, prefix) && strings.HasSuffix(text, suffix)
	if strings.TrimSpace(text) == text && !strings.ContainsFunc(text, unsafe) && !marked {
		return text
	}
	return prefix + base64.StdEncoding.EncodeToString([]byte(text)) + suffix
}

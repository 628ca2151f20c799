package envelope

import (
	"encoding/json"
	"testing"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// FuzzParams holds what is read from a message in one pass to what encoding/json
// reads from it, member by member.
func FuzzParams(f *testing.F) {
	for _, params := range []string{
		`{}`, `{"name":"a","arguments":{"b":[1,{"name":"no"}]},"uri":null}`,
		`{"_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}`,
		`{"_meta":{"io.modelcontextprotocol/logLevel":"debug"},"_meta":{"progressToken":"x"}}`, `{"_meta":[],"n\u0061me":"a","name":1}`,
		`{"_meta":{"io.modelcontextprotocol/clientInfo":{"name":"c"},"io.modelcontextprotocol\/clientInfo":[]},"requestState":"s","inputResponses":{}}`,
	} {
		f.Add([]byte(params))
	}
	f.Fuzz(func(t *testing.T, params []byte) {
		text := append([]byte(`{"jsonrpc":"2.0","id":1,"method":"m","params":`), params...)
		m, err := jsonrpc.Parse(append(text, '}'))
		if err != nil || len(m.Params) == 0 || m.Params[0] != '{' {
			return
		}
		var want, meta map[string]json.RawMessage
		if json.Unmarshal(m.Params, &want) != nil || len(want["_meta"]) > 0 && want["_meta"][0] == '{' && json.Unmarshal(want["_meta"], &meta) != nil {
			return // of numbers and depths encoding/json takes fewer
		}
		var p Params
		e := p.Read(m.Params)
		ofKind := func(raw json.RawMessage, first byte) json.RawMessage {
			if len(raw) == 0 || raw[0] != first {
				return nil
			}
			return raw
		}
		for name, pair := range map[string][2][]byte{
			"name":           {p.Name, want["name"]},
			"uri":            {p.URI, want["uri"]},
			"arguments":      {p.Arguments, want["arguments"]},
			"inputResponses": {p.Responses, want["inputResponses"]},
			"requestState":   {p.State, want["requestState"]},
			"_meta":          {p.Meta, ofKind(want["_meta"], '{')},
			"progressToken":  {p.Token, meta["progressToken"]},
			"version":        {e.Version, ofKind(meta[mcp.MetaVersion], '"')},
			"client":         {e.Client, ofKind(meta[mcp.MetaClient], '{')},
			"capabilities":   {e.Capabilities, ofKind(meta[mcp.MetaCapabilities], '{')},
			"level":          {e.Level, meta[mcp.MetaLogLevel]},
		} {
			if string(pair[0]) != string(pair[1]) {
				t.Fatalf("%s: %s is %s, encoding/json says %s", m.Params, name, pair[0], pair[1])
			}
		}
		if StandsAlone(nil, &m) != (e.Version != nil) {
			t.Fatalf("%s: stands alone: %v", m.Params, e.Version == nil)
		}
	})
}

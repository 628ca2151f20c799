package bridge

import (
	"net/url"
	"testing"
)

func TestInject(t *testing.T) {
	args := url.Values{"auth": {"K\"1"}, "tag": {"a", "b"}}
	for _, c := range []struct {
		name         string
		inject       bool
		toMeta       []string
		method       string
		params, want string
	}{
		{"as it came", false, nil, "tools/call", `{ "name" : "x", "arguments" : { "a" : 1.0, "b":"\u00e9" } }`, ``},
		{"other methods", true, nil, "prompts/get", `{"arguments":{"_session_params":1}}`, ``},
		{"no params", false, nil, "tools/list", ``, ``},
		{"removed", false, nil, "tools/call", `{"name":"x","arguments":{"_session_params":{"auth":"mine"},"a": 1}}`, `{"name":"x","arguments":{"a":1}}`},
		{"removed however spelt", false, nil, "tools/call", `{"arguments":{"\u005fsession_params":1,"_session_params":2}}`, `{"arguments":{}}`},
		{"removed from each", false, nil, "tools/call", `{"arguments":{"_session_params":1},"arguments":{"_session_params":2}}`, `{"arguments":{},"arguments":{}}`},
		{"deeper stays", false, nil, "tools/call", `{"arguments":{"a":{"_session_params":1}}}`, ``},
		{"injected", true, nil, "tools/call", `{"name":"x","arguments":{"a":1,"_session_params":7}}`, `{"name":"x","arguments":{"a":1,"_session_params":{"auth":"K\"1","tag":["a","b"]}}}`},
		{"injected into none", true, nil, "tools/call", `{"name":"x"}`, `{"name":"x","arguments":{"_session_params":{"auth":"K\"1","tag":["a","b"]}}}`},
		{"injected into null", true, nil, "tools/call", `{"arguments":null}`, `{"arguments":{"_session_params":{"auth":"K\"1","tag":["a","b"]}}}`},
		{"meta", false, []string{"auth", "none"}, "any", `{"x":1}`, `{"x":1,"_meta":{"sessionmcp/args":{"auth":"K\"1"}}}`},
		{"meta of all, instead of the client's", false, []string{"*"}, "any", `{"_meta":{"k":1,"sessionmcp/args":{"auth":"mine"}}}`, `{"_meta":{"k":1,"sessionmcp/args":{"auth":"K\"1","tag":["a","b"]}}}`},
		{"meta without params", false, []string{"auth"}, "any", ``, `{"_meta":{"sessionmcp/args":{"auth":"K\"1"}}}`},
	} {
		b := &Bridge{o: Options{InjectParams: c.inject, ArgsToMeta: c.toMeta}}
		want := c.want
		if want == "" {
			want = c.params
		}
		if got := string(b.inject(&filled{args: args}, c.method, []byte(c.params))); got != want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
	}
}

func TestWithoutRounds(t *testing.T) {
	for in, want := range map[string]string{
		`{"name":"x"}`: `{"name":"x"}`,
		`{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"requestState":"s","inputResponses":{}}`: `{}`,
		`{"_meta":{"io.modelcontextprotocol/clientInfo":{},"progressToken":7,"own":1},"a":1}`:                       `{"_meta":{"progressToken":7,"own":1},"a":1}`,
	} {
		if got := string(withoutRounds([]byte(in))); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

func TestWrapSchema(t *testing.T) {
	s := &session{}
	in := `{"tools":[{"name":"o","outputSchema":{"type":"object"}},{"name":"a","outputSchema":{"$schema":"u","type":"array","items":{"$ref":"#/$defs/x"},"$defs":{"x":{}}}}],"nextCursor":"c"}`
	want := `{"tools":[{"name":"o","outputSchema":{"type":"object"}},{"name":"a","outputSchema":{"type":"object","properties":{"result":{"type":"array","items":{"$ref":"#/$defs/x"}}},"required":["result"],"$schema":"u","$defs":{"x":{}}}}],"nextCursor":"c"}`
	if got := string(s.wrapSchemas([]byte(in))); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(s.wrapResult("a", []byte(`{"content":[],"structuredContent":{"x":1}}`))); got != `{"content":[],"structuredContent":{"result":{"x":1}}}` {
		t.Errorf("got %s", got)
	}
	if got := string(s.wrapResult("o", []byte(`{"structuredContent":{"x":1}}`))); got != `{"structuredContent":{"x":1}}` {
		t.Errorf("got %s", got)
	}
}

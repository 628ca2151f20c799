package envelope

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// fits is the value of a header that survives the way: visible ASCII and spaces
// within (RFC 9110, section 5.5).
var fits = regexp.MustCompile(`^([!-~]([ -~]*[!-~])?)?$`)

// marked is a value in base64 (2026-07-28, streamable HTTP, value encoding).
var marked = regexp.MustCompile(`^=\?base64\?(.*)\?=$`)

// FuzzHeader: whatever text a client writes into a header survives there and is
// read as what it was; what a client sets for an argument is what the server
// wants; and a header by hand is taken if, and only if, it says the same as the
// argument, as encoding/json reads that.
func FuzzHeader(f *testing.F) {
	f.Add("plain", "plain", []byte(`{"a":{"b":"plain"}}`), "string")
	f.Add(" é\t=?base64?", "=?base64?cGxhaW4=?=", []byte(`{"a":{"b":"plain"},"a":{"b":1e2}}`), "integer")
	f.Add("=?base64??=", "100", []byte(`{"a":{"b":1e2}}`), "integer")
	f.Add("true", "true", []byte(`{"a":{"b":true,"\u0062":null}}`), "boolean")
	f.Add("9007199254740993", "9007199254740992", []byte(`{"a":{"b":9007199254740993}}`), "integer")
	f.Add("", "", []byte(`{"a":"{\"b\":1}"}`), "string")
	f.Fuzz(func(t *testing.T, text, header string, arguments []byte, typ string) {
		value := EncodeHeader(text)
		if !fits.MatchString(value) {
			t.Fatalf("%q is written as %q", text, value)
		}
		if back, err := decodeHeader("X", value); back != text || err != nil {
			t.Fatalf("%q becomes %q, %v", text, back, err)
		}
		m, err := jsonrpc.Parse(append(append([]byte(`{"jsonrpc":"2.0","id":1,"method":"m","params":`), arguments...), '}'))
		if err != nil || len(m.Params) == 0 || m.Params[0] != '{' {
			return
		}
		p := Param{Name: "X", Path: []string{"a", "b"}, Type: typ}
		h := make(http.Header)
		p.Set(h, m.Params)
		raw, ok := argument(m.Params)
		if failure := p.Check(h, m.Params); (failure == nil) != ok {
			t.Fatalf("%s: what a client sets is %v, and refused with %v", m.Params, h, failure)
		}
		h = http.Header{http.CanonicalHeaderKey(mcp.HeaderParam + "X"): {header}}
		failure := p.Check(h, m.Params)
		if want := ok && raw != nil && says(header, raw, typ); (failure == nil) != want {
			t.Fatalf("%s: the header %q of a %s is refused with %v, and fits: %v", m.Params, header, typ, failure, want)
		}
	})
}

// argument returns a.b of an object, nil for none or null, as encoding/json does; ok
// says that nothing but objects lead there.
func argument(object []byte) (raw json.RawMessage, ok bool) {
	raw = object
	for _, name := range []string{"a", "b"} {
		if raw == nil || string(raw) == "null" {
			return nil, true
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil, false
		}
		raw = members[name]
	}
	if string(raw) == "null" {
		raw = nil
	}
	return raw, true
}

// says reports whether a header stands for a value.
func says(header string, raw json.RawMessage, typ string) bool {
	for _, c := range []byte(header) {
		if c != '\t' && (c < ' ' || c > '~') {
			return false
		}
	}
	text := header
	if in := marked.FindStringSubmatch(header); in != nil {
		b, err := base64.StdEncoding.Strict().DecodeString(in[1])
		if err != nil {
			return false
		}
		text = string(b)
	}
	var s string
	if raw[0] == '"' {
		return json.Unmarshal(raw, &s) == nil && s == text
	}
	if text == string(raw) {
		return true
	}
	a, err := strconv.ParseFloat(string(raw), 64)
	var n json.Number
	if json.Unmarshal([]byte(text), &n) != nil || len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return false
	}
	b, err2 := n.Float64()
	return typ == "integer" && err == nil && err2 == nil && a == b && math.Abs(a) < 1<<53
}

// FuzzSetMeta holds what a _meta becomes to what encoding/json makes of it, and the
// rest of the params to what they were.
func FuzzSetMeta(f *testing.F) {
	f.Add([]byte(`{"name":"a","_meta":{"x":1,"y":2}}`), "x", []byte(`"new"`), true)
	f.Add([]byte(`{"_meta":null,"_meta":{"\u0078":[]},"z":{"_meta":1}}`), "x", []byte(`{}`), false)
	f.Add([]byte(`null`), "é\"\n", []byte(`null`), false)
	f.Add([]byte(``), "", []byte(`0`), true)
	f.Add([]byte(`{"_meta":[]}`), "x", []byte(`1`), false)
	f.Fuzz(func(t *testing.T, params []byte, key string, value []byte, weak bool) {
		if len(params) > 0 && !json.Valid(params) || !json.Valid(value) || !utf8.Valid(params) || !utf8.Valid(value) {
			return
		}
		if !utf8.Valid(params) || !utf8.ValidString(key) { // is refused before it comes here
			return
		}
		params, value = compact(params), compact(value)
		got, err := SetMeta(params, Member{key, value, weak})
		object, wrong := members(params)
		meta, wrongMeta := members(object["_meta"])
		if wrong || wrongMeta {
			if err == nil {
				t.Fatalf("%s has no _meta, and becomes %s", params, got)
			}
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", params, err)
		}
		key = string(compactKey(key))
		if _, there := meta[key]; !there || !weak {
			meta[key] = value
		}
		after, wrong := members(got)
		metaAfter, wrongMeta := members(after["_meta"])
		delete(after, "_meta")
		delete(object, "_meta")
		if wrong || wrongMeta || !same(after, object) || !same(metaAfter, meta) {
			t.Fatalf("%s with %q: %s becomes %s", params, key, value, got)
		}
	})
}

// members reads an object; nothing and null are an empty one.
func members(raw json.RawMessage) (all map[string]json.RawMessage, wrong bool) {
	if len(raw) > 0 && json.Unmarshal(raw, &all) != nil {
		return nil, true
	}
	if all == nil {
		all = make(map[string]json.RawMessage)
	}
	return all, false
}

func same(a, b map[string]json.RawMessage) bool {
	for key, value := range a {
		if string(value) != string(b[key]) {
			return false
		}
	}
	return len(a) == len(b)
}

// compact is what jsonrpc leaves of a value: no space around it.
func compact(raw []byte) []byte {
	var v json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return v
}

// compactKey is the key as it is read again: valid UTF-8.
func compactKey(key string) []byte { return []byte(string([]rune(key))) }

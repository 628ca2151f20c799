package envelope

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// The headers that repeat what a stateless request says, so that what stands
// between client and server need not read the body. They are believed by others:
// a request in which they say something else is refused (2026-07-28, streamable
// HTTP, server validation).

func mismatch(format string, args ...any) *jsonrpc.Error {
	return jsonrpc.Errorf(mcp.CodeHeaderMismatch, format, args...)
}

// only returns the value of a header that is to be there once.
func only(h http.Header, name string) (string, *jsonrpc.Error) {
	values := h[http.CanonicalHeaderKey(name)]
	switch len(values) {
	case 0:
		return "", mismatch("the header %s is missing", name)
	case 1:
		return values[0], checkValue(name, values[0])
	}
	return "", mismatch("the header %s is there %d times", name, len(values))
}

// checkValue refuses what may not stand in a header's value (RFC 9110, section
// 5.5, without the obsolete text).
func checkValue(name, value string) *jsonrpc.Error {
	for _, c := range []byte(value) {
		if c != '\t' && (c < ' ' || c > '~') {
			return mismatch("the header %s has a character that is not visible ASCII", name)
		}
	}
	return nil
}

func checkVersion(h http.Header, version string) *jsonrpc.Error {
	value, err := only(h, mcp.HeaderVersion)
	if err == nil && value != version {
		err = mismatch("the header %s is %q, and _meta says %q", mcp.HeaderVersion, clip(value), clip(version))
	}
	return err
}

// named says which parameter of a method the header Mcp-Name repeats.
var named = map[string]string{
	mcp.ToolsCall:     "name",
	mcp.PromptsGet:    "name",
	mcp.ResourcesRead: "uri",
}

// About returns what a request is about: the name of a tool or a prompt, the URI
// of a resource; "" for other methods.
func About(method string, params []byte) string {
	param, ok := named[method]
	if !ok {
		return ""
	}
	name, _ := ValueAt(params, []string{param})
	return jsontext.Text(name)
}

// about returns the parameter that the header repeats, "" for other methods.
func (p *Params) about(method string) (param string, value []byte) {
	param = named[method]
	switch param {
	case "name":
		return param, p.Name
	case "uri":
		return param, p.URI
	}
	return "", nil
}

// checkMethod checks the headers that every request has.
func (p *Params) checkMethod(h http.Header, method string) *jsonrpc.Error {
	value, err := only(h, mcp.HeaderMethod)
	if err != nil {
		return err
	}
	if value != method {
		return mismatch("the header %s is %q, and the method is %q", mcp.HeaderMethod, clip(value), clip(method))
	}
	param, name := p.about(method)
	if param == "" {
		return nil
	}
	if value, err = only(h, mcp.HeaderName); err != nil {
		return err
	}
	text, err := decodeHeader(mcp.HeaderName, value)
	if err != nil {
		return err
	}
	if len(name) == 0 || name[0] != '"' || jsontext.Text(name) != text {
		return mismatch("the header %s is %q, and params.%s is not", mcp.HeaderName, clip(text), param)
	}
	return nil
}

// Mirror sets the headers that repeat what a request says, for a client to send.
func Mirror(h http.Header, version, method string, params []byte) {
	h.Set(mcp.HeaderVersion, version)
	h.Set(mcp.HeaderMethod, EncodeHeader(method))
	if param, ok := named[method]; ok {
		if name, _ := ValueAt(params, []string{param}); len(name) > 0 && name[0] == '"' {
			h.Set(mcp.HeaderName, EncodeHeader(jsontext.Text(name)))
		}
	}
}

// A value that does not fit into a header is written between these, in base64.
const encodedPrefix, encodedSuffix = "=?base64?", "?="

// EncodeHeader writes a text so that it survives as the value of a header
// (2026-07-28, streamable HTTP, value encoding).
func EncodeHeader(text string) string {
	unsafe := func(r rune) bool { return r < ' ' || r > '~' }
	marked := strings.HasPrefix(text, encodedPrefix) && strings.HasSuffix(text, encodedSuffix)
	if strings.Trim(text, " ") == text && !strings.ContainsFunc(text, unsafe) && !marked {
		return text
	}
	return encodedPrefix + base64.StdEncoding.EncodeToString([]byte(text)) + encodedSuffix
}

func decodeHeader(name, value string) (string, *jsonrpc.Error) {
	inner, ok := strings.CutPrefix(value, encodedPrefix)
	if !ok {
		return value, nil
	}
	if inner, ok = strings.CutSuffix(inner, encodedSuffix); !ok {
		return value, nil
	}
	text, err := base64.StdEncoding.Strict().DecodeString(inner)
	if err != nil {
		return "", mismatch("the header %s is not base64 between %s and %s", name, encodedPrefix, encodedSuffix)
	}
	return string(text), nil
}

// Param is an argument that a header repeats: what follows Mcp-Param- in its
// name, the properties that lead to it, and its JSON type.
type Param struct {
	Name string
	Path []string
	Type string
}

// Check checks the header of p against the arguments of a tool.
func (p *Param) Check(h http.Header, arguments []byte) *jsonrpc.Error {
	header := mcp.HeaderParam + p.Name
	raw, ok := ValueAt(arguments, p.Path)
	if !ok { // a lenient decoder takes the text of an object for the object
		return mismatch("the header %s cannot be compared with the argument %s: what holds that is no object", header, strings.Join(p.Path, "."))
	}
	values := h[http.CanonicalHeaderKey(header)]
	if len(raw) == 0 || raw[0] == 'n' {
		if len(values) > 0 {
			return mismatch("the header %s is there, and the argument %s is not", header, strings.Join(p.Path, "."))
		}
		return nil
	}
	value, err := only(h, header)
	if err != nil {
		return err
	}
	text, err := decodeHeader(header, value)
	if err != nil {
		return err
	}
	if !sameValue(p.Type, raw, text) {
		return mismatch("the header %s is not what the argument %s is", header, strings.Join(p.Path, "."))
	}
	return nil
}

// Set sets the header of p to what the arguments say: none where they have no
// such argument, or null.
func (p *Param) Set(h http.Header, arguments []byte) {
	raw, _ := ValueAt(arguments, p.Path)
	if len(raw) == 0 || raw[0] == 'n' {
		return
	}
	text := string(raw)
	if raw[0] == '"' {
		text = jsontext.Text(raw)
	}
	h.Set(mcp.HeaderParam+p.Name, EncodeHeader(text))
}

// sameValue reports whether a header's text stands for a raw JSON value. Integers
// are compared as numbers, in the range in which those of JavaScript are exact.
func sameValue(typ string, raw []byte, text string) bool {
	if raw[0] == '"' {
		return jsontext.Text(raw) == text
	}
	if string(raw) == text {
		return true
	}
	a, ok := number(raw)
	b, ok2 := number([]byte(text))
	return typ == "integer" && ok && ok2 && a == b && math.Abs(a) < 1<<53
}

// number returns what a JSON number says.
func number(text []byte) (x float64, ok bool) {
	r := jsontext.Read(text)
	if _, err := r.Value(); err != nil || r.End() != nil {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(text), 64)
	return x, err == nil
}

// ValueAt returns the raw value at a path of properties of an object that has been
// read before, nil for none. ok says that nothing but objects lead there.
func ValueAt(object []byte, path []string) (value json.RawMessage, ok bool) {
	for _, name := range path {
		if len(object) == 0 || object[0] == 'n' {
			return nil, true
		}
		if object[0] != '{' {
			return nil, false
		}
		var found []byte
		for key, val := range jsontext.All(object) {
			if jsontext.Is(key, name) {
				found = val
			}
		}
		object = found
	}
	return object, true
}

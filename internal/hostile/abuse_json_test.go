package hostile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
)

// hostileValues are JSON values, or almost, that have brought down parsers.
func hostileValues() map[string]string {
	return map[string]string{
		"a million brackets":       strings.Repeat("[", some(1e6)),
		"a million brackets, shut": strings.Repeat("[", some(1e6)) + strings.Repeat("]", some(1e6)),
		"objects in objects":       strings.Repeat(`{"a":`, some(1e5)) + "1" + strings.Repeat("}", some(1e5)),
		"a thousand brackets":      strings.Repeat("[", 990) + strings.Repeat("]", 990),
		"1e400":                    "1e400",
		"-1e400":                   "-1e400",
		"1e-400":                   "1e-400",
		"1e1000000000":             "1e1000000000",
		"100,000 digits":           strings.Repeat("9", 1e5),
		"100,000 decimals":         "0." + strings.Repeat("9", 1e5),
		"-0":                       "-0",
		"2^63":                     "9223372036854775808",
		"a leading zero":           "01",
		"NaN":                      "NaN",
		"Infinity":                 "-Infinity",
		"hexadecimal":              "0x10",
		"a long string":            `"` + strings.Repeat("x", some(200_000)) + `"`,
		"many escapes":             `"` + strings.Repeat(`\n`, some(1e5)) + `"`,
		"a lone surrogate":         `"\ud800"`,
		"surrogates, swapped":      `"\udc00\ud800"`,
		"half an escape":           `"\u12"`,
		"not UTF-8":                "\"\xff\xfe\xc0\x80\xed\xa0\x80\"",
		"NUL, escaped":             `"a\u0000b"`,
		"NUL":                      "\"a\x00b\"",
		"a line break":             "\"a\nb\"",
		"line breaks, escaped":     `"a\r\n\r\ndata: {}\r\n\r\nid: 9\nevent: forged\n\n"`,
		"separators":               `"\u2028\u2029\u0085"`,
		"white space around":       " \r\n\t\"x\" \r\n\t",
		"a comment":                `/* 1 */"x"`,
		"a byte order mark":        "\ufeff\"x\"",
		"single quotes":            `'x'`,
		"equal keys":               `{"a":1,"a":2,"\u0061":3}`,
		"__proto__":                `{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}`,
		"an empty key":             `{"":{"":""}}`,
		"many keys":                manyKeys(some(2e4)),
		"null":                     "null",
		"true":                     "true",
		"{}":                       "{}",
		"[]":                       "[]",
		"an empty string":          `""`,
		"a trailing comma":         `{"a":1,}`,
		"nothing":                  "",
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":%[1]d`, i)
	}
	return "{" + b.String()[1:] + "}"
}

// places are where a value can stand in a request, as texts with a %s.
func places() map[string]string {
	const meta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}`
	in := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":7,"method":"` + method + `","params":` + params + `}`
	}
	alone := func(method, params string) string { return in(method, `{"_meta":{`+meta+`},`+params+`}`) }
	return map[string]string{
		"the whole body":       "%s",
		"version":              `{"jsonrpc":%s,"id":7,"method":"ping"}`,
		"id":                   `{"jsonrpc":"2.0","id":%s,"method":"ping"}`,
		"method":               `{"jsonrpc":"2.0","id":7,"method":%s}`,
		"params":               in("tools/call", "%s"),
		"an unknown member":    `{"jsonrpc":"2.0","id":7,"method":"ping","more":%s}`,
		"name":                 in("tools/call", `{"name":%s}`),
		"arguments":            in("tools/call", `{"name":"echo","arguments":%s}`),
		"an argument":          in("tools/call", `{"name":"echo","arguments":{"text":%s}}`),
		"a number":             in("tools/call", `{"name":"big","arguments":{"bytes":%s}}`),
		"a regular expression": in("tools/call", `{"name":"match","arguments":{"text":%s}}`),
		"items that differ":    in("tools/call", `{"name":"match","arguments":{"text":"a","tags":%s}}`),
		"a map":                in("tools/call", `{"name":"match","arguments":{"text":"a","more":%s}}`),
		"_meta":                in("tools/call", `{"_meta":%s,"name":"echo","arguments":{"text":"x"}}`),
		"progressToken":        in("tools/call", `{"_meta":{"progressToken":%s},"name":"work","arguments":{"steps":1}}`),
		"cursor":               in("tools/list", `{"cursor":%s}`),
		"a level":              in("logging/setLevel", `{"level":%s}`),
		"a subscription":       in("resources/subscribe", `{"uri":%s}`),
		"a URI":                in("resources/read", `{"uri":%s}`),
		"a prompt":             in("prompts/get", `{"name":%s}`),
		"a prompt's argument":  in("prompts/get", `{"name":"greet","arguments":{"topic":%s}}`),
		"a completion":         in("completion/complete", `{"ref":{"type":"ref/prompt","name":"greet"},"argument":%s}`),
		"a reference":          in("completion/complete", `{"ref":%s,"argument":{"name":"topic","value":"x"}}`),
		"initialize":           in("initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":%s}`),
		"capabilities":         in("initialize", `{"protocolVersion":"2025-11-25","capabilities":%s,"clientInfo":{"name":"c"}}`),
		"protocolVersion":      in("initialize", `{"protocolVersion":%s,"capabilities":{},"clientInfo":{"name":"c"}}`),
		"a cancellation":       `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}`,
		"a notification":       `{"jsonrpc":"2.0","method":%s}`,
		"an answer":            `{"jsonrpc":"2.0","id":7,"result":%s}`,
		"an error":             `{"jsonrpc":"2.0","id":7,"error":%s}`,
		"a batch":              "[" + pingText + ",%s]",
		"requestState":         alone("tools/call", `"name":"confirm","arguments":{"text":"x"},"requestState":%s`),
		"inputResponses":       alone("tools/call", `"name":"confirm","arguments":{"text":"x"},"inputResponses":%s`),
		"a revision":           in("tools/call", `{"_meta":{"io.modelcontextprotocol/protocolVersion":%s},"name":"echo"}`),
		"a level of its own":   in("tools/call", `{"_meta":{`+meta+`,"io.modelcontextprotocol/logLevel":%s},"name":"work","arguments":{"steps":1}}`),
		"a client":             in("tools/call", `{"_meta":{`+meta+`,"io.modelcontextprotocol/clientInfo":%s},"name":"echo","arguments":{"text":"x"}}`),
		"a filter":             alone("subscriptions/listen", `"notifications":%s,"x":"`+strings.Repeat(" ", 300<<10)+`"`), // too long, or it would stay
	}
}

// TestAbuseJSON: whatever value stands wherever in a request, the answer is one
// JSON-RPC message to that request or the status of a refusal, and never an error of
// the server's own; and the server holds no more than before.
func TestAbuseJSON(t *testing.T) {
	p := startServer(t, targetOptions{Limits: server.Limits{Message: 4 << 20}})
	host := p.host()
	id := begin(t, host, "")
	values := hostileValues()
	before := p.figures()
	for place, text := range places() {
		head := "Mcp-Session-Id: " + id
		var alone []string
		if strings.Contains(text, "2026-07-28") {
			alone, head = named("tools/call", "confirm"), "X-Y: z"
		}
		for value, raw := range values {
			what := place + " is " + value
			body := strings.Replace(text, "%s", raw, 1)
			r := pour(t, host, strings.NewReader(post(host, body, append(alone, head, "Connection: close")...)))
			checkWhole(t, what, body, r)
		}
		stillServes(t, place, host)
	}
	settled(t, p, before)
}

// checkWhole checks that an answer is whole, and in order for the body.
func checkWhole(t *testing.T, what, body string, r reply) {
	t.Helper()
	wantStatus(t, what, r, 200, 202, 400, 404)
	valid := json.Valid([]byte(body)) // what encoding/json refuses may nest too deep, or not
	if !valid && r.status < 400 && !strings.Contains(what, "not UTF-8") {
		t.Errorf("%s: what is no JSON is taken: %d %.200s", what, r.status, r.body)
	}
	for _, text := range messages(t, what, r) {
		var m struct {
			Version string `json:"jsonrpc"`
			Error   *struct{ Code int }
		}
		if strings.HasPrefix(text, "[") {
			continue
		}
		if err := json.Unmarshal([]byte(text), &m); err != nil || m.Version != "2.0" {
			t.Errorf("%s: no message: %v %.200s", what, err, text)
		}
		if m.Error != nil && (m.Error.Code == -32603 || m.Error.Code > -32000 || m.Error.Code < -32768) {
			t.Errorf("%s: an error of the server's own: %.300s", what, text)
		}
	}
}

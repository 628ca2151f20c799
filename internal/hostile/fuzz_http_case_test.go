package hostile

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// choices are decisions that a fuzzer makes: the bytes of its input, one after the
// other, and the first thing each time when they are used up.
type choices struct{ data []byte }

func (c *choices) pick(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

func oneOf[T any](c *choices, of []T) T { return of[c.pick(len(of))] }

// rarely is true for one value of a byte in so many.
func (c *choices) rarely(in int) bool { return c.pick(in) == 1 }

// judged is how a request may be answered: a status, and the code of the error, 0
// for none.
type judged struct{ status, code int }

// saying is what somebody says, in its params beside _meta, and what comes of it
// in a session and where it stands alone: nothing is that it is answered.
type saying struct {
	method, params string
	name           string // that the header Mcp-Name has to have; "" for no such header
	session, alone judged
}

// sayings are requests of either era, and mistakes in them.
var sayings = []saying{
	{method: "tools/call", params: `"name":"whoami"`, name: "whoami"},
	{method: "tools/list"},
	{method: "ping", alone: judged{404, -32601}},
	{method: "initialize", params: `"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}`, session: judged{200, -32600}, alone: judged{404, -32601}},
	{method: "initialize", params: `"capabilities":{}`, session: judged{200, -32602}, alone: judged{404, -32601}},
	{method: "tools/call", params: `"name":"echo","arguments":{"text":"é\u0000☃"}`, name: "echo"},
	{method: "tools/call", params: `"name":"echo","arguments":{"text":[1]}`, name: "echo"}, // for the model to read
	{method: "tools/call", params: `"arguments":{"s":"\u2028"},"name":"panic"`, name: "panic"},
	{method: "tools/call", params: `"name":"work","arguments":{"steps":2,"text":"x"}`, name: "work"},
	{method: "tools/call", params: `"name":"work","name":"whoami"`, name: "whoami"}, // the last counts
	{method: "tools/call", params: `"name":"nothing"`, name: "nothing", session: judged{200, -32602}, alone: judged{200, -32602}},
	{method: "tools/call", params: `"name":"nöthing"`, name: "nöthing", session: judged{200, -32602}, alone: judged{200, -32602}},
	{method: "tools/call", params: `"name":"echo","arguments":[1]`, name: "echo", session: judged{200, -32602}, alone: judged{200, -32602}},
	{method: "tools/call", params: `"name":7`, name: "7", session: judged{200, -32602}, alone: judged{400, -32020}},
	{method: "tools/call", params: `"NAME":"whoami"`, name: "whoami", session: judged{200, -32602}, alone: judged{400, -32020}},
	{method: "tools/call", params: `"name":"route","arguments":{"region":"eu"}`, name: "route"},
	{method: "resources/read", params: `"uri":"mine://one"`, name: "mine://one"},
	{method: "resources/read", params: `"uri":"other://x"`, name: "other://x", session: judged{200, -32002}, alone: judged{200, -32602}},
	{method: "resources/read", params: `"name":"mine://one"`, name: "mine://one", session: judged{200, -32602}, alone: judged{400, -32020}},
	{method: "prompts/get", params: `"name":"greet","arguments":{"topic":"x"}`, name: "greet"},
	{method: "prompts/get", params: `"name":"nothing"`, name: "nothing", session: judged{200, -32602}, alone: judged{200, -32602}},
	{method: "prompts/list"}, {method: "resources/list"}, {method: "resources/templates/list"},
	{method: "tools/list", params: `"cursor":"bad"`, session: judged{200, -32602}, alone: judged{200, -32602}},
	{method: "completion/complete", params: `"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"topic","value":"x"}`},
	{method: "logging/setLevel", params: `"level":"debug"`, alone: judged{404, -32601}},
	{method: "logging/setLevel", params: `"level":"loud"`, session: judged{200, -32602}, alone: judged{404, -32601}},
	{method: "resources/subscribe", params: `"uri":"mine://one"`, alone: judged{404, -32601}},
	{method: "resources/unsubscribe", params: `"uri":"mine://one"`, alone: judged{404, -32601}},
	{method: "server/discover", session: judged{200, -32601}},
	{method: "subscriptions/listen", params: `"notifications":{"toolsListChanged":true}`, session: judged{200, -32601}},
	{method: "nothing/at all", session: judged{200, -32601}, alone: judged{404, -32601}},
	{method: "toolsXlist", session: judged{200, -32601}, alone: judged{404, -32601}},
}

// A body is not always one request.
const (
	aRequest = iota
	aNotification
	aResponse
	aBatch       // of a ping
	badBatch     // of nothing
	badJSON      // none, or not UTF-8
	badMessage   // JSON that is none
	badParams    // a request with params that are no object
	tooLong      // for Limits.Message
	bodyKinds    = 9
	messageLimit = 64 << 10
)

// posted is the body of a POST.
type posted struct {
	kind int
	id   string // as JSON
	say  saying
	meta meta
}

// meta is what a request says of itself.
type meta struct {
	version string // as JSON; "" for none
	rest    string // the other members, each behind a comma
	refused judged
}

// versions are those that _meta, or the header, may name: of 2026-07-28, one with a
// handshake, none that is known.
var versions = []string{"", "2026-07-28", "2025-11-25", "2025-03-26", "2099-01-01"}

const capable = `,"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}`

// metas are what stands beside the version in _meta.
var metas = []meta{
	{rest: capable + `,"io.modelcontextprotocol/clientInfo":{"name":"fuzz","version":"1"}`},
	{rest: capable + `,"io.modelcontextprotocol/logLevel":"debug","progressToken":"t"`},
	{rest: capable + `,"io.modelcontextprotocol/clientInfo":[1],"progressToken":{}`}, // as if there were none
	{rest: capable + `,"io.modelcontextprotocol/logLevel":"loud"`, refused: judged{200, -32602}},
	{rest: capable + `,"io.modelcontextprotocol/clientInfo":{"name":5}`, refused: judged{400, -32602}},
	{rest: ``, refused: judged{400, -32602}},
	{rest: `,"io.modelcontextprotocol/clientCapabilities":null`, refused: judged{400, -32602}},
	{rest: `,"IO.modelcontextprotocol/clientCapabilities":{}`, refused: judged{400, -32602}},
}

// body is the message as JSON.
func (m *posted) body() string {
	params := m.say.params
	if m.meta.version != "" {
		params = strings.Trim(params+`,"_meta":{"io.modelcontextprotocol/protocolVersion":`+m.meta.version+m.meta.rest+`}`, ",")
	}
	switch m.kind {
	case aNotification:
		return `{"jsonrpc":"2.0","method":"notifications/initialized","params":{` + params + `}}`
	case aResponse:
		return `{"jsonrpc":"2.0","id":` + m.id + `,"result":{}}`
	case aBatch:
		return `[{"jsonrpc":"2.0","id":` + m.id + `,"method":"ping"}]`
	case badBatch:
		return ` [ ] `
	case badJSON:
		return `{"jsonrpc":"2.0","id":` + m.id + ",\"method\":\"ping\",\"params\":{\"x\":\"\xff\"}}"
	case badMessage:
		return `{"jsonrpc":"2.0","id":` + m.id + `,"method":["ping"]}`
	case badParams:
		return `{"jsonrpc":"2.0","id":` + m.id + `,"method":"` + m.say.method + `","params":[1]}`
	case tooLong:
		return `{"jsonrpc":"2.0","id":` + m.id + `,"method":"` + m.say.method + `","x":"` + strings.Repeat("x", messageLimit) + `"}`
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":{%s}}`, m.id, m.say.method, params)
}

// httpCase is one request over HTTP.
type httpCase struct {
	method, path, query string
	host, origin        string
	accept              string
	contentType         string
	encoding            string
	session             string   // one of sessionKinds
	version             string   // the header; "" for none
	twice               bool     // it is there twice
	mirror              []string // Mcp-Method, Mcp-Name and Mcp-Param-Region, as lines
	mirrors             bool     // those are what a request that stands alone has to have
	last                string   // Last-Event-ID
	auth, bearer        string   // in the query, and as a Bearer token; "" for none
	posted
}

var (
	methods   = []string{"POST", "GET", "DELETE", "OPTIONS", "PUT", "HEAD"}
	paths     = []string{"/mcp", "/any/prefix/mcp/", "/sse", "/messages/", "/healthz", "/nothing", "/mcp%2Fx"}
	accepting = []string{"application/json, text/event-stream", "", "*/*", "application/json", "text/event-stream", "text/event-stream;q=0.1, APPLICATION/*", "text/html", "application/json;q=0"}
	contents  = []string{"application/json", "application/json; charset=UTF-8", "application/json;charset=latin1", "text/plain", ""}
	keys      = []string{"key-ada", "", "key-bob", "nonsense"}
)

// Which session a request names.
const (
	thisOne = "this one"
	nobody  = "00000000-0000-4000-8000-000000000000"
	noOne   = ""
	ended   = "ended"
)

// httpCase is a request of one of the eras, as it should be, or with a few things
// about it that are otherwise. ours is how the session was opened that it may name.
func (c *choices) httpCase(ours opening) *httpCase {
	h := &httpCase{method: "POST", path: "/mcp", host: "127.0.0.1", accept: accepting[0], contentType: contents[0]}
	h.id, h.say = oneOf(c, []string{`1`, `"x"`, `-9007199254740993`, `"\u00e9 \"1\""`}), oneOf(c, sayings)
	if h.bearer = ours.key; !ours.byHeader {
		h.auth, h.bearer = ours.key, ""
	}
	switch c.pick(4) {
	case 0:
		h.session, h.version = thisOne, oneOf(c, []string{"", ours.revision})
	case 1, 2:
		h.version, h.meta = "2026-07-28", oneOf(c, metas[:3])
		h.meta.version = `"2026-07-28"`
		h.mirror, h.mirrors = mirrorOf(&h.say, c.rarely(2)), true
	default:
		h.say = oneOf(c, sayings[2:5])
	}
	for range c.pick(4) {
		c.change(h)
	}
	return h
}

// change makes one thing about a request otherwise.
func (c *choices) change(h *httpCase) {
	switch c.pick(12) {
	case 0:
		h.session = oneOf(c, []string{thisOne, noOne, nobody, ended})
	case 1:
		h.auth = oneOf(c, keys)
	case 2:
		h.bearer = oneOf(c, []string{"", "key-ada", "key-bob"})
	case 3:
		h.version, h.twice = oneOf(c, versions), c.rarely(4)
		h.twice = h.twice && h.version != ""
	case 4:
		version := oneOf(c, versions)
		if h.meta = oneOf(c, metas); version != "" {
			h.meta.version = `"` + version + `"`
		}
		if c.rarely(8) {
			h.meta.version = "20260728" // which is none
		}
	case 5:
		h.mirror, h.mirrors = c.mirror(&h.say)
	case 6:
		h.kind = c.pick(bodyKinds)
	case 7:
		h.accept = oneOf(c, accepting)
	case 8:
		h.method, h.path, h.last = oneOf(c, methods), oneOf(c, paths), oneOf(c, []string{"", "0-0", "7-7", "nonsense"})
	case 9:
		h.host = oneOf(c, []string{"localhost:80", "evil.example", "127.0.0.1.evil.example"})
		h.origin = oneOf(c, []string{"", "http://" + h.host, "https://evil.example", "null"})
	case 10:
		h.contentType, h.encoding = oneOf(c, contents), oneOf(c, []string{"", "identity", "gzip"})
	default:
		h.query = "x=%zz"
	}
}

// mirrorOf returns the headers that repeat what is said.
func mirrorOf(say *saying, encoded bool) []string {
	lines := []string{"Mcp-Method: " + say.method}
	if say.name != "" && (encoded || strings.ContainsFunc(say.name, func(r rune) bool { return r > '~' })) {
		lines = append(lines, "Mcp-Name: =?base64?"+base64.StdEncoding.EncodeToString([]byte(say.name))+"?=")
	} else if say.name != "" {
		lines = append(lines, "Mcp-Name: "+say.name)
	}
	if strings.Contains(say.params, `"region"`) {
		lines = append(lines, "mcp-param-REGION: =?base64?ZXU=?=")
	}
	return lines
}

// mirror returns those headers with something about them that is otherwise, and
// whether they are right still.
func (c *choices) mirror(say *saying) (lines []string, right bool) {
	lines = mirrorOf(say, c.rarely(2))
	i := c.pick(len(lines))
	name, value, _ := strings.Cut(lines[i], ": ")
	switch c.pick(6) {
	case 0:
		return slices.Delete(lines, i, i+1), false
	case 1:
		lines = append(lines, lines[i])
	case 2:
		lines[i] = name + ": " + value + "x"
	case 3:
		lines[i] = name + ": =?base64?!?="
	case 4:
		lines[i] = name + ": \xe9"
	default:
		lines[i] = strings.ToLower(name) + ":\t" + value + " "
		return lines, true
	}
	return lines, false
}

// text is the request as it goes over the wire. session is the id of the session
// that is ours, gone that of one that has ended.
func (h *httpCase) text(session, gone string) string {
	var header []string
	add := func(name, value string) {
		if value != "" {
			header = append(header, name+": "+value)
		}
	}
	add("Origin", h.origin)
	add("Accept", h.accept)
	add("Content-Type", h.contentType)
	add("Content-Encoding", h.encoding)
	add("Mcp-Session-Id", strings.NewReplacer(thisOne, session, ended, gone).Replace(h.session))
	add("MCP-Protocol-Version", h.version)
	add("Last-Event-ID", h.last)
	if h.twice {
		add("MCP-Protocol-Version", h.version)
	}
	if h.bearer != "" {
		add("Authorization", "bearer "+h.bearer)
	}
	header = append(header, h.mirror...)
	query := []string{"client_id=one"}
	if h.auth != "" {
		query = append(query, "auth="+h.auth)
	}
	if h.query != "" {
		query = append(query, h.query)
	}
	body := ""
	if !slices.Contains([]string{"GET", "HEAD", "OPTIONS"}, h.method) {
		body = h.body()
	}
	return request(h.method, h.path+"?"+strings.Join(query, "&"), h.host, body, header...)
}

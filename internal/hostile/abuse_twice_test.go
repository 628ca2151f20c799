package hostile

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// noLog is a log of net/http that nobody reads.
var noLog = log.New(io.Discard, "", 0)

// quiet is a logger that nobody reads.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// serveHere serves in this process, on a socket.
func serveHere(t testing.TB, h http.Handler) (host string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.Listener.Addr().(*net.TCPAddr).String()
}

type routed struct {
	Region string `json:"region" mcpheader:"Region"`
	In     struct {
		Zone string `json:"zone,omitempty" mcpheader:"Zone"`
	} `json:"in,omitempty"`
}

// TestAbuseTwice: of equal keys the last one counts, at every level and for
// everybody: what the header is compared with is what is done. Keys that are equal
// but for their case are different keys.
func TestAbuseTwice(t *testing.T) {
	srv := server.New("twice", "1", server.Options{Logger: quiet})
	srv.Tool(func(in routed) string { return fmt.Sprintf("routed %s/%s", in.Region, in.In.Zone) }, tool.Name("route"))
	srv.Tool(func() string { return "other" }, tool.Name("other"))
	host := serveHere(t, srv.Handler())
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	const call = `"jsonrpc":"2.0","id":1,"method":"tools/call"`
	route := func(arguments string) string {
		return `{` + call + `,"params":{` + meta + `,"name":"route","arguments":` + arguments + `}}`
	}
	for _, tt := range []struct {
		name, body string
		header     string // Mcp-Method, Mcp-Name, Region, Zone; - is none
		status     int
		want       string
	}{
		{"two methods", `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{` + meta + `,"name":"other"}}`, "tools/call other - -", 200, `"other"`},
		{"two methods, the header has the first", `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{` + meta + `,"name":"other"}}`, "tools/list other - -", 400, "-32020"},
		{"two ids", `{` + call + `,"id":2,"params":{` + meta + `,"name":"other"}}`, "tools/call other - -", 200, `"id":2`},
		{"two params", `{` + call + `,"params":{"name":"route"},"params":{` + meta + `,"name":"other"}}`, "tools/call other - -", 200, `"other"`},
		{"two names", `{` + call + `,"params":{` + meta + `,"name":"route","name":"other"}}`, "tools/call other - -", 200, `"other"`},
		{"two names, the header has the first", `{` + call + `,"params":{` + meta + `,"name":"route","name":"other"}}`, "tools/call route - -", 400, "-32020"},
		{"two names, one escaped", `{` + call + `,"params":{` + meta + `,"name":"route","n\u0061me":"other"}}`, "tools/call route - -", 400, "-32020"},
		{"a name in capitals", `{` + call + `,"params":{` + meta + `,"name":"other","NAME":"route"}}`, "tools/call other - -", 200, `"other"`},
		{"a method in capitals", `{` + call + `,"METHOD":"tools/list","params":{` + meta + `,"name":"other"}}`, "tools/call other - -", 200, `"other"`},
		{"two _meta, the last without a revision", `{` + call + `,"params":{` + meta + `,"name":"other","_meta":{}}}`, "tools/call other - -", 400, "-32602"},
		{"two arguments", `{` + call + `,"params":{` + meta + `,"name":"route","arguments":{"region":"eu"},"arguments":{"region":"us"}}}`, "tools/call route us -", 200, "routed us/"},
		{"two arguments, the header has the first", `{` + call + `,"params":{` + meta + `,"name":"route","arguments":{"region":"eu"},"arguments":{"region":"us"}}}`, "tools/call route eu -", 400, "-32020"},
		{"two regions", route(`{"region":"eu","region":"us"}`), "tools/call route us -", 200, "routed us/"},
		{"two regions, the header has the first", route(`{"region":"eu","region":"us"}`), "tools/call route eu -", 400, "-32020"},
		{"two regions, one escaped", route(`{"region":"eu","regi\u006fn":"us"}`), "tools/call route eu -", 400, "-32020"},
		{"a region in capitals", route(`{"region":"eu","REGION":"us"}`), "tools/call route eu -", 200, "unknown property"},
		{"two objects are not merged", route(`{"region":"eu","in":{"zone":"a"},"in":{}}`), "tools/call route eu -", 200, "routed eu/\""},
		{"two objects, the header has the first", route(`{"region":"eu","in":{"zone":"a"},"in":{}}`), "tools/call route eu a", 400, "-32020"},
		{"an object, then null", route(`{"region":"eu","in":{"zone":"a"},"in":null}`), "tools/call route eu a", 400, "-32020"},
		{"an object as a string", route(`{"region":"eu","in":"{\"zone\":\"a\"}"}`), "tools/call route eu -", 400, "-32020"},
		{"arguments as a string", route(`"{\"region\":\"eu\"}"`), "tools/call route eu -", 400, "-32020"},
		{"a header too much", route(`{"region":"eu"}`), "tools/call route eu a", 400, "-32020"},
		{"a header too few", route(`{"region":"eu"}`), "tools/call route - -", 400, "-32020"},
		{"another text in base64", route(`{"region":"eu"}`), "tools/call route =?base64?dXM=?= -", 400, "-32020"},
		{"base64 with a line break in it", route(`{"region":"eu"}`), "tools/call route =?base64?ZXU\t=?= -", 400, "-32020"},
	} {
		var header []string
		for i, value := range strings.SplitN(tt.header, " ", 4) {
			if value != "-" {
				header = append(header, []string{"Mcp-Method", "Mcp-Name", "Mcp-Param-Region", "Mcp-Param-Zone"}[i]+": "+value)
			}
		}
		r := raw(t, host, post(host, tt.body, append(header, "MCP-Protocol-Version: 2026-07-28")...))
		wantStatus(t, tt.name, r, tt.status)
		if !strings.Contains(r.body, tt.want) {
			t.Errorf("%s: got %.300s, want %s in it", tt.name, r.body, tt.want)
		}
		for _, line := range header { // once more each, whatever it says
			again := append(append([]string{}, header...), "MCP-Protocol-Version: 2026-07-28", line)
			wantStatus(t, tt.name+", and twice "+line, raw(t, host, post(host, tt.body, again...)), http.StatusBadRequest)
		}
		stillServesEcho(t, tt.name, host)
	}
}

// stillServesEcho proves that a server without an echo serves.
func stillServesEcho(t testing.TB, what, host string) {
	t.Helper()
	r := raw(t, host, post(host, stateless("tools/call", `"name":"other"`), named("tools/call", "other")...))
	if r.status != http.StatusOK || !strings.Contains(r.body, `"other"`) {
		t.Fatalf("after %s a client that means well gets %d %.200s", what, r.status, r.body)
	}
}

// TestAbuseIDs: an id is given back byte for byte, or refused.
func TestAbuseIDs(t *testing.T) {
	host := startServer(t, targetOptions{}).host()
	session := "Mcp-Session-Id: " + begin(t, host, "")
	for id, taken := range map[string]bool{
		"0": true, "-1": true, "-0": true, "9007199254740993": true, strings.Repeat("9", 1e5): true,
		`""`: true, `"\ud800"`: true, `"\u0000"`: true, `"a\r\nb"`: true, `"\u2028"`: true, `"é"`: true, `"` + strings.Repeat("x", 1<<20) + `"`: true,
		"1.0": false, "1e3": false, "1.5": false, "true": false, "{}": false, "[]": false, `["a"]`: false, "null": false,
	} {
		what := fmt.Sprintf("the id %.40s", id)
		r := raw(t, host, post(host, `{"jsonrpc":"2.0","id":`+id+`,"method":"ping"}`, session))
		if taken {
			wantStatus(t, what, r, http.StatusOK)
			answerTo(t, what, id, r)
			continue
		}
		wantStatus(t, what, r, http.StatusBadRequest)
		if m := answerTo(t, what, "null", r); m.Error == nil || m.Error.Code != -32600 {
			t.Errorf("%s: got %.200s", what, r.body)
		}
	}
	stillServes(t, "ids", host)
}

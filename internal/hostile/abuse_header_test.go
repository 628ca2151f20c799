package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const typed, both = "Content-Type: application/json", "Accept: application/json, text/event-stream"

// headerRows are the headers of a ping, and the status that it gets.
var headerRows = []struct {
	status int
	header []string
}{
	{200, []string{typed, both}},
	{200, []string{typed}}, // says nothing of what it takes
	{200, []string{typed, "Accept: */*"}},
	{200, []string{typed, "Accept: application/*;q=0.1"}},
	{200, []string{typed, "Accept: text/event-stream"}},
	{200, []string{typed, "Accept: image/png", "Accept: application/json"}},
	{406, []string{typed, "Accept: "}},
	{406, []string{typed, "Accept: image/png"}},
	{406, []string{typed, "Accept: application/json;q=0"}},
	{406, []string{typed, "Accept: application/json; q=0.0, text/event-stream;q=0"}},
	{406, []string{typed, "Accept: application/jsonx, xapplication/json, application/json-seq"}},
	{406, []string{typed, "Accept: " + strings.Repeat(",;", 10000)}},
	{200, []string{both, "Content-Type: APPLICATION/JSON"}},
	{200, []string{both, "Content-Type: application/json;charset=UTF-8"}},
	{200, []string{both, `Content-Type: application/json; charset="utf-8"; x=y`}},
	{415, []string{both}},
	{415, []string{both, "Content-Type: "}},
	{415, []string{both, "Content-Type: text/plain"}},
	{415, []string{both, "Content-Type: text/json"}},
	{415, []string{both, "Content-Type: application/x-www-form-urlencoded"}},
	{415, []string{both, "Content-Type: multipart/form-data; boundary=x"}},
	{415, []string{both, "Content-Type: multipart/form-data; boundary=application/json"}},
	{415, []string{both, "Content-Type: text/plain; application/json"}},
	{415, []string{both, "Content-Type: text/plain, application/json"}},
	{415, []string{both, "Content-Type: application/typed, text/plain"}},
	{415, []string{both, "Content-Type: application/json; charset=utf-16"}},
	{415, []string{both, "Content-Type: application/json; charset=utf-8; charset=utf-7"}},
	{415, []string{both, "Content-Type: application/jsonp"}},
	{415, []string{both, "Content-Type: application/vnd.api+json"}},
	{415, []string{both, typed, "Content-Type: text/plain"}},
	{415, []string{both, "Content-Type: text/plain", typed}},
	{200, []string{typed, both, "Content-Encoding: identity"}},
	{200, []string{typed, both, "Content-Encoding: IDENTITY"}},
	{415, []string{typed, both, "Content-Encoding: gzip"}},
	{415, []string{typed, both, "Content-Encoding: GZIP"}},
	{415, []string{typed, both, "Content-Encoding: deflate"}},
	{415, []string{typed, both, "Content-Encoding: br"}},
	{415, []string{typed, both, "Content-Encoding: zstd"}},
	{415, []string{typed, both, "Content-Encoding: x-gzip"}},
	{415, []string{typed, both, "Content-Encoding: aws-chunked"}},
	{415, []string{typed, both, "Content-Encoding: identity, gzip"}},
	{415, []string{typed, both, "Content-Encoding: gzip, gzip, gzip"}},
	{415, []string{typed, both, "Content-Encoding: identity", "Content-Encoding: gzip"}},
	{415, []string{typed, both, "Content-Encoding: ", "Content-Encoding: gzip"}},
	{200, []string{typed, both, "X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE", "X-HTTP-Method: DELETE"}},
	{200, []string{typed, both, "X-Original-URL: /sse", "X-Rewrite-URL: /sse", "X-Forwarded-Prefix: /sse"}},
	{200, []string{typed, both, "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example", "X-Forwarded-For: 192.0.2.1"}},
	{200, []string{typed, both, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"}},
	{200, []string{typed, both, "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"}},
	{200, []string{typed, both, "Expect: 100-continue", "Connection: Mcp-Session-Id, Content-Type"}},
	{417, []string{typed, both, "Expect: 200-ok"}},
	{431, []string{typed, both, "Cookie: " + strings.Repeat("a=b; ", 20000)}},
	{431, []string{typed, both, strings.Repeat("X-Y: z\r\n", 10000) + "X-Z: z"}},
	{431, []string{typed, both, numbered(300)}},
	{431, []string{typed, both, strings.Repeat("x", 100<<10) + ": y"}},
	{431, []string{typed, both, "X-Y: " + strings.Repeat("y", 1<<20)}},
	{400, []string{typed, both, "X Y: z"}},
	{400, []string{typed, both, ": z"}},
	{400, []string{typed, both, "Content-Type : text/plain"}},
	{400, []string{typed, both, "X-Y"}},
	{400, []string{typed, both, "Host: evil.example"}},
}

// TestAbuseHeaders: what a body is, how it is packed and what is to be answered has
// to be said once and in a way that the server knows, or the request is refused with
// the status that the documents promise.
func TestAbuseHeaders(t *testing.T) {
	host := startServer(t, targetOptions{}).host()
	session := "Mcp-Session-Id: " + begin(t, host, "")
	for _, tt := range headerRows {
		name := fmt.Sprintf("%.150q", tt.header)
		r := converse(t, host, request("POST", "/mcp", host, pingText, append(tt.header, session)...), post(host, pingText, session))
		if len(r) == 0 {
			t.Errorf("%s: no answer", name)
			continue
		}
		first := r[0]
		if first.status == http.StatusContinue && len(r) > 1 {
			first = r[1]
		}
		if tt.status == http.StatusExpectationFailed {
			first.body += "-" // has none
		}
		wantStatus(t, name, first, tt.status)
		if last := r[len(r)-1]; len(r) > 1 && last.status != http.StatusOK {
			t.Errorf("%s: the next request on the connection gets %d %.200s", name, last.status, last.body)
		}
		stillServes(t, name, host)
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-%d: y\r\n", i)
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}

// TestAbuseTargets: a target leads to an endpoint if its path ends so, and to
// nothing else; what is malformed is refused.
func TestAbuseTargets(t *testing.T) {
	host := startServer(t, targetOptions{}).host()
	for _, tt := range []struct {
		method, target string
		status         []int
	}{
		{"POST", "/mcp", []int{200}},
		{"POST", "/mcp/", []int{200}},
		{"POST", "/any/prefix/mcp", []int{200}},
		{"POST", "http://" + host + "/mcp", []int{200}},
		{"POST", "http://evil.example/mcp", []int{403}},
		{"POST", "//evil.example/mcp", []int{200, 301, 307, 404}},
		{"POST", "*", []int{400, 404, 301, 307}},
		{"OPTIONS", "*", []int{200}},
		{"CONNECT", "evil.example:443", []int{404, 405, 403}},
		{"CONNECT", "/mcp", []int{405, 403, 400}},
		{"TRACE", "/mcp", []int{405}},
		{"PRI", "/mcp", []int{405}},
		{"post", "/mcp", []int{405}},
		{"POST\x00", "/mcp", []int{400}},
		{"HEAD", "/mcp", []int{405}},
		{"PROPFIND", "/healthz", []int{200}},
		{"POST", "mcp", []int{400}},
		{"POST", "/mcp%", []int{400}},
		{"POST", "/mcp%zz", []int{400}},
		{"POST", "/%6dcp", []int{404, 200}},
		{"POST", "/a%2fmcp", []int{404}},
		{"POST", "/a%2Fmcp", []int{404}},
		{"POST", `/a\mcp`, []int{404}},
		{"POST", "/mcp;a=b", []int{404}},
		{"POST", "/mcp%00", []int{404}},
		{"POST", "/mcp.", []int{404}},
		{"POST", "/MCP", []int{404}},
		{"POST", "/mcp/..", []int{301, 307, 404}},
		{"POST", "/../../etc/passwd", []int{301, 307, 404}},
		{"POST", "/%2e%2e/%2e%2e/mcp", []int{200, 301, 307, 404}},
		{"POST", "/a/../mcp", []int{200, 301, 307, 404}},
		{"POST", "/a//mcp", []int{200, 301, 307}},
		{"POST", "/" + strings.Repeat("a/", 10000) + "mcp", []int{200}},
		{"POST", "/" + strings.Repeat("a", 100<<10), []int{431}},
		{"POST", "/mcp?" + strings.Repeat("a", 100<<10), []int{431}},
		{"POST", "/mcp?" + strings.Repeat("a&", 10000), []int{414}},
		{"POST", "/mcp?a=%zz", []int{400}},
		{"POST", "/mcp?a=1;b=2", []int{400}},
		{"POST", "/mcp?" + strings.Repeat("%", 1000), []int{400}},
		{"POST", "/mcp?a=%ff%fe%00", []int{200}},
		{"POST", "/mcp#fragment", []int{200, 400, 404}},
		{"GET", "/figures/../mcp", []int{301, 307, 400, 404}},
	} {
		what := tt.method + " " + tt.target[:min(len(tt.target), 60)]
		r := raw(t, host, request(tt.method, tt.target, host, pingText, append([]string{"Connection: close"}, asJSON...)...))
		if tt.method == "HEAD" || tt.target == "*" || r.status/100 == 3 {
			r.body += "-" // has none
		}
		wantStatus(t, what, r, tt.status...)
		if location := r.header.Get("Location"); strings.HasPrefix(location, "//") || strings.Contains(location, "evil") && !strings.HasPrefix(location, "/evil.example/") {
			t.Errorf("%s leads elsewhere: %s", what, location)
		}
		stillServes(t, what, host)
	}
}

// TestAbuseContinue: a client that waits for 100 gets it where its body is wanted,
// and a refusal before it has sent anything where it is not.
func TestAbuseContinue(t *testing.T) {
	host := startServer(t, targetOptions{}).host()
	session := "Mcp-Session-Id: " + begin(t, host, "")
	for _, tt := range []struct {
		name   string
		header []string
		status int
	}{
		{"wanted", append([]string{session, fmt.Sprint("Content-Length: ", len(pingText))}, asJSON...), 100},
		{"too large", append([]string{session, "Content-Length: 104857600"}, asJSON...), 413},
		{"of another type", []string{session, "Content-Length: 40", "Content-Type: text/plain"}, 415},
		{"not acceptable", []string{session, "Content-Length: 40", asJSON[0], "Accept: image/png"}, 406},
	} {
		c := dial(t, host)
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, request("POST", "/mcp", host, "", append(tt.header, "Expect: 100-continue")...))
		in := bufio.NewReader(c)
		r := readReply(t, in)
		if r.status != tt.status {
			t.Errorf("%s: got %d %.200s, want %d", tt.name, r.status, r.body, tt.status)
			continue
		}
		if tt.status == http.StatusContinue {
			_, _ = io.WriteString(c, pingText)
			wantStatus(t, tt.name, readReply(t, in), http.StatusOK)
		}
	}
	stillServes(t, "expectations", host)
}

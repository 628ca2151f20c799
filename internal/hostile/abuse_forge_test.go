package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forged is what a client writes wherever it can, so that a line of it would look
// like a header, an event or a line of the log.
const forged = "x\r\nX-Forged: 1\r\n\r\ndata: forged\r\nid: forged\r\n\r\nevent: forged\n\n\x00\x1b[31m\u2028time=2026-01-01T00:00:00Z level=ERROR msg=forged\r\n"

// logLine is how each line of the log begins.
var logLine = regexp.MustCompile(`^time=\S+ level=(DEBUG|INFO|WARN|ERROR) msg=("[^"\\]|[^" ])`)

// TestAbuseForgery: no text of a client's makes a header, an event or a line of the
// log, wherever it stands.
func TestAbuseForgery(t *testing.T) {
	p := startServer(t, targetOptions{Level: "DEBUG", Users: true})
	host := p.host()
	text, err := json.Marshal(forged)
	if err != nil {
		t.Fatal(err)
	}
	session := begin(t, host, "?auth=key-ada&client_id="+url.QueryEscape(forged))
	ada := func(body string, header ...string) reply {
		return raw(t, host, request("POST", "/mcp?auth=key-ada", host, body, append(header, asJSON...)...))
	}
	stillServes := func(what string) {
		t.Helper()
		r := ada(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"well"}}}`, "Mcp-Session-Id: "+session)
		if r.status != http.StatusOK || !strings.Contains(r.body, `"text":"well"`) {
			t.Fatalf("after %s: %d %.200s", what, r.status, r.body)
		}
	}
	for place, body := range places() {
		if place == "the whole body" {
			continue
		}
		body = strings.Replace(body, "%s", string(text), 1)
		header := []string{"Mcp-Session-Id: " + session}
		if strings.Contains(body, "2026-07-28") {
			header = named("tools/call", "confirm")
		}
		checkForged(t, place, ada(body, header...))
		stillServes(place)
	}
	for _, params := range []string{ // what comes back as events, and in the log
		`"name":"work","arguments":{"steps":3,"text":` + string(text) + `},"_meta":{"progressToken":` + string(text) + `}`,
		`"name":"panic","arguments":{"s":` + string(text) + `}`,
		`"name":"whoami"`,
	} {
		body := `{"jsonrpc":"2.0","id":` + string(text) + `,"method":"tools/call","params":{` + params + `}}`
		r := ada(body, "Mcp-Session-Id: "+session)
		wantStatus(t, params, r, http.StatusOK)
		checkForged(t, params, r)
		answerTo(t, params, string(text), r)
	}
	forgeHeaders(t, host)
	stillServes("headers")
	checkLog(t, p)
}

// forgeHeaders puts the text into what is no JSON: the target, its query, and the
// value of each header that the server looks at.
func forgeHeaders(t *testing.T, host string) {
	t.Helper()
	escaped := strings.ReplaceAll(url.QueryEscape(forged), "+", "%20")
	for _, target := range []string{
		"/" + escaped, "/" + escaped + "/mcp", "/mcp/" + escaped, "/mcp?auth=" + escaped, "/mcp?" + escaped + "=1", "/k/" + escaped + "/mcp",
		"/sse?auth=" + escaped, "/messages/?session_id=" + escaped, "/healthz?" + escaped,
	} {
		for _, method := range []string{"POST", "GET", "DELETE", "OPTIONS"} {
			r := raw(t, host, request(method, target, host, "", append([]string{"Connection: close"}, asJSON...)...))
			wantStatus(t, method+" "+target, r, 200, 204, 400, 401, 404, 405)
			checkForged(t, method+" "+target, r)
		}
	}
	for _, name := range []string{"Origin", "Accept", "Content-Type", "Content-Encoding", "Mcp-Session-Id", "MCP-Protocol-Version",
		"Mcp-Method", "Mcp-Name", "Mcp-Param-X", "Last-Event-ID", "Authorization", "Access-Control-Request-Headers", "X-Forwarded-For", "Cookie"} {
		for _, value := range []string{forged, "a\rX-Forged: 1", "a\x00b", "a\nX-Forged: 1", "a\n X-Forged: 1", "%0d%0aX-Forged: 1", "=?base64?" + "DQpYLUZvcmdlZDogMQ==" + "?=", "\u010d\u010a"} {
			for _, method := range []string{"POST", "GET", "OPTIONS"} {
				what := fmt.Sprintf("%s with %s: %.20q", method, name, value)
				r := raw(t, host, request(method, "/mcp?auth=key-ada", host, pingText, name+": "+value, "Connection: close", asJSON[0]))
				if r.status >= 500 || r.status == 0 {
					t.Errorf("%s: %d %.200s", what, r.status, r.body)
				}
				checkForged(t, what, r)
			}
		}
	}
}

// expected are the headers that an answer may have.
var expected = []string{"Content-Type", "Content-Length", "Date", "Connection", "Transfer-Encoding", "Cache-Control", "X-Content-Type-Options",
	"X-Accel-Buffering", "Mcp-Session-Id", "Www-Authenticate", "Allow", "Retry-After"}

// checkForged checks that an answer is made of what the server says.
func checkForged(t testing.TB, what string, r reply) {
	t.Helper()
	for name, values := range r.header {
		if !slices.Contains(expected, name) || strings.Contains(strings.Join(values, " "), "orged") {
			t.Errorf("%s: the answer has the header %s: %q", what, name, values)
		}
	}
	if strings.ContainsAny(r.body, "\x00\x1b") {
		t.Errorf("%s: a control character comes back: %.300q", what, r.body)
	}
	switch kind := r.header.Get("Content-Type"); {
	case strings.HasPrefix(kind, "text/plain"):
		if strings.Contains(r.body, "orged") {
			t.Errorf("%s: plain text repeats it: %.300q", what, r.body)
		}
	case kind == "application/json" && strings.ContainsAny(r.body, "\r\n"):
		t.Errorf("%s: an answer of several lines: %.300q", what, r.body)
	default:
		messages(t, what, r)
	}
}

// checkLog checks that each line of the log was written by the server.
func checkLog(t testing.TB, p *process) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(p.log.String(), "\n"), "\n")
	for _, line := range lines[1:] { // behind the address
		if !logLine.MatchString(line) || strings.ContainsAny(line, "\r\x00\x1b") || strings.Contains(line, " level=ERROR msg=forged ") {
			t.Errorf("the log has the line %.300q", line)
		}
	}
	if len(lines) < 20 || !strings.Contains(p.log.String(), "X-Forged") {
		t.Errorf("the log has %d lines: too few to prove anything", len(lines))
	}
}

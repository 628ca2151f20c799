package hostile

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what has to come: long enough for a slow
// machine, and the end of a test that would hang.
const patience = 30 * time.Second

// dial opens a connection to the server, which closes with the test.
func dial(t testing.TB, host string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// reply is an answer over HTTP, with its body.
type reply struct {
	status int
	header http.Header
	body   string
}

// raw sends bytes as they are on a connection of their own and reads one answer;
// status 0 is that the server closed the connection without any.
func raw(t testing.TB, host string, text string) reply {
	t.Helper()
	c := dial(t, host)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, text) // a server may refuse before it has read it all
	return readReply(t, bufio.NewReader(c))
}

func readReply(t testing.TB, r *bufio.Reader) reply {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		if err, ok := err.(net.Error); ok && err.Timeout() {
			t.Fatalf("no answer after %s", patience)
		}
		return reply{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err, ok := err.(net.Error); ok && err.Timeout() {
		t.Fatalf("no end of the answer after %s: %.200s", patience, body)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

// request is the text of an HTTP request. header lines come as "Name: value".
func request(method, target, host, body string, header ...string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, host)
	for _, line := range header {
		b.WriteString(line + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.String()
}

// asJSON are the headers of a POST that is as it should be.
var asJSON = []string{"Content-Type: application/json", "Accept: application/json, text/event-stream"}

// post is the text of a POST to /mcp.
func post(host, body string, header ...string) string {
	return request("POST", "/mcp", host, body, append(header, asJSON...)...)
}

// initialize is the body that begins a session.
func initialize(revision string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"` + revision +
		`","capabilities":{"elicitation":{}},"clientInfo":{"name":"hostile","version":"1"}}}`
}

// begin begins a session by hand and returns its id.
func begin(t testing.TB, host, query string) string {
	t.Helper()
	r := raw(t, host, request("POST", "/mcp"+query, host, initialize("2025-11-25"), append(asJSON, "Connection: close")...))
	id := r.header.Get("Mcp-Session-Id")
	if r.status != http.StatusOK || id == "" {
		t.Fatalf("initialize: %d %s", r.status, r.body)
	}
	return id
}

// stateless is the body of a request of 2026-07-28; params is what stands in its
// params beside _meta, such as `"name":"echo"`.
func stateless(method, params string) string {
	if params != "" {
		params = "," + params
	}
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
		`"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{}}},"io.modelcontextprotocol/clientInfo":{"name":"hostile","version":"1"}}` + params + `}}`
}

// named are the headers that repeat what a request of 2026-07-28 says.
func named(method, name string) []string {
	h := []string{"MCP-Protocol-Version: 2026-07-28", "Mcp-Method: " + method}
	if name != "" {
		h = append(h, "Mcp-Name: "+name)
	}
	return h
}

// wantStatus checks the status of an answer, and that a refusal says why.
func wantStatus(t testing.TB, what string, got reply, want ...int) {
	t.Helper()
	for _, status := range want {
		if got.status == status {
			if status >= 400 && status != http.StatusRequestHeaderFieldsTooLarge && strings.TrimSpace(got.body) == "" {
				t.Errorf("%s: %d without a reason", what, status)
			}
			return
		}
	}
	t.Errorf("%s: got status %d, want %v: %.200s", what, got.status, want, got.body)
}

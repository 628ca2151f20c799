package hostile

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAbuseSilence: a server, and a proxy, that is run as a command hangs up on who
// begins a request and does not go on, wherever it stops, and before that answers what
// it can. The times are those of the command, so that this is for the long form.
func TestAbuseSilence(t *testing.T) {
	if !*long {
		t.Skip("it waits for half a minute: see -long")
	}
	server := startServer(t, targetOptions{}).host()
	proxy := startCommand(t, "proxy", "--port", "0", "--api-key", "secret", "http://"+server+"/mcp").host()
	const key = "X-API-Key: secret"
	var all sync.WaitGroup
	for _, tt := range []struct {
		name, host, text string
		status           int // 0 is none
	}{
		{"nothing", server, "", 0},
		{"half a line", server, "POST /mcp HT", 0},
		{"half a header", server, "POST /mcp HTTP/1.1\r\nHost: " + server + "\r\nX-Y: ", 0},
		{"no body", server, request("POST", "/mcp", server, "", append(asJSON, "Content-Length: 100")...), 400},
		{"nothing to the proxy", proxy, "", 0},
		{"half a header to the proxy", proxy, "POST /mcp HTTP/1.1\r\nHost: " + proxy + "\r\nX-Y: ", 0},
		{"no body and no key", proxy, request("POST", "/mcp", proxy, "", "Content-Length: 100"), 401},
		{"no body for the status", proxy, request("GET", "/status", proxy, "", key, "Content-Length: 100"), 200},
		{"no body for nothing", proxy, request("POST", "/servers/x/mcp", proxy, "", key, "Content-Length: 100"), 404},
		{"no body for the server", proxy, request("POST", "/mcp", proxy, "", append(asJSON, key, "Content-Length: 100")...), 400},
	} {
		all.Go(func() {
			c := dial(t, tt.host)
			_ = c.SetDeadline(time.Now().Add(3 * patience))
			_, _ = io.WriteString(c, tt.text)
			in := bufio.NewReader(c)
			res, err := http.ReadResponse(in, nil)
			switch {
			case err == nil && res.StatusCode != tt.status && (tt.status != 0 || res.StatusCode/100 != 4):
				t.Errorf("%s: got %s, want %d", tt.name, res.Status, tt.status)
			case err != nil && tt.status != 0:
				t.Errorf("%s: no answer: %v", tt.name, err)
			}
			if _, err := io.Copy(io.Discard, in); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("%s: the connection stays open", tt.name)
			}
		})
	}
	all.Wait()
	stillServes(t, "silence", server)
}

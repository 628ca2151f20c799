package hostile

import (
	"net/http"
	"strings"
	"testing"
)

// TestHarness: the server under attack serves a client that means well, and what
// is asked of it by hand.
func TestHarness(t *testing.T) {
	p := startServer(t, targetOptions{Users: true})
	host := p.host()
	id := begin(t, host, "?auth=key-ada&client_id=one")
	whoami := `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"whoami"}}`
	got := raw(t, host, request("POST", "/mcp?auth=key-ada", host, whoami, append(asJSON, "Mcp-Session-Id: "+id)...))
	wantStatus(t, "a call", got, http.StatusOK)
	if want := `"client":"one","principal":"ada"`; !strings.Contains(got.body, want) {
		t.Errorf("got %s, want %s in it", got.body, want)
	}
	got = raw(t, host, request("POST", "/mcp?auth=key-bob", host, stateless("tools/call", `"name":"whoami"`), append(asJSON, named("tools/call", "whoami")...)...))
	wantStatus(t, "a call without a session", got, http.StatusOK)
	if !strings.Contains(got.body, `"principal":"bob"`) {
		t.Errorf("got %s", got.body)
	}
	wantStatus(t, "no key", raw(t, host, post(host, initialize("2025-11-25"))), http.StatusUnauthorized)
	if f := p.figures(); f.Sessions != 1 || f.Goroutines == 0 || f.Heap == 0 {
		t.Errorf("figures: %+v", f)
	}
	if err := p.terminate(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

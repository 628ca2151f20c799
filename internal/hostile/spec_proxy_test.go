package hostile

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/internal/cli"
)

// commandEnv has this program be the command sessionmcp.
const commandEnv = "SESSIONMCP_HOSTILE_COMMAND"

func init() {
	if os.Getenv(commandEnv) != "" {
		os.Exit(cli.Main())
	}
}

// command is the command sessionmcp with these arguments.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), commandEnv+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// watched is a server behind a proxy, which keeps all that came to it.
type watched struct {
	*evil
	mu   sync.Mutex
	came strings.Builder
}

func (w *watched) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	text, err := httputil.DumpRequest(r, true) // which leaves the body to be read again
	w.mu.Lock()
	if w.came.Write(text); err != nil {
		w.came.WriteString(err.Error())
	}
	w.mu.Unlock()
	w.serve(rw, r)
}

// take returns what has come since it was last called.
func (w *watched) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.came.Reset()
	return w.came.String()
}

// TestSpecNoPassthrough: what a client proves itself with to the proxy goes to the
// server behind it only where the command line says, and there alone.
func TestSpecNoPassthrough(t *testing.T) {
	behind := &watched{evil: &evil{info: `"instructions":""`, results: map[string]string{"tools/call t": `{"content":[]}`}}}
	h := httptest.NewServer(behind)
	defer func() { h.CloseClientConnections(); h.Close() }()
	const token, ours = "USERS-TOKEN", "PROXYS-OWN-KEY"
	for _, tt := range []struct {
		name  string
		flags []string
		want  string // where the token is, "" for nowhere
	}{
		{"nothing mapped", nil, ""},
		{"mapped to a header", []string{"--header", "X-Theirs: {auth}"}, "X-Theirs: " + token},
		{"mapped to the query", []string{"--query", "key={auth}"}, "/mcp?key=" + token},
		{"a key of the proxy's", []string{"--api-key", ours}, ""},
		{"a key of the proxy's, and a place", []string{"--api-key", ours, "--query", "key={auth?none}"}, "key=" + token},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startProcess(t, command(append(append([]string{"proxy", "--http", "127.0.0.1:0", "--log-level", "debug"}, tt.flags...), h.URL+"/mcp")...))
			all := []string{"Authorization: Bearer " + token, "Cookie: id=" + token, "X-Forwarded-Authorization: " + token, "Proxy-Authorization: Basic " + token, "X-Auth: " + token}
			if strings.Contains(tt.name, "a key") {
				all = append(all, "X-API-Key: "+ours)
			}
			at := "/mcp?client_id=me&token=" + token
			begun := raw(t, p.host(), request("POST", at, p.host(), initialize("2025-11-25"), append(all, asJSON...)...))
			session := "Mcp-Session-Id: " + begun.header.Get("Mcp-Session-Id")
			wantStatus(t, "initialize", begun, http.StatusOK)
			wantStatus(t, "a call", raw(t, p.host(), request("POST", at, p.host(), `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}}`,
				append(append(all, session), asJSON...)...)), http.StatusOK)
			wantStatus(t, "the end", raw(t, p.host(), request("DELETE", at, p.host(), "", append(all, session)...)), http.StatusNoContent)
			if err := p.terminate(); err != nil {
				t.Error(err)
			}
			came := behind.take()
			if !strings.Contains(came, "tools/call") || !strings.Contains(came, "initialize") {
				t.Fatalf("nothing came: %s", came)
			}
			if tt.want != "" && !strings.Contains(came, tt.want) {
				t.Errorf("%s is not in %s", tt.want, came)
			}
			if rest := strings.ReplaceAll(came, tt.want, ""); tt.want != "" && strings.Contains(rest, token) || tt.want == "" && strings.Contains(came, token) || strings.Contains(came, ours) {
				t.Errorf("it came: %s", came)
			}
			if log := p.log.String(); strings.Contains(log, token) || strings.Contains(log, ours) {
				t.Errorf("it is in the log: %s", log)
			}
		})
	}
}

package hostile

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/tool"
)

// bearer is a way in which a client brings a secret.
type bearer struct {
	name   string
	secret planted
	path   string // in front of mcp, with a final slash
	query  string
	header []string
}

// bearers bring a secret in every way there is.
func bearers() []bearer {
	var all []bearer
	for _, arg := range []string{"auth", "token", "key", "api_key", "apikey", "access_token", "password", "secret", "passport", "tenant", "API-Key"} {
		p := plant("query "+arg, inText)
		all = append(all, bearer{"query " + arg, p, "/", arg + "=" + url.QueryEscape(string(p)), nil})
	}
	p := plant("two values", inText)
	all = append(all, bearer{"two values", p, "/", "auth=x&auth=" + url.QueryEscape(string(p)), nil})
	p = plant("path", inPath)
	all = append(all, bearer{"path", p, "/k/" + url.PathEscape(string(p)) + "/", "", nil})
	for _, header := range []string{"Authorization: Bearer ", "X-Tenant: ", "Authorization: Token ", "Cookie: session=", "Proxy-Authorization: Bearer "} {
		p := plant(header, inHeader)
		all = append(all, bearer{header, p, "/", "", []string{header + string(p)}})
	}
	p = plant("basic", inHeader)
	return append(all, bearer{"basic", p, "/", "", []string{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+p))}})
}

// target is the path of an endpoint, with the secret where it belongs and more in
// the query.
func (b bearer) target(endpoint, more string) string {
	query := strings.Trim(b.query+"&"+more, "&")
	if query != "" {
		query = "?" + query
	}
	return b.path + endpoint + query
}

// talk has the bearer send everything that is answered in some way of its own, and
// returns all that was answered, and the id of a session.
func (b bearer) talk(t *testing.T, host string) (answered, session string) {
	var said strings.Builder
	send := func(method, target, body string, header ...string) reply {
		r := raw(t, host, request(method, target, host, body, append(append([]string{"Connection: close"}, b.header...), header...)...))
		fmt.Fprintln(&said, r.status, r.header, r.body)
		return r
	}
	json := func(target, body string, header ...string) reply {
		return send("POST", target, body, append(header, asJSON...)...)
	}
	session = json(b.target("mcp", ""), initialize("2025-11-25")).header.Get("Mcp-Session-Id")
	id := "Mcp-Session-Id: " + session
	version := "MCP-Protocol-Version: 2025-11-25"
	json(b.target("mcp", ""), `{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"debug"}}`, id, version)
	for i, how := range []string{"log", "error", "url", "panic", "panic with bytes", "cancel"} {
		call := fmt.Sprintf(`"name":"careless","arguments":{"how":%q,"text":"x"}`, how)
		json(b.target("mcp", ""), fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{%s}}`, i+3, call), id, version)
		json(b.target("mcp", ""), strings.Replace(stateless("tools/call", call), `"io.modelcontextprotocol/clientInfo"`, `"io.modelcontextprotocol/logLevel":"debug","io.modelcontextprotocol/clientInfo"`, 1),
			named("tools/call", "careless")...)
	}
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":20,"method":"resources/read","params":{"uri":"vault://x"}}`, `{"jsonrpc":"2.0","id":21,"method":"prompts/get","params":{"name":"say","arguments":{"topic":"x"}}}`,
		`{"jsonrpc":"2.0","id":22,"method":"tools/call","params":{"name":"careless","arguments":{"how":5}}}`, `{"jsonrpc":"2.0","id":23,"method":"tools/call","params":{"name":"nothing"}}`,
		`{"jsonrpc":"2.0","id":24,"method":"nothing"}`, `{"bad`, `[]`, `{"jsonrpc":"2.0","id":25,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`,
	} {
		json(b.target("mcp", ""), body, id, version)
	}
	for _, more := range []string{"limit=x%zz", "limit=none", "deny=told", "deny=1", "crash=1", "auth=another"} {
		json(b.target("mcp", more), initialize("2025-03-26"))
		json(b.target("mcp", more), stateless("tools/list", ""), named("tools/list", "")...)
		json(b.target("mcp", more), `{"jsonrpc":"2.0","id":30,"method":"ping"}`, id, version)
		send("GET", b.target("sse", more), "", "Accept: application/json")
		send("POST", b.target("messages/", "session_id=none&"+more), "{}")
	}
	send("PUT", b.target("mcp", ""), "")
	send("GET", b.target("nothing", ""), "")
	send("GET", b.target("mcp", ""), "", "Accept: text/event-stream", "Last-Event-ID: 7-7", id)
	send("GET", b.target("mcp", ""), "", "Origin: https://evil.example")
	send("POST", b.target("mcp", ""), "{}", "Content-Type: text/plain")
	send("DELETE", b.target("mcp", ""), "", id)
	json(b.target("mcp", ""), `{"jsonrpc":"2.0","id":31,"method":"ping"}`, id, version)
	return said.String(), session
}

// TestServerTellsNoSecret: a server whose author is careless writes no secret of a
// client's to its log, at any level, and answers none, whichever way the secret came
// and whatever was asked; nor is there one in a dump of its goroutines.
func TestServerTellsNoSecret(t *testing.T) {
	principal := plant("principal", inText)
	p := startProcess(t, carelessCommand(principal))
	secrets := []planted{principal}
	for _, b := range bearers() {
		said, id := b.talk(t, p.host())
		secrets = append(secrets, b.secret, planted(id[9:])) // its start is its name in the log
		wantNone(t, "what is answered to "+b.name, said, b.secret, principal)
		if !strings.Contains(said, "event: message") || !strings.Contains(said, "(ref ") {
			t.Errorf("%s: what is answered is too little to prove anything: %s", b.name, said)
		}
	}
	secrets = append(secrets, ofContents(t, p)...)
	wait := bearers()[0] // for ever
	c := dial(t, p.host())
	fmt.Fprint(c, request("POST", wait.target("mcp", ""), p.host(), stateless("tools/call", `"name":"wait"`), append(named("tools/call", "wait"), asJSON...)...))
	awaitLog(t, p, "waiting")
	if err := p.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-p.gone
	log := p.log.String()
	for _, want := range []string{"tool panicked", "connection refused", "accepting a connection panicked", "message refused", "session opened", "session ended", "OnClose panicked", "goroutine 1 ", "SIGQUIT"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q: a path was not taken", want)
		}
	}
	if !strings.Contains(log, "[redacted]") {
		t.Error("the log is too silent to prove anything")
	}
	wantNone(t, "the log", log, secrets...)
}

// ofContents sends what is nobody's to log, of either era: the arguments of tools
// and prompts, URIs, answers of users and of models, and what is asked for and is
// not there. It returns what it planted.
func ofContents(t *testing.T, p *process) []planted {
	var all []planted
	for _, revision := range []string{"2025-11-25", "2026-07-28"} {
		secret := func(name string) string {
			all = append(all, plant(name+revision, inText))
			return string(all[len(all)-1])
		}
		o := client.Options{
			Revision: revision, LogLevel: "debug",
			Elicit: func(context.Context, *client.Elicitation) (*client.Elicited, error) {
				return &client.Elicited{Content: map[string]any{"name": secret("elicited")}}, nil
			},
			Sample: func(context.Context, *client.Sampling) (*tool.Sampled, error) {
				return &tool.Sampled{Role: tool.Assistant, Model: "m", Content: []tool.Content{tool.Text{Text: secret("sampled")}}}, nil
			},
		}
		c, err := client.Connect(t.Context(), client.URL(p.url+"/mcp"), o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Call(t.Context(), "ask", map[string]any{"text": secret("argument")})
		if err != nil || !strings.Contains(r.Text(), " says ") {
			t.Errorf("%s: ask: %v %v", revision, r, err)
		}
		for _, name := range []string{"careless", "echo", secret("tool")} {
			for _, arguments := range []map[string]any{{"text": secret("text"), "how": "panic"}, {"how": secret("how"), "text": []string{secret("wrong")}}, {secret("name"): secret("value")}} {
				_, _ = c.Call(t.Context(), name, arguments) // some fail
			}
		}
		_, _ = c.Read(t.Context(), "vault://"+url.PathEscape(secret("uri")))
		_, _ = c.Read(t.Context(), "nothing://"+url.PathEscape(secret("no uri")))
		_, _ = c.Prompt(t.Context(), "say", map[string]string{"topic": secret("topic")})
		_, _ = c.Prompt(t.Context(), secret("prompt"), nil)
		_, _ = c.Complete(t.Context(), client.Ref{Prompt: "say"}, tool.Completion{Argument: "topic", Value: secret("completed")})
		c.Close()
	}
	return all
}

// awaitLog returns when a process has written text to its log.
func awaitLog(t *testing.T, p *process, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(p.log.String(), text); time.Sleep(5 * time.Millisecond) { // another process writes it
		if time.Now().After(end) {
			t.Fatalf("%q is not in the log of %s", text, p.cmd.Path)
		}
	}
}

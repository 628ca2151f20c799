package hostile

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// childEnv has this program be a server behind the proxy, which writes to standard
// error what it was told in confidence.
const childEnv = "SESSIONMCP_HOSTILE_CHILD"

func init() { programs[childEnv] = beChild }

func beChild() {
	confess := func(about string) {
		for _, pair := range append(os.Environ(), os.Args[1:]...) {
			name, value, _ := strings.Cut(pair, "=")
			if strings.Contains(name, "SECRET") {
				for form, written := range writtenForms(value) {
					fmt.Fprintln(os.Stderr, "word of the upstream", about, name, form, written, []byte(value))
				}
				for _, size := range []int{2 << 10, 8 << 10} { // which are limits of what is read of a line
					fmt.Fprintln(os.Stderr, strings.Repeat("x", size-len(value)/2)+value+strings.Repeat("y", 2<<10-len(value)/2))
				}
			}
		}
	}
	confess("starting")
	if os.Getenv("DIES") != "" {
		os.Exit(3)
	}
	srv := server.New("child", "1", server.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	srv.Tool(func(how string) {
		confess("called")
		switch how {
		case "die":
			os.Exit(3)
		case "print":
			fmt.Println("no message, but", os.Getenv("ARG_SECRET"), os.Getenv("SECRET_TOKEN"))
		}
	}, tool.Name("confess"), tool.Params("how"))
	if err := srv.ServeStdio(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// builtCommand builds the command.
func builtCommand(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessionmcp")
	out, err := exec.Command("go", "build", "-o", path, "github.com/sessionmcp/sessionmcp/cmd/sessionmcp").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// proxied is a proxy, and all that it was given in confidence.
type proxied struct {
	*process
	arg, tenant, token, key, wrong planted
	session                        planted // "" for none
}

// startProxied starts the command with arguments, in which <token> stands for a
// secret of the operator's, and <escaped> for the same in a URL.
func startProxied(t *testing.T, path string, env []string, args ...string) *proxied {
	p := &proxied{
		arg: plant("proxy argument", inHeader), tenant: plant("proxy tenant", inText), token: plant("proxy token", inHeader),
		key: plant("proxy key", inHeader), wrong: plant("wrong key", inHeader),
	}
	named := strings.NewReplacer("<token>", strings.NewReplacer("{", "{{", "}", "}}").Replace(string(p.token)), "<escaped>", url.QueryEscape(string(p.token)))
	for i := range args {
		args[i] = named.Replace(args[i])
	}
	cmd := exec.Command(path, append([]string{"proxy", "--http", "127.0.0.1:0", "--log-level", "debug", "--api-key", string(p.key), "--secret-arg", "tenant"}, args...)...)
	cmd.Env = append(append(os.Environ(), "GOTRACEBACK=all"), env...)
	p.process = startProcess(t, cmd)
	return p
}

// talk has clients of both eras send what makes the proxy and its upstream speak,
// and returns what was answered.
func (p *proxied) talk(t *testing.T) string {
	var said strings.Builder
	send := func(method, target, body string, header ...string) reply {
		r := raw(t, p.host(), request(method, target, p.host(), body, append(header, "Connection: close")...))
		fmt.Fprintln(&said, r.status, r.header, r.body)
		return r
	}
	query := "?tenant=" + url.QueryEscape(string(p.tenant))
	asUser := append([]string{"X-API-Key: " + string(p.key), "Authorization: Bearer " + string(p.arg)}, asJSON...)
	calls := []string{`"name":"confess","arguments":{"how":"print"}`, `"name":"confess","arguments":{"how":"die"}`, `"name":"confess","arguments":{"how":"again"}`}
	id := send("POST", "/mcp"+query, initialize("2025-11-25"), asUser...).header.Get("Mcp-Session-Id")
	if len(id) == 36 {
		p.session = planted(id[9:]) // its start is its name in the log
	}
	id = "Mcp-Session-Id: " + id
	send("POST", "/mcp"+query, `{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"debug"}}`, append(asUser, id)...)
	for i, call := range calls {
		send("POST", "/mcp"+query, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{%s}}`, i+3, call), append(asUser, id)...)
		send("POST", "/mcp"+query, stateless("tools/call", call), append(asUser, named("tools/call", "confess")...)...)
	}
	for _, header := range [][]string{{"X-API-Key: " + string(p.wrong)}, {"Authorization: Bearer " + string(p.wrong)}, nil} {
		send("POST", "/mcp"+query+"&api_key="+url.QueryEscape(string(p.wrong)), initialize("2025-11-25"), append(header, asJSON...)...)
		send("GET", "/sse?api_key="+url.QueryEscape(string(p.wrong)), "", header...)
	}
	key := "?api_key=" + url.QueryEscape(string(p.key))
	send("POST", "/mcp"+key+"&x=%zz&auth="+url.QueryEscape(string(p.arg)), initialize("2025-11-25"), asJSON...)
	send("POST", "/mcp"+key, initialize("2025-11-25"), asJSON...) // without what the templates want
	send("POST", "/nothing"+key, "{}", asJSON...)
	send("POST", "/mcp"+key+"&auth="+url.QueryEscape("another"), `{"jsonrpc":"2.0","id":9,"method":"ping"}`, append(asJSON, id)...)
	send("POST", "/mcp"+key+"&auth=line%0Abreak"+url.QueryEscape(string(p.arg)), initialize("2025-11-25"), asJSON...)
	if r := send("GET", "/status"+key, ""); strings.Contains(r.body, "word of the upstream") || r.status != http.StatusOK {
		t.Errorf("the status, which is for everybody, repeats what was said to one: %s", r.body)
	}
	send("GET", "/healthz"+key, "")
	send("DELETE", "/mcp"+query, "", append(asUser, id)...)
	return said.String()
}

// end ends the proxy, with a dump of its goroutines, and searches what it said, and
// what was answered. tells is that the upstream says something that has to be hidden.
func (p *proxied) end(t *testing.T, said string, tells bool) {
	if err := p.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-p.gone
	all := []planted{p.arg, p.tenant, p.token, p.key, p.wrong}
	wantNone(t, "what the proxy answers", said, all...)
	if p.session != "" {
		all = append(all, p.session)
	}
	wantNone(t, "the proxy's log", p.log.String(), all...)
	if tells != strings.Contains(p.log.String(), "[redacted]") || !strings.Contains(p.log.String(), "SIGQUIT") {
		t.Error("the log is too silent to prove anything, or not as silent as it should be")
	}
	for _, text := range []string{"401", `"code":-32`, "lastError"} {
		if !strings.Contains(said, text) {
			t.Errorf("the answers lack %q: a path was not taken\n%s", text, said)
		}
	}
}

// TestProxyTellsNoSecret: the proxy writes no secret to its log, and answers none
// to anybody, neither one of a client's arguments, nor an operator's that it gives
// to its upstream, nor a key of its own; whatever the upstream says of them.
func TestProxyTellsNoSecret(t *testing.T) {
	path := builtCommand(t)
	child := []string{"--env", "ARG_SECRET={auth}", "--env", "TENANT_SECRET={tenant?}", "--env", "SECRET_TOKEN=<token>", "--env", childEnv + "=1"}
	for name, extra := range map[string][]string{"program": nil, "program that dies": {"--env", "DIES=1"}, "shared": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := slices.Concat(child, extra)
			if name == "shared" {
				args = append([]string{"--shared"}, child[4:]...)
			}
			p := startProxied(t, path, nil, append(args, "--", os.Args[0])...)
			p.end(t, p.talk(t), true)
		})
	}
	for name, answer := range tellers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote := httptest.NewServer(answer)
			t.Cleanup(remote.Close)
			p := startProxied(t, path, []string{"API_ACCESS_TOKEN=x"}, "--header", "X-User: {auth}", "--header", "X-Token: <token>", "--query", "tenant={tenant?}",
				strings.Replace(remote.URL, "//", "//user:<escaped>@", 1)+"/k/{auth}/mcp?fixed=<escaped>")
			p.end(t, p.talk(t), slices.Contains([]string{"text", "long text", "JSON", "JSON-RPC"}, name))
		})
	}
}

// tellers are servers that repeat what they were sent, in as many ways.
func tellers() map[string]http.HandlerFunc {
	told := func(r *http.Request) string {
		return fmt.Sprint("word of the upstream ", r.URL, " ", r.URL.Query(), " ", r.Header, r.Header["X-Token"], fmt.Sprintf(" %q %+q %x", r.Header, r.Header, r.Header["X-Token"]))
	}
	answer := func(status int, typ string, text func(*http.Request) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", typ)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text(r))
		}
	}
	asError := func(r *http.Request) string {
		return `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":` + string(quoted(told(r))) + `}}`
	}
	return map[string]http.HandlerFunc{
		"text":            answer(401, "text/plain", told),
		"long text":       answer(500, "text/plain", func(r *http.Request) string { return strings.Repeat(" ", 4<<10-len(told(r))/2) + told(r) }),
		"JSON":            answer(403, "application/json", func(r *http.Request) string { return `{"said":` + string(quoted(told(r))) + `}` }),
		"JSON-RPC":        answer(400, "application/json", asError),
		"HTML":            answer(500, "text/html", told),
		"no media type":   answer(200, "nothing; "+"x=\x01", told),
		"no JSON":         answer(200, "application/json", told),
		"no event stream": answer(200, "text/event-stream", func(r *http.Request) string { return "data: " + told(r) + "\n\n" }),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.invalid"+r.URL.String(), http.StatusTemporaryRedirect)
		},
		"bad redirect": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://%zz/"+r.URL.RawQuery)
			w.WriteHeader(307)
		},
		"hang up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
}

package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testProxyNames: a session of one server is none of another's, on any transport.
func testProxyNames(t *testing.T, command string) {
	entry := map[string]any{"command": os.Args[0], "env": map[string]string{stdioEnv: "1", "GORACE": "atexit_sleep_ms=0", "USER_KEY": "{auth?nobody}"}}
	config, err := json.Marshal(map[string]any{"mcpServers": map[string]any{"a": entry, "b": entry}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "servers.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProxy(t, command, append([]string{"--named-server-config", file}, upstream()...)...)
	places := []string{"/", "/servers/a/", "/servers/b/"}
	processes := make(map[int]string)
	for _, at := range places {
		id := p.begin(at + "mcp?auth=key-ada")
		stream, endpoint := p.openSSE(at + "sse?auth=key-ada")
		sse := sessionOf(endpoint)
		for _, other := range places {
			for method, body := range map[string]string{"POST": call(5, "child", "{}", "same"), "GET": "", "DELETE": ""} {
				if other != at {
					wantStatus(t, at+" "+method+" at "+other, p.send(method, other+"mcp?auth=key-ada", body, "Mcp-Session-Id: "+id), http.StatusNotFound)
				}
				wantStatus(t, at+" a stream's id "+method+" at "+other, p.send(method, other+"mcp?auth=key-ada", body, "Mcp-Session-Id: "+sse), http.StatusNotFound)
			}
			wantStatus(t, at+" an id as a stream's at "+other, p.send("POST", other+"messages/?session_id="+id, reach), http.StatusNotFound)
			if other != at {
				wantStatus(t, at+" stream at "+other, p.send("POST", other+"messages/?session_id="+sse, reach), http.StatusNotFound)
			}
		}
		wantStatus(t, "its own", p.send("POST", endpoint, call(5, "child", "{}", "same")), http.StatusAccepted)
		for _, c := range []child{p.child(p.in(id, at+"mcp?auth=key-ada", "child")), p.child(p.text(stream.next())), p.child(p.alone(at+"mcp?auth=key-ada", "child"))} {
			if known := processes[c.PID]; known != "" {
				t.Errorf("%s has a process of %s", at, known)
			}
			processes[c.PID] = at
		}
	}
}

// keyThefts are the ways to come with the id of a session that the first key of the
// proxy has opened.
var keyThefts = []theft{
	{"another key", "/mcp?auth=same", []string{"X-API-Key: ours-2"}, []int{403}},
	{"another key in the query", "/mcp?auth=same&api_key=ours-2", nil, []int{403}},
	{"both, the other in the header", "/mcp?auth=same&api_key=ours-1", []string{"X-API-Key: ours-2"}, []int{403}},
	{"no key", "/mcp?auth=same", nil, []int{401}},
	{"a wrong key", "/mcp?auth=same", []string{"X-API-Key: ours-3"}, []int{401}},
	{"the name in the query", "/mcp?auth=same&sessionmcp+principal=ada", []string{"X-API-Key: ours-2"}, []int{403}},
	{"the name as a key", "/mcp?auth=same", []string{"X-API-Key: ada", "Authorization: Bearer ours-2"}, []int{403}},
	{"the name, and no key", "/mcp?sessionmcp%20principal=ada", []string{"X-API-Key: ada"}, []int{401}},
}

// testProxyKeys: with keys for users, too, a session is of the key that opened it, and
// who has another key has another process, whatever else the two have in common. What
// a principal is called nobody can say but the proxy.
func testProxyKeys(t *testing.T, command string) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("ours-1 ada\nours-2 mallory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProxy(t, command, append([]string{"--api-keys", keys}, upstream()...)...)
	ada, mallory := "X-API-Key: ours-1", "X-API-Key: ours-2"
	ids := map[string]string{
		"by header": p.begin("/mcp?auth=same", ada),
		"by bearer": p.begin("/mcp?auth=same", "Authorization: Bearer ours-1"),
		"by query":  p.begin("/mcp?auth=same&api_key=ours-1"),
	}
	stream, endpoint := p.openSSE("/sse?auth=same", ada)
	for what, id := range ids {
		for method, body := range map[string]string{"POST": call(5, "child", "{}", "same"), "GET": "", "DELETE": ""} {
			for _, a := range keyThefts {
				wantStatus(t, what+", "+method+", "+a.what, p.send(method, a.target, body, append(a.header, "Mcp-Session-Id: "+id)...), a.status...)
			}
		}
	}
	for how, a := range map[string]theft{
		"no key":      {target: endpoint, status: []int{401}},
		"another key": {target: endpoint, header: []string{mallory}, status: []int{403}},
		"the name":    {target: endpoint + "&sessionmcp+principal=ada", status: []int{401}},
	} {
		wantStatus(t, "a stream, "+how, p.send("POST", a.target, call(5, "child", "{}", "same"), a.header...), a.status...)
	}
	processes := make(map[int]string)
	note := func(whose string, c child) {
		if known := processes[c.PID]; known != "" && known != whose || c.Key != "same" || strings.Contains(c.Env, "ours") {
			t.Errorf("the process of %s was %q's, and has the environment %s", whose, known, c.Env)
		}
		processes[c.PID] = whose
	}
	for what, id := range ids {
		note(what, p.child(p.in(id, "/mcp?auth=same", "child", ada)))
	}
	wantStatus(t, "its owner", p.send("POST", endpoint, call(5, "child", "{}", "same"), ada), http.StatusAccepted)
	note("a stream", p.child(p.text(stream.next())))
	for range 2 {
		note("ada's requests", p.child(p.alone("/mcp?auth=same", "child", ada)))
		note("mallory's requests", p.child(p.alone("/mcp?auth=same", "child", mallory)))
	}
	note("mallory's requests", p.child(p.alone("/mcp?auth=same&sessionmcp+principal=ada", "child", mallory)))
	if len(processes) != len(ids)+1+2 {
		t.Errorf("there are %d processes: %v", len(processes), processes)
	}
}

// testProxyShared: of a server that all share each hears what belongs to his own
// requests and subscriptions, and nobody is asked what another's call asks.
func testProxyShared(t *testing.T, command string) {
	p := startProxy(t, command, "--shared", "--env", stdioEnv+"=1", "--env", endsAtOnce, "--", os.Args[0])
	ada, mallory := p.begin("/mcp?auth=key-ada"), p.begin("/mcp?auth=key-mallory")
	stream, endpoint := p.openSSE("/sse?auth=key-mallory")
	hears := p.listen("GET", "/mcp?auth=key-mallory", "", "Mcp-Session-Id: "+mallory)
	own := p.listen("GET", "/mcp?auth=key-ada", "", "Mcp-Session-Id: "+ada)
	if a, b := p.child(p.in(ada, "/mcp?auth=key-ada", "child")), p.child(p.in(mallory, "/mcp?auth=key-mallory", "child")); a.PID != b.PID || strings.Contains(a.Env, "key-") {
		t.Errorf("they do not share: %+v, %+v", a, b)
	}
	p.subscribe("ada", ada, "mine://nobody")
	for range 3 {
		p.touch("mallory", mallory)
		if got := own.next(); !strings.Contains(got, `"mine://nobody"`) {
			t.Errorf("Ada hears %s", got)
		}
	}
	got := p.send("POST", "/mcp?auth=key-ada", call(5, "work", `{"steps":3,"text":"ada's"}`, "same"), "Mcp-Session-Id: "+ada)
	if strings.Count(got.body, "nobody ada's") != 4 {
		t.Errorf("Ada's work: %s", got.body)
	}
	if text := p.text(p.send("POST", "/mcp?auth=key-ada", call(5, "confirm", `{"text":"ada's"}`, "same"), "Mcp-Session-Id: "+ada).body); text != "the client does not support elicitation" {
		t.Errorf("what asks in a server that all share says %q", text)
	}
	wantStatus(t, "Mallory's own", p.send("POST", endpoint, call(6, "echo", `{"text":"mine"}`, "same")), http.StatusAccepted)
	if got := stream.next(); p.text(got) != "mine" {
		t.Errorf("Mallory's stream has %s", got)
	}
	wantStatus(t, "DELETE", p.send("DELETE", "/mcp?auth=key-mallory", "", "Mcp-Session-Id: "+mallory), http.StatusNoContent)
	for e := range hears.events {
		if e[1] != "" {
			t.Errorf("Mallory hears %s", e)
		}
	}
}

// testProxyArguments: what the proxy tells a server of a connection is what that was
// opened with, whatever the client says that it is.
func testProxyArguments(t *testing.T, command string) {
	p := startProxy(t, command, upstream("--arg-to-meta", "*")...)
	id := p.begin("/mcp?auth=key-mallory")
	ada := `{"auth":"key-ada"}`
	for _, meta := range []string{
		`"_meta":{"sessionmcp/args":` + ada + `}`,
		`"_meta":{"\u0073essionmcp\/args":` + ada + `}`,
		`"_meta":{"sessionmcp/args":1,"sessionmcp/args":` + ada + `}`,
		`"_meta":{"sessionmcp/args":` + ada + `},"_meta":{"a":1}`,
		`"_meta":{"a":1},"_meta":{"sessionmcp/args":` + ada + `}`,
		`"_meta":{"sessionmcp/args":` + ada + `},"_meta":null`,
		`"_meta":null,"\u005fmeta":{"sessionmcp/args":` + ada + `}`,
		`"_meta":{}`,
		`"x":1`,
	} {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"meta","arguments":{},%s}}`, meta)
		got := p.send("POST", "/mcp?auth=key-mallory", body, "Mcp-Session-Id: "+id)
		wantStatus(t, meta, got, http.StatusOK)
		if !strings.Contains(got.body, "key-mallory") || strings.Contains(got.body, "key-ada") {
			t.Errorf("%s: the server is told %s", meta, got.body)
		}
	}
}

// testProxyDeaths: a user whose server ends gets another of his own; what others have
// goes on.
func testProxyDeaths(t *testing.T, command string) {
	p := startProxy(t, command, upstream()...)
	ada, mallory := p.begin("/mcp?auth=key-ada"), p.begin("/mcp?auth=key-mallory")
	before, others := p.child(p.in(ada, "/mcp?auth=key-ada", "child")), p.child(p.in(mallory, "/mcp?auth=key-mallory", "child"))
	for range 2 {
		if got := p.send("POST", "/mcp?auth=key-ada", call(5, "die", "{}", "same"), "Mcp-Session-Id: "+ada); !strings.Contains(got.body, `"error"`) {
			t.Errorf("a call in which the server ends is answered %s", got.body)
		}
		after := p.child(p.in(ada, "/mcp?auth=key-ada", "child"))
		if after.PID == before.PID || after.Key != "key-ada" || strings.Contains(after.Env, "key-mallory") {
			t.Errorf("Ada's next process is %+v", after)
		}
		if now := p.child(p.in(mallory, "/mcp?auth=key-mallory", "child")); now != others {
			t.Errorf("Mallory's process was %+v, and is %+v", others, now)
		}
		before = after
	}
}

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/bridge"
)

// readServers reads a file with this text and returns what is in it and in the log,
// the file's name being FILE.
func readServers(t *testing.T, text string) (offers []proxied, log string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "servers.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	c := serverFile{
		path:   file,
		logger: slog.New(slog.NewTextHandler(&logged, nil)),
		base:   func(name string) bridge.Options { return bridge.Options{Name: name, Start: time.Minute, Shared: true} },
		env:    []string{"PATH=/bin"},
		getenv: func(name string) (string, bool) {
			value, ok := map[string]string{"KEY": "s3{c}ret", "EMPTY": "", "DIR": "/d"}[name]
			return value, ok
		},
	}
	offers, err = c.read()
	if err != nil {
		err = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), file, "FILE"))
	}
	for i := range offers {
		if offers[i].failure != nil {
			offers[i].failure = fmt.Errorf("%s", strings.ReplaceAll(offers[i].failure.Error(), file, "FILE"))
		}
	}
	return offers, strings.ReplaceAll(logged.String(), file, "FILE"), err
}

// describe says what is offered in a line.
func describe(o *proxied) string {
	if o.failure != nil {
		return o.Name + ": error: " + o.failure.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", o.Name)
	if c := o.Command; c != nil {
		fmt.Fprintf(&b, " %s %q", c.Path, c.Args)
		if c.Dir != "" {
			fmt.Fprintf(&b, " in %s", c.Dir)
		}
	}
	if o.URL != "" {
		fmt.Fprintf(&b, " %s", o.URL)
	}
	if o.Transport != "" {
		fmt.Fprintf(&b, " by %s", o.Transport)
	}
	if len(o.Env) > 0 {
		fmt.Fprintf(&b, " env %q", o.Env)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Header)) {
		fmt.Fprintf(&b, " %s: %q", name, o.Header[name])
	}
	if len(o.Query) > 0 {
		fmt.Fprintf(&b, " query %q", o.Query)
	}
	return b.String()
}

func TestConfigServers(t *testing.T) {
	for _, tt := range []struct{ server, want string }{
		{`{"command": "c"}`, `s: c []`},
		{`{"command": "c", "args": ["-x", "{a}"], "env": {"B": "{auth}", "A": "1"}, "cwd": "/w"}`, `s: c ["-x" "{a}"] in /w env ["A=1" "B={auth}"]`},
		{`{"command": "c", "type": "stdio", "transport": "stdio"}`, `s: c []`},
		{`{"url": "https://x/mcp?auth={auth}"}`, `s: https://x/mcp?auth={auth}`},
		{`{"url": "https://x", "headers": {"x-a": "{b}"}, "query": {"q": "1"}, "transport": "sse"}`, `s: https://x by sse X-A: ["{b}"] query ["q=1"]`},
		{`{"url": "https://x", "type": "http"}`, `s: https://x by http`},
		{`{"url": "https://x", "type": "streamable-http"}`, `s: https://x by http`},
		{`{"url": "https://x", "type": "streamableHttp"}`, `s: https://x by http`},

		{`{"command": "c", "disabled": true}`, ``},
		{`{"command": "c", "enabled": false}`, ``},
		{`{"command": "c", "enabled": true, "disabled": true}`, ``},
		{`{"command": "c", "enabled": true, "disabled": false}`, `s: c []`},
		{`{"command": 5, "disabled": true}`, `s: error: FILE: server "s": key "command": want a string, have number`},

		// The environment of the proxy.
		{`{"command": "${DIR}/c", "args": ["${DIR}", "$DIR", "$${DIR}", "${KEY}"]}`, `s: /d/c ["/d" "$DIR" "${DIR}" "s3{c}ret"]`},
		{`{"command": "c", "env": {"K": "${KEY}-{auth}", "E": "${EMPTY}", "D": "${NONE:-d}${EMPTY:-e}${NONE:-}"}}`, `s: c [] env ["D=de" "E=" "K=s3{{c}}ret-{auth}"]`},
		{`{"url": "https://x/${DIR}", "headers": {"A": "Bearer ${KEY}"}, "query": {"k": "${KEY}"}}`, `s: https://x//d A: ["Bearer s3{{c}}ret"] query ["k=s3{{c}}ret"]`},
		{`{"command": "c", "env": {"K": "${NONE}"}}`, `s: error: FILE: server "s": key "env.K": the environment has no NONE: set it, or write ${NONE:-default}`},
		{`{"command": "c", "args": ["a", "${NONE}"]}`, `s: error: FILE: server "s": key "args[1]": the environment has no NONE: set it, or write ${NONE:-default}`},

		// What cannot be meant.
		{`{}`, `s: error: FILE: server "s": wants the key "command" or "url"`},
		{`{"command": "c", "url": "https://x"}`, `s: error: FILE: server "s": has the keys "command" and "url": want one of them`},
		{`{"command": "c", "headers": {"A": "b"}}`, `s: error: FILE: server "s": the keys "headers" and "query" are for a url: a command takes "env"`},
		{`{"url": "https://x", "args": ["a"]}`, `s: error: FILE: server "s": the keys "args", "env" and "cwd" are for a command: a url takes "headers" and "query"`},
		{`{"url": "ftp://x"}`, `s: error: FILE: server "s": key "url": want http:// or https://`},
		{`{"url": "https://x", "transport": "carrier"}`, `s: error: FILE: server "s": key "transport": carrier: want sse or streamablehttp`},
		{`{"command": "c", "args": "-x"}`, `s: error: FILE: server "s": key "args": want an array of strings, have string`},
		{`{"command": "c", "env": {"A": 1}}`, `s: error: FILE: server "s": key "env": want a string, have number`},
		{`{"command": "c", "env": ["A=1"]}`, `s: error: FILE: server "s": key "env": want an object, have array`},
		{`{"command": "c", "disabled": "yes"}`, `s: error: FILE: server "s": key "disabled": want true or false, have string`},
		{`{"command": "c", "timeout": "soon"}`, `s: error: FILE: server "s": key "timeout": want seconds, or a time such as "90s", have "soon"`},
		{`{"command": "c", "timeout": -1}`, `s: error: FILE: server "s": key "timeout": want seconds, or a time such as "90s", have -1`},
		{`{"command": "c", "timeout": "-1s", "idle": "-1s"}`, `s: error: FILE: server "s": key "timeout": want more than 0`},
		{`"c"`, `s: error: FILE: server "s": want an object, have string`},
		{`null`, `s: error: FILE: server "s": wants the key "command" or "url"`},
	} {
		offers, log, err := readServers(t, `{"mcpServers": {"s": `+tt.server+`}}`)
		if err != nil {
			t.Errorf("%s: %v", tt.server, err)
			continue
		}
		got := ""
		for i := range offers {
			got += describe(&offers[i])
		}
		if got != tt.want {
			t.Errorf("%s:\nis   %s\nwant %s", tt.server, got, tt.want)
		}
		if strings.Contains(log, "unknown") {
			t.Errorf("%s: the log is %s", tt.server, log)
		}
		if off := strings.Contains(log, "switched off"); off != (tt.want == "") {
			t.Errorf("%s: the log is %q", tt.server, log)
		}
	}
}

func TestConfigOptions(t *testing.T) {
	offers, log, err := readServers(t, `{"mcpServers": {
		"a": {"command": "c", "timeout": 1.5, "idle": "90s", "shared": false, "injectParams": true, "argsToMeta": ["x"]},
		"b": {"command": "c", "comand": "d", "autoApprove": []},
		"../b c": {"command": "c"},
		"..": {"command": "c"}
	}, "other": 1}`)
	if err != nil {
		t.Fatal(err)
	}
	if len(offers) != 4 {
		t.Fatalf("offers are %v", offers)
	}
	named := make(map[string]*proxied)
	for i := range offers {
		named[offers[i].Name] = &offers[i]
	}
	a, b := named["a"], named["b"]
	if a.Start != 1500*time.Millisecond || a.Idle != 90*time.Second || a.Shared || !a.InjectParams || !slices.Equal(a.ArgsToMeta, []string{"x"}) {
		t.Errorf("a is %+v", a.Options)
	}
	if b.Start != time.Minute || b.Idle != 0 || !b.Shared || b.InjectParams {
		t.Errorf("b is %+v", b.Options)
	}
	if !slices.Equal(b.Command.Env, []string{"PATH=/bin"}) {
		t.Errorf("the environment of b is %q", b.Command.Env)
	}
	if named["../b c"].failure != nil || named[".."].failure == nil {
		t.Errorf("odd names: %v, %v", named["../b c"].failure, named[".."].failure)
	}
	for _, want := range []string{`did you mean command?" file=FILE server=b key=comand`, "key=autoApprove"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	if n := strings.Count(log, "unknown"); n != 2 {
		t.Errorf("%d keys are unknown:\n%s", n, log)
	}
}

func TestConfigFile(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"{\n\"mcpServers\": {\n  \"a\": {},\n}}", "FILE: line 4: invalid character '}'"},
		{`{"servers": {}}`, `FILE has no "mcpServers"`},
		{`[]`, `FILE: want an object, have array`},
		{`{"mcpServers": []}`, `FILE: key "mcpServers": want an object`},
		{``, `FILE: line 1: unexpected end`},
		{"\xef\xbb\xbf{\"mcpServers\": {}}", ``},
	} {
		_, _, err := readServers(t, tt.text)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("%q: the error is %q, want %q", tt.text, got, tt.want)
		}
	}
}

// The list of keys and the struct are the same.
func TestKnownKeys(t *testing.T) {
	text, err := json.Marshal(serverConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	known := slices.Sorted(slices.Values(knownKeys))
	if got := slices.Sorted(maps.Keys(keys)); !slices.Equal(got, known) {
		t.Errorf("keys are %q, and known %q", got, known)
	}
}

func FuzzConfigServer(f *testing.F) {
	for _, seed := range []string{
		`{"command": "c", "args": ["${A:-b}"], "env": {"K": "${KEY}{auth}"}}`, `{"url": "https://x", "timeout": "1s", "idle": 2e3}`,
		`{"command": 1}`, `[]`, `null`, `{"disabled": true}`, `{"command": "$${A}${A}", "timeout": 1e99}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		c := serverFile{path: "f", logger: slog.New(slog.DiscardHandler), env: []string{}, getenv: func(string) (string, bool) { return "s3cr3t{", true }}
		o := bridge.Options{Name: "s"}
		on, err := c.server(&o, json.RawMessage(text))
		switch {
		case err != nil && strings.Contains(err.Error(), "s3cr3t"):
			t.Errorf("%s: the error tells a secret: %v", text, err)
		case err == nil && on && (o.Command == nil) == (o.URL == ""):
			t.Errorf("%s: there is a command and a URL, or neither: %+v", text, o)
		case err == nil && on && o.Command != nil && o.Command.Env == nil:
			t.Errorf("%s: the command gets the whole environment", text)
		}
		if o.Start < 0 {
			t.Errorf("%s: it may take %v to start", text, o.Start)
		}
	})
}

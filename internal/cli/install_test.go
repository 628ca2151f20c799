package cli

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSetEntry(t *testing.T) {
	entry := map[string]any{"url": "http://a/?b&c"}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "{\n  \"s\": {\n    \"n\": {\n      \"url\": \"http://a/?b&c\"\n    }\n  }\n}\n"},
		{"no servers", "{}", "{\n  \"s\": {\n    \"n\": {\n      \"url\": \"http://a/?b&c\"\n    }\n  }\n}"},
		{"others", "{\n    \"z\": 1.50,\n    \"s\": {}\n}\n", "{\n    \"z\": 1.50,\n    \"s\": {\n        \"n\": {\n            \"url\": \"http://a/?b&c\"\n        }\n    }\n}\n"},
		{"one line", `{"s":{"a":1},"z":2}`, "{\"s\":{\"a\":1,\n    \"n\": {\n      \"url\": \"http://a/?b&c\"\n    }\n  },\"z\":2}"},
		{"windows", "\ufeff{\r\n\t\"s\": {\r\n\t\t\"a\": 1\r\n\t}\r\n}", "\ufeff{\r\n\t\"s\": {\r\n\t\t\"a\": 1,\r\n\t\t\"n\": {\r\n\t\t\t\"url\": \"http://a/?b&c\"\r\n\t\t}\r\n\t}\r\n}"},
		{"trailing comma", "{\n  \"s\": {\n    \"a\": [1,],\n  },\n}", "{\n  \"s\": {\n    \"a\": [1,],\n    \"n\": {\n      \"url\": \"http://a/?b&c\"\n    }\n  },\n}"},
		{"comments", "// a\n{\n  /* { */ \"s\": { // b\n    \"a\": \"//\" // c, }\n    // d\n  }\n}", "// a\n{\n  /* { */ \"s\": { // b\n    \"a\": \"//\", // c, }\n    // d\n    \"n\": {\n      \"url\": \"http://a/?b&c\"\n    }\n  }\n}"},
		{"only a comment", "{\n  // nothing yet\n}", "{\n  // nothing yet\n  \"s\": {\n    \"n\": {\n      \"url\": \"http://a/?b&c\"\n    }\n  }\n}"},
		{"escaped names", `{"\u0073":{"\u006e":1}}`, "taken"},
		{"taken", `{"s":{"n":1}}`, "taken"},
		{"no object", `{"s":[]}`, "its member s is no object"},
		{"no root", `[]`, "it is no JSON object"},
		{"broken", `{"s":`, "invalid JSON"},
		{"more", `{} {}`, "invalid JSON"},
		{"open comment", `{} /* `, "invalid JSON"},
		{"open string", `{"a": "b`, "invalid JSON"},
	} {
		got, err := setEntry([]byte(tt.text), "s", "n", entry, false)
		switch {
		case errors.Is(err, errTaken):
			if tt.want != "taken" {
				t.Errorf("%s: %v", tt.name, err)
			}
		case err != nil:
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
		case string(got) != tt.want:
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

// TestReplaceEntry: the last of equal names is the one that counts.
func TestReplaceEntry(t *testing.T) {
	text := "{\n  \"s\": {\"n\": {\"x\": 1}, \"a\": 2, \"n\": [3, // old\n 4]} // end\n}"
	got, err := setEntry([]byte(text), "s", "n", true, true)
	if want := "{\n  \"s\": {\"n\": {\"x\": 1}, \"a\": 2, \"n\": true} // end\n}"; err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

// FuzzSetEntry: whatever is edited is still read, has the new entry, and all that
// was there before.
func FuzzSetEntry(f *testing.F) {
	f.Add([]byte("{\n  // a\n  \"s\": {\"n\": 1,},\n}"), "n")
	f.Add([]byte(`{"s":{},"s":{"a":"\\\"//"}}`), "b")
	f.Add([]byte(`{"a":[1,/**/],}`), "\"")
	f.Add([]byte("\ufeff \r\n"), "")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		got, err := setEntry(text, "s", name, 42, true)
		if err != nil {
			return
		}
		before, after := members(t, text), members(t, got)
		var servers map[string]json.RawMessage
		if err := json.Unmarshal(after["s"], &servers); err != nil {
			t.Fatalf("%q became %q: %v", text, got, err)
		}
		if key, _ := json.Marshal(name); string(servers[decode(t, key)]) != "42" {
			t.Errorf("%q became %q, without %q", text, got, name)
		}
		for key, val := range before {
			if key != "s" && string(val) != string(after[key]) {
				t.Errorf("%q became %q: %s is another", text, got, key)
			}
		}
	})
}

func members(t *testing.T, text []byte) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	text = plainJSON([]byte(strings.TrimPrefix(string(text), byteOrderMark)))
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return all
}

func decode(t *testing.T, raw []byte) (s string) {
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWithArgs(t *testing.T) {
	args := url.Values{"auth": {"K&1"}, "b": {"2"}}
	for _, tt := range []struct{ in, want string }{
		{"http://a/mcp", "http://a/mcp?auth=K%261&b=2"},
		{"http://a/mcp?x=%20y&auth=old&z", "http://a/mcp?x=%20y&z&auth=K%261&b=2"},
		{"http://a/?#f", "http://a/?auth=K%261&b=2#f"},
	} {
		if got := withArgs(tt.in, args); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
	if got := withArgs("http://a/?x=%20", nil); got != "http://a/?x=%20" {
		t.Errorf("without arguments: %s", got)
	}
}

func TestDefaultName(t *testing.T) {
	for _, tt := range []struct {
		target target
		want   string
	}{
		{target{url: "https://mcp.example.com:8080/mcp"}, "mcp-example-com"},
		{target{command: []string{"./bin/weather", "--stdio"}}, "weather"},
		{target{command: []string{"npx", "-y", "@scope/server-all@1.2"}}, "server-all"},
		{target{command: []string{"/usr/bin/python3", "server.py"}}, "server"},
		{target{command: []string{"uvx", "mcp-server-fetch"}}, "mcp-server-fetch"},
	} {
		if got := tt.target.defaultName(); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.target, got, tt.want)
		}
	}
}

// TestRedacted: nothing that may be a secret is left in what a terminal shows.
func TestRedacted(t *testing.T) {
	e := &configEntry{
		URL: "https://me:hunter22@a/?auth=hunter22&b=c", Headers: map[string]string{"X": "hunter22"}, Env: map[string]string{"Y": "hunter22"},
		Args: []string{"proxy", "--header", "Authorization: Bearer hunter22", "https://a/?token=hunter22&b=c"},
	}
	raw, err := json.Marshal(e.redacted())
	if err != nil || strings.Contains(string(raw), "hunter22") || !strings.Contains(string(raw), "b=c") || !e.hasSecrets() {
		t.Errorf("%s, %v", raw, err)
	}
	if bad := "https://a/?auth=hunter22%zz"; redactURL(bad) != "https://a/?[redacted]" {
		t.Errorf("a query that cannot be read is shown: %s", redactURL(bad))
	}
	plain := &configEntry{Command: "x", Args: []string{"proxy", "https://a/?b=c%20&a"}}
	if plain.hasSecrets() {
		t.Errorf("there are secrets in %+v", plain)
	}
}

// TestReplaceFile: a file that somebody else has written meanwhile is left alone,
// and nothing of ours stays behind.
func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mcp.json")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	f, err := readConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	write("two")
	if _, err := f.replace([]byte("three"), now); err == nil || !strings.Contains(err.Error(), "run it again") {
		t.Errorf("after a change: %v", err)
	}
	if f, err = readConfig(path); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"mcp.json.bak-20260102-030405", "mcp.json.bak-20260102-030405-2"} {
		backup, err := f.replace(f.text, now)
		if err != nil || filepath.Base(backup) != want {
			t.Fatalf("copy %d: %s, %v", i, backup, err)
		}
		if text, err := os.ReadFile(backup); err != nil || string(text) != "two" {
			t.Errorf("the copy holds %q, %v", text, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Errorf("the folder holds %v, %v", files, err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	if _, err := readConfig(filepath.Join(dir, "link")); err == nil || !strings.Contains(err.Error(), "leads nowhere") {
		t.Errorf("a link to nothing: %v", err)
	}
}

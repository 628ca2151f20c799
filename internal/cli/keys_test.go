package cli

import (
	"bytes"
	"cmp"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestKeyFile(t *testing.T) {
	for _, tt := range []struct {
		text string
		want string // principals of k1 and k2, or part of the error, behind "error: "
	}{
		{"k1 alice\nk2 bob\n", "alice bob"},
		{"# of the team\n\n  k1\talice \r\nk2 Bob of Sales", "alice Bob of Sales"},
		{"#k1 alice\nk2 bob", " bob"},
		{"k1 alice\nk2\n", "error: FILE:2: want KEY PRINCIPAL"},
		{"k1 alice\nk1 bob\n", "error: FILE:2: the key of bob was given before"},
		{"# none\n", "error: FILE has no keys"},
		{"", "error: FILE has no keys"},
		{strings.Repeat("x", 100_000), "error: FILE: "},
	} {
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := ""
		k, err := newKeyring(nil, file, slog.New(slog.DiscardHandler))
		if err != nil {
			got = "error: " + strings.ReplaceAll(err.Error(), file, "FILE")
			if strings.Contains(got, "k1") || strings.Contains(got, "k2") {
				t.Errorf("%q: the error tells a key: %s", tt.text, got)
			}
		} else {
			first, _ := k.find("k1")
			second, _ := k.find("k2")
			got = first + " " + second
		}
		if got != tt.want && !(strings.HasPrefix(tt.want, "error: ") && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%.20q: is %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestKeyFileMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the mode says nothing there")
	}
	for mode, warns := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true} {
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, []byte("k1 alice"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		var log bytes.Buffer
		if _, err := newKeyring(nil, file, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), "chmod 600") != warns {
			t.Errorf("%o: the log is %q", mode, log.String())
		}
	}
}

func TestKeysOfEnvironment(t *testing.T) {
	t.Setenv("MCP_PROXY_API_KEY", "theirs")
	check := func(flags []string, key string, want bool) {
		t.Helper()
		k, err := newKeyring(flags, "", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := k.find(key); ok != want {
			t.Errorf("%q with %q: %t, want %t", key, flags, ok, want)
		}
	}
	check(nil, "theirs", true)
	check([]string{"flag"}, "theirs", false)
	check([]string{"flag"}, "flag", true)
	t.Setenv("SESSIONMCP_API_KEY", "ours")
	check(nil, "ours", true)
	check(nil, "theirs", false)
	for _, keys := range [][]string{{""}, {"  "}, {"a", "a"}} {
		if _, err := newKeyring(keys, "", slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%q are accepted", keys)
		}
	}
	t.Setenv("SESSIONMCP_API_KEY", "")
	t.Setenv("MCP_PROXY_API_KEY", "")
	if k, err := newKeyring(nil, "", slog.New(slog.DiscardHandler)); err != nil || len(k.keys) != 0 {
		t.Errorf("without keys: %v, %v", k, err)
	}
}

func TestAdmit(t *testing.T) {
	k := new(keyring)
	for key, principal := range map[string]string{"K1": "alice", "K&2 +": "bob"} {
		if err := k.add(key, principal); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, path, query string
		header            http.Header
		want              string // principal; "" is refused
		left              string // of query, Authorization and X-API-Key
	}{
		{name: "nothing"},
		{name: "wrong everywhere", query: "api_key=K", header: http.Header{"Authorization": {"Bearer K"}, "X-Api-Key": {"K1x"}}},
		{name: "Bearer", query: "a=1", header: http.Header{"Authorization": {"Bearer K1"}}, want: "alice", left: "a=1||alice"},
		{name: "bearer in lower case", header: http.Header{"Authorization": {"bearer  K1 "}}, want: "alice", left: "||alice"},
		{name: "Basic", header: http.Header{"Authorization": {"Basic K1"}}},
		{name: "no scheme", header: http.Header{"Authorization": {"K1"}}},
		{name: "X-API-Key", header: http.Header{"X-Api-Key": {"K1"}}, want: "alice", left: "||alice"},
		{name: "query", query: "auth=x%2f&api_key=K1&b", want: "alice", left: "auth=x%2f&b||alice"},
		{name: "query, escaped", query: "api%5Fkey=K%262%20%2B&b=%zz", want: "bob", left: "b=%zz||bob"},
		{name: "query, malformed", query: "api_key=%zz"},
		{name: "the client's own token stays", query: "api_key=K1", header: http.Header{"Authorization": {"Bearer theirs"}}, want: "alice", left: "|Bearer theirs|alice"},
		{name: "the client's own api_key stays", query: "api_key=theirs", header: http.Header{"Authorization": {"Bearer K1"}}, want: "alice", left: "api_key=theirs||alice"},
		{name: "all of ours go", query: "api_key=K1&api_key=K1", header: http.Header{"Authorization": {"Bearer K1"}, "X-Api-Key": {"K1"}}, want: "alice", left: "||alice"},
		{name: "the key is no name", query: "auth=K1"},
		{name: "a principal is not for clients to say", query: "sessionmcp+principal=alice", header: http.Header{"X-Api-Key": {"alice"}}},
		{name: "nor beside a key", query: "sessionmcp+principal=alice", header: http.Header{"X-Api-Key": {"alice"}, "Authorization": {"Bearer K&2 +"}}, want: "bob", left: "||bob"},
		{name: "a stream by its query", path: "/a/sse/", query: "x=1&api_key=K1", want: "alice", left: "x=1&sessionmcp+principal=alice||"},
		{name: "a stream by its query alone", path: "/sse", query: "api_key=K1", want: "alice", left: "sessionmcp+principal=alice||"},
		{name: "a stream by both", path: "/sse", query: "api_key=K1", header: http.Header{"X-Api-Key": {"K1"}}, want: "alice", left: "||alice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "http://x"+cmp.Or(tt.path, "/mcp")+"?"+tt.query, nil)
			if tt.header != nil {
				r.Header = tt.header
			}
			before := r.Header.Clone()
			in, ok := k.admit(r)
			if ok != (tt.want != "") {
				t.Fatalf("let in: %t", ok)
			}
			if !ok {
				return
			}
			if got, _ := in.Context().Value(principalKey{}).(string); got != tt.want {
				t.Errorf("principal is %q; want %q", got, tt.want)
			}
			left := in.URL.RawQuery + "|" + in.Header.Get("Authorization") + "|" + in.Header.Get("X-API-Key")
			if left != tt.left {
				t.Errorf("left is %q, want %q", left, tt.left)
			}
			if strings.Contains(in.RequestURI, "K1") {
				t.Errorf("RequestURI is %s", in.RequestURI)
			}
			if r.URL.RawQuery != tt.query || len(before) != len(r.Header) {
				t.Error("the request itself was changed")
			}
		})
	}
	for target, want := range map[string]bool{
		"POST /messages/?session_id=1": true, "POST /servers/a/messages?session_id=1": true,
		"POST /messages/": false, "POST /messages/?session_id=": false, "GET /messages/?session_id=1": false,
		"POST /mcp?session_id=1": false, "POST /messages%2F?session_id=1": false, "POST /messages/x?session_id=1": false,
	} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("X-API-Key", "alice")
		in, ok := k.admit(r)
		if ok != want {
			t.Errorf("%s without a key: let in is %t", target, ok)
		}
		if ok && (in.Header.Get(principalHeader) != "" || in.Context().Value(principalKey{}) != nil) {
			t.Errorf("%s without a key has a principal", target)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://x/sse?api_key=x", nil)
	if in, ok := new(keyring).admit(r); !ok || in != r {
		t.Error("without keys a request is not let in as it is")
	}
}

func FuzzStripQuery(f *testing.F) {
	f.Add("a=1&api_key=K1&b")
	f.Add("api%5fkey=K1")
	k := new(keyring)
	if err := k.add("K1", "alice"); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		rest, _ := k.stripQuery(query)
		if again, more := k.stripQuery(rest); again != rest || more != "" {
			t.Errorf("%q: of %q there is %q left, of %q", query, rest, again, more)
		}
		before, _ := url.ParseQuery(query) // as much of it as can be read
		after, _ := url.ParseQuery(rest)
		before.Del(principalArg)
		if keys := slices.DeleteFunc(before["api_key"], func(key string) bool { return key == "K1" }); len(keys) > 0 {
			before["api_key"] = keys
		} else {
			delete(before, "api_key")
		}
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q", query, rest)
		}
	})
}

// FuzzKeys: a file of keys lets in who has one that stands in it, as the principal
// behind it, and nobody else; what is wrong with it is told by the line, and not by
// what stands there.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("# team\nkey-of-alice alice\n\nkey-of-bob\tbob the builder\r\n"))
	f.Add([]byte("lonelylonely"))
	f.Add([]byte("kkkkkkkk a\nkkkkkkkk b\n"))
	f.Add([]byte("  indented x\n#kkkkkkkk y\nk#kkkkkk z"))
	path := filepath.Join(f.TempDir(), "keys")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		want, bad := make(map[string]string), len(text) > 60<<10
		for _, line := range strings.Split(string(text), "\n") {
			line = strings.TrimRight(line, "\r")
			fields := strings.Fields(line)
			switch {
			case len(fields) == 0 || strings.HasPrefix(fields[0], "#"):
			case len(fields) == 1, want[fields[0]] != "", strings.ContainsFunc(line, func(r rune) bool { return r != ' ' && r != '\t' && unicode.IsSpace(r) }):
				bad = true // or it is not clear where a key ends
			default:
				want[fields[0]] = fields[1]
			}
		}
		k := new(keyring)
		err := k.read(path, slog.New(slog.DiscardHandler))
		if !bad && (err != nil) != (len(want) == 0) {
			t.Fatalf("%q: %v", text, err)
		}
		if err != nil {
			for key := range want {
				if len(key) > 7 && strings.Contains(err.Error(), key) && !strings.Contains(path, key) {
					t.Fatalf("%q: the error holds a key: %v", text, err)
				}
			}
			return
		}
		for key, principal := range want {
			if got, ok := k.find(key); !bad && (!ok || !strings.HasPrefix(got, principal)) {
				t.Fatalf("%q: %q is the key of %q, %v", text, key, got, ok)
			}
			if _, ok := k.find(key + " "); ok || !bad && len(key) > 1 && want[key[1:]] == "" && found(k, key[1:]) {
				t.Fatalf("%q: something like %q is a key", text, key)
			}
		}
		if found(k, "") || !bad && len(k.keys) != len(want) {
			t.Fatalf("%q has %d keys", text, len(k.keys))
		}
	})
}

func found(k *keyring, key string) bool { _, ok := k.find(key); return ok }

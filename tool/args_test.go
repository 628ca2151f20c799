package tool_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

func TestArgsLookup(t *testing.T) {
	args := tool.NewArgs(url.Values{"one": {"1"}, "two": {"a", "b"}, "empty": {""}, "none": {}})
	tests := []struct {
		name, value string
		ok          bool
		all         []string
	}{
		{"one", "1", true, []string{"1"}},
		{"two", "a", true, []string{"a", "b"}},
		{"empty", "", true, []string{""}},
		{"none", "", true, nil},
		{"missing", "", false, nil},
		{"ONE", "", false, nil},
	}
	for _, test := range tests {
		value, ok := args.Lookup(test.name)
		if value != test.value || ok != test.ok || args.Get(test.name) != test.value {
			t.Errorf("%s: Lookup is %q, %v and Get is %q", test.name, value, ok, args.Get(test.name))
		}
		if got := args.All(test.name); !slices.Equal(got, test.all) {
			t.Errorf("%s: All is %q, want %q", test.name, got, test.all)
		}
		if got := args.Secret(test.name); got.Reveal() != test.value || got.IsZero() != (test.value == "") {
			t.Errorf("%s: Secret holds %q", test.name, got.Reveal())
		}
	}
	if got := args.Names(); !slices.Equal(got, []string{"empty", "none", "one", "two"}) {
		t.Errorf("Names are %q", got)
	}
}

func TestArgsZeroValue(t *testing.T) {
	for name, args := range map[string]tool.Args{"zero": {}, "of nil": tool.NewArgs(nil), "of nothing": tool.NewArgs(url.Values{})} {
		if v, ok := args.Lookup("x"); v != "" || ok || args.All("x") != nil || args.Names() != nil || !args.Secret("x").IsZero() {
			t.Errorf("%s: it has arguments", name)
		}
		if s := args.String(); s != "" {
			t.Errorf("%s: String is %q", name, s)
		}
		if b, err := json.Marshal(args); string(b) != "{}" || err != nil {
			t.Errorf("%s: JSON is %s, %v", name, b, err)
		}
		if got := args.Redact("text"); got != "text" {
			t.Errorf("%s: Redact is %q", name, got)
		}
	}
}

func TestArgsAreImmutable(t *testing.T) {
	values := url.Values{"a": {"1", "2"}}
	secret := []string{"mine"}
	args := tool.NewArgs(values, secret...)
	values["a"][0] = "changed"
	values["b"] = []string{"added"}
	values.Del("c")
	secret[0] = "a"
	args.All("a")[1] = "changed"
	args.Names()[0] = "changed"
	if got := fmt.Sprint(args); got != "Args(a=1,2)" {
		t.Errorf("got %s", got)
	}
}

func TestArgsShow(t *testing.T) {
	args := tool.NewArgs(url.Values{"auth": {"hunter2", "hunter3"}, "client_id": {"x"}, "tag": {"a", "b"}})
	if got, want := args.String(), "auth=[redacted],[redacted] client_id=x tag=a,b"; got != want {
		t.Errorf("String is %q, want %q", got, want)
	}
	got, err := json.Marshal(args)
	if want := `{"auth":["[redacted]","[redacted]"],"client_id":["x"],"tag":["a","b"]}`; string(got) != want || err != nil {
		t.Errorf("JSON is %s, %v; want %s", got, err, want)
	}
}

func TestIsSecretName(t *testing.T) {
	for _, name := range []string{
		"auth", "token", "key", "api_key", "apikey", "access_token", "password", "secret", // the documented ones
		"AUTH", "Api-Key", "api-key", "ACCESS-token", "X-Mine", "x_mine",
	} {
		if !tool.IsSecretName(name, "X_mine") {
			t.Errorf("%s is not secret", name)
		}
	}
	for _, name := range []string{"", "client_id", "author", "keys", "_key", "x_mine2"} {
		if tool.IsSecretName(name, "X_mine") {
			t.Errorf("%s is secret", name)
		}
	}
}

func TestSecretEqual(t *testing.T) {
	s := tool.NewSecret("hunter2")
	if !s.Equal("hunter2") || s.Equal("hunter") || s.Equal("hunter3") || s.Equal("") {
		t.Error("Equal does not compare")
	}
	if (tool.Secret{}).Equal("") || tool.NewSecret("").Equal("") {
		t.Error("an empty secret equals nothing, so that a missing key opens nothing")
	}
	if tool.NewSecret("").Reveal() != "" || s.Reveal() != "hunter2" || s.IsZero() {
		t.Error("Reveal does not return what was wrapped")
	}
	var read tool.Secret
	if err := json.Unmarshal([]byte(`"hunter2"`), &read); err != nil || !read.Equal("hunter2") {
		t.Errorf("from JSON: %v", err)
	}
}

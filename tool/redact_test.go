package tool_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

// planted is part of every secret below, and of nothing else.
const planted = "Pl4nt3d"

// secretArgs have a secret under every name that hides one by default, under
// spellings of those, and under names of the server's own.
func secretArgs() tool.Args {
	values := url.Values{"client_id": {"visible"}}
	for _, name := range []string{
		"auth", "token", "key", "api_key", "apikey", "access_token", "password", "secret",
		"AUTH", "Token", "api-key", "Api-Key", "ACCESS-TOKEN", "Access_token",
		"ticket", "TICKET", "x-pin", "X_Pin",
	} {
		values[name] = []string{planted + name, "more" + planted + name}
	}
	return tool.NewArgs(values, "Ticket", "x-pin")
}

// secretContext has a secret in every fact that can hold one, and behind the
// context that it is made of, as a server's leads to the connection.
func secretContext(t *testing.T) *tool.Context {
	behind := context.WithValue(t.Context(), contextKey{}, &struct{ hidden string }{planted})
	header := http.Header{"Authorization": {"Bearer " + planted}, "Cookie": {planted}}
	return tool.NewContext(behind, tool.Call{
		Tool: "forecast", Transport: "sse",
		Args:      secretArgs(),
		Bound:     &struct{ Auth, hidden string }{planted, planted},
		SessionID: planted, RequestID: planted, Principal: planted,
		Client:        tool.Client{Name: planted, Capabilities: map[string]json.RawMessage{"x": json.RawMessage(planted)}},
		Meta:          json.RawMessage(`{"k":"` + planted + `"}`),
		ConnectHeader: header, Header: header,
	})
}

type contextKey struct{}

// carrier holds what is to be hidden in every way a struct can.
type carrier struct {
	Args    tool.Args
	Secret  tool.Secret
	Context *tool.Context
	Copy    tool.Context
	Pointer *tool.Secret
	Map     map[string]any
	Slice   []tool.Args

	args    tool.Args
	secret  tool.Secret
	context *tool.Context
	copied  tool.Context
	pointer *tool.Args
	dict    map[string]tool.Secret
	slice   []any
	array   [1]tool.Secret
}

func newCarrier(t *testing.T) carrier {
	a, s, c := secretArgs(), tool.NewSecret(planted), secretContext(t)
	return carrier{
		Args: a, Secret: s, Context: c, Copy: *c, Pointer: &s,
		Map: map[string]any{"a": a, "s": s, "c": c, "p": &a}, Slice: []tool.Args{a},
		args: a, secret: s, context: c, copied: *c, pointer: &a,
		dict: map[string]tool.Secret{"s": s}, slice: []any{a, s, c, &a, &s}, array: [1]tool.Secret{s},
	}
}

// views returns every text that an unsuspecting program makes of v.
func views(v any) map[string]string {
	all := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t", "%U", "% x", "%#x", "%10.3s"} {
		all["fmt "+verb] = fmt.Sprintf(verb, v)
	}
	if s, ok := v.(fmt.Stringer); ok {
		all["String"] = s.String()
	}
	all["fmt.Errorf"] = fmt.Errorf("failed: %v", v).Error()
	handlers := map[string]func(b *strings.Builder) slog.Handler{
		"slog text": func(b *strings.Builder) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog JSON": func(b *strings.Builder) slog.Handler { return slog.NewJSONHandler(b, nil) },
	}
	for name, handler := range handlers {
		var b strings.Builder
		slog.New(handler(&b)).With("with", v).WithGroup("g").Info("message", "attr", v, slog.Group("group", "in", v))
		all[name] = b.String()
	}
	asJSON, err := json.Marshal(v)
	all["JSON"] = fmt.Sprint(string(asJSON), err)
	var walked strings.Builder
	walk(reflect.ValueOf(v), &walked, map[uintptr]bool{})
	all["reflection"] = walked.String()
	return all
}

// walk writes every string and number that reflection reaches, through
// unexported fields too.
func walk(v reflect.Value, b *strings.Builder, seen map[uintptr]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		walk(v.Elem(), b, seen)
	case reflect.Interface:
		walk(v.Elem(), b, seen)
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), b, seen)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			walk(it.Key(), b, seen)
			walk(it.Value(), b, seen)
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			b.Write(v.Bytes())
		}
		for i := range v.Len() {
			walk(v.Index(i), b, seen)
		}
	case reflect.String:
		b.WriteString(v.String() + "\n")
	}
}

// leak returns the form in which text holds the planted secret, "" if it does not.
func leak(text string) string {
	spaced := strings.TrimSpace(fmt.Sprintf("% x", planted))
	decimal := strings.Trim(fmt.Sprint([]byte(planted)), "[]")
	encoded := base64.StdEncoding.EncodeToString([]byte(planted))
	for _, form := range []string{planted, hex.EncodeToString([]byte(planted)), spaced, decimal, encoded[:8]} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(form)) {
			return form
		}
	}
	return ""
}

func TestNothingPrintsASecret(t *testing.T) {
	args, secret, ctx, held := secretArgs(), tool.NewSecret(planted), secretContext(t), newCarrier(t)
	for name, v := range map[string]any{
		"Args": args, "*Args": &args, "Secret": secret, "*Secret": &secret, "*Context": ctx, "Context": *ctx,
		"struct": held, "*struct": &held, "struct of struct": struct{ in carrier }{held},
		"slice": []any{args, secret, ctx}, "map": map[string]any{"a": args, "s": secret, "c": ctx},
		"slice of structs": []carrier{held}, "map of pointers": map[string]*carrier{"x": &held},
	} {
		for view, text := range views(v) {
			if form := leak(text); form != "" {
				t.Errorf("%s, %s: shows %q in\n%.300s", name, view, form, text)
			}
		}
	}
}

// A search that finds nothing proves something only if it would have found it.
func TestTheSearchFindsWhatIsNotHidden(t *testing.T) {
	type open struct{ S string }
	type closed struct {
		in *open
		b  []byte
	}
	for view, text := range views(open{planted}) {
		if leak(text) == "" && view != "fmt %d" && view != "fmt %t" && view != "fmt %U" && view != "fmt %10.3s" {
			t.Errorf("%s does not find the secret of an open struct: %s", view, text)
		}
	}
	for _, v := range []any{closed{in: &open{planted}}, closed{b: []byte(planted)}, map[string]any{planted: 1}, []any{open{planted}}} {
		if leak(views(v)["reflection"]) == "" {
			t.Errorf("reflection does not find the secret of %T", v)
		}
	}
	if leak(fmt.Sprintf("%d", []byte(planted))) == "" || leak(fmt.Sprintf("%X", planted)) == "" || leak(fmt.Sprintf("% x", planted)) == "" {
		t.Error("a form of the secret is not found")
	}
}

func TestWhatIsNoSecretIsShown(t *testing.T) {
	const want = "Args(client_id=me tag=a,b)"
	args := tool.NewArgs(url.Values{"client_id": {"me"}, "tag": {"a", "b"}})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		if got := fmt.Sprintf(verb, args); got != want {
			t.Errorf("%s: got %s, want %s", verb, got, want)
		}
		if got := fmt.Sprintf(verb, tool.NewSecret("")); got != "[redacted]" {
			t.Errorf("%s: an empty secret is shown to be empty: %s", verb, got)
		}
		if got, want := fmt.Sprintf(verb, secretContext(t)), "tool.Context(forecast over sse)"; got != want {
			t.Errorf("%s: got %s, want %s", verb, got, want)
		}
	}
	for view, text := range views(args) {
		if strings.HasPrefix(view, "slog") && !strings.Contains(text, "client_id=me tag=a,b") {
			t.Errorf("%s: got %s", view, text)
		}
	}
}

func TestErrorsOfBindTellNoSecret(t *testing.T) {
	type numbers struct {
		Auth, Token, Key, APIKey, Password, Secret, Ticket int
		List                                               []bool `arg:"access_token"`
	}
	err := secretArgs().Bind(&numbers{})
	wantError(t, err, "auth: expected", "access_token: expected")
	if form := leak(fmt.Sprintf("%v %+v %#v", err, err, err)); form != "" {
		t.Errorf("%v", err)
	}
	defer func() {
		p := recover()
		if p == nil {
			t.Fatal("ArgsOf did not panic")
		}
		for view, text := range views(p) {
			if leak(text) != "" || view == "fmt %v" && !strings.Contains(text, "ArgsOf[tool_test.numbers]: connection arguments: auth: expected") {
				t.Errorf("%s: %s", view, text)
			}
		}
	}()
	tool.ArgsOf[numbers](secretContext(t))
}

func TestRedact(t *testing.T) {
	args := tool.NewArgs(url.Values{
		"auth":      {"hunter2", "hunter2000"},
		"token":     {"2000-tail"},
		"password":  {`a b&c"d/é`},
		"key":       {"abc", ""},
		"pin":       {"1234"},
		"client_id": {"public"},
	}, "PIN")
	tests := []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"no secret", "public abc", "public abc"},
		{"one", "auth=hunter2.", "auth=[redacted]."},
		{"alone", "hunter2", "[redacted]"},
		{"each of them", "hunter2 1234 hunter2", "[redacted] [redacted] [redacted]"},
		{"one that begins like another", "hunter2000!", "[redacted]!"},
		{"two that overlap", "hunter2000-tail!", "[redacted]!"},
		{"side by side", "hunter21234", "[redacted]"},
		{"as it is", `a b&c"d/é`, "[redacted]"},
		{"in a query", "Get \"https://x.org/?p=" + url.QueryEscape(`a b&c"d/é`) + "\": EOF", `Get "https://x.org/?p=[redacted]": EOF`},
		{"in a path", "https://x.org/" + url.PathEscape(`a b&c"d/é`) + "/", "https://x.org/[redacted]/"},
		{"quoted", fmt.Sprintf("%q", `a b&c"d/é`), `"[redacted]"`},
		{"in JSON", `{"p":"a b\u0026c\"d/é"}`, `{"p":"[redacted]"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for range 20 { // the order of a map must not matter
				if got := args.Redact(test.text); got != test.want {
					t.Fatalf("got %q, want %q", got, test.want)
				}
			}
		})
	}
	long := tool.NewArgs(url.Values{"auth": {"aaaa"}})
	if got := long.Redact(strings.Repeat("a", 11) + "b"); got != "[redacted]b" {
		t.Errorf("a secret that overlaps itself: got %q", got)
	}
}

package tool_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

type testKey struct{}

func TestFromContext(t *testing.T) {
	parent := context.WithValue(t.Context(), testKey{}, "of the parent")
	ctx := tool.NewContext(parent, tool.Call{Tool: "x"})
	cancelled, cancel := context.WithCancel(context.WithValue(ctx, testKey{}, "below"))
	cancel()
	for name, c := range map[string]context.Context{
		"itself": ctx, "derived": cancelled, "without cancel": context.WithoutCancel(cancelled),
	} {
		if got, ok := tool.FromContext(c); !ok || got != ctx {
			t.Errorf("%s: got %v, %v", name, got, ok)
		}
	}
	if got, ok := tool.FromContext(parent); ok || got != nil {
		t.Errorf("a context above it: got %v, %v", got, ok)
	}
	if got := ctx.Value(testKey{}); got != "of the parent" {
		t.Errorf("Value of the parent is %v", got)
	}
	if got := ctx.Value("no key"); got != nil {
		t.Errorf("Value of no key is %v", got)
	}
	inner := tool.NewContext(ctx, tool.Call{Tool: "inner"})
	if got, _ := tool.FromContext(inner); got != inner {
		t.Error("the nearest Context is not the one")
	}
}

func TestContextEndsWithItsParent(t *testing.T) {
	parent, cancel := context.WithCancelCause(t.Context())
	ctx := tool.NewContext(parent, tool.Call{})
	cancel(http.ErrServerClosed)
	<-ctx.Done()
	if ctx.Err() != context.Canceled || context.Cause(ctx) != http.ErrServerClosed {
		t.Errorf("got %v, because of %v", ctx.Err(), context.Cause(ctx))
	}
}

func TestContextTellsTheCall(t *testing.T) {
	call := tool.Call{
		Tool: "forecast", SessionID: "s", RequestID: `"7"`, ProtocolVersion: "2025-11-25", Transport: "sse", Principal: 42,
		Client:        tool.Client{Name: "n", Capabilities: map[string]json.RawMessage{"sampling": nil}},
		Header:        http.Header{"A": {"post"}},
		ConnectHeader: http.Header{"A": {"get"}},
	}
	ctx := tool.NewContext(t.Context(), call)
	for name, pair := range map[string][2]any{
		"SessionID":       {ctx.SessionID(), "s"},
		"RequestID":       {ctx.RequestID(), `"7"`},
		"ProtocolVersion": {ctx.ProtocolVersion(), "2025-11-25"},
		"Transport":       {ctx.Transport(), "sse"},
		"Principal":       {ctx.Principal(), 42},
		"Client":          {ctx.Client(), call.Client},
		"Header":          {ctx.Header(), call.Header},
		"ConnectHeader":   {ctx.ConnectHeader(), call.ConnectHeader},
		"sampling":        {ctx.Client().Supports("sampling"), true},
		"elicitation":     {ctx.Client().Supports("elicitation"), false},
		"String":          {ctx.String(), "tool.Context(forecast over sse)"},
		"fmt":             {fmt.Sprintf("%+v", ctx), ctx.String()},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestArgFallback(t *testing.T) {
	ctx := tool.NewContext(t.Context(), tool.Call{Args: tool.NewArgs(url.Values{"a": {"1", "2"}, "empty": {""}})})
	for name, want := range map[string]string{"a": "1", "empty": "", "missing": "fallback"} {
		if got := ctx.Arg(name, "fallback"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := ctx.Args().Get("a"); got != "1" {
		t.Errorf("Args: got %q", got)
	}
}

func TestSupports(t *testing.T) {
	for _, tt := range []struct {
		capabilities string
		yes, no      string
	}{
		{`{}`, "", "sampling sampling.tools elicitation elicitation.form elicitation.url roots"},
		{`{"sampling":{}}`, "sampling", "sampling.tools sampling.context elicitation.form tools"},
		{`{"sampling":{"tools":{}}}`, "sampling sampling.tools", "sampling.context sampling.tools.x"},
		{`{"sampling":{"tools":null}}`, "sampling", "sampling.tools"},
		{`{"sampling":null}`, "", "sampling sampling.tools"},
		{`{"sampling":true,"roots":[]}`, "sampling roots", "sampling.tools roots.listChanged"},
		{`{"elicitation":{}}`, "elicitation elicitation.form", "elicitation.url"},
		{`{"elicitation":{"applyDefaults":true}}`, "elicitation elicitation.form", "elicitation.url"},
		{`{"elicitation":{"form":{}}}`, "elicitation elicitation.form", "elicitation.url"},
		{`{"elicitation":{"url":{}}}`, "elicitation elicitation.url", "elicitation.form"},
		{`{"elicitation":{"url":{},"form":{}}}`, "elicitation elicitation.url elicitation.form", ""},
		{`{"elicitation.url":{}}`, "elicitation.url", "elicitation elicitation.form"},
		{`{"extensions":{"io.example/ui":{"x":{}}}}`, "extensions extensions.io.example/ui", "io.example/ui extensions.io"},
		{`{"tasks":{"requests":{"elicitation":{"create":{}}}}}`, "tasks.requests.elicitation.create", "tasks.requests.sampling"},
	} {
		var c tool.Client
		if err := json.Unmarshal([]byte(tt.capabilities), &c.Capabilities); err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(tt.yes) {
			if !c.Supports(name) {
				t.Errorf("%s: no %s", tt.capabilities, name)
			}
		}
		for _, name := range strings.Fields(tt.no) {
			if c.Supports(name) {
				t.Errorf("%s: %s", tt.capabilities, name)
			}
		}
	}
	if (tool.Client{}).Supports("sampling") || (tool.Client{}).Supports("elicitation.form") {
		t.Error("no client has capabilities")
	}
}

type options struct {
	Auth  tool.Secret `arg:"auth,required"`
	Units string      `default:"metric"`
}

func TestArgsOf(t *testing.T) {
	args := tool.NewArgs(url.Values{"auth": {"hunter2"}})
	bound := &options{Units: "bound"}
	for name, test := range map[string]struct {
		bound any
		units string
	}{
		"bound before":        {bound, "bound"},
		"bound now":           {nil, "metric"},
		"bound to another":    {&common{}, "metric"},
		"bound, but to a nil": {(*options)(nil), "metric"},
	} {
		ctx := tool.NewContext(t.Context(), tool.Call{Args: args, Bound: test.bound})
		got := tool.ArgsOf[options](context.WithValue(ctx, testKey{}, 1))
		if got.Units != test.units {
			t.Errorf("%s: got %+v", name, got)
		}
		got.Units = "changed"
	}
	if bound.Units != "bound" {
		t.Error("a call changed what the connection was bound to")
	}
}

func TestArgsOfPanics(t *testing.T) {
	for name, test := range map[string]struct {
		ctx  context.Context
		want string
	}{
		"outside a call":       {t.Context(), "tool: ArgsOf needs the context of a tool's call"},
		"with a missing value": {tool.NewContext(t.Context(), tool.Call{}), "tool: ArgsOf[tool_test.options]: connection arguments: auth: missing"},
	} {
		func() {
			defer func() {
				if got := recover(); got != test.want {
					t.Errorf("%s: panicked with %v, want %q", name, got, test.want)
				}
			}()
			tool.ArgsOf[options](test.ctx)
		}()
	}
}

func TestContextMeta(t *testing.T) {
	for meta, want := range map[string]map[string]json.RawMessage{
		"":                         nil,
		"null":                     nil,
		"[]":                       nil,
		"{}":                       {},
		`{"progressToken":7}`:      {"progressToken": json.RawMessage("7")},
		`{"a":{"b":[1]},"a/b":""}`: {"a": json.RawMessage(`{"b":[1]}`), "a/b": json.RawMessage(`""`)},
	} {
		given := []byte(meta)
		ctx := tool.NewContext(t.Context(), tool.Call{Meta: given})
		clear(given) // a transport takes its bytes back when the call has returned; the context may live on
		if got := ctx.Meta(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, want %v", meta, got, want)
		}
	}
}

func TestContextValues(t *testing.T) {
	var session tool.Values
	first := tool.NewContext(t.Context(), tool.Call{Values: &session})
	second := tool.NewContext(t.Context(), tool.Call{Values: &session})
	other := tool.NewContext(t.Context(), tool.Call{})
	if v, ok := first.Get("k"); v != nil || ok {
		t.Errorf("before Set: %v, %v", v, ok)
	}
	first.Set("k", 1)
	first.Set("typed", (*int)(nil))
	if v, ok := second.Get("k"); v != 1 || !ok {
		t.Errorf("in the same session: %v, %v", v, ok)
	}
	if v, ok := second.Get("typed"); v != (*int)(nil) || !ok {
		t.Errorf("a nil of a type is a value: %v, %v", v, ok)
	}
	if _, ok := other.Get("k"); ok {
		t.Error("another session has the value")
	}
	second.Set("k", nil)
	second.Set("never", nil)
	if v, ok := first.Get("k"); v != nil || ok {
		t.Errorf("after nil: %v, %v", v, ok)
	}
	other.Set("k", nil)
}

func TestContextValuesConcurrently(t *testing.T) {
	var session tool.Values
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			ctx := tool.NewContext(t.Context(), tool.Call{Values: &session})
			own := fmt.Sprint(i)
			for n := range 200 {
				ctx.Set("shared", n)
				ctx.Set(own, n)
				if v, ok := ctx.Get(own); !ok || v != n {
					t.Errorf("own value is %v, %v; want %d", v, ok, n)
				}
				ctx.Get("shared")
				ctx.Set(own, nil)
			}
		})
	}
	group.Wait()
}

// outlet records what a tool says before it returns. It cannot ask.
type outlet struct {
	log       bytes.Buffer
	progress  []string
	suspended []time.Duration
}

func (o *outlet) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(&o.log, nil)) }
func (o *outlet) Progress(done, total float64, message string) {
	o.progress = append(o.progress, fmt.Sprint(done, "/", total, " ", message))
}
func (o *outlet) Ask(*tool.Question) error { return errors.ErrUnsupported }
func (o *outlet) Once(_ string, run func() ([]byte, error)) ([]byte, error) {
	return run()
}
func (o *outlet) Suspend(retry time.Duration) bool {
	o.suspended = append(o.suspended, retry)
	return retry > 0
}

func TestContextOutlet(t *testing.T) {
	var out outlet
	ctx := tool.NewContext(t.Context(), tool.Call{Outlet: &out})
	ctx.Log().Info("hello", "n", 1)
	ctx.Progress(1, 3, "first")
	ctx.Progress(2, 0, "")
	if !strings.Contains(out.log.String(), "msg=hello n=1") {
		t.Errorf("logged %q", out.log.String())
	}
	if want := []string{"1/3 first", "2/0 "}; !reflect.DeepEqual(out.progress, want) {
		t.Errorf("got %q, want %q", out.progress, want)
	}
	if !ctx.Suspend(time.Second) || ctx.Suspend(0) || !reflect.DeepEqual(out.suspended, []time.Duration{time.Second, 0}) {
		t.Errorf("suspended for %v", out.suspended)
	}
}

func TestContextWithoutOutlet(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	ctx := tool.NewContext(t.Context(), tool.Call{Tool: "forecast"})
	ctx.Progress(1, 2, "dropped")
	ctx.Log().Warn("hello")
	if ctx.Suspend(time.Second) {
		t.Error("suspended")
	}
	if got := log.String(); !strings.Contains(got, "msg=hello tool=forecast") || strings.Contains(got, "dropped") {
		t.Errorf("logged %q", got)
	}
}

func TestFunctionsBelowAPlainContextSeeTheCall(t *testing.T) {
	below := func(ctx context.Context) string {
		c, ok := tool.FromContext(ctx)
		if !ok {
			return "nothing"
		}
		return c.SessionID()
	}
	made := must(t, func(ctx context.Context) string {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		return below(ctx)
	}, tool.Name("x"))
	got, err := made.Call(tool.NewContext(t.Context(), tool.Call{SessionID: "s-1"}), nil)
	if err != nil || show(got) != "text s-1" {
		t.Errorf("got %v, %v", got, err)
	}
}

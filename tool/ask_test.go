package tool_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

// asker is an [tool.Outlet] that keeps answers from one run of a function to the
// next, as servers do where nothing waits.
type asker struct {
	outlet
	answers  map[string]string // of the client, by key
	asked    []tool.Question   // in this run, and not answered
	rejected []error           // what Read said
	seen     map[string]int    // keys in this run
	kept     map[string][]byte // by Once
}

func (a *asker) Ask(q *tool.Question) error {
	key := q.Key
	if a.seen[key]++; a.seen[key] > 1 {
		key = fmt.Sprint(key, "_", a.seen[key])
	}
	if answer, ok := a.answers[key]; ok {
		raw := []byte(answer)
		err := q.Read(raw)
		for i := range raw { // the bytes are the transport's
			raw[i] = 'x'
		}
		if err == nil {
			return nil
		}
		a.rejected = append(a.rejected, err)
	}
	named := *q
	named.Key = key
	a.asked = append(a.asked, named)
	return tool.ErrInputRequired
}

func (a *asker) Once(name string, run func() ([]byte, error)) ([]byte, error) {
	if raw, ok := a.kept[name]; ok {
		return raw, nil
	}
	if len(a.asked) > 0 {
		return nil, tool.ErrInputRequired
	}
	raw, err := run()
	if err == nil {
		a.kept[name] = raw
	}
	return raw, err
}

// context begins a run.
func (a *asker) context(t *testing.T) *tool.Context {
	a.asked, a.rejected, a.seen = nil, nil, map[string]int{}
	if a.kept == nil {
		a.kept = map[string][]byte{}
	}
	return tool.NewContext(t.Context(), tool.Call{Outlet: a})
}

// keys are those of what was asked in this run.
func (a *asker) keys() string {
	var keys []string
	for _, q := range a.asked {
		keys = append(keys, q.Key)
	}
	return strings.Join(keys, " ")
}

type guest struct {
	Name string `json:"name" jsonschema:"minLength=1"`
	Age  int    `json:"age" jsonschema:"default=30"`
}

// TestRuns: a function that asks runs until it has its answers, and what is under
// Once happens once.
func TestRuns(t *testing.T) {
	var orders, runs int
	serve := func(ctx *tool.Context) (string, error) {
		runs++
		g, err1 := tool.Elicit[guest](ctx, "Who are you?")
		roots, err2 := tool.Roots(ctx)
		err := errors.Join(err1, err2)
		// An error that got lost must not have the order made.
		id, early := tool.Once(ctx, "order", func() (int, error) { orders++; return 40 + orders, nil })
		if err != nil {
			if !errors.Is(early, tool.ErrInputRequired) || orders > 0 {
				t.Errorf("run %d: Once says %v", runs, early)
			}
			return "", err
		}
		said, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage("Greet " + g.Name)}})
		if err != nil {
			return "", fmt.Errorf("sampling: %w", err)
		}
		if err := tool.ElicitURL(ctx, "https://example.com/pay", "Pay here"); err != nil {
			return "", err
		}
		return fmt.Sprint(said.Text(), " ", g.Age, " ", roots[0].URI, " ", id), nil
	}
	a := &asker{answers: map[string]string{}}
	for i, round := range []struct {
		asks    string
		answers map[string]string
	}{
		{"guest roots", map[string]string{"guest": `{"action":"accept","content":{"name":""}}`, "roots": `{"roots":[{"uri":"file:///a"}]}`}},
		{"guest", map[string]string{"guest": `{"action":"accept","content":{"name":"Ada"}}`}},
		{"sample", map[string]string{"sample": `{"role":"assistant","content":{"type":"text","text":"Hi Ada"},"model":"m"}`}},
		{"elicit_url", map[string]string{"elicit_url": `{"action":"accept"}`}},
	} {
		if _, err := serve(a.context(t)); !errors.Is(err, tool.ErrInputRequired) || a.keys() != round.asks {
			t.Fatalf("round %d asks for %s: %v", i, a.keys(), err)
		}
		maps.Copy(a.answers, round.answers)
	}
	got, err := serve(a.context(t))
	if err != nil || got != "Hi Ada 30 file:///a 41" || orders != 1 || runs != 5 {
		t.Errorf("got %q, %v after %d runs, %d orders", got, err, runs, orders)
	}
}

// TestNobodyToAsk: without an Outlet the client cannot do anything.
func TestNobodyToAsk(t *testing.T) {
	ctx := tool.NewContext(t.Context(), tool.Call{})
	messages := []tool.Message{tool.UserMessage("Hi")}
	spec := tool.Spec{Name: "t", Input: []byte(`{"type":"object"}`)}
	for want, ask := range map[string]func() error{
		"elicitation":     func() error { _, err := tool.Elicit[guest](ctx, "Who?"); return err },
		"elicitation.url": func() error { return tool.ElicitURL(ctx, "http://localhost:8080", "Go") },
		"sampling":        func() error { _, err := tool.Sample(ctx, tool.Sampling{Messages: messages}); return err },
		"sampling.tools": func() error {
			_, err := tool.Sample(ctx, tool.Sampling{Messages: messages, Tools: []tool.Spec{spec}})
			return err
		},
		"roots": func() error { _, err := tool.Roots(ctx); return err },
	} {
		err := ask()
		missing, ok := errors.AsType[*tool.CapabilityError](err)
		if !ok || missing.Capability != want || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", want, err)
		}
		wantError(t, err, "the client does not support "+want)
	}
}

func TestKeys(t *testing.T) {
	a := &asker{}
	ctx := a.context(t)
	type ContactDetails struct{}
	type Pair[T any] struct{ V T }
	_, _ = tool.Elicit[ContactDetails](ctx, "")
	_, _ = tool.Elicit[*ContactDetails](ctx, "")
	_, _ = tool.Elicit[Pair[int]](ctx, "")
	_, _ = tool.Elicit[struct{}](ctx, "")
	_, _ = tool.Elicit[guest](ctx, "", tool.Key("who"))
	_, _ = tool.Elicit[guest](ctx, "", tool.Key(""))
	_ = tool.ElicitURL(ctx, "https://example.com", "", tool.Key("page"))
	_, _ = tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage("")}}, tool.Key("draft"))
	_, _ = tool.Roots(ctx, tool.Key("folders"))
	if want := "contact_details contact_details_2 pair elicit who guest page draft folders"; a.keys() != want {
		t.Errorf("the keys are %s, want %s", a.keys(), want)
	}
}

// FuzzAnswers: whatever a client sends is an answer or an error.
func FuzzAnswers(f *testing.F) {
	for _, result := range slices.Concat(sampledAnswers, []string{
		"", "null", "[]", "{", `{"action":"accept"}`, `{"action":"accept","content":{"name":"Ada","age":7}}`, `{"action":"cancel","content":5}`,
		`{"roots":[{"uri":"file:///a","name":"A"}]}`, `{"roots":[{}]}`, `{"roots":null}`,
	}) {
		f.Add([]byte(result))
	}
	f.Fuzz(func(t *testing.T, result []byte) {
		a := &asker{answers: map[string]string{"guest": string(result), "roots": string(result), "sample": string(result), "elicit_url": string(result)}}
		ctx := a.context(t)
		if g, err := tool.Elicit[guest](ctx, ""); err == nil && g.Name == "" {
			t.Errorf("%q is the guest %+v", result, g)
		}
		if roots, err := tool.Roots(ctx); err == nil && slices.ContainsFunc(roots, func(r tool.Root) bool { return r.URI == "" }) {
			t.Errorf("%q is the roots %+v", result, roots)
		}
		if said, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage("")}}); err == nil {
			if said.Role == "" || slices.ContainsFunc(said.Content, func(c tool.Content) bool { return c == nil }) {
				t.Errorf("%q is the message %+v", result, said)
			}
			_ = said.Text()
		}
		_ = tool.ElicitURL(ctx, "https://example.com", "")
		if len(a.asked) != len(a.rejected) {
			t.Errorf("%q: asked again for %s, because of %v", result, a.keys(), a.rejected)
		}
	})
}

package tool_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

func TestElicit(t *testing.T) {
	a := &asker{}
	if _, err := tool.Elicit[guest](a.context(t), "Who are you?"); err != tool.ErrInputRequired {
		t.Fatalf("got %v", err)
	}
	q := a.asked[0]
	if q.Kind != tool.AskForm || q.Message != "Who are you?" || q.URL != "" || q.Sampling != nil {
		t.Errorf("asked %+v", q)
	}
	want := `{"type":"object","properties":{"name":{"type":"string","minLength":1},"age":{"type":"integer","default":30}},"required":["name"]}`
	if got := string(q.Form.Document()); got != want {
		t.Errorf("the form is %s", got)
	}

	a.answers = map[string]string{"guest": `{"action":"accept","content":{"name":"Ada"},"_meta":{}}`}
	if got, err := tool.Elicit[guest](a.context(t), ""); err != nil || got != (guest{"Ada", 30}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := tool.Elicit[*guest](a.context(t), ""); err != nil || *got != (guest{"Ada", 30}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for action, want := range map[string]error{"decline": tool.ErrDeclined, "cancel": tool.ErrDismissed} {
		a.answers["guest"] = `{"action":"` + action + `","content":{"name":"Ada"}}`
		got, err := tool.Elicit[guest](a.context(t), "")
		if err != want || got != (guest{}) {
			t.Errorf("%s: got %+v, %v", action, got, err)
		}
		if _, ok := tool.UserText(err); !ok {
			t.Errorf("%s: the caller may not see %v", action, err)
		}
	}
}

// TestElicitAsksAgain: what is no answer is refused, in words for who sent it.
func TestElicitAsksAgain(t *testing.T) {
	for answer, want := range map[string]string{
		`{"action":"accept"}`:                                   "the answer does not fit the form: name: missing, expected a string of at least 1 character",
		`{"action":"accept","content":null}`:                    "name: missing",
		`{"action":"accept","content":{"name":7,"age":"x"}}`:    `the answer does not fit the form: name: expected a string of at least 1 character, got 7; age: expected an integer, got "x"`,
		`{"action":"accept","content":{"name":"A","age":"30"}}`: `age: expected an integer, got "30"`,
		`{"action":"accept","content":{"nam":"B"}}`:             "name: missing",
		`{"action":"accept","content":["Ada"]}`:                 `content: expected an object, got ["Ada"]`,
		`{"action":"accepted","content":{"name":"Ada"}}`:        `action: expected accept, decline or cancel, got "accepted"`,
		`{"content":{"name":"Ada"}}`:                            `action: expected accept, decline or cancel, got ""`,
		`{"action":"` + strings.Repeat("long", 99) + `"}`:       `got "longlong`,
		`"accept"`:     "the answer is no result of elicitation/create",
		`{"action":1}`: "the answer is no result of elicitation/create",
		`null`:         "action: expected",
		``:             "the answer is no result of elicitation/create",
		`{"action":"accept","content":{"name":"Ada","name":""}}`: "name: expected",
	} {
		a := &asker{answers: map[string]string{"guest": answer}}
		got, err := tool.Elicit[guest](a.context(t), "")
		if err != tool.ErrInputRequired || got != (guest{}) || len(a.rejected) != 1 {
			t.Errorf("%s: got %+v, %v", answer, got, err)
			continue
		}
		wantError(t, a.rejected[0], want)
		if n := len(a.rejected[0].Error()); n > 400 {
			t.Errorf("%s: an error of %d bytes", answer, n)
		}
	}
}

// TestReadAgain: an outlet that waits reads one answer after the other; only the
// last one counts.
func TestReadAgain(t *testing.T) {
	again := &reader{results: []string{`{"action":"accept","content":{"name":"Ada","age":-1,"x":0}}`, `{"action":"accept","content":{"name":"Bea"}}`}}
	ctx := tool.NewContext(t.Context(), tool.Call{Outlet: again})
	if got, err := tool.Elicit[guest](ctx, ""); err != nil || got != (guest{"Bea", 30}) {
		t.Errorf("got %+v, %v", got, err)
	}
	again.results = []string{`{"action":"decline"}`, `{"action":"accept"}`}
	if err := tool.ElicitURL(ctx, "https://example.com", ""); err != nil {
		t.Errorf("got %v", err)
	}
	// Another error of the outlet is passed on.
	again.results = []string{`7`}
	if err := tool.ElicitURL(ctx, "https://example.com", ""); err != errRefused {
		t.Errorf("got %v", err)
	}
}

var errRefused = errors.New("the client refused")

// reader is an outlet that has all results read and fails if none was taken.
type reader struct {
	outlet
	results []string
}

func (r *reader) Ask(q *tool.Question) error {
	err := errRefused
	for _, result := range r.results {
		if q.Read([]byte(result)) == nil {
			err = nil
		}
	}
	return err
}

func TestElicitNeedsAForm(t *testing.T) {
	type Nested struct{ In struct{ X int } }
	a := &asker{}
	ctx := a.context(t)
	for range 2 { // also from the cache
		_, err := tool.Elicit[Nested](ctx, "")
		wantError(t, err, "tool.Elicit: schema: Nested.In: a form has no struct")
		_, err = tool.Elicit[string](ctx, "")
		wantError(t, err, "tool.Elicit: schema: string: a form is a struct")
		_, err = tool.Elicit[any](ctx, "")
		wantError(t, err, "tool.Elicit: schema: interface {}: a form is a struct")
	}
	if len(a.asked) > 0 {
		t.Errorf("asked for %s", a.keys())
	}
}

// TestElicitNoSecrets: what would pass through the client is asked for by no form.
func TestElicitNoSecrets(t *testing.T) {
	type Keys struct {
		Key *tool.Secret `json:"key,omitempty"`
	}
	type Login struct {
		Name     string
		Password tool.Secret
	}
	type Upstream struct {
		Keys
		Host string
	}
	type Kept struct {
		Name string
		Key  tool.Secret `json:"-"` // no field of the form
	}
	a := &asker{}
	ctx := a.context(t)
	for range 2 { // also from the cache
		_, err := tool.Elicit[Login](ctx, "")
		wantError(t, err, "tool.Elicit: tool_test.Login.Password: a form must not ask for a Secret: have a page ask, with ElicitURL")
		_, err = tool.Elicit[*Upstream](ctx, "")
		wantError(t, err, "tool.Elicit: tool_test.Upstream.Key: a form must not")
	}
	if len(a.asked) > 0 {
		t.Errorf("asked for %s", a.keys())
	}
	if _, err := tool.Elicit[Kept](ctx, ""); err != tool.ErrInputRequired {
		t.Errorf("a secret that is no field: %v", err)
	}
}

// TestElicitPlansOnce: the form of a type is made once.
func TestElicitPlansOnce(t *testing.T) {
	a := &asker{}
	ctx := a.context(t)
	_, _ = tool.Elicit[guest](ctx, "")
	_, _ = tool.Elicit[guest](ctx, "")
	if a.asked[0].Form != a.asked[1].Form {
		t.Error("planned twice")
	}
}

func TestElicitURL(t *testing.T) {
	a := &asker{}
	if err := tool.ElicitURL(a.context(t), "https://example.com/?id=1", "Open it"); err != tool.ErrInputRequired {
		t.Fatalf("got %v", err)
	}
	if q := a.asked[0]; q.Kind != tool.AskURL || q.Message != "Open it" || q.URL != "https://example.com/?id=1" || q.Form != nil {
		t.Errorf("asked %+v", q)
	}
	for answer, want := range map[string]error{
		`{"action":"accept"}`:                   nil,
		`{"action":"accept","content":{"x":1}}`: nil,
		`{"action":"decline"}`:                  tool.ErrDeclined,
		`{"action":"cancel"}`:                   tool.ErrDismissed,
		`{"action":"done"}`:                     tool.ErrInputRequired,
	} {
		a.answers = map[string]string{"elicit_url": answer}
		if err := tool.ElicitURL(a.context(t), "HTTP://localhost:8080", ""); err != want {
			t.Errorf("%s: got %v", answer, err)
		}
	}
}

func TestElicitURLRefuses(t *testing.T) {
	const absolute = "tool.ElicitURL: the URL is not an absolute one of http or https: write https://host/path"
	for page, want := range map[string]string{
		"":                             absolute,
		"/hunter2":                     absolute,
		"example.com/hunter2":          absolute,
		"//example.com/hunter2":        absolute,
		"https:hunter2":                absolute,
		"https:///hunter2":             absolute,
		"https://:80/hunter2":          absolute,
		"ftp://example.com/hunter2":    absolute,
		"javascript:hunter2":           absolute,
		"file:///hunter2":              absolute,
		"https://example.com/%hunter2": absolute,
		"https://exa mple.com/hunter2": absolute,
		"https://u:hunter2@host/":      "tool.ElicitURL: the URL holds credentials, which the client would show: have the page ask for them",
		"https://hunter2@host/":        "the URL holds credentials",
	} {
		a := &asker{}
		err := tool.ElicitURL(a.context(t), page, "")
		wantError(t, err, want)
		if len(a.asked) > 0 || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: asked for %s; %v", page, a.keys(), err)
		}
	}
}

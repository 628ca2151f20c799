package tool

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"github.com/sessionmcp/sessionmcp/schema"
)

// Elicit asks the user to fill in a form with the fields of T, and returns what
// they sent (2025-11-25 and 2026-07-28, elicitation, form mode). T is a struct of
// strings, numbers, booleans and choices; [schema.NewForm] says what its tags
// mean. Passwords, keys and tokens must not be asked for in a form, so that no T
// has a [Secret]: see [ElicitURL].
//
// The function that asks may run again from its beginning for each answer, with
// the same arguments. Return the error that is [ErrInputRequired], which explains
// this, and put what may happen only once into [Once].
//
// Other errors are [ErrDeclined] and [ErrDismissed], a [*CapabilityError], and
// one that names the field of a T that is no form: a mistake in the program.
// Without [Key], the question is named after T in snake_case: contact_details for
// ContactDetails, elicit for a type without a name.
func Elicit[T any](ctx *Context, message string, options ...AskOption) (T, error) {
	var answer, none T
	if err := elicit(ctx, message, reflect.ValueOf(&answer).Elem(), options); err != nil {
		return none, err
	}
	return answer, nil
}

// elicit is Elicit into v.
func elicit(ctx *Context, message string, v reflect.Value, options []AskOption) error {
	form, err := formOf(v.Type())
	if err != nil {
		return fmt.Errorf("tool.Elicit: %w", err)
	}
	var outcome error
	q := &Question{Kind: AskForm, Message: message, Form: form}
	q.Read = func(result []byte) error {
		var content []byte
		var err error
		if content, outcome, err = readAction(result); err != nil || outcome != nil {
			return err
		}
		return misfit("the answer does not fit the form", form.Decode(content, v))
	}
	if err := ctx.ask(q, formKey(v.Type()), options); err != nil {
		return err
	}
	return outcome
}

// ElicitURL asks the user to open a page, for what must not pass through the
// client: a password, a payment, a consent (2025-11-25 and 2026-07-28,
// elicitation, URL mode). The url is absolute, http or https, and holds no
// credentials: clients show it. Find out on the page who opened it, it may be
// another than the caller.
//
// No error means that the user agreed to open the page, not that they are done
// there: keep what they do there on your side, and look there.
//
// The function that asks may run again from its beginning for each answer, with
// the same arguments. Return the error that is [ErrInputRequired], which explains
// this, and put what may happen only once into [Once]: the url, if it is another
// one each time.
//
// Other errors are those of [Elicit], and one for a url that is none. Without
// [Key], the question is named elicit_url.
func ElicitURL(ctx *Context, url, message string, options ...AskOption) error {
	if err := checkPage(url); err != nil {
		return fmt.Errorf("tool.ElicitURL: %w", err)
	}
	var outcome error
	q := &Question{Kind: AskURL, Message: message, URL: url}
	q.Read = func(result []byte) error {
		var err error
		_, outcome, err = readAction(result)
		return err
	}
	if err := ctx.ask(q, "elicit_url", options); err != nil {
		return err
	}
	return outcome
}

// checkPage refuses what users cannot be sent to. Its errors do not repeat the
// URL, which may hold what is not for a log.
func checkPage(page string) error {
	u, err := url.Parse(page)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return errors.New("the URL is not an absolute one of http or https: write https://host/path")
	case u.User != nil:
		return errors.New("the URL holds credentials, which the client would show: have the page ask for them")
	}
	return nil
}

// readAction reads an ElicitResult (2025-11-25 schema). outcome is why there is
// no content.
func readAction(result []byte) (content []byte, outcome, err error) {
	var r struct {
		Action  string          `json:"action"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(result, &r); err != nil {
		return nil, nil, errors.New("the answer is no result of elicitation/create")
	}
	switch r.Action {
	case "accept":
		return r.Content, nil, nil
	case "decline":
		return nil, ErrDeclined, nil
	case "cancel":
		return nil, ErrDismissed, nil
	}
	return nil, nil, fmt.Errorf("action: expected accept, decline or cancel, got %.40q", r.Action)
}

// misfit says of a value what [schema.Error] says of a tool's arguments.
func misfit(what string, err error) error {
	e, ok := errors.AsType[*schema.Error](err)
	if !ok {
		return err
	}
	problems := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		problems[i] = p.String()
	}
	return errors.New(what + ": " + strings.Join(problems, "; "))
}

// forms holds what has become of each type that was asked for: a [plannedForm].
// There are as many as such types in the program.
var forms sync.Map

type plannedForm struct {
	form *schema.Form
	err  error
}

func formOf(t reflect.Type) (*schema.Form, error) {
	if known, ok := forms.Load(t); ok {
		p := known.(plannedForm)
		return p.form, p.err
	}
	form, err := schema.NewForm(t, schema.Options{})
	if err == nil {
		err = noSecrets(t)
	}
	forms.Store(t, plannedForm{form, err})
	return form, err
}

// noSecrets refuses a form that asks for a secret, which would pass through the
// client (2025-11-25, elicitation, form mode security; 2025-06-18 knows no other
// mode).
func noSecrets(t reflect.Type) error {
	for _, f := range reflect.VisibleFields(deref(t)) {
		if deref(f.Type) == reflect.TypeFor[Secret]() && f.Tag.Get("json") != "-" {
			return fmt.Errorf("%s.%s: a form must not ask for a Secret: have a page ask, with ElicitURL", deref(t), f.Name)
		}
	}
	return nil
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// formKey names the question for a t.
func formKey(t reflect.Type) string {
	name, _, _ := strings.Cut(deref(t).Name(), "[") // type arguments follow
	if name == "" {
		return "elicit"
	}
	return snake(name)
}

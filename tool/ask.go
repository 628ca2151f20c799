package tool

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/sessionmcp/sessionmcp/schema"
)

// ErrInputRequired is what asking returns while the answer is not there yet:
// return it, wrapped or not.
//
// A tool asks in the middle of its work: [Elicit] and [ElicitURL] ask the user,
// [Sample] the client's model, [Roots] the client. The call looks the same in
// every revision of the protocol, and two things can happen behind it:
//
//   - Where there is a session (revisions up to 2025-11-25) the question goes to
//     the client and the function waits for the answer.
//   - From 2026-07-28 on nothing waits. The question ends the call, with an error
//     that is ErrInputRequired and is to be returned; the client asks its user
//     and calls again; and the function runs again from its beginning, this time
//     with the answers so far.
//
// So a function that asks is written to be run more than once with the same
// arguments: what it does before a question, it does again. What may happen only
// once goes into [Once], or behind the last question.
//
// Whatever the function returns, a question that it has asked is put to the
// client. Ask several things before you return to have them put together:
//
//	name, err1 := tool.Elicit[Name](ctx, "Who are you?")
//	roots, err2 := tool.Roots(ctx)
//	if err := errors.Join(err1, err2); err != nil {
//		return nil, err
//	}
var ErrInputRequired = errors.New("the client is asked for input: return this error")

// What a user may do instead of answering. Both are to be expected.
var (
	ErrDeclined  = Errorf("the user declined to answer")
	ErrDismissed = Errorf("the user dismissed the question")
)

// A CapabilityError says that the client cannot be asked such a thing. It is
// [errors.ErrUnsupported]. A tool may do without; returned, it is answered as
// the revision wants it.
type CapabilityError struct {
	// Capability is what the client did not declare: elicitation,
	// elicitation.form, elicitation.url, sampling, sampling.tools or roots.
	Capability string
}

func (e *CapabilityError) Error() string {
	return fmt.Sprintf("the client does not support %s", e.Capability)
}

// Is reports whether target is [errors.ErrUnsupported].
func (e *CapabilityError) Is(target error) bool { return target == errors.ErrUnsupported }

// QuestionKind is what a Question asks for.
type QuestionKind int

// The kinds of questions.
const (
	AskForm     QuestionKind = iota // elicitation/create, form mode
	AskURL                          // elicitation/create, url mode
	AskSampling                     // sampling/createMessage
	AskRoots                        // roots/list
)

// A Question is what an [Outlet] is asked to ask. Servers encode it as the
// revision has it.
type Question struct {
	Kind QuestionKind

	// Key names the question within its call, the same each time the function
	// runs. The second of the same key becomes key_2, and so on.
	Key string

	Message  string       // for the user; of AskForm and AskURL
	Form     *schema.Form // of AskForm
	URL      string       // of AskURL
	Sampling *Sampling    // of AskSampling

	// Read takes the result that the client sent, as JSON. An error means that it
	// is no answer: the question is asked again. It keeps nothing of result.
	Read func(result []byte) error
}

// AskOption says something about a question.
type AskOption func(*Question)

// Key names a question within its call. Without it the key is made of the kind,
// or of the name of the form's type, which is enough unless a function asks its
// questions in another order each time it runs. Clients of 2026-07-28 see it.
func Key(key string) AskOption { return func(q *Question) { q.Key = key } }

// ask puts q to the client. Without another key, it is called key.
func (c *Context) ask(q *Question, key string, options []AskOption) error {
	for _, option := range options {
		option(q)
	}
	q.Key = cmp.Or(q.Key, key)
	if c.call().Outlet == nil {
		return &CapabilityError{q.capability()}
	}
	return c.call().Outlet.Ask(q)
}

// capability is what a client declares that can be asked q.
func (q *Question) capability() string {
	switch {
	case q.Kind == AskURL:
		return "elicitation.url"
	case q.Kind == AskSampling && q.Sampling.UsesTools():
		return "sampling.tools"
	case q.Kind == AskSampling:
		return "sampling"
	case q.Kind == AskRoots:
		return "roots"
	}
	return "elicitation"
}

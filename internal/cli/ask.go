package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/sessionmcp/sessionmcp/client"
)

// asker asks the user, at the terminal, what the server wants to know. One
// question is asked at a time.
type asker struct {
	notes   *status
	in      *bufio.Reader
	answers url.Values // that were given beforehand
	asks    bool       // there is somebody to answer

	turn    chan struct{} // is held by whoever asks
	reading bool          // a line is being read
	lines   chan typed    // holds one
}

// typed is a line, unless the input has ended.
type typed struct {
	text string
	ok   bool
}

func newAsker(r *remote) *asker {
	return &asker{
		notes: r.notes, in: bufio.NewReader(r.p.in), answers: r.answers.Values(),
		asks: r.ask || isTerminal(r.p.in) && isTerminal(r.p.err),
		turn: make(chan struct{}, 1), lines: make(chan typed, 1),
	}
}

// The answers that have no content.
var (
	declined  = &client.Elicited{Action: "decline"}
	dismissed = &client.Elicited{Action: "cancel"}
)

// elicit answers a question of the server. Ctrl-D declines; where nobody can be
// asked, and --answer does not say it all, the question is cancelled.
func (a *asker) elicit(ctx context.Context, q *client.Elicitation) (*client.Elicited, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer a.notes.hold()()
	if q.Schema == nil && q.URL != "" {
		return a.visit(ctx, q)
	}
	fields, err := readForm(q.Schema)
	if err != nil {
		return nil, err
	}
	content, missing, err := a.fromAnswers(fields)
	if err != nil {
		a.notes.say("--answer %v: the question is cancelled", err)
		return dismissed, nil
	}
	if !a.asks {
		if len(missing) > 0 || len(content) == 0 {
			a.explain(q, missing)
			return dismissed, nil
		}
		return &client.Elicited{Content: content}, nil
	}
	a.announce(q)
	if len(fields) == 0 {
		return a.confirm(ctx, "Agree?")
	}
	return a.fill(ctx, fields, content)
}

// fill asks for the fields that content lacks.
func (a *asker) fill(ctx context.Context, fields []*field, content map[string]any) (*client.Elicited, error) {
	for _, f := range fields {
		if _, ok := content[f.name]; ok {
			continue
		}
		value, ok, err := a.askField(ctx, f)
		if err != nil || !ok {
			return declined, err
		}
		if value != nil {
			content[f.name] = value
		}
	}
	return &client.Elicited{Content: content}, nil
}

// fromAnswers takes what was answered beforehand; missing are the required fields
// that were not.
func (a *asker) fromAnswers(fields []*field) (content map[string]any, missing []string, err error) {
	content = make(map[string]any)
	for _, f := range fields {
		given, ok := a.answers[f.name]
		if !ok {
			if f.required && f.Default == nil {
				missing = append(missing, f.name)
			}
			continue
		}
		value, err := f.parse(strings.Join(given, ","))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.name, err)
		}
		content[f.name] = value
	}
	return content, missing, nil
}

// explain says how a question is answered that nobody was asked.
func (a *asker) explain(q *client.Elicitation, missing []string) {
	how := "run it on a terminal"
	if len(missing) > 0 {
		how += ", or answer with --answer " + strings.Join(missing, "=... --answer ") + "=..."
	} else {
		how += ", or with --ask"
	}
	a.notes.say("The server asks: %s\nNobody can be asked here, so the question is cancelled: %s", oneLine(q.Message), oneLine(how))
}

func (a *asker) announce(q *client.Elicitation) {
	a.notes.say("%s %s\n%s", a.notes.s.bold("The server asks:"), clean(q.Message), a.notes.s.dim("Ctrl-D declines."))
}

// visit answers a question to open a page. It is shown whole and opened by nobody
// but the user: where it leads is for them to judge.
func (a *asker) visit(ctx context.Context, q *client.Elicitation) (*client.Elicited, error) {
	if !a.asks {
		a.notes.say("The server asks to open a page: %s\n  %s\nNobody can be asked here, so the question is cancelled: run it on a terminal, or with --ask", oneLine(q.Message), oneLine(q.URL))
		return dismissed, nil
	}
	u, err := url.Parse(q.URL)
	if err != nil {
		return nil, err
	}
	a.announce(q)
	a.notes.say("Open this page of %s yourself, if you trust it:\n  %s", a.notes.s.bold(oneLine(u.Hostname())), oneLine(q.URL))
	return a.confirm(ctx, "Have you opened it?")
}

func (a *asker) confirm(ctx context.Context, question string) (*client.Elicited, error) {
	f := &field{name: question, required: true, control: control{Type: "boolean"}}
	value, ok, err := a.askField(ctx, f)
	if err != nil || !ok || value != true {
		return declined, err
	}
	return &client.Elicited{}, nil
}

// askField asks for one field until the answer fits. value is nil for one that is
// left out; ok is false at the end of input.
func (a *asker) askField(ctx context.Context, f *field) (value any, ok bool, err error) {
	about := f.Description
	if about == "" {
		about = f.Title
	}
	if about != "" {
		a.notes.say("  %s", oneLine(about))
	}
	for i, c := range f.choices() {
		title := oneLine(c.Title)
		if title != "" {
			title = "  " + title
		}
		a.notes.say("  %2d) %s%s", i+1, oneLine(c.Value), title)
	}
	for {
		text, ok, err := a.readLine(ctx, f.prompt())
		if err != nil || !ok {
			return nil, false, err
		}
		if text == "" && (f.Default != nil || !f.required) {
			return f.Default, true, nil
		}
		value, err := f.parse(text)
		if text == "" && f.choices() == nil {
			err = errors.New("want an answer")
		}
		if err == nil {
			return value, true, nil
		}
		a.notes.say("  %v", err)
	}
}

// readLine prints a prompt and waits for what is typed behind it; ok is false at
// the end of input, which on a terminal is Ctrl-D. A read that is under way cannot
// be interrupted: the next question takes up what it brings.
func (a *asker) readLine(ctx context.Context, prompt string) (text string, ok bool, err error) {
	if !a.reading {
		a.reading = true
		go func() {
			text, err := a.in.ReadString('\n')
			a.lines <- typed{strings.TrimRight(text, "\r\n"), text != "" || err == nil}
		}()
	}
	fmt.Fprint(a.notes.s.w, prompt)
	select {
	case line := <-a.lines:
		a.reading = false
		if !line.ok {
			a.notes.say("")
		}
		return line.text, line.ok, nil
	case <-ctx.Done():
		a.notes.say("")
		return "", false, context.Cause(ctx)
	}
}

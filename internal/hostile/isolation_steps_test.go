package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sessionmcp/sessionmcp/server/servertest"
)

// workSteps is how often a call of the tool work tells what it does.
const workSteps = 4

// memberSteps is what each session does. All of them have the same names, ids and
// tokens for it.
var memberSteps = []struct {
	name string
	take func(m *member, round int) error
}{
	{"whoami", (*member).whoami},
	{"at once", (*member).atOnce},
	{"questions", (*member).questions},
	{"resources", (*member).resources},
	{"prompt", (*member).prompt},
	{"panic", (*member).panics},
	{"cancel", (*member).cancel},
	{"batch", (*member).batch},
}

// whoami: the tool knows the session's own arguments, user, id and values.
func (m *member) whoami(int) error {
	for range 2 {
		text, err := m.call("whoami", struct{}{}, "")
		if err != nil {
			return err
		}
		var got identity
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			return err
		}
		want := identity{Auth: "key-" + m.o.user, Client: m.o.session, Principal: m.o.user, Kept: m.kept, Request: got.Request}
		if !m.stateless() {
			want.Session = m.client.SessionID
			m.kept = m.o.session
			if m.options.Transport == servertest.Stdio { // where clients do not get to know it
				want.Session = got.Session
			}
		}
		if got != want || got.Request == "" {
			return fmt.Errorf("got %+v, want %+v", got, want)
		}
	}
	return nil
}

// atOnce: calls of one session at the same time get their own answers, and what is
// told in the course of one is complete and in order.
func (m *member) atOnce(round int) error {
	text := fmt.Sprintf("%s round %d", m.o.session, round)
	failed := make(chan error, 3)
	go func() {
		got, err := m.call("work", map[string]any{"steps": workSteps, "text": text, "each": 100 * (m.n % 7)}, "same")
		failed <- want(got, err, m.o.session+" "+text)
	}()
	for _, size := range []int{10, 70_000} {
		go func() {
			big := strings.Repeat(m.o.session, size/markLen)
			got, err := m.call("echo", map[string]any{"text": big}, "")
			if err == nil && got != big {
				err = fmt.Errorf("an echo of %d bytes is one of %d", len(big), len(got))
			}
			failed <- err
		}()
	}
	if err := errors.Join(<-failed, <-failed, <-failed); err != nil {
		return err
	}
	m.told += workSteps
	logs, err := m.o.await("notifications/message", m.told)
	if err != nil {
		return err
	}
	for _, log := range logs[m.told-workSteps:] {
		if !strings.Contains(string(log), text) {
			return fmt.Errorf("the log message %s is not of %q", log, text)
		}
	}
	return m.progressed(text)
}

// progressed checks the progress of the last call of work.
func (m *member) progressed(text string) error {
	all, err := m.o.await("notifications/progress", m.told)
	if err != nil {
		return err
	}
	next := 0
	for _, params := range all {
		var p struct {
			Token    string `json:"progressToken"`
			Progress int
			Message  string
		}
		if err := json.Unmarshal(params, &p); err != nil {
			return err
		}
		if p.Token == "same" {
			next++
		}
		if p.Token == "same" && next > m.told-workSteps {
			if p.Progress != (next-1)%workSteps+1 || m.options.Revision > "2024-11-05" && !strings.Contains(p.Message, text) {
				return fmt.Errorf("the progress %s is not %d of %q", params, next, text)
			}
		}
	}
	if next != m.told {
		return fmt.Errorf("progress came %d times, and not %d", next, m.told)
	}
	return nil
}

// questions: what a tool asks is asked of its caller, in every revision in its way.
func (m *member) questions(int) error {
	own := m.o.session
	got, err := m.call("sampled", map[string]any{"text": "greet " + own}, "")
	if err := want(got, err, own+" said "+own); err != nil {
		return err
	}
	got, err = m.call("confirm", map[string]any{"text": own}, "")
	if !m.forms() {
		if err == nil || !strings.Contains(got, "does not support") {
			return fmt.Errorf("got %q, %v", got, err)
		}
		return nil
	}
	return want(got, err, fmt.Sprint(own, " first ", own, " second ", own, " ", own))
}

// resources: a session reads its own resource, and is told of its changes alone.
func (m *member) resources(int) error {
	uri := "mine://" + m.o.session
	ctx, cancel := soon()
	defer cancel()
	read, err := m.client.RequestContext(ctx, "resources/read", map[string]any{"uri": uri})
	if err != nil || !strings.Contains(string(read), `"text":"`+m.o.session+`"`) {
		return fmt.Errorf("reading: %s, %w", read, err)
	}
	end, err := m.subscribe(ctx, uri)
	if err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	before := m.o.count("notifications/resources/updated")
	for i := range 3 {
		if _, err := m.call("touch", struct{}{}, ""); err != nil {
			return err
		}
		all, err := m.o.await("notifications/resources/updated", before+i+1)
		if err != nil {
			return err
		}
		if last := string(all[len(all)-1]); len(all) != before+i+1 || !strings.Contains(last, `"`+uri+`"`) {
			return fmt.Errorf("update %d of %d is %s", len(all), before+i+1, last)
		}
	}
	return end()
}

// subscribe begins a subscription and returns what ends it.
func (m *member) subscribe(ctx context.Context, uri string) (end func() error, err error) {
	params := map[string]any{"uri": uri}
	if !m.stateless() {
		_, err := m.client.RequestContext(ctx, "resources/subscribe", params)
		return func() error {
			_, err := m.client.RequestContext(ctx, "resources/unsubscribe", params)
			return err
		}, err
	}
	known := m.o.count("notifications/subscriptions/acknowledged")
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := m.client.RequestContext(ctx, "subscriptions/listen", map[string]any{
			"notifications": map[string]any{"resourceSubscriptions": []string{uri}},
		})
		ended <- err
	}()
	end = func() error {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			return fmt.Errorf("listening ended with %w", err)
		}
		return nil
	}
	if _, err := m.o.await("notifications/subscriptions/acknowledged", known+1); err != nil {
		cancel()
		return nil, errors.Join(err, <-ended)
	}
	return end, nil
}

// prompt: a prompt is filled in for its caller.
func (m *member) prompt(int) error {
	ctx, cancel := soon()
	defer cancel()
	got, err := m.client.RequestContext(ctx, "prompts/get", map[string]any{"name": "greet", "arguments": map[string]string{"topic": m.o.user}})
	if text := m.o.user + " for " + m.o.session; err != nil || !strings.Contains(string(got), text) {
		return fmt.Errorf("got %s, %w; want %s", got, err, text)
	}
	return nil
}

// panics: what one session's call panics with is told to nobody, and is the end of
// nothing but the call.
func (m *member) panics(int) error {
	got, err := m.call("panic", map[string]any{"s": m.o.session}, "")
	if err == nil || !strings.HasPrefix(got, "internal error (ref ") || strings.Contains(got, m.o.session) {
		return fmt.Errorf("got %q, %v", got, err)
	}
	return nil
}

// cancel: a call lasts until its own client cancels it.
func (m *member) cancel(round int) error {
	which := fmt.Sprint(m.o.session, round)
	before := m.o.count("notifications/progress")
	ctx, cancel := soon()
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := m.client.RequestContext(ctx, "tools/call", map[string]any{"name": "hold", "arguments": map[string]any{"which": which}, "_meta": map[string]any{"progressToken": "held"}})
		ended <- err
	}()
	if _, err := m.o.await("notifications/progress", before+1); err != nil {
		return err
	}
	m.w.letGo(which)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		return fmt.Errorf("it ended with %w", err)
	}
	return nil
}

// batch: the answers to a batch are its sender's, where a revision has batches.
func (m *member) batch(int) error {
	if m.options.Revision != "2025-03-26" {
		return nil
	}
	before := m.o.count("")
	if err := m.client.SendText(`[{"jsonrpc":"2.0","id":"b1","method":"tools/call","params":{"name":"echo","arguments":{"text":"` + m.o.session +
		`"}}},{"jsonrpc":"2.0","id":"b2","method":"tools/call","params":{"name":"touch"}}]`); err != nil {
		return err
	}
	all, err := m.o.await("", before+2)
	if err != nil {
		return err
	}
	if got := fmt.Sprintf("%s", all[before:]); len(all) != before+2 || !strings.Contains(got, `"text":"`+m.o.session) || !strings.Contains(got, `"id":"b2","result"`) {
		return fmt.Errorf("got %d answers: %s", len(all)-before, got)
	}
	return nil
}

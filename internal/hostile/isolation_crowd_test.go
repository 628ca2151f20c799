package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

var revisions = []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"}

// crowd is one server with many sessions.
type crowd struct {
	h   *servertest.Harness
	url string

	stirred chan struct{} // closed when the first session has gone through a round
	stir    sync.Once
	held    sync.WaitGroup // calls of the tool hold that are under way
	mu      sync.Mutex
	let     map[string]bool // calls of hold that have been cancelled
	early   []string        // and those that ended before
}

func newCrowd(t *testing.T) *crowd {
	w := &crowd{stirred: make(chan struct{}), let: make(map[string]bool)}
	srv := newTarget(targetOptions{Users: true, Limits: server.Limits{SessionsPerPrincipal: -1}}, slog.New(slog.DiscardHandler))
	srv.Tool(w.hold, tool.Name("hold"), tool.Params("which"))
	srv.Tool(sampled, tool.Params("text"))
	w.h = servertest.Start(t, srv.Server)
	w.url = w.h.URL()
	return w
}

// sampled has the client's model say something.
func sampled(ctx *tool.Context, text string) (string, error) {
	said, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage(text)}})
	if err != nil {
		return "", err
	}
	return ctx.Arg("client_id", "") + " " + said.Text(), nil
}

// hold says that it has begun, and lasts until its client cancels it.
func (w *crowd) hold(ctx *tool.Context, which string) error {
	w.held.Add(1)
	defer w.held.Done()
	ctx.Progress(1, 0, which)
	<-ctx.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.let[which] {
		w.early = append(w.early, which)
	}
	return context.Cause(ctx)
}

// letGo notes that a call of hold is about to be cancelled.
func (w *crowd) letGo(which string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.let[which] = true
}

// member is one session of the crowd, whose client is servertest's.
type member struct {
	w        *crowd
	o        *oracle
	n        int
	options  servertest.Options
	client   *servertest.Client
	told     int // by each notification in the course of work
	kept     string
	sessions map[string]bool // ids that it has had
}

// newMember makes a session that is connected in one of 20 ways.
func newMember(w *crowd, n, way int) *member {
	m := &member{w: w, n: n, o: newOracle(sessionMark(n), userMark(n/3)), sessions: make(map[string]bool)}
	m.options = servertest.Options{
		Transport:    []string{servertest.Pipe, servertest.Stdio, servertest.SSE, servertest.HTTP}[way%4],
		Revision:     revisions[way/4],
		Args:         url.Values{"auth": {"key-" + m.o.user}, "client_id": {m.o.session}},
		Capabilities: map[string]any{"elicitation": map[string]any{}, "sampling": map[string]any{}},
		LogLevel:     "info",
		Answer:       m.answer,
		Tap:          m.o.tap,
	}
	return m
}

func (m *member) String() string {
	return fmt.Sprintf("session %d, %s by %s", m.n, m.options.Revision, m.options.Transport)
}

func (m *member) stateless() bool { return m.options.Revision == servertest.Stateless }
func (m *member) forms() bool     { return m.options.Revision >= "2025-06-18" }

// answer answers what the server asks, if that is what this session has it ask.
func (m *member) answer(method string, params json.RawMessage) (any, error) {
	if !strings.Contains(string(params), m.o.session) {
		return nil, fmt.Errorf("asked %s %s", method, params)
	}
	if method == "sampling/createMessage" {
		return map[string]any{"role": "assistant", "model": "m", "content": map[string]any{"type": "text", "text": "said " + m.o.session}}, nil
	}
	name := "second " + m.o.session
	if strings.Contains(string(params), "first") {
		name = "first " + m.o.session
	}
	return map[string]any{"action": "accept", "content": map[string]any{"name": name}}, nil
}

// live is the life of the session: it connects, goes through the steps, each
// session from another one on, and comes again.
func (m *member) live(rounds int) error {
	for round := range rounds {
		c, err := m.w.h.Dial(m.options)
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		m.client, m.kept = c, ""
		if id := c.SessionID; id != "" && m.sessions[id] {
			return fmt.Errorf("the id of an old session again")
		}
		m.sessions[c.SessionID] = true
		for i := range memberSteps {
			step := memberSteps[(m.n+i)%len(memberSteps)]
			if err := step.take(m, round); err != nil {
				return fmt.Errorf("round %d, %s: %w", round, step.name, err)
			}
		}
		m.w.stir.Do(func() { close(m.w.stirred) })
		c.Close()
	}
	return m.complete(rounds)
}

// complete checks that nothing has come beside what was due.
func (m *member) complete(rounds int) error {
	work := rounds * workSteps
	for method, want := range map[string]int{
		"notifications/progress":            work + rounds, // and that of hold
		"notifications/message":             work,
		"notifications/tools/list_changed":  0,
		"notifications/cancelled":           0,
		"notifications/roots/list_changed":  0,
		"notifications/prompts/listChanged": 0,
	} {
		if got := m.o.count(method); got != want {
			return fmt.Errorf("%d of %s came, and not %d", got, method, want)
		}
	}
	return nil
}

// calm is how long one of a crowd waits for what has to come.
const calm = 4 * patience

// soon bounds a request.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.Background(), calm, errors.New("no answer"))
}

// call calls a tool and returns its text.
func (m *member) call(name string, arguments any, token string) (string, error) {
	ctx, cancel := soon()
	defer cancel()
	params := map[string]any{"name": name, "arguments": arguments}
	if token != "" {
		params["_meta"] = map[string]any{"progressToken": token}
	}
	raw, err := m.client.RequestContext(ctx, "tools/call", params)
	if err != nil {
		return "", err
	}
	var result servertest.Result
	if err := json.Unmarshal(raw, &result); err != nil {
		return "", err
	}
	if result.IsError {
		return result.Text(), errors.New(result.Text())
	}
	return result.Text(), nil
}

func want(got string, err error, want string) error {
	if err != nil || got != want {
		return fmt.Errorf("got %q, %v; want %q", got, err, want)
	}
	return nil
}

package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server/servertest"
)

// faultWires are the ways to reach a server: with a session and without.
var faultWires = []servertest.Options{
	{Transport: servertest.Pipe},
	{Transport: servertest.Stdio},
	{Transport: servertest.SSE},
	{Transport: servertest.HTTP},
	{Transport: servertest.Stdio, Revision: servertest.Stateless},
	{Transport: servertest.SSE, Revision: servertest.Stateless},
	{Transport: servertest.HTTP, Revision: servertest.Stateless},
}

// httpWires are those over HTTP.
var httpWires = []servertest.Options{faultWires[2], faultWires[3], faultWires[6]}

// over runs a test over each of some wires.
func over(t *testing.T, wires []servertest.Options, test func(t *testing.T, wire servertest.Options)) {
	for _, wire := range wires {
		name := wire.Transport
		if wire.Revision != "" {
			name += " " + wire.Revision
		}
		t.Run(name, func(t *testing.T) { test(t, wire) })
	}
}

var unlogged = slog.New(slog.DiscardHandler)

// patiently is a context for what has to come.
func patiently(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// arrives waits for a value, or for the channel's end.
func arrives[T any](t testing.TB, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("%s: nothing after %s", what, patience)
	}
	return v
}

// comesTrue polls for what nobody tells of.
func comesTrue(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}

// tap keeps what a server says, in the order in which it arrives, and holds it to
// being JSON.
type tap struct {
	t     testing.TB
	mu    sync.Mutex
	texts []string
}

func (p *tap) take(text []byte) {
	if !json.Valid(text) || !utf8.Valid(text) {
		p.t.Errorf("the server said what is no JSON: %.200q", text)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.texts = append(p.texts, string(text))
}

func (p *tap) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.texts...)
}

// answered returns the place of the response to the request with this id, -1 for
// none.
func (p *tap) answered(id jsonrpc.ID) int {
	for i, text := range p.all() {
		if m, err := jsonrpc.Parse([]byte(text)); err == nil && m.Method == "" && m.ID == id {
			return i
		}
	}
	return -1
}

// mustCall calls a tool and fails the test if there is no result in time.
func mustCall(t testing.TB, c *servertest.Client, name string, arguments any) *servertest.Result {
	t.Helper()
	params := map[string]any{"name": name}
	if arguments != nil {
		params["arguments"] = arguments
	}
	raw, err := c.RequestContext(patiently(t), "tools/call", params)
	if err != nil {
		t.Fatalf("calling %s: %v", name, err)
	}
	var r servertest.Result
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatalf("calling %s: %v in %s", name, err, raw)
	}
	return &r
}

// wantBusy checks that a request was refused because too much is under way.
func wantBusy(t testing.TB, err error) {
	t.Helper()
	if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != jsonrpc.CodeServerBusy {
		t.Errorf("got %v, want a refusal with %d", err, jsonrpc.CodeServerBusy)
	}
}

package hostile

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server/servertest"
)

// confirmAt calls the tool that asks twice, on a server whose clock stands so far
// behind the beginning of its time, and returns what it answers.
func confirmAt(t *testing.T, clock time.Duration, state string) (raw json.RawMessage, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(clock)
		c := servertest.Connect(t, newTarget(targetOptions{}, unlogged).Server, servertest.Options{Raw: true})
		params := map[string]any{
			"name": "confirm", "arguments": map[string]any{"text": "x"},
			"_meta": map[string]any{
				"io.modelcontextprotocol/protocolVersion":    servertest.Stateless,
				"io.modelcontextprotocol/clientCapabilities": map[string]any{"elicitation": map[string]any{}},
			},
		}
		if state != "" {
			params["requestState"] = state
			params["inputResponses"] = map[string]any{"answer": map[string]any{"action": "accept", "content": map[string]any{"name": "Ada"}}}
		}
		raw, err = c.Request("tools/call", params)
		c.Close()
	})
	return raw, err
}

// TestFaultClocks: the state of a call that asks its client is good for an hour by
// the clock of the process that takes it. One whose clock is a day ahead takes no
// state of another's, and one whose clock is behind takes it for longer: nothing else
// goes by the time of day.
func TestFaultClocks(t *testing.T) {
	const day = 24 * time.Hour
	raw, err := confirmAt(t, 5*day, "")
	if err != nil {
		t.Fatal(err)
	}
	var first struct {
		State string `json:"requestState"`
	}
	if err := json.Unmarshal(raw, &first); err != nil || first.State == "" {
		t.Fatalf("%s, %v", raw, err)
	}
	for _, tt := range []struct {
		clock time.Duration
		taken bool
	}{
		{5 * day, true},
		{5*day + time.Hour - time.Second, true},
		{5*day + time.Hour, false},
		{6 * day, false},
		{4 * day, true},
		{0, true},
	} {
		raw, err := confirmAt(t, tt.clock, first.State)
		refused, ok := errors.AsType[*jsonrpc.Error](err)
		if tt.taken && !strings.Contains(string(raw), "second x") || !tt.taken && (!ok || refused.Code != jsonrpc.CodeInvalidParams) {
			t.Errorf("at %v: %s, %v", tt.clock, raw, err)
		}
	}
}

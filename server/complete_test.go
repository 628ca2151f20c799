package server_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// TestManyCompletions: a client gets a hundred values, and hears that there are
// more and how many.
func TestManyCompletions(t *testing.T) {
	srv := server.New("complete", "1", server.Options{Logger: quiet})
	srv.Prompt(func(in struct {
		N string `json:"n"`
	}) string {
		return in.N
	}, tool.Name("p"), tool.Complete("n", func(_ *tool.Context, c tool.Completion) ([]string, error) {
		var all []string
		for i := range 250 {
			all = append(all, fmt.Sprint(c.Value, i))
		}
		return all, nil
	}))
	for _, wire := range []servertest.Options{wires[0], wires[4]} {
		c := servertest.Connect(t, srv, wire)
		raw, err := c.Request("completion/complete", map[string]any{
			"ref":      map[string]any{"type": "ref/prompt", "name": "p"},
			"argument": map[string]any{"name": "n", "value": "x"},
		})
		var got struct {
			Completion struct {
				Values  []string
				Total   int
				HasMore bool
			}
		}
		if err == nil {
			err = json.Unmarshal(raw, &got)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := got.Completion; len(got.Values) != 100 || got.Values[99] != "x99" || got.Total != 250 || !got.HasMore {
			t.Errorf("%s: %d values of %d, more: %t", wireName(wire), len(got.Values), got.Total, got.HasMore)
		}
	}
}

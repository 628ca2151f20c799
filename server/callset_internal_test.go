package server

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// TestCallSet holds a set to a map, through few and many.
func TestCallSet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var set callSet
	want := make(map[jsonrpc.ID]*call)
	for step := range 20_000 {
		limit := 3 * maxFew // grows and empties in turn
		if step/500%2 == 1 {
			limit = 2
		}
		id := jsonrpc.ID(strconv.Itoa(r.IntN(4 * maxFew)))
		c := want[id]
		if got := set.get(id); got != c {
			t.Fatalf("step %d: got another call for the id %s", step, id)
		}
		switch {
		case c == nil && len(want) < limit:
			c = &call{id: id}
			set.add(c)
			want[id] = c
		case c != nil:
			set.remove(&call{id: id}) // another one
			set.remove(c)
			set.remove(c) // again
			delete(want, id)
		}
		if set.len() != len(want) {
			t.Fatalf("step %d: %d calls, want %d", step, set.len(), len(want))
		}
	}
}

package hostile

import (
	"fmt"
	"sync"
	"testing"
)

// TestIsolation: of many sessions of one server, over every transport and in every
// revision, at the same time and with the same ids, tokens and names, each receives
// all that is its own, and not a byte of another's. Three in a row are of one user.
func TestIsolation(t *testing.T) {
	w := newCrowd(t)
	rounds := often(2, 20)
	var sessions sync.WaitGroup
	for n := range crowdSize {
		var who fmt.Stringer
		var o *oracle
		var live func(rounds int) error
		if way := n % 26; way < 20 {
			m := newMember(w, n, way)
			who, o, live = m, m.o, m.live
		} else {
			x := newWire(w, n, wireWays[way-20].revision, wireWays[way-20].live)
			who, o, live = x, x.o, func(rounds int) error {
				defer x.client.CloseIdleConnections()
				return x.live(x, rounds)
			}
		}
		sessions.Go(func() {
			if err := live(rounds); err != nil {
				t.Errorf("%s: %v", who, err)
			}
			o.verdict(t)
		})
	}
	sessions.Wait()
	w.held.Wait()
	if len(w.early) > 0 {
		t.Errorf("the calls %q ended before their clients cancelled them", w.early)
	}
}

var wireWays = []struct {
	revision string
	live     func(x *wire, rounds int) error
}{
	{"2024-11-05", (*wire).comes},
	{"2025-03-26", (*wire).comes},
	{"2025-06-18", (*wire).comes},
	{"2025-11-25", (*wire).comes},
	{"2025-11-25", (*wire).slow},
	{"2026-07-28", (*wire).leaves},
}

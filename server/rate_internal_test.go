package server

import (
	"fmt"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/transport"
)

// TestCallerOf: the addresses that one machine has at will are one caller.
func TestCallerOf(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8::ffff:2]:1", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
		{"@", "@", true},
		{"pipe", "other", false},
	} {
		a, b := callerOf(&transport.Peer{RemoteAddr: tt.a}), callerOf(&transport.Peer{RemoteAddr: tt.b})
		if (a == b) != tt.same {
			t.Errorf("%s is %v, and %s is %v", tt.a, a, tt.b, b)
		}
	}
	if callerOf(new(transport.Peer)) == callerOf(new(transport.Peer)) {
		t.Error("connections without an address are one caller")
	}
}

// TestCallersAreForgotten: of callers there may be any number, and who has used up
// his calls is not the one who is forgotten.
func TestCallersAreForgotten(t *testing.T) {
	r := newRates(Rate{PerSecond: 1e-9, Burst: 2})
	greedy := transport.Peer{RemoteAddr: "192.0.2.1:1"}
	for range 2 {
		if err := r.take(&greedy); err != nil {
			t.Error(err)
		}
	}
	for i := range maxCallers + 1000 {
		if err := r.take(&transport.Peer{RemoteAddr: fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.callers); n > maxCallers {
		t.Errorf("%d callers are counted", n)
	}
	if r.take(&greedy) == nil {
		t.Error("who had no calls left has some")
	}
	r = newRates(Rate{PerSecond: 1e9})
	for i := range maxCallers + 1 {
		if err := r.take(&transport.Peer{RemoteAddr: fmt.Sprint("caller ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Microsecond) // by when each may call again as if new
	r.forgetLocked(time.Now())
	if n := len(r.callers); n > maxCallers-maxSeen+1 {
		t.Errorf("%d callers are counted, of whom all might be forgotten", n)
	}
}

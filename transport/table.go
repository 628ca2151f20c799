package transport

import (
	"iter"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
)

// Table is every open connection of one server, whatever it came by. The zero
// value is ready; it is safe for concurrent use.
type Table struct {
	mu       sync.Mutex
	peers    map[string]*Peer
	accounts map[any]int
}

// All returns the connections open now, in no order.
func (t *Table) All() iter.Seq[*Peer] {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Values(slices.Collect(maps.Values(t.peers)))
}

// Len returns the number of connections open now.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.peers)
}

func (t *Table) find(id string) *Peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.peers[id]
}

func busy(reason string) *Refusal {
	return &Refusal{
		Status: http.StatusServiceUnavailable,
		Reason: reason,
		Header: http.Header{"Retry-After": {"10"}},
	}
}

// open accepts a peer and adds it. Nothing is left behind on an error.
func (t *Table) open(p *Peer, accept Accept, limits *Limits) (err error) {
	if t.Len() >= limits.Sessions { // before the work of authenticating
		return busy("too many sessions: try again later")
	}
	if p.receiver, err = accept(p); err != nil {
		p.cancel(err)
		return err
	}
	if v := reflect.ValueOf(p.Principal); v.IsValid() && v.Comparable() &&
		(p.account == nil || v.Kind() != reflect.Pointer) { // two pointers may be one principal
		p.account = p.Principal
	}
	if err := t.add(p, limits); err != nil {
		p.cancel(err)
		return err
	}
	return nil
}

func (t *Table) add(p *Peer, limits *Limits) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.peers) >= limits.Sessions {
		return busy("too many sessions: try again later")
	}
	if p.account != nil {
		if t.accounts[p.account] >= limits.SessionsPerPrincipal {
			return busy("too many sessions of one principal: close some, or try again later")
		}
		if t.accounts == nil {
			t.accounts = make(map[any]int)
		}
		t.accounts[p.account]++
	}
	if t.peers == nil {
		t.peers = make(map[string]*Peer)
	}
	t.peers[p.ID] = p
	return nil
}

func (t *Table) remove(p *Peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.peers[p.ID] != p { // removed before
		return
	}
	delete(t.peers, p.ID)
	if p.account == nil {
		return
	}
	if t.accounts[p.account]--; t.accounts[p.account] == 0 {
		delete(t.accounts, p.account)
	}
}

package transport

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"
)

// Table is every open connection of one server, whatever it came by. The zero
// value is ready; it is safe for concurrent use.
type Table struct {
	mu       sync.Mutex
	peers    map[string]*Peer
	brief    map[*Peer]struct{} // connections of one message: they have no id to be found by
	accounts map[any]int
}

// All returns the connections open now, in no order.
func (t *Table) All() iter.Seq[*Peer] {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.AppendSeq(make([]*Peer, 0, t.len()), maps.Values(t.peers))
	return slices.Values(slices.AppendSeq(all, maps.Keys(t.brief)))
}

// Sessions returns the connections open now that last longer than one message, in
// no order.
func (t *Table) Sessions() iter.Seq[*Peer] {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Values(slices.AppendSeq(make([]*Peer, 0, len(t.peers)), maps.Values(t.peers)))
}

// Len returns the number of connections open now.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.len()
}

func (t *Table) len() int { return len(t.peers) + len(t.brief) }

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

// open accepts a peer and adds it, to those of one message if it has no id, and
// tells an [Observer]. Nothing is left behind on an error.
func (t *Table) open(p *Peer, accept Accept, limits *Limits) (err error) {
	if !t.hasRoom(limits) { // before the work of authenticating
		return errTableFull()
	}
	if p.receiver, err = accept(p); err != nil {
		p.ctx.Cancel(err)
		return err
	}
	if v := reflect.ValueOf(p.Principal); v.IsValid() && v.Comparable() &&
		(p.account == nil || v.Kind() != reflect.Pointer) { // two pointers may be one principal
		p.account = p.Principal
	}
	evicted, err := t.add(p, limits)
	if err != nil {
		p.ctx.Cancel(err)
		return err
	}
	if evicted != nil {
		evicted.Close(ErrIdle) // whereupon streamable.end tells its receiver: who comes does not wait for another's hook
	}
	told := false
	defer func() {
		if !told { // a hook has ended the goroutine, and nobody else knows of the peer
			p.Close(ErrClientGone)
			t.remove(p)
		}
	}()
	if p.ID != "" {
		opened(p)
	}
	told = true
	return nil
}

func errTableFull() error { return busy("too many sessions: try again later") }

func (t *Table) hasRoom(limits *Limits) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.len() < limits.Sessions || t.idlestLocked() != nil
}

// evictLocked takes out the session that has been idle for longest, which is left to
// be closed: or whoever begins sessions and leaves them could keep everybody out
// until they are too old. It returns nil if there is none.
func (t *Table) evictLocked() *Peer {
	for p := t.idlestLocked(); p != nil; p = t.idlestLocked() {
		if p.calls.endIdle() { // or a call has begun just now
			p.untold = t.takeLocked(p)
			return p
		}
	}
	return nil
}

// Of so many sessions that may go the idlest goes, and so many are looked at to find
// them. To look at all of them, for each newcomer, would be a way to keep a full
// server busy.
const (
	maxIdle = 64
	maxSeen = 1024
)

// idlestLocked returns the streamable session that has been idle for longest, of some
// without a call and a stream; nil if none was found.
func (t *Table) idlestLocked() (idlest *Peer) {
	var since time.Time
	idle, seen := 0, 0
	for _, p := range t.peers { // which begins anywhere
		if seen++; seen > maxSeen || idle == maxIdle {
			break
		}
		s, ok := p.out.(*streamable)
		if !ok || p.calls.running() > 0 || !s.unread() {
			continue
		}
		idle++
		if at := p.opened.Add(time.Duration(p.seen.Load())); idlest == nil || at.Before(since) {
			idlest, since = p, at
		}
	}
	return idlest
}

// opened tells the receiver. The table is not locked.
func opened(p *Peer) {
	if o, ok := p.receiver.(Observer); ok {
		o.Opened()
	}
}

// add adds a peer that is welcome, in the place of an idle session where there is no
// other: at once, or of several newcomers one would take the place of another's.
func (t *Table) add(p *Peer, limits *Limits) (evicted *Peer, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.account != nil && t.accounts[p.account] >= limits.SessionsPerPrincipal {
		return nil, busy("too many sessions of one principal: close some, or try again later")
	}
	if t.len() >= limits.Sessions {
		if evicted = t.evictLocked(); evicted == nil {
			return nil, errTableFull()
		}
	}
	if p.account != nil {
		if t.accounts == nil {
			t.accounts = make(map[any]int)
		}
		t.accounts[p.account]++
	}
	if t.peers == nil {
		t.peers, t.brief = make(map[string]*Peer), make(map[*Peer]struct{})
	}
	if p.ID == "" {
		t.brief[p] = struct{}{}
	} else {
		t.peers[p.ID] = p
	}
	return evicted, nil
}

// keep gives a connection of one message an id. It has been counted, so that
// there is room for it.
func (t *Table) keep(p *Peer, id string) {
	t.mu.Lock()
	delete(t.brief, p)
	p.ID = id
	t.peers[id] = p
	t.mu.Unlock()
}

// remove takes a peer out, once, and tells an [Observer] why it ended.
func (t *Table) remove(p *Peer) {
	t.mu.Lock()
	tell := t.takeLocked(p) || p.untold
	p.untold = false
	t.mu.Unlock()
	if o, ok := p.receiver.(Observer); ok && tell {
		o.Closed(context.Cause(&p.ctx))
	}
}

// takeLocked takes a peer out and reports whether it was to be found by its id.
func (t *Table) takeLocked(p *Peer) (kept bool) {
	_, brief := t.brief[p]
	if kept = p.ID != "" && t.peers[p.ID] == p; !kept && !brief { // removed before
		return false
	}
	delete(t.brief, p)
	delete(t.peers, p.ID)
	if p.account == nil {
		return kept
	}
	if t.accounts[p.account]--; t.accounts[p.account] == 0 {
		delete(t.accounts, p.account)
	}
	return kept
}

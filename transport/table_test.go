package transport

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
)

func TestTableRefused(t *testing.T) {
	refused := errors.New("no")
	for _, tt := range []struct {
		name   string
		limits Limits
		accept Accept
	}{
		{"by Accept", Limits{}, func(*Peer) (Receiver, error) { return nil, refused }},
		{"by the principal's limit", Limits{SessionsPerPrincipal: 1}, func(p *Peer) (Receiver, error) {
			p.Principal = "ann"
			return closing{}, nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var table Table
			limits := tt.limits.WithDefaults()
			if limits.SessionsPerPrincipal == 1 {
				table.accounts = map[any]int{"ann": 1}
			}
			p, err := newPeer(t.Context(), "pipe")
			if err != nil {
				t.Fatal(err)
			}
			err = table.open(p, tt.accept, &limits)
			if err == nil || p.ctx.Err() == nil {
				t.Fatalf("got %v, and the peer's context %v", err, p.ctx.Err())
			}
			if table.Len() != 0 || table.find(p.ID) != nil || table.accounts["ann"] != len(table.accounts) {
				t.Errorf("%d peers, accounts %v", table.Len(), table.accounts)
			}
			table.remove(p) // was never there
			if table.accounts["ann"] != len(table.accounts) {
				t.Errorf("accounts %v", table.accounts)
			}
		})
	}
}

// All is what was open when it was called, whatever happens meanwhile.
func TestTableWhileChanging(t *testing.T) {
	var table Table
	limits := Limits{SessionsPerPrincipal: -1}.WithDefaults()
	accept := func(p *Peer) (Receiver, error) { p.Principal = 7; return closing{}, nil }
	open := func() *Peer {
		p, err := newPeer(t.Context(), "pipe")
		if err == nil {
			err = table.open(p, accept, &limits)
		}
		if err != nil {
			t.Error(err)
		}
		return p
	}
	stays := open()
	var changing sync.WaitGroup
	for range 4 {
		changing.Go(func() {
			for range 200 {
				p := open()
				if table.find(p.ID) != p {
					t.Error("a peer that is open is not found")
				}
				p.Close(ErrClientGone)
				table.remove(p)
			}
		})
	}
	for range 100 {
		found := 0
		for p := range table.All() {
			if p == stays {
				found++
			}
		}
		if found != 1 {
			t.Fatalf("the peer that stays was there %d times", found)
		}
	}
	changing.Wait()
	for p := range table.All() {
		table.remove(p) // while it is gone through
	}
	if table.Len() != 0 || len(table.accounts) != 0 {
		t.Errorf("%d peers, accounts %v", table.Len(), table.accounts)
	}
}

// TestTableFull: newcomers to a full table each get the place of an idle session, at
// once, and who may have no more sessions takes nobody's.
func TestTableFull(t *testing.T) {
	const places = 50
	o := options()
	o.Limits = Limits{Sessions: places, SessionsPerPrincipal: places / 2}
	w := serve(t, o, nil)
	begin := func(query string) int {
		return w.do(http.MethodPost, w.url+"/mcp"+query, request(1, "keep", `{}`), nil).StatusCode
	}
	for range places {
		if status := begin(""); status != http.StatusOK {
			t.Fatalf("with places left: %d", status)
		}
	}
	var crowd sync.WaitGroup
	for range 16 {
		crowd.Go(func() {
			for range 20 {
				if status := begin(""); status != http.StatusOK {
					t.Errorf("one of many newcomers: %d", status)
				}
			}
		})
	}
	crowd.Wait()
	for range places / 2 {
		if status := begin("?auth=me"); status != http.StatusOK {
			t.Errorf("a newcomer: %d", status)
		}
	}
	before := slices.Collect(w.table.All())
	if status := begin("?auth=me"); status != http.StatusServiceUnavailable {
		t.Errorf("one session of a principal more: %d", status)
	}
	for _, p := range before {
		if p.ctx.Cancelled() {
			t.Errorf("it ended a session: %v", context.Cause(&p.ctx))
		}
	}
}

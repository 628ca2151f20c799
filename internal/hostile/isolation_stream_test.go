package hostile

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// work is a call that tells so often what it does.
func workCall(id, steps int, text string) string {
	return call(id, "work", fmt.Sprintf(`{"steps":%d,"text":%q}`, steps, text), "same")
}

// TestLastEventID: a stream is resumed in its own session alone, and by an event id as
// the server gave it. What another session has under the same id stays there.
func TestLastEventID(t *testing.T) {
	p := newPrey(t, targetOptions{})
	ada, mallory := p.begin("/mcp?auth=key-ada&client_id=ada"), p.begin("/mcp?auth=key-mallory&client_id=mallory")
	var last string
	for range 3 { // of Ada's, so that there are streams 1 to 3
		s := p.listen("POST", "/mcp?auth=key-ada", workCall(7, 3, "secret"), "Mcp-Session-Id: "+ada)
		for e := range s.events {
			last = e[0]
		}
	}
	if last != "3-4" {
		t.Fatalf("the last event of the third stream is %q", last)
	}
	wantStatus(t, "Mallory's work", p.send("POST", "/mcp?auth=key-mallory", workCall(7, 1, "mine"), "Mcp-Session-Id: "+mallory), http.StatusOK)
	key := "?auth=key-mallory"
	for _, id := range []string{
		"3-1", "2-1", "2-0", "3-4", "1-3", "1-4", "1-99999999999999999999", "99999999999999999999-1", "9223372036854775807-9223372036854775807",
		"1--1", "-1-1", "--", "-", "1-", "-1", "1", "0", "0-1", "0-9", "+1-1", "01-1", "1-01", "1-+1", "0x1-1", "1e0-1", "1.0-1", "1_0-1", "1 -1", "1- 1",
		"1-1-1", "1-1,1-2", "1-1, 1-2", "\u0661-\u0661", "\"1-1\"", "*", "null", "true", "../1-1", strings.Repeat("1", 4000) + "-1", ada, ada + "/3-1",
	} {
		got := p.send("GET", "/mcp"+key, "", "Mcp-Session-Id: "+mallory, "Last-Event-ID: "+id)
		wantStatus(t, fmt.Sprintf("Last-Event-ID %.50q", id), got, http.StatusBadRequest)
		got = p.send("GET", "/mcp"+key, "", "Mcp-Session-Id: "+ada, "Last-Event-ID: "+id)
		wantStatus(t, fmt.Sprintf("Last-Event-ID %.50q of Ada's session", id), got, http.StatusForbidden)
	}
	got := p.send("GET", "/mcp"+key, "", "Mcp-Session-Id: "+mallory, "Last-Event-ID: 1-0")
	wantStatus(t, "Mallory's own", got, http.StatusOK)
	if !strings.Contains(got.body, "mallory mine") || strings.Contains(got.body, "secret") {
		t.Errorf("with an id that both sessions have Mallory gets %s", got.body)
	}
	got = p.send("GET", "/mcp?auth=key-ada", "", "Mcp-Session-Id: "+ada, "Last-Event-ID: 1-0")
	if strings.Count(got.body, "ada secret") != 4 {
		t.Errorf("Ada gets %s", got.body)
	}
	wantStatus(t, "two ids, the first counts", p.send("GET", "/mcp?auth=key-ada", "", "Mcp-Session-Id: "+ada, "Last-Event-ID: x", "Last-Event-ID: 1-1"), http.StatusBadRequest)
}

// subscribe has a session that somebody opened by query hear of a resource.
func (p *site) subscribe(who, id, uri string) {
	p.t.Helper()
	body := `{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"` + uri + `"}}`
	wantStatus(p.t, "subscribing to "+uri, p.send("POST", "/mcp?auth=key-"+who, body, "Mcp-Session-Id: "+id), http.StatusOK)
}

// touch has such a session tell of its resource.
func (p *site) touch(who, id string) {
	p.t.Helper()
	wantStatus(p.t, "touch", p.send("POST", "/mcp?auth=key-"+who, call(3, "touch", "{}", ""), "Mcp-Session-Id: "+id), http.StatusOK)
}

// TestTwoListeners: of two clients that listen to one session each message goes to one
// of them, the youngest, and none to who listens to another session.
func TestTwoListeners(t *testing.T) {
	p := newPrey(t, targetOptions{})
	ada, mallory := p.begin("/mcp?auth=key-ada&client_id=ada"), p.begin("/mcp?auth=key-mallory&client_id=mallory")
	p.subscribe("ada", ada, "mine://ada")
	p.subscribe("mallory", mallory, "mine://mallory")
	first := p.listen("GET", "/mcp?auth=key-ada", "", "Mcp-Session-Id: "+ada)
	other := p.listen("GET", "/mcp?auth=key-mallory", "", "Mcp-Session-Id: "+mallory)
	second := p.listen("GET", "/mcp?auth=key-ada", "", "Mcp-Session-Id: "+ada)
	const touches = 20
	for range touches {
		p.touch("ada", ada)
		if got := second.next(); !strings.Contains(got, `"mine://ada"`) {
			t.Fatalf("the youngest gets %s", got)
		}
	}
	second.close()
	left := 0
	hear := func(e [2]string) {
		var stream, seq int
		if _, err := fmt.Sscanf(e[0], "%d-%d", &stream, &seq); err != nil || stream != 0 || seq > 0 && seq <= touches {
			t.Errorf("the one that is left gets event %s, which is not for it", e)
		}
		if strings.Contains(e[1], `"mine://ada"`) {
			left++
		}
	}
	p.await("the one that is left", func() bool { // that the youngest has gone the server sees in its time
		p.touch("ada", ada)
		for len(first.events) > 0 {
			hear(<-first.events)
		}
		return left > 0
	})
	p.touch("mallory", mallory)
	if got := other.next(); !strings.Contains(got, `"mine://mallory"`) {
		t.Errorf("Mallory gets %s", got)
	}
	for who, id := range map[string]string{"ada": ada, "mallory": mallory} {
		wantStatus(t, "DELETE", p.send("DELETE", "/mcp?auth=key-"+who, "", "Mcp-Session-Id: "+id), http.StatusNoContent)
	}
	for e := range first.events {
		hear(e)
	}
	for e := range other.events {
		if e[1] != "" {
			t.Errorf("Mallory gets %s as well", e)
		}
	}
}

// TestReconnectStorm: while a session's stream is opened again and again, from the
// last event that came, by several at once, nothing is lost, and nothing comes that
// is another session's.
func TestReconnectStorm(t *testing.T) {
	p := newPrey(t, targetOptions{})
	const clients, touches = 8, 60
	var storms sync.WaitGroup
	for n := range clients {
		storms.Go(func() {
			w := &crowd{url: p.h.URL()}
			x := newWire(w, n, "2025-11-25", nil)
			defer x.client.CloseIdleConnections()
			if err := x.storm(touches); err != nil {
				t.Errorf("%s: %v", x, err)
			}
			x.o.verdict(t)
		})
	}
	storms.Wait()
}

// storm has this many updates come by streams that are cut after each, while other
// streams are opened and dropped.
func (x *wire) storm(touches int) error {
	if _, err := x.ask(http.StatusOK, http.MethodPost, initialize(x.revision)); err != nil {
		return err
	}
	uri := "mine://" + x.o.session
	if _, err := x.ask(http.StatusOK, http.MethodPost, `{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"`+uri+`"}}`); err != nil {
		return err
	}
	res, err := x.do(http.MethodGet, "")
	if err != nil {
		return err
	}
	touched := make(chan error, 1)
	go func() {
		var err error
		for range touches {
			_, failed := x.ask(http.StatusOK, http.MethodPost, call(4, "touch", "{}", ""))
			err = errors.Join(err, failed)
		}
		touched <- err
	}()
	came := 0
	for err == nil && came < touches {
		var all []message
		all, err = x.take(res, 1)
		for _, m := range all {
			if came++; !strings.Contains(string(m.Params), `"`+uri+`"`) {
				err = fmt.Errorf("got %s", m.Params)
			}
		}
		for range 3 { // streams that nobody reads
			if extra, failed := x.do(http.MethodGet, "", "Last-Event-ID: "+x.last); failed == nil {
				extra.Body.Close()
			}
		}
		if err == nil {
			res, err = x.resume()
		}
	}
	if err == nil {
		err = res.Body.Close()
	}
	_, deleted := x.ask(http.StatusNoContent, http.MethodDelete, "")
	if err := errors.Join(err, <-touched, deleted); err != nil {
		return fmt.Errorf("after %d updates: %w", came, err)
	}
	return nil
}

// TestRacesWithTheEnd: calls that race the end of their session, by DELETE or by the
// close of its stream, are served or refused, end, and leave nothing behind; other
// sessions do not notice.
func TestRacesWithTheEnd(t *testing.T) {
	p := newPrey(t, targetOptions{})
	bystander := &victim{name: "by query", who: "q", target: "/mcp?auth=key-ada", id: p.begin("/mcp?auth=key-ada&client_id=q")}
	var races sync.WaitGroup
	for n := range often(40, 1000) {
		races.Add(1)
		if n%2 == 0 {
			go func() { defer races.Done(); p.raceDelete(n) }()
		} else {
			go func() { defer races.Done(); p.raceClose(n) }()
		}
	}
	races.Wait()
	for len(p.reached) > 0 {
		<-p.reached
	}
	p.alive(bystander)
	p.await("sessions", func() bool { return p.sessions.Load() == 1 })
}

// raceDelete has a session ended while it is used in every way.
func (p *prey) raceDelete(n int) {
	target := fmt.Sprintf("/mcp?auth=key-user%d", n)
	id := "Mcp-Session-Id: " + p.begin(target)
	var all sync.WaitGroup
	use := func(method, body string, status ...int) {
		all.Go(func() { wantStatus(p.t, method+" "+body, p.send(method, target, body, id), status...) })
	}
	for range 3 {
		use("POST", call(2+n%3, "wait", "{}", "same"), http.StatusOK, http.StatusNotFound)
		use("POST", call(6, "reach", "{}", "same"), http.StatusOK, http.StatusNotFound)
		use("POST", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":6}}`, http.StatusAccepted, http.StatusNotFound)
		use("GET", "", http.StatusOK, http.StatusNotFound)
		use("DELETE", "", http.StatusNoContent, http.StatusNotFound)
	}
	all.Wait()
	wantStatus(p.t, "POST in the end", p.send("POST", target, reach, id), http.StatusNotFound)
}

// raceClose has a stream closed while its session is used.
func (p *prey) raceClose(n int) {
	s, endpoint := p.openSSE(fmt.Sprintf("/sse?auth=key-user%d", n))
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			name := []string{"wait", "reach"}[i%2]
			wantStatus(p.t, name, p.send("POST", endpoint, call(2+i, name, "{}", "same")), http.StatusAccepted, http.StatusNotFound)
		})
	}
	s.close()
	all.Wait()
	p.await("the end of a stream", func() bool {
		return p.send("POST", endpoint, `{"jsonrpc":"2.0","method":"x"}`).status == http.StatusNotFound
	})
}

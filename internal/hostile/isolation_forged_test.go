package hostile

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A mallory has every way to say something to the server, none of them in a session
// of Ada's.
type mallory struct {
	p    *prey
	http string // the id of a session by streamable HTTP
	sse  string // where to post to in one of HTTP+SSE
}

func (p *prey) newMallory() *mallory {
	p.t.Helper()
	_, sse := p.openSSE("/sse?auth=key-mallory&client_id=mallory")
	return &mallory{p, p.begin("/mcp?auth=key-mallory&client_id=mallory"), sse}
}

// say says something that wants no answer in every way there is. What of it is taken
// and what refused is no matter: it must have no effect.
func (m *mallory) say(body string) {
	m.p.t.Helper()
	alone := []string{"MCP-Protocol-Version: 2026-07-28"}
	for what, got := range map[string]reply{
		"in a session":         m.p.send("POST", "/mcp?auth=key-mallory", body, "Mcp-Session-Id: "+m.http),
		"on a stream":          m.p.send("POST", m.sse, body),
		"without a session":    m.p.send("POST", "/mcp?auth=key-mallory", body),
		"in the latest":        m.p.send("POST", "/mcp?auth=key-mallory", body, alone...),
		"beside a session":     m.p.send("POST", "/mcp?auth=key-mallory", body, append(alone, "Mcp-Session-Id: "+m.http)...),
		"in a batch":           m.p.send("POST", "/mcp?auth=key-mallory", "["+body+"]", "Mcp-Session-Id: "+m.http),
		"in a batch by itself": m.p.send("POST", "/mcp?auth=key-mallory", "["+body+"]", "MCP-Protocol-Version: 2025-03-26"),
	} {
		wantStatus(m.p.t, body+" "+what, got, http.StatusAccepted, http.StatusBadRequest)
	}
}

// sayTo is say with the id of a session that is not Mallory's.
func (m *mallory) sayTo(id, body string) {
	m.p.t.Helper()
	wantStatus(m.p.t, body, m.p.send("POST", "/mcp?auth=key-mallory", body, "Mcp-Session-Id: "+id), http.StatusForbidden, http.StatusBadRequest)
}

func accepts(id, name string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept","content":{"name":%q}}}`, id, name)
}

// TestForgedAnswers: who answers a question that another session was asked, with its
// id, has answered nothing: neither over HTTP nor on a stream, whether or not a
// question of the same id is open in the session of who answers.
func TestForgedAnswers(t *testing.T) {
	p := newPrey(t, targetOptions{})
	m := p.newMallory()
	ada := p.begin("/mcp?auth=key-ada&client_id=ada")
	confirm := call(7, "confirm", `{"text":"?"}`, "same")
	asked := p.listen("POST", "/mcp?auth=key-ada", confirm, "Mcp-Session-Id: "+ada)
	question := asked.next()
	own := p.listen("POST", "/mcp?auth=key-mallory", confirm, "Mcp-Session-Id: "+m.http)
	if id := idOf(t, own.next()); id != idOf(t, question) {
		t.Fatalf("the question %s and Mallory's, %s, have not the same id: choose others", question, id)
	}
	for id := range 20 {
		for _, id := range []string{fmt.Sprint(id), fmt.Sprintf(`"%d"`, id), fmt.Sprintf(`%d.0`, id), fmt.Sprintf(`0%d`, id)} {
			m.say(accepts(id, "mallory"))
			m.sayTo(ada, accepts(id, "mallory"))
			m.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-1,"message":"mallory"}}`, id))
		}
	}
	if got := own.next(); !strings.Contains(got, "second ?") { // its own was answered: what was sent is an answer
		t.Errorf("Mallory's call goes on with %s", got)
	}
	for _, name := range []string{"ada the first", "ada the second"} {
		wantStatus(t, "Ada's answer", p.send("POST", "/mcp?auth=key-ada", accepts(idOf(t, question), name), "Mcp-Session-Id: "+ada), http.StatusAccepted)
		question = asked.next()
	}
	if !strings.Contains(question, `"text":"ada ada the first ada the second ?"`) {
		t.Errorf("Ada's call ends with %s", question)
	}
}

// TestForgedAnswersOnStreams: the same where questions come on streams of HTTP+SSE.
func TestForgedAnswersOnStreams(t *testing.T) {
	p := newPrey(t, targetOptions{})
	m := p.newMallory()
	stream := p.listen("GET", "/sse?auth=key-ada&client_id=ada", "")
	endpoint := "/" + stream.next()
	wantStatus(t, "initialize", p.send("POST", endpoint, initialize("2025-06-18")), http.StatusAccepted)
	stream.next()
	wantStatus(t, "a call", p.send("POST", endpoint, call(7, "confirm", `{"text":"?"}`, "same")), http.StatusAccepted)
	for _, name := range []string{"ada the first", "ada the second"} {
		question := stream.next()
		m.say(accepts(idOf(t, question), "mallory"))
		wantStatus(t, "another key", p.send("POST", endpoint, accepts(idOf(t, question), "mallory"), "Authorization: Bearer key-mallory"), http.StatusForbidden)
		wantStatus(t, "Ada's answer", p.send("POST", endpoint, accepts(idOf(t, question), name)), http.StatusAccepted)
	}
	if got := stream.next(); !strings.Contains(got, `"text":"ada ada the first ada the second ?"`) {
		t.Errorf("Ada's call ends with %s", got)
	}
}

// TestForgedCancel: a request is cancelled by its own session alone, whatever id and
// token others have for theirs.
func TestForgedCancel(t *testing.T) {
	p := newPrey(t, targetOptions{})
	m := p.newMallory()
	wait := call(7, "wait", "{}", "same")
	ada := p.begin("/mcp?auth=key-ada&client_id=ada")
	waits := p.listen("POST", "/mcp?auth=key-ada", wait, "Mcp-Session-Id: "+ada)
	stream, endpoint := p.openSSE("/sse?auth=key-ada&client_id=stream")
	wantStatus(t, "a call on a stream", p.send("POST", endpoint, wait), http.StatusAccepted)
	alone := strings.Replace(stateless("tools/call", `"name":"wait"`), `"id":1`, `"id":7`, 1)
	alone = strings.Replace(alone, `"_meta":{`, `"_meta":{"progressToken":"same",`, 1)
	latest := p.listen("POST", "/mcp?auth=key-ada&client_id=latest", alone, named("tools/call", "wait")...)
	for range 3 {
		await(t, "the calls", p.waiting)
	}
	own := p.listen("POST", "/mcp?auth=key-mallory", wait, "Mcp-Session-Id: "+m.http)
	if got := await(t, "Mallory's call", p.waiting); got != "mallory" {
		t.Fatal(got)
	}
	for _, id := range []string{"7", `"7"`, `"same"`, "null", "[7]", "7.0"} {
		for _, method := range []string{"notifications/cancelled", "notifications/progress", "$/cancelRequest", "notifications/message"} {
			body := fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":{"requestId":%s,"id":%[2]s,"progressToken":"same","progress":9,"message":"mallory"}}`, method, id)
			m.say(body)
			m.sayTo(ada, body)
		}
	}
	if got := await(t, "Mallory's own call", p.ended); got != "mallory cancelled" {
		t.Errorf("the call that ended is %s", got)
	}
	for range own.events {
	}
	for range 3 {
		select {
		case p.release <- struct{}{}:
		case <-time.After(patience):
			t.Fatal("fewer than three calls are left")
		}
	}
	for name, s := range map[string]*heard{"ada": waits, "stream": stream, "latest": latest} {
		if got := s.next(); name != "stream" && !strings.Contains(got, `"message":"`+name+`"`) { // 2024-11-05 has no message
			t.Errorf("%s is told %s", name, got)
		}
		if got := s.next(); !strings.Contains(got, `"text":"waited"`) {
			t.Errorf("%s ends with %s", name, got)
		}
		if got := await(t, name, p.ended); !strings.HasSuffix(got, "released") {
			t.Errorf("the call of %s", got)
		}
	}
}

// TestForgedSubscription: a session hears of what it has subscribed to until it ends
// that itself. Another may subscribe to the same, and gets to know that it has
// changed; not what is there.
func TestForgedSubscription(t *testing.T) {
	p := newPrey(t, targetOptions{})
	m := p.newMallory()
	ada := p.begin("/mcp?auth=key-ada&client_id=ada")
	p.subscribe("ada", ada, "mine://ada")
	hears := p.listen("GET", "/mcp?auth=key-ada", "", "Mcp-Session-Id: "+ada)
	own := p.listen("GET", "/mcp?auth=key-mallory", "", "Mcp-Session-Id: "+m.http)
	body := func(method string) string {
		return `{"jsonrpc":"2.0","id":8,"method":"resources/` + method + `","params":{"uri":"mine://ada"}}`
	}
	post := func(body string) reply {
		return p.send("POST", "/mcp?auth=key-mallory", body, "Mcp-Session-Id: "+m.http)
	}
	if got := post(body("read")); strings.Contains(got.body, `"contents"`) || !strings.Contains(got.body, "this is not yours") {
		t.Errorf("Mallory reads %s", got.body)
	}
	m.sayTo(ada, body("unsubscribe"))
	wantStatus(t, "unsubscribing", post(body("unsubscribe")), http.StatusOK)
	p.touch("ada", ada)
	if got := hears.next(); !strings.Contains(got, `"mine://ada"`) {
		t.Errorf("Ada hears %s", got)
	}
	wantStatus(t, "subscribing", post(body("subscribe")), http.StatusOK)
	p.touch("ada", ada)
	if got := own.next(); got != `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"mine://ada"}}` {
		t.Errorf("Mallory hears %s", got)
	}
	wantStatus(t, "unsubscribing", post(body("unsubscribe")), http.StatusOK)
	p.touch("ada", ada)
	p.touch("mallory", m.http)
	for range 2 {
		if got := hears.next(); !strings.Contains(got, `"mine://ada"`) {
			t.Errorf("Ada hears %s", got)
		}
	}
	wantStatus(t, "DELETE", p.send("DELETE", "/mcp?auth=key-mallory", "", "Mcp-Session-Id: "+m.http), http.StatusNoContent)
	for e := range own.events {
		if e[1] != "" {
			t.Errorf("Mallory hears %s", e)
		}
	}
}

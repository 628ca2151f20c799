package hostile

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
)

// reach is a call that is noticed when it is served.
var reach = call(2, "reach", "{}", "same")

// victim is a session that others try to use.
type victim struct {
	name   string
	who    string // its client_id
	target string // of its requests, without the session's id
	header []string
	id     string
	sse    *heard // its stream, if it is one of HTTP+SSE
}

// to is the request line's target for a session of this id, and the headers that
// name it.
func (v *victim) to(target, id string) (string, []string) {
	if v.sse == nil {
		return target, []string{"Mcp-Session-Id: " + id}
	}
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	return target + sep + "session_id=" + id, nil
}

// victims begins a session of Ada's in each way.
func (p *prey) victims() []*victim {
	bearer := []string{"Authorization: Bearer key-ada"}
	all := []*victim{
		{name: "by query", who: "q", target: "/mcp?auth=key-ada&client_id=q"},
		{name: "by header", who: "h", target: "/mcp?client_id=h", header: bearer},
		{name: "by path", who: "p", target: "/k/key-ada/mcp?client_id=p"},
		{name: "by query and header", who: "qh", target: "/mcp?auth=key-ada&client_id=qh", header: bearer},
	}
	for _, v := range all {
		v.id = p.begin(v.target, v.header...)
	}
	for _, v := range []*victim{
		{name: "SSE by query", who: "sq", target: "/sse?auth=key-ada&client_id=sq"},
		{name: "SSE by header", who: "sh", target: "/sse?client_id=sh", header: bearer},
		{name: "SSE by path", who: "sp", target: "/k/key-ada/sse?client_id=sp"},
	} {
		var endpoint string
		v.sse, endpoint = p.openSSE(v.target, v.header...)
		v.id = sessionOf(endpoint)
		v.target, _, _ = strings.Cut(endpoint, "?")
		all = append(all, v)
	}
	return all
}

// alive checks that a session serves its owner.
func (p *prey) alive(v *victim) {
	p.t.Helper()
	target, header := v.to(v.target, v.id)
	got := p.send("POST", target, reach, append(header, v.header...)...)
	text := got.body
	if v.sse != nil {
		wantStatus(p.t, v.name+": its owner", got, http.StatusAccepted)
		text = v.sse.next()
	} else {
		wantStatus(p.t, v.name+": its owner", got, http.StatusOK)
	}
	if !strings.Contains(text, `"text":"reached"`) {
		p.t.Errorf("%s: its owner gets %s", v.name, text)
	} else if got := await(p.t, v.name, p.reached); got != v.who+" of ada" {
		p.t.Errorf("%s: its owner is %s", v.name, got)
	}
}

// theft is how somebody comes with the id of a session that is not his.
type theft struct {
	what   string
	target string
	header []string
	status []int
}

// thefts are the ways to come to where a session is that was opened with Ada's key;
// without is what there is for who brings none, and inURL for who brings hers in
// the query.
func thefts(at string, without, inURL []int) []theft {
	mallory, owner := "Authorization: Bearer key-mallory", "Authorization: Bearer key-ada"
	refused, served := []int{http.StatusForbidden}, []int{http.StatusOK, http.StatusAccepted}
	return []theft{
		{"another key in the header", at, []string{mallory}, refused},
		{"another key in the query", at + "?auth=key-mallory", nil, refused},
		{"another key in the path", "/k/key-mallory" + at, nil, refused},
		{"both keys, the other in the query", at + "?auth=key-mallory", []string{owner}, refused},
		{"both keys, the other in the header", at + "?auth=key-ada", []string{mallory}, refused},
		{"both keys in the query", at + "?auth=key-ada&auth=key-mallory", []string{owner}, refused},
		{"the key under another name", at + "?token=key-ada", []string{owner}, refused},
		{"the key in another case", at + "?auth=KEY-ADA", nil, refused},
		{"the key, and a space", at + "?auth=key-ada%20", []string{owner}, refused},
		{"an empty key in the query", at + "?auth=", []string{owner}, refused},
		{"another key, and a query that is malformed", at + "?%zz&auth=key-mallory", []string{owner}, refused},
		{"another key, and a revision", at, []string{mallory, "MCP-Protocol-Version: 2025-06-18"}, refused},
		{"two headers of keys, the other's first", at, []string{mallory, owner}, refused},
		{"no key", at, nil, without},
		{"no key, and a query that is malformed", at + "?%zz", nil, without},
		{"the key as another kind of credential", at, []string{"Authorization: Basic key-ada"}, without},
		{"no key but as the name of the client", at + "?client_id=key-ada", nil, without},
		{"the key itself in the header", at, []string{owner}, served}, // wherever it stood, it is the same credential
		{"the key itself in the query", at + "?auth=key-ada", nil, inURL},
	}
}

// TestStolenID: the id of a session is worth nothing with another credential, with
// whichever method, wherever the credential stands and whatever is beside it; and
// without one only over HTTP+SSE, where the session was opened by its URL. The key
// itself may come in another place, unless it was in a header: there it has to stay.
func TestStolenID(t *testing.T) {
	p := newPrey(t, targetOptions{})
	all := p.victims()
	for _, v := range all {
		missing, served := []int{http.StatusUnauthorized}, []int{http.StatusOK, http.StatusAccepted}
		without, inURL := missing, served
		switch {
		case v.header != nil:
			inURL = missing
		case v.sse != nil:
			without = served
		}
		at, _, _ := strings.Cut(strings.TrimPrefix(v.target, "/k/key-ada"), "?")
		for _, a := range thefts(at, without, inURL) {
			what := v.name + ", " + a.what
			target, header := v.to(a.target, v.id)
			header = append(header, a.header...)
			got := p.send("POST", target, reach, header...)
			wantStatus(t, what, got, a.status...)
			if got.status < 300 { // the key itself, or the id alone where that will do
				await(t, what, p.reached)
				if v.sse != nil {
					v.sse.next()
				}
			} else if v.sse == nil {
				wantStatus(t, what+", GET", p.send("GET", target, "", header...), a.status...)
				wantStatus(t, what+", DELETE", p.send("DELETE", target, "", header...), a.status...)
			}
			p.nothing(what)
		}
	}
	for _, v := range all {
		p.alive(v)
	}
}

// TestCookie: a session is held to a header that only Authenticate knows if it is an
// argument as well.
func TestCookie(t *testing.T) {
	p := newPreyOf(t, &target{Server: server.New("cookies", "1", server.Options{
		ArgHeaders:   map[string]string{"Cookie": "token"},
		Authenticate: func(c *server.Connect) (any, error) { return c.Header.Get("Cookie"), nil },
	})})
	id := "Mcp-Session-Id: " + p.begin("/mcp", "Cookie: user=ada")
	wantStatus(t, "another cookie", p.send("POST", "/mcp", reach, id, "Cookie: user=mallory"), http.StatusForbidden)
	wantStatus(t, "no cookie", p.send("DELETE", "/mcp", "", id), http.StatusUnauthorized)
	p.nothing("another cookie")
	wantStatus(t, "the cookie", p.send("POST", "/mcp", reach, id, "Cookie: user=ada"), http.StatusOK)
	if got := await(t, "the owner", p.reached); got != " of user=ada" {
		t.Errorf("the owner is %q", got)
	}
}

// nearMisses are what a careless server could take for an id.
func nearMisses(id, mine string) []string {
	return []string{
		strings.ToUpper(id), strings.ToUpper(id[:18]) + id[18:], "{" + id + "}", `"` + id + `"`, "'" + id + "'", "<" + id + ">",
		"urn:uuid:" + id, "uuid:" + id, strings.ReplaceAll(id, "-", ""), id[:35], id[:8], id[1:], id + "0", "0" + id, id + "-",
		strings.ReplaceAll(id, "-", "_"), strings.ReplaceAll(id, "-", " "), strings.Replace(id, "-", " -", 1), id + ", " + id,
		id + "," + mine, id + ";" + mine, id + " " + id, "%7B" + id + "%7D", fmt.Sprintf("%%%x%s", id[0], id[1:]),
		strings.Replace(id, "-", "%2D", 1), id + "%00", id + "%0d%0a", id + "/", "../" + id, strings.Repeat(id, 100),
		"*", "%", "null", "0", "-", "00000000-0000-0000-0000-000000000000",
	}
}

// TestNearMissID: what is nearly the id of a session is none, whoever sends it.
func TestNearMissID(t *testing.T) {
	p := newPrey(t, targetOptions{})
	v := &victim{name: "by query", who: "q", target: "/mcp?auth=key-ada", id: p.begin("/mcp?auth=key-ada&client_id=q")}
	mine := p.begin("/mcp?auth=key-mallory")
	for _, id := range nearMisses(v.id, mine) {
		for method, body := range map[string]string{"POST": reach, "GET": "", "DELETE": ""} {
			wantStatus(t, method+" "+id, p.send(method, "/mcp?auth=key-ada", body, "Mcp-Session-Id: "+id), http.StatusNotFound)
			wantStatus(t, method+" by Mallory of "+id, p.send(method, "/mcp?auth=key-mallory", body, "Mcp-Session-Id: "+id), http.StatusNotFound)
		}
	}
	stream, endpoint := p.openSSE("/sse?auth=key-ada&client_id=s")
	sse := sessionOf(endpoint)
	for _, id := range nearMisses(sse, mine) {
		wantStatus(t, "POST for the stream "+id, p.send("POST", "/messages/?session_id="+url.QueryEscape(id), reach), http.StatusNotFound)
	}
	for _, query := range []string{"", "?session_id=", "?session_id=%20" + sse, "?session_id=" + sse + "%20", "?SESSION_ID=" + sse, "?session_id[]=" + sse,
		"?sessionId=" + sse, "?a;session_id=" + sse, "?session_id=" + mine + "&session_id=" + sse} {
		wantStatus(t, "POST /messages/"+query, p.send("POST", "/messages/"+query, reach), http.StatusNotFound)
	}
	p.nothing("near misses")
	p.alive(v)
	p.alive(&victim{name: "SSE by query", who: "s", target: "/messages/", id: sse, sse: stream})
}

// TestSeveralIDs: of several ids the first counts, and the credential has to be that
// one's. No id is none.
func TestSeveralIDs(t *testing.T) {
	p := newPrey(t, targetOptions{})
	v := &victim{name: "by query", who: "q", target: "/mcp?auth=key-ada", id: p.begin("/mcp?auth=key-ada&client_id=q")}
	other, mine := p.begin("/mcp?auth=key-ada"), p.begin("/mcp?auth=key-mallory&client_id=m")
	id, my := "Mcp-Session-Id: "+v.id, "Mcp-Session-Id: "+mine
	for what, header := range map[string][]string{
		"an empty id":             {"Mcp-Session-Id:"},
		"an id of spaces":         {"Mcp-Session-Id:    "},
		"an empty one, and an id": {"Mcp-Session-Id:", id},
	} {
		wantStatus(t, what, p.send("GET", "/mcp?auth=key-ada", "", header...), http.StatusBadRequest)
		wantStatus(t, what, p.send("DELETE", "/mcp?auth=key-ada", "", header...), http.StatusBadRequest)
		wantStatus(t, what, p.send("POST", "/mcp?auth=key-ada", reach, header...), http.StatusBadRequest)
	}
	wantStatus(t, "a control character", p.send("POST", "/mcp?auth=key-ada", reach, id+"\x00"), http.StatusBadRequest)
	wantStatus(t, "Ada's id first", p.send("POST", "/mcp?auth=key-mallory", reach, id, my), http.StatusForbidden)
	p.nothing("ids that are not to count")
	wantStatus(t, "Mallory's id first", p.send("POST", "/mcp?auth=key-mallory", reach, my, id), http.StatusOK)
	if got := await(t, "Mallory's own session", p.reached); got != "m of mallory" {
		t.Errorf("Mallory's id first, and Ada's: the call is %s", got)
	}
	wantStatus(t, "DELETE of two", p.send("DELETE", "/mcp?auth=key-ada", "", "Mcp-Session-Id: "+other, id), http.StatusNoContent)
	p.alive(v)
	wantStatus(t, "spaces around the id", p.send("POST", "/mcp?auth=key-ada", reach, "Mcp-Session-Id: \t "+v.id+" \t"), http.StatusOK) // which are no part of it: RFC 9110, section 5.5
}

// TestIDOfAnotherTransport: the id of a session is one of its own transport alone,
// also where its owner has it there.
func TestIDOfAnotherTransport(t *testing.T) {
	p := newPrey(t, targetOptions{})
	all := p.victims()
	ids := make(map[string]string)
	for _, v := range all {
		ids[v.name] = v.id
	}
	pipe, err := p.Connect(context.Background(), url.Values{"auth": {"key-ada"}}, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	ids["pipe"] = pipe.SessionID()
	stdio := p.h.Connect(servertest.Options{Transport: servertest.Stdio, Args: url.Values{"auth": {"key-ada"}}})
	var who identity
	if err := stdio.Call("whoami", nil).Decode(&who); err != nil || who.Session == "" {
		t.Fatalf("%+v, %v", who, err)
	}
	ids["stdio"] = who.Session
	for name, id := range ids {
		if streamable := strings.HasPrefix(name, "by"); !streamable {
			for _, method := range []string{"POST", "GET", "DELETE"} {
				body := ""
				if method == "POST" {
					body = reach
				}
				wantStatus(t, name+" as Mcp-Session-Id: "+method, p.send(method, "/mcp?auth=key-ada", body, "Mcp-Session-Id: "+id), http.StatusNotFound)
			}
		}
		if !strings.HasPrefix(name, "SSE") {
			wantStatus(t, name+" as session_id", p.send("POST", "/messages/?session_id="+id, reach, "Authorization: Bearer key-ada"), http.StatusNotFound)
		}
		alone := p.send("POST", "/mcp?auth=key-mallory&client_id=m", stateless("tools/call", `"name":"reach"`), append(named("tools/call", "reach"), "Mcp-Session-Id: "+id)...)
		wantStatus(t, name+" beside a request that stands alone", alone, http.StatusOK)
		if got := await(t, name, p.reached); got != "m of mallory" {
			t.Errorf("%s beside a request that stands alone: the call is %s", name, got)
		}
	}
	p.nothing("ids of other transports")
	for _, v := range all {
		p.alive(v)
	}
	if err := stdio.Call("whoami", nil).Decode(&who); err != nil {
		t.Error(err)
	}
}

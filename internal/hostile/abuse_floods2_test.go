package hostile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
)

// works are attacks by what is asked for: little is sent, and much is to be done or
// kept for it.
var works = []attack{
	{
		name: "batches",
		o:    targetOptions{Limits: server.Limits{Message: 8 << 20}},
		most: held{connections: 8, bytes: 4 * (8 << 20)}, // the batch, its elements, and their answers
		run:  batches,
	},
	{
		name: "progress for who does not read",
		o:    targetOptions{Limits: server.Limits{Queue: 64 << 10, Replay: 64 << 10}},
		most: held{connections: 120, sessions: 60, bytes: 60 * (64 + 64 + 64) << 10}, // what waits, what is kept, and what is being written
		run:  unreadProgress,
	},
	{
		name: "progress without end",
		most: held{connections: 16, bytes: 8 << 20},
		run: func(a *attacker) error {
			steps := some(3000) * a.scale
			return a.crowd(8, func(int) error {
				body := stateless("tools/call", fmt.Sprintf(`"name":"work","arguments":{"steps":%d}`, steps))
				body = strings.Replace(body, `"_meta":{`, `"_meta":{"progressToken":1,"io.modelcontextprotocol/logLevel":"debug",`, 1)
				r, err := a.ask(post(a.host, body, append(named("tools/call", "work"), "Connection: close")...))
				if n := strings.Count(r.body, "notifications/progress"); err == nil && n != steps {
					err = fmt.Errorf("%d steps were told, want %d: %d %.200s", n, steps, r.status, r.body)
				}
				return err
			})
		},
	},
	{
		name: "subscriptions",
		most: held{connections: 8, sessions: 16, bytes: 16 * (256 << 10) * 2},
		run:  subscriptions,
	},
	{
		name: "listeners",
		o:    targetOptions{Limits: server.Limits{Sessions: 600}},
		most: held{connections: 500, bytes: 500 * 4 << 10},
		run:  listeners,
	},
	{
		name: "sessions that all have a stream",
		o:    targetOptions{Users: true, Limits: server.Limits{Sessions: 300, SessionsPerPrincipal: 100}},
		most: held{connections: 200, sessions: 200},
		run:  takeAllPlaces,
	},
	{
		name: "regular expressions",
		most: held{connections: 8, bytes: 4 * 4 * (1 << 20)}, // of each of four: the message, the argument, what is said of it
		run: func(a *attacker) error {
			return a.match(`"text":"`+strings.Repeat("a", some(1<<20))+`b"`, "expected a string matching")
		},
	},
	{
		name: "items that differ",
		most: held{connections: 8, bytes: 4 * 100_000 * 120}, // of each of four: an item, its key, and its place in the map of what was seen
		run: func(a *attacker) error {
			var tags strings.Builder
			for i := range some(100_000) {
				fmt.Fprintf(&tags, `,"%08d"`, i)
			}
			return errors.Join(a.match(`"text":"a","tags":[`+tags.String()[1:]+`]`, ""), a.match(`"text":"a","tags":[`+tags.String()[1:]+`,"00000000"]`, "differ"))
		},
	},
	{
		name: "a map of many",
		most: held{connections: 8, bytes: 4 * 100_000 * 120}, // of each of four: an entry, its key, and its place in the map
		run: func(a *attacker) error {
			var more strings.Builder
			for i := range some(100_000) {
				fmt.Fprintf(&more, `,"%08d":""`, i)
			}
			return errors.Join(a.match(`"text":"a","more":{`+more.String()[1:]+`}`, ""), a.match(`"text":"a",`+more.String()[1:], "unknown property"))
		},
	},
	{
		name: "states that are forged",
		most: held{connections: 8},
		run: func(a *attacker) error {
			n := some(3000) * a.scale
			got, err := a.blast(8, n, func(i int) string {
				state := strings.Repeat("A", i%2000)
				body := stateless("tools/call", fmt.Sprintf(`"name":"confirm","arguments":{"text":"x"},"requestState":"%s","inputResponses":{"%[1]s":{"action":"accept","content":{"name":"x"}}}`, state))
				return post(a.host, body, named("tools/call", "confirm")...)
			})
			return errors.Join(err, got.only(n, 200))
		},
	},
	{
		name: "answers to questions, deep and wide",
		most: held{connections: 8, bytes: 4 * (4 << 20)}, // one message, and what is decoded of it
		run:  answers,
	},
	{
		name: "questions that are not answered",
		most: held{connections: 200, sessions: 1},
		run:  unanswered,
	},
	{
		name: "everything, from everywhere at once",
		o:    targetOptions{Limits: server.Limits{Message: 64 << 10, Queue: 64 << 10, Replay: 64 << 10, Bodies: 4 << 20, Sessions: 2000}},
		most: held{connections: 1500, sessions: 600},
		run:  everything,
	},
}

// TestAbuseWork: whatever an attacker asks a lot for, others are served meanwhile,
// each call of theirs, and the server holds what its limits allow.
func TestAbuseWork(t *testing.T) {
	for i := range works {
		t.Run(works[i].name, func(t *testing.T) { withstand(t, &works[i]) })
	}
}

// batches sends batches that are too many, empty, nested, and as large as they may be.
func batches(a *attacker) error {
	session, err := a.session("2025-03-26", "")
	if err != nil {
		return err
	}
	element := `{"jsonrpc":"2.0","id":1,"method":"ping"},`
	of := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(element, n), ",") + "]" }
	full := make([]string, 1000)
	for i := range full {
		full[i] = fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/list"}`, i)
	}
	for _, tt := range []struct {
		body   string
		status int
		want   string
	}{
		{of(100_000), 400, "a batch of more than 1000"},
		{of(1001), 400, "a batch of more than 1000"},
		{"[" + strings.Repeat("1,", 100_000) + "1]", 400, "a batch of more than 1000"},
		{"[]", 400, "an empty batch"},
		{"[[]]", 200, "not a JSON object"},
		{strings.Repeat("[", 900) + strings.Repeat("]", 900), 200, "not a JSON object"},
		{strings.Repeat("[", 1e6) + strings.Repeat("]", 1e6), 400, "levels of nesting"},
		{"[" + strings.Repeat(" ", 7<<20) + "]", 400, "an empty batch"},
		{of(100), 200, `"result"`},
		{"[" + strings.Join(full, ",") + "]", 200, "are under way"},
	} {
		for range 3 * a.scale {
			r, err := a.ask(post(a.host, tt.body, session, "Connection: close"))
			if err != nil || r.status != tt.status || !strings.Contains(r.body, tt.want) {
				return fmt.Errorf("the batch %.40s: %d %.200s %w, want %d with %q", tt.body, r.status, r.body, err, tt.status, tt.want)
			}
		}
	}
	return nil
}

func closeAll(connections []net.Conn) {
	for _, c := range connections {
		if c != nil {
			c.Close()
		}
	}
}

// keepOpen sends a request and leaves its answer unread, but for the head. It is
// closed when the attack is over.
func (a *attacker) keepOpen(text string) (c net.Conn, res *http.Response, err error) {
	if c, err = a.dial(); err != nil {
		return nil, nil, err
	}
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10) // so that little waits in the kernel
	if _, err = io.WriteString(c, text); err == nil {
		res, err = http.ReadResponse(bufio.NewReaderSize(c, 512), nil)
	}
	return c, res, err
}

// unreadProgress has calls tell much to clients that do not read: in the responses of
// sessions, and on streams of HTTP+SSE.
func unreadProgress(a *attacker) error {
	const call = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"_meta":{"progressToken":1},"name":"work","arguments":{"steps":1500,"each":10000}}}`
	open := make([]net.Conn, 60)
	defer closeAll(open)
	return a.crowd(len(open), func(i int) error {
		if i%2 == 0 {
			session, err := a.session("2025-11-25", "")
			if err != nil {
				return err
			}
			open[i], _, err = a.keepOpen(post(a.host, call, session))
			return err
		}
		c, res, err := a.keepOpen(request("GET", "/sse", a.host, ""))
		if open[i] = c; err != nil {
			return err
		}
		var target string
		lines := bufio.NewScanner(res.Body)
		for target == "" && lines.Scan() {
			target, _ = strings.CutPrefix(lines.Text(), "data: ")
			if !strings.HasPrefix(target, "messages/") {
				target = ""
			}
		}
		for _, body := range []string{initialize("2024-11-05"), call} {
			if r, err := a.ask(request("POST", "/"+target, a.host, body, append(asJSON, "Connection: close")...)); err != nil || r.status != http.StatusAccepted {
				return fmt.Errorf("POST %s: %d %.200s %w", target, r.status, r.body, err)
			}
		}
		return nil
	})
}

// subscriptions subscribes to as much as is taken, in many sessions.
func subscriptions(a *attacker) error {
	return a.crowd(some(16), func(int) error {
		session, err := a.session("2025-11-25", "")
		if err != nil {
			return err
		}
		n := 1500
		got, err := a.blast(1, n, func(i int) string {
			return post(a.host, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"mine://%s%d"}}`, strings.Repeat("x", 200), i), session)
		})
		return errors.Join(err, got.only(n, 200))
	})
}

// listeners opens subscriptions of the stateless revision, and has them told.
func listeners(a *attacker) error {
	open := make([]net.Conn, 400)
	defer closeAll(open)
	body := stateless("subscriptions/listen", `"notifications":{"toolsListChanged":true,"resourceSubscriptions":["mine://nobody"]}`)
	err := a.crowd(len(open), func(i int) error {
		c, res, err := a.keepOpen(post(a.host, body, named("subscriptions/listen", "")...))
		open[i] = c
		if err == nil && (res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream") {
			err = fmt.Errorf("subscriptions/listen: %s", res.Status)
		}
		return err
	})
	if err != nil {
		return err
	}
	n := 200 * a.scale
	got, err := a.blast(4, n, func(int) string {
		return post(a.host, stateless("tools/call", `"name":"touch"`), named("tools/call", "touch")...)
	})
	return errors.Join(err, got.only(n, 200))
}

// takeAllPlaces begins sessions of two principals, each with a stream, so that none
// of them is idle: as many as each may have.
func takeAllPlaces(a *attacker) error {
	open := make([]net.Conn, 300)
	defer closeAll(open)
	got := make(chan int, len(open))
	err := a.crowd(len(open), func(i int) error {
		c, res, err := a.keepOpen(request("GET", fmt.Sprintf("/sse?auth=key-mallory%d", i%2), a.host, ""))
		if open[i] = c; err == nil {
			got <- res.StatusCode
		}
		return err
	})
	close(got)
	counts := make(statuses)
	for status := range got {
		counts[status]++
	}
	if counts[200] != 200 || counts[503] != 100 {
		err = errors.Join(err, fmt.Errorf("streams by status: %v, want 200 of 200 and 100 of 503", counts))
	}
	return err
}

// match calls the tool that has the schemas a bad validator takes for ever to check.
func (a *attacker) match(arguments, want string) error {
	body := stateless("tools/call", `"name":"match","arguments":{`+arguments+`}`)
	text := post(a.host, body, append(named("tools/call", "match"), "Connection: close")...)
	return a.crowd(4, func(int) error {
		for range 2 * a.scale {
			r, err := a.ask(text)
			if err != nil || r.status != http.StatusOK || !strings.Contains(r.body, want) || want == "" && strings.Contains(r.body, "isError") {
				return fmt.Errorf("arguments of %d bytes: %d %.300s %w", len(arguments), r.status, r.body, err)
			}
		}
		return nil
	})
}

// answers answers the questions of a call with what does not fit, and is large.
func answers(a *attacker) error {
	ask := stateless("tools/call", `"name":"confirm","arguments":{"text":"x"}`)
	r, err := a.ask(post(a.host, ask, append(named("tools/call", "confirm"), "Connection: close")...))
	state := between(r.body, `"requestState":"`, `"`)
	key := between(r.body, `"inputRequests":{"`, `"`)
	if err != nil || state == "" || key == "" {
		return fmt.Errorf("no question: %d %.300s %w", r.status, r.body, err)
	}
	for name, content := range map[string]string{
		"deep":      strings.Repeat(`{"a":`, 900) + "1" + strings.Repeat("}", 900),
		"too deep":  strings.Repeat("[", some(1e6)) + strings.Repeat("]", some(1e6)),
		"wide":      manyKeys(some(1e5)),
		"long":      `{"name":"` + strings.Repeat("x", some(3<<20)) + `"}`,
		"many":      `[` + strings.Repeat("1,", some(1e6)) + `1]`,
		"no answer": `null`,
	} {
		body := stateless("tools/call", `"name":"confirm","arguments":{"text":"x"},"requestState":"`+state+`","inputResponses":{"`+key+`":{"action":"accept","content":`+content+`}}`)
		for range 2 * a.scale {
			r, err := a.ask(post(a.host, body, append(named("tools/call", "confirm"), "Connection: close")...))
			if err != nil || r.status != http.StatusOK && r.status != http.StatusBadRequest || strings.Contains(r.body, "internal error") {
				return fmt.Errorf("an answer that is %s: %d %.300s %w", name, r.status, r.body, err)
			}
		}
	}
	return nil
}

// between returns what stands in a text between two others.
func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}

// unanswered has a session ask its client and leaves the questions open, then hangs up
// and ends the session.
func unanswered(a *attacker) error {
	session, err := a.session("2025-11-25", "")
	if err != nil {
		return err
	}
	open := make([]net.Conn, 100)
	err = a.crowd(len(open), func(i int) error {
		c, res, err := a.keepOpen(post(a.host, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"confirm","arguments":{"text":"x"}}}`, i), session))
		if open[i] = c; err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("a call that asks: %s", res.Status)
		}
		return err
	})
	closeAll(open)
	r, failed := a.ask(request("DELETE", "/mcp", a.host, "", session, "Connection: close"))
	if r.status != http.StatusNoContent {
		err = errors.Join(err, failed, fmt.Errorf("DELETE: %d %.200s", r.status, r.body))
	}
	return err
}

// everything does what does not need limits of its own, all of it together.
func everything(a *attacker) error {
	some := []func(a *attacker) error{cutStreams, closeHalves, cancelOwn, listeners, unanswered,
		func(a *attacker) error {
			return a.hold(200, headOf("/mcp", a.host, "Content-Length: 60000")+strings.Repeat("[", 50), 50)
		}}
	return a.crowd(len(some), func(i int) error { return some[i](a) })
}

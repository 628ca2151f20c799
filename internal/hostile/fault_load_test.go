package hostile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// outcome is what became of a call.
type outcome int

const (
	answered    outcome = iota // with its right result
	refused                    // with a status, or an error, that says that it was not begun
	unconnected                // there was no connection to send it on, or none that the server had accepted
	unread                     // the server closed a connection that was idle, as HTTP/1.1 allows, just when the call was sent
	vanished                   // none of these: what must not be
)

// tally is what became of all calls, by their ids.
type tally struct {
	mu       sync.Mutex
	outcomes map[string]outcome
	reasons  []string // of those that vanished
	answers  chan struct{}
}

func newTally() *tally {
	return &tally{outcomes: make(map[string]outcome), answers: make(chan struct{}, 1<<16)}
}

func (l *tally) note(id string, o outcome, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes[id] = o
	switch o {
	case answered:
		l.answers <- struct{}{}
	case vanished:
		l.reasons = append(l.reasons, id+": "+reason)
	}
}

// count returns how many calls whose id begins with a prefix had an outcome.
func (l *tally) count(prefix string, o outcome) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, got := range l.outcomes {
		if got == o && strings.HasPrefix(id, prefix) {
			n++
		}
	}
	return n
}

// lane is a connection that requests are sent on one after the other, made when it is
// needed.
type lane struct {
	host string
	c    net.Conn
	r    *bufio.Reader
	used int // answers that came on it
}

func (l *lane) close() {
	if l.c != nil {
		l.c.Close()
		l.c = nil
	}
}

// exchange sends a request and reads the answer. Without one, the outcome says why.
func (l *lane) exchange(text string) (got reply, o outcome, err error) {
	if l.c == nil {
		if l.c, err = net.Dial("tcp", l.host); err != nil {
			l.c = nil
			return got, unconnected, err
		}
		l.r, l.used = bufio.NewReader(l.c), 0
	}
	_ = l.c.SetDeadline(time.Now().Add(patience))
	_, sendErr := io.WriteString(l.c, text)
	if _, err := l.r.Peek(1); err != nil {
		defer l.close()
		switch timeout, ok := err.(net.Error); {
		case ok && timeout.Timeout():
			return got, vanished, err
		case l.used > 0:
			return got, unread, errors.Join(sendErr, err)
		}
		return got, unconnected, errors.Join(sendErr, err) // it was accepted by the system alone
	}
	res, err := http.ReadResponse(l.r, nil)
	if err != nil {
		return got, vanished, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return got, vanished, fmt.Errorf("%s with the body %.100q: %w", res.Status, body, err)
	}
	l.used++
	if res.Close {
		l.close()
	}
	return reply{res.StatusCode, res.Header, string(body)}, answered, nil
}

// isRefusal reports whether an answer says that the call was not begun.
func isRefusal(got reply) bool {
	return got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != "" && strings.Contains(got.body, `"code":-32000`)
}

// load is what clients do to a server until it ends.
type load struct {
	host string
	// params are those of the call with this id, and right is in its result.
	params func(id string) (params, right string)
	tally  *tally
}

// judge notes the outcome of a call that was answered by HTTP.
func (l *load) judge(id string, got reply, o outcome, err error) (goOn bool) {
	reason := fmt.Sprint(err)
	if o == answered {
		_, right := l.params(id)
		reason = fmt.Sprintf("%d %.300s", got.status, got.body)
		switch {
		case isRefusal(got):
			o = refused
		case got.status != http.StatusOK || !strings.Contains(got.body, right):
			o = vanished
		}
	}
	l.tally.note(id, o, reason)
	return o == answered
}

// inSession calls in a session over streamable HTTP, every other time with an event
// stream for an answer.
func (l *load) inSession(t testing.TB, name string) {
	session := begin(t, l.host, "?client_id="+name)
	lane := &lane{host: l.host}
	defer lane.close()
	for n := 0; ; n++ {
		id := fmt.Sprintf("%s.%d", name, n)
		params, _ := l.params(id)
		if n%2 == 0 {
			params = `"_meta":{"progressToken":1},` + params
		}
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"method":"tools/call","params":{%s}}`, id, params)
		got, o, err := lane.exchange(post(l.host, body, "Mcp-Session-Id: "+session))
		if !l.judge(id, got, o, err) {
			return
		}
	}
}

// alone calls without a session.
func (l *load) alone(name string, tool string) {
	lane := &lane{host: l.host}
	defer lane.close()
	for n := 0; ; n++ {
		id := fmt.Sprintf("%s.%d", name, n)
		params, _ := l.params(id)
		got, o, err := lane.exchange(request("POST", "/mcp", l.host, stateless("tools/call", params), append(asJSON, named("tools/call", tool)...)...))
		if !l.judge(id, got, o, err) {
			return
		}
	}
}

// overSSE calls over an event stream, on which the answers have to come.
func (l *load) overSSE(t testing.TB, name string) {
	endpoint, events := listenSSE(t, l.host)
	lane := &lane{host: l.host}
	defer lane.close()
	send := func(body string) (reply, outcome, error) {
		return lane.exchange(request("POST", endpoint, l.host, body, asJSON...))
	}
	if got, _, err := send(strings.Replace(initialize("2024-11-05"), `"id":1`, `"id":"first"`, 1)); got.status != http.StatusAccepted {
		t.Errorf("initialize: %+v, %v", got, err)
		return
	}
	for n := -1; ; n++ {
		id := fmt.Sprintf("%s.%d", name, n)
		params, right := l.params(id)
		if n < 0 {
			id, right = "first", ""
		} else {
			got, o, err := send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"method":"tools/call","params":{%s}}`, id, params))
			if got.status != http.StatusAccepted {
				l.judge(id, got, o, err)
				return
			}
		}
		text, err := answerOf(events, id)
		switch {
		case err != nil || !strings.Contains(text, right):
			l.tally.note(id, vanished, fmt.Sprintf("accepted, and then %.300s, %v", text, err))
			return
		case n >= 0:
			l.tally.note(id, answered, "")
		}
	}
}

// answerOf reads an event stream up to the answer to a request.
func answerOf(events *bufio.Reader, id string) (string, error) {
	for {
		line, err := events.ReadBytes('\n')
		if err != nil {
			return "", err
		}
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		var m struct {
			ID     string `json:"id"`
			Method string `json:"method"`
		}
		if ok && json.Unmarshal(data, &m) == nil && m.ID == id && m.Method == "" {
			return string(data), nil
		}
	}
}

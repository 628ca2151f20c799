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
	"time"

	"github.com/sessionmcp/sessionmcp/server"
)

// floods are attacks by number: of connections, of sessions, of messages.
var floods = []attack{
	{
		name: "connections that say nothing",
		most: held{connections: 1000},
		run:  func(a *attacker) error { return a.hold(1000, "", 0) },
	},
	{
		name: "connections that close one side",
		most: held{connections: 500},
		run:  closeHalves,
	},
	{
		name: "headers by single bytes",
		most: held{connections: 500},
		run: func(a *attacker) error {
			return a.hold(500, "POST /mcp HTTP/1.1\r\nHost: "+a.host+"\r\nX-Slow: "+strings.Repeat("x", 100), 100)
		},
	},
	{
		name: "bodies by single bytes",
		o:    targetOptions{Limits: server.Limits{Message: 64 << 10, Bodies: 4 << 20}},
		most: held{connections: 500, bytes: 4 << 20},
		run: func(a *attacker) error {
			return a.hold(500, headOf("/mcp", a.host, "Content-Length: 60000")+strings.Repeat("[", 100), 100)
		},
	},
	{
		name: "bodies of a megabyte",
		o:    targetOptions{Limits: server.Limits{Message: 1 << 20, Bodies: 8 << 20}},
		most: held{connections: 100, bytes: 4 * (8 << 20)}, // the message, what is decoded of it, the answer and its copy
		run:  bigBodies,
	},
	{
		name: "sessions that are begun and left",
		o:    targetOptions{Limits: server.Limits{Sessions: 200}},
		most: held{connections: 8, sessions: 200},
		run: func(a *attacker) error {
			n := some(3000) * a.scale
			got, err := a.blast(8, n, func(int) string { return post(a.host, initialize("2025-11-25")) })
			return errors.Join(err, got.only(n, 200))
		},
	},
	{
		name: "streams that are opened and cut",
		o:    targetOptions{Limits: server.Limits{Sessions: 2000}},
		most: held{connections: 500, sessions: 500},
		run:  cutStreams,
	},
	{
		name: "sessions of one principal",
		o:    targetOptions{Users: true, Limits: server.Limits{SessionsPerPrincipal: 20}},
		most: held{connections: 8, sessions: 20},
		run:  onePrincipal,
	},
	{
		name: "notifications",
		most: held{connections: 8},
		run: func(a *attacker) error {
			return a.inSession(5000, 202, func(i int) string {
				return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/%s"}`, []string{"initialized", "roots/list_changed", "progress", "nothing"}[i%4])
			})
		},
	},
	{
		name: "cancellations of what is not there",
		most: held{connections: 8},
		run: func(a *attacker) error {
			return a.inSession(5000, 202, func(i int) string {
				return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"%d","reason":"%[1]d"}}`, i)
			})
		},
	},
	{
		name: "calls that are cancelled",
		most: held{connections: 128},
		run:  cancelOwn,
	},
	{
		name: "pings",
		most: held{connections: 8},
		run:  func(a *attacker) error { return a.inSession(5000, 200, func(int) string { return pingText }) },
	},
	{
		name: "levels of the log",
		most: held{connections: 8},
		run: func(a *attacker) error {
			return a.inSession(5000, 200, func(i int) string {
				return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"%s"}}`, []string{"debug", "emergency", "loud", ""}[i%4])
			})
		},
	},
	{
		name: "cursors that are none",
		most: held{connections: 8},
		run: func(a *attacker) error {
			return a.inSession(3000, 200, func(i int) string {
				return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"%s%d"}}`, strings.Repeat("x", i%1000), i)
			})
		},
	},
	{
		name: "completions",
		most: held{connections: 8},
		run: func(a *attacker) error {
			return a.inSession(3000, 200, func(i int) string {
				return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"topic","value":"%s"}}}`, strings.Repeat("x", i%1000))
			})
		},
	},
	{
		name: "answers to what nobody asked",
		most: held{connections: 8},
		run: func(a *attacker) error {
			return a.inSession(3000, 202, func(i int) string {
				return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"action":"accept","content":{"name":"%s"}}}`, i, strings.Repeat("x", i%1000))
			})
		},
	},
	{
		name: "requests for sessions that are not there",
		most: held{connections: 8},
		run: func(a *attacker) error {
			n := some(5000) * a.scale
			got, err := a.blast(8, n, func(i int) string { return post(a.host, pingText, fmt.Sprint("Mcp-Session-Id: ", i)) })
			return errors.Join(err, got.only(n, 404))
		},
	},
	{
		name: "streams to be resumed that are not there",
		most: held{connections: 8},
		run: func(a *attacker) error {
			n := some(3000) * a.scale
			session, err := a.session("2025-11-25", "")
			if err != nil {
				return err
			}
			got, err := a.blast(8, n, func(i int) string {
				return request("GET", "/mcp", a.host, "", session, "Accept: text/event-stream", fmt.Sprintf("Last-Event-ID: %d-%d", i+1, i))
			})
			return errors.Join(err, got.only(n, 400))
		},
	},
	{
		name: "calls that panic",
		most: held{connections: 8},
		run: func(a *attacker) error {
			return a.inSession(1000, 200, func(i int) string {
				return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"panic","arguments":{"s":"%d"}}}`, i)
			})
		},
	},
}

// TestAbuseFloods: whatever an attacker sends a lot of, others are served meanwhile,
// each call of theirs, and the server holds what its limits allow.
func TestAbuseFloods(t *testing.T) {
	for i := range floods {
		t.Run(floods[i].name, func(t *testing.T) { withstand(t, &floods[i]) })
	}
}

// inSession sends messages of one session, which have to be answered with a status.
func (a *attacker) inSession(n, status int, body func(i int) string) error {
	session, err := a.session("2025-11-25", "")
	if err != nil {
		return err
	}
	n = some(n) * a.scale
	got, err := a.blast(8, n, func(i int) string { return post(a.host, body(i), session) })
	return errors.Join(err, got.only(n, status))
}

// hold opens connections and sends a text on all of them, the last bytes of it one
// at a time, and closes them again.
func (a *attacker) hold(n int, text string, single int) error {
	for range a.scale {
		if err := a.holdOnce(n, text, single); err != nil {
			return err
		}
	}
	return nil
}

func (a *attacker) holdOnce(n int, text string, single int) error {
	connections := make([]net.Conn, n)
	defer closeAll(connections)
	for i := range connections {
		c, err := a.dial()
		if err != nil {
			return err
		}
		connections[i] = c
		_, _ = io.WriteString(c, text[:len(text)-single])
	}
	for i := range single {
		for _, c := range connections {
			_, _ = io.WriteString(c, text[len(text)-single+i:][:1]) // the server may have closed it
		}
	}
	return nil
}

// closeHalves says on many connections that nothing will come, at every point where
// a request may be.
func closeHalves(a *attacker) error {
	text := post(a.host, pingText)
	return a.crowd(500, func(i int) error {
		for range a.scale {
			c, err := a.dial()
			if err != nil {
				return err
			}
			_, _ = io.WriteString(c, text[:i%len(text)])
			if err = c.(*net.TCPConn).CloseWrite(); err == nil {
				_, err = io.Copy(io.Discard, c) // up to where the server closes it
			}
			c.Close()
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// bigBodies sends as large messages as may be, more than may be there at once.
func bigBodies(a *attacker) error {
	text := strings.Repeat("x", 900<<10)
	body := stateless("tools/call", `"name":"echo","arguments":{"text":"`+text+`"}`)
	full := post(a.host, body, append(named("tools/call", "echo"), "Connection: close")...)
	return a.crowd(100, func(int) error {
		for range 2 * a.scale {
			r, err := a.ask(full)
			if err == nil && r.status == http.StatusOK && len(r.body) < len(text) {
				return fmt.Errorf("an answer of %d bytes", len(r.body))
			}
			if err == nil && r.status != http.StatusOK && r.status != http.StatusServiceUnavailable {
				return fmt.Errorf("a message of a megabyte: %d %.200s", r.status, r.body)
			}
		}
		return nil
	})
}

// cutStreams opens streams of HTTP+SSE and leaves.
func cutStreams(a *attacker) error {
	return a.crowd(50, func(int) error {
		for range some(40) * a.scale {
			c, err := a.dial()
			if err != nil {
				return err
			}
			_, _ = io.WriteString(c, request("GET", "/sse", a.host, ""))
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			c.Close()
			if err != nil {
				return err
			}
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("GET /sse: %s", res.Status)
			}
		}
		return nil
	})
}

// onePrincipal begins more sessions than one principal may have.
func onePrincipal(a *attacker) error {
	n := some(2000) * a.scale
	got, err := a.blast(8, n, func(int) string {
		return request("POST", "/mcp?auth=key-mallory", a.host, initialize("2025-11-25"), asJSON...)
	})
	if err = errors.Join(err, got.only(n, 200, 503)); err == nil && got[200] != 20 {
		err = fmt.Errorf("%d sessions of one principal, want 20", got[200])
	}
	r, failed := a.ask(request("POST", "/mcp?auth=key-mallory", a.host, initialize("2025-11-25"), append(asJSON, "Connection: close")...))
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		err = errors.Join(err, failed, fmt.Errorf("one session more: %d %v", r.status, r.header))
	}
	return err
}

// cancelOwn makes calls that take for ever, and cancels them, in turn.
func cancelOwn(a *attacker) error {
	session, err := a.session("2025-11-25", "")
	if err != nil {
		return err
	}
	return a.crowd(100, func(i int) error {
		for j := range 5 * a.scale {
			id := fmt.Sprintf(`"%d/%d"`, i, j)
			answered := make(chan error, 1)
			go func() {
				_, err := a.ask(post(a.host, `{"jsonrpc":"2.0","id":`+id+`,"method":"tools/call","params":{"name":"sleep","arguments":{"ms":600000}}}`, session))
				answered <- err
			}()
			for done := false; !done; {
				r, err := a.ask(post(a.host, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":`+id+`}}`, session, "Connection: close"))
				if err != nil || r.status != http.StatusAccepted {
					return fmt.Errorf("a cancellation: %d %w", r.status, err)
				}
				select {
				case err := <-answered:
					if err != nil {
						return err
					}
					done = true
				case <-time.After(5 * time.Millisecond): // it may not have been there yet
				}
			}
		}
		return nil
	})
}

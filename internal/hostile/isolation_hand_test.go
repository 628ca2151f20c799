package hostile

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// site is a server that requests are made to by hand.
type site struct {
	t    *testing.T
	host string
}

// prey is a server in this process, on a port of its own, with tools that tell a
// test what has reached them.
type prey struct {
	site
	*target
	h       *servertest.Harness
	reached chan string   // of the tool reach: who called it
	waiting chan string   // of the tool wait: who waits in it
	ended   chan string   // and why that ended
	release chan struct{} // ends a wait
}

// newPrey makes one whose users have keys.
func newPrey(t *testing.T, o targetOptions) *prey {
	t.Helper()
	o.Users = true
	return newPreyOf(t, newTarget(o, slog.New(slog.DiscardHandler)))
}

func newPreyOf(t *testing.T, of *target) *prey {
	t.Helper()
	p := &prey{site: site{t: t}, target: of, release: make(chan struct{}),
		reached: make(chan string, 10_000), waiting: make(chan string, 10_000), ended: make(chan string, 10_000)}
	p.Tool(func(ctx *tool.Context) string {
		p.reached <- ctx.Arg("client_id", "") + " of " + fmt.Sprint(ctx.Principal())
		return "reached"
	}, tool.Name("reach"))
	p.Tool(func(ctx *tool.Context) string {
		who := ctx.Arg("client_id", "")
		ctx.Progress(1, 0, who)
		p.waiting <- who
		select {
		case <-ctx.Done():
			p.ended <- who + " cancelled"
		case <-p.release:
			p.ended <- who + " released"
		}
		return "waited"
	}, tool.Name("wait"))
	mux := http.NewServeMux()
	mux.Handle("/", p.Handler())
	mux.Handle("/k/{auth}/", p.Handler())
	p.h = servertest.StartHandler(t, p.Server, mux)
	p.host = strings.TrimPrefix(p.h.URL(), "http://")
	return p
}

// send makes a request by hand.
func (p *site) send(method, target, body string, header ...string) reply {
	p.t.Helper()
	if body != "" {
		header = append(header, asJSON...)
	} else {
		header = append(header, "Accept: text/event-stream")
	}
	return raw(p.t, p.host, request(method, target, p.host, body, append(header, "Connection: close")...))
}

// begin begins a session and returns its id.
func (p *site) begin(target string, header ...string) string {
	p.t.Helper()
	r := p.send("POST", target, initialize("2025-11-25"), header...)
	id := r.header.Get("Mcp-Session-Id")
	if r.status != http.StatusOK || id == "" {
		p.t.Fatalf("initialize: %d %s", r.status, r.body)
	}
	return id
}

// nothing fails if something came of what must have no effect. What was sent
// before has been answered: a tool that it reached has told.
func (p *prey) nothing(what string) {
	p.t.Helper()
	select {
	case who := <-p.reached:
		p.t.Errorf("%s: it reached the tool, as %s", what, who)
	default:
	}
}

// await returns the next of what a channel gets.
func await[T any](t testing.TB, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("%s: nothing after %s", what, patience)
	}
	return v
}

// heard is an event stream that is open.
type heard struct {
	t      *testing.T
	c      net.Conn
	status int
	header http.Header
	events chan [2]string // ids and data of what is no comment; closed at the end
	once   sync.Once
}

// listen opens an event stream by a request by hand, and reads it until it ends or is
// closed.
func (p *site) listen(method, target, body string, header ...string) *heard {
	p.t.Helper()
	if body != "" {
		header = append(header, asJSON...)
	} else {
		header = append(header, "Accept: text/event-stream")
	}
	s := &heard{t: p.t, c: dial(p.t, p.host), events: make(chan [2]string, 10_000)}
	p.t.Cleanup(s.close)
	if _, err := s.c.Write([]byte(request(method, target, p.host, body, header...))); err != nil {
		p.t.Fatal(err)
	}
	_ = s.c.SetReadDeadline(time.Now().Add(patience))
	res, err := http.ReadResponse(bufio.NewReader(s.c), nil)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, target, err)
	}
	_ = s.c.SetReadDeadline(time.Time{})
	s.status, s.header = res.StatusCode, res.Header
	go func() {
		defer close(s.events)
		defer res.Body.Close()
		var e [2]string
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				e[0] = value
			case "data":
				e[1] = value
			case "":
				if e != [2]string{} && !strings.HasPrefix(lines.Text(), ":") {
					s.events <- e
				}
				e = [2]string{}
			}
		}
	}()
	return s
}

// close drops the connection, and waits until nothing reads it.
func (s *heard) close() {
	s.once.Do(func() {
		s.c.Close()
		for range s.events {
		}
	})
}

// next returns the data of the next event that has some.
func (s *heard) next() string {
	s.t.Helper()
	for {
		e := await(s.t, "an event", s.events)
		if e == [2]string{} {
			s.t.Fatal("the stream has ended")
		}
		if e[1] != "" {
			return e[1]
		}
	}
}

// openSSE opens a session of HTTP+SSE, initializes it, and returns its stream and
// where to post to.
func (p *site) openSSE(target string, header ...string) (s *heard, endpoint string) {
	p.t.Helper()
	s = p.listen("GET", target, "", header...)
	if s.status != http.StatusOK {
		p.t.Fatalf("GET %s: %d", target, s.status)
	}
	prefix, _, _ := strings.Cut(target, "sse")
	endpoint = prefix + s.next()
	wantStatus(p.t, "initialize", p.send("POST", endpoint, initialize("2024-11-05"), header...), http.StatusAccepted)
	if got := s.next(); !strings.Contains(got, `"protocolVersion":"`) {
		p.t.Fatalf("initialize: %s", got)
	}
	return s, endpoint
}

// sessionOf is the id in an endpoint of HTTP+SSE.
func sessionOf(endpoint string) string {
	_, id, _ := strings.Cut(endpoint, "session_id=")
	return id
}

// idOf is the id of a message.
func idOf(t *testing.T, text string) string {
	t.Helper()
	var m message
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.ID == nil {
		t.Fatalf("%s has no id: %v", text, err)
	}
	return string(m.ID)
}

// await waits until something holds that there is no event for.
func (p *site) await(what string, holds func() bool) {
	p.t.Helper()
	late := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(late) {
			p.t.Fatalf("%s: not after %s", what, patience)
		}
		time.Sleep(time.Millisecond) // to look again
	}
}

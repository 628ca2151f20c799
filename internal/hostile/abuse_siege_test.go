package hostile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
)

// An attack is what somebody does to a server while others want to be served.
type attack struct {
	name string
	o    targetOptions
	most held // what the server may hold for the attack, by its limits
	run  func(a *attacker) error
}

// held is what makes up the memory of a server under attack.
type held struct {
	connections int // open at once
	sessions    int
	bytes       int // of bodies, of what waits or is kept, of what is worked on
}

// What a connection and a session take, with the goroutine, the buffers of net/http,
// the request and the call of one, and all that is kept of the other.
const (
	perConnection = 64 << 10
	perSession    = 16 << 10
)

// roof is by how much a server may grow: by what it holds, as much again before the
// collector has to run, and some megabytes for what no limit knows of, as the spans
// of the heap and the collector's own.
func (h held) roof() int64 {
	return 2*int64(h.connections*perConnection+h.sessions*perSession+h.bytes) + 12<<20
}

// attacker is who attacks. Its methods may fail where the server closes a connection:
// what that means is the attack's to say.
type attacker struct {
	host  string
	scale int // how much of everything
}

// dial opens a connection.
func (a *attacker) dial() (net.Conn, error) {
	c, err := net.Dial("tcp", a.host)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(4 * patience))
	}
	return c, err
}

// crowd calls f so many times at once, and returns the first error.
func (a *attacker) crowd(n int, f func(i int) error) error {
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- f(i) }()
	}
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// statuses counts answers by their status.
type statuses map[int]int

// only reports an error unless all n answers had one of these statuses.
func (s statuses) only(n int, want ...int) error {
	sum := 0
	for _, status := range want {
		sum += s[status]
	}
	if sum != n {
		return fmt.Errorf("answers by status: %v, want %d of %v alone", s, n, want)
	}
	return nil
}

// blast sends n requests over some connections, several at a time on each without
// waiting, and counts the answers.
func (a *attacker) blast(connections, n int, text func(i int) string) (statuses, error) {
	const window = 16
	var mu sync.Mutex
	all := make(statuses)
	err := a.crowd(connections, func(from int) error {
		c, err := a.dial()
		if err != nil {
			return err
		}
		defer c.Close()
		in := bufio.NewReader(c)
		for i := from; i < n; {
			var block strings.Builder
			sent := 0
			for ; sent < window && i < n; sent++ {
				block.WriteString(text(i))
				i += connections
			}
			go func() { _, _ = io.WriteString(c, block.String()) }()
			for range sent {
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					return err
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					return err
				}
				mu.Lock()
				all[res.StatusCode]++
				mu.Unlock()
			}
		}
		return nil
	})
	return all, err
}

// ask sends one request on a connection of its own and returns the answer.
func (a *attacker) ask(text string) (r reply, err error) {
	c, err := a.dial()
	if err != nil {
		return r, err
	}
	defer c.Close()
	go func() { _, _ = io.WriteString(c, text) }()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(body)}, err
}

// session begins a session of a revision and returns the header that names it.
func (a *attacker) session(revision, query string) (header string, err error) {
	r, err := a.ask(request("POST", "/mcp"+query, a.host, initialize(revision), append(asJSON, "Connection: close")...))
	id := r.header.Get("Mcp-Session-Id")
	if err == nil && id == "" {
		err = fmt.Errorf("initialize: %d %.200s", r.status, r.body)
	}
	return "Mcp-Session-Id: " + id, err
}

// guest is a client that means well.
type guest struct {
	name  string
	c     *client.Client
	calls int
	took  []time.Duration // of each echo
}

// invite connects clients that mean well, by each of the ways there are.
func invite(ctx context.Context, address string, users bool) (guests []*guest, err error) {
	for _, way := range []struct{ name, path, transport, revision string }{
		{"in a session", "/mcp", "http", "2025-11-25"},
		{"without a session", "/mcp", "http", "2026-07-28"},
		{"over HTTP+SSE", "/sse", "sse", "2024-11-05"},
	} {
		o := client.Options{Name: "guest", Transport: way.transport, Revision: way.revision, Logger: quiet, Timeout: patience, OnChange: func(string) {}}
		if users {
			o.Args = url.Values{"auth": {"key-guest"}}
		}
		c, err := client.Connect(ctx, client.URL(address+way.path), o)
		if err != nil {
			return guests, fmt.Errorf("connecting %s: %w", way.name, err)
		}
		guests = append(guests, &guest{name: way.name, c: c})
	}
	return guests, nil
}

// visit makes one call, and another one that is larger from time to time. The error
// is that it was not answered, or not right.
func (g *guest) visit(ctx context.Context) error {
	g.calls++
	text := fmt.Sprintf("%s %d", g.name, g.calls)
	began := time.Now()
	got, err := client.Call[string](ctx, g.c, "echo", map[string]any{"text": text})
	g.took = append(g.took, time.Since(began))
	if err != nil || got != text {
		return fmt.Errorf("a client %s, call %d: got %.100q, %w", g.name, g.calls, got, err)
	}
	if g.calls%32 == 0 {
		got, err := client.Call[string](ctx, g.c, "big", map[string]any{"bytes": 50_000})
		if err != nil || len(got) != 50_000 {
			return fmt.Errorf("a client %s, a large result: got %d bytes, %w", g.name, len(got), err)
		}
		steps := 0
		got, err = client.Call[string](ctx, g.c, "work", map[string]any{"steps": 3, "text": text}, client.OnProgress(func(client.Progress) { steps++ }))
		if err != nil || !strings.HasSuffix(got, text) || steps != 3 {
			return fmt.Errorf("a client %s: got %.100q after %d of 3 steps, %w", g.name, got, steps, err)
		}
	}
	return nil
}

// visits has guests make calls, each after another, until stop is closed, and at
// least so many.
func visits(ctx context.Context, guests []*guest, least int, stop <-chan struct{}) error {
	errs := make(chan error, len(guests))
	for _, g := range guests {
		go func() {
			for n := 0; ; n++ {
				if err := g.visit(ctx); err != nil {
					errs <- err
					return
				}
				select {
				case <-stop:
					if n >= least {
						errs <- nil
						return
					}
				default:
				}
			}
		}()
	}
	var all error
	for range guests {
		all = errors.Join(all, <-errs)
	}
	return all
}

// withstand has a server stand an attack: clients that mean well are served, each
// call of theirs, the server holds no more than it may, and nothing of it when the
// attacker has gone.
func withstand(t *testing.T, at *attack) {
	t.Helper()
	p := startServer(t, at.o)
	first := p.figures()
	guests, err := invite(t.Context(), p.url, at.o.Users)
	defer func() {
		for _, g := range guests {
			g.c.Close()
		}
		settled(t, p, first)
	}()
	if err != nil {
		t.Fatal(err)
	}
	calm := make(chan struct{})
	close(calm)
	if err := visits(t.Context(), guests, 100, calm); err != nil {
		t.Fatalf("before the attack: %v", err)
	}
	before := p.figures()
	over, served := make(chan struct{}), make(chan error, 1)
	go func() { served <- visits(t.Context(), guests, 10, over) }()
	err = at.run(&attacker{p.host(), often(1, 10)})
	close(over)
	if err != nil {
		t.Errorf("the attack: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("clients that mean well are not served: %v", err)
	}
	now := p.figures()
	t.Logf("peak %d MiB, %d more than before, %d are allowed; %d goroutines, %d sessions, %d files",
		now.PeakRSS>>20, (now.PeakRSS-before.PeakRSS)>>20, at.most.roof()>>20, now.Goroutines, now.Sessions, now.FDs)
	if !raced && now.PeakRSS-before.PeakRSS > at.most.roof() {
		t.Errorf("the server took %d MiB more, and may take %d", (now.PeakRSS-before.PeakRSS)>>20, at.most.roof()>>20)
	}
}

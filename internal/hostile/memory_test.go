package hostile

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
)

// memoryLimits are limits for a small machine.
var memoryLimits = server.Limits{
	Message: 1 << 20, Bodies: 16 << 20, Memory: 16 << 20,
	Sessions: 1000, SessionsPerPrincipal: 1000, AllCalls: 1000,
}

// memoryBound is what the server may have in memory with these limits, by the
// formula of docs/security.md: what the limits bound, of Memory twice, and for each
// session, connection and call what those take; all of it twice, for the garbage that
// is collected later; and the program.
func memoryBound(l server.Limits, connections int) int64 {
	const program, session, connection, call = 24 << 20, 8 << 10, 64 << 10, 32 << 10
	return program + 2*int64(l.Bodies+2*l.Memory+l.Sessions*session+connections*connection+l.AllCalls*call)
}

// TestMemoryBound: clients that do all they can to have the server hold much, each
// as far as its own limits go and all at once, do not get it past its bound.
// Without a bound for all together these would take some 600 MiB.
func TestMemoryBound(t *testing.T) {
	const each = 150
	p := startServer(t, targetOptions{Limits: memoryLimits})
	if _, peak := p.resident(); peak == 0 {
		t.Skip("there is no /proc to read the memory of a process from")
	}
	a := &hoard{t: t, p: p, c: newSoakClient(t, p.url)}
	defer a.c.CloseIdleConnections()
	defer a.letGo()
	var wg sync.WaitGroup
	for _, attack := range []func(){a.doNotRead, a.doNotResume, a.doNotFinish, a.bringHeaders, a.subscribe} {
		wg.Go(func() {
			for range each {
				attack()
			}
		})
	}
	served := make(chan struct{})
	var tries atomic.Int64
	go func() { // one who means well, all the while
		defer close(served)
		for ; !a.done.Load(); tries.Add(1) {
			if err := a.c.alone(); err != nil {
				t.Errorf("a client that means well: %v", err)
				return
			}
		}
	}()
	wg.Wait()
	a.until(func() bool { return a.refused.Load() > 0 || a.sent.Load() > 0 })
	a.done.Store(true)
	<-served
	_, peak := p.resident()
	bound := memoryBound(memoryLimits, 5*each)
	t.Logf("at most %d MiB of %d, with %d refusals and %d calls of a client that means well", peak>>20, bound>>20, a.refused.Load(), tries.Load())
	if peak > bound && !raced {
		t.Errorf("the server had %d MiB, its bound is %d", peak>>20, bound>>20)
	}
	p.checkLog()
}

// hoard is an attack on memory: what it opens stays open until letGo.
type hoard struct {
	t       *testing.T
	p       *process
	c       *soakClient
	done    atomic.Bool
	refused atomic.Int64
	sent    atomic.Int64

	mu   sync.Mutex
	open []io.Closer
}

func (a *hoard) keep(c io.Closer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open = append(a.open, c)
}

func (a *hoard) letGo() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.open {
		c.Close()
	}
	a.open = nil
}

func (a *hoard) until(is func() bool) {
	a.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatal("it does not come to that")
		}
	}
}

// try notes whether a request was refused for want of room. Any other failure fails
// the test.
func (a *hoard) try(err error) bool {
	switch {
	case err == nil:
		return true
	case strings.Contains(err.Error(), "503"), strings.Contains(err.Error(), "-32000"):
		a.refused.Add(1)
	default:
		a.t.Error(err)
	}
	return false
}

// doNotRead has six megabytes wait for a reader who does not come.
func (a *hoard) doNotRead() {
	s, endpoint, err := a.c.openSSE()
	if !a.try(err) {
		return
	}
	a.keep(s)
	_ = a.try(a.c.want(202, "", "POST", endpoint, initialize("2024-11-05"))) &&
		a.try(a.c.want(202, "", "POST", endpoint, callOf(2, "work", `{"steps":300,"each":20000}`)))
}

// doNotResume has a megabyte kept for somebody who might come back.
func (a *hoard) doNotResume() {
	id, err := a.c.begin()
	if a.try(err) {
		a.try(a.c.want(200, "soak kept", "POST", a.c.url+"/mcp", callOf(2, "work", `{"steps":50,"each":20000,"text":"kept"}`), id))
	}
}

// doNotFinish sends a megabyte but for its end.
func (a *hoard) doNotFinish() {
	conn, err := net.Dial("tcp", a.p.host())
	if err != nil {
		a.t.Error(err)
		return
	}
	a.keep(conn)
	text := request("POST", "/mcp", a.p.host(), echoOf(1, strings.Repeat("x", 1_000_000)), asJSON...)
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, text[:len(text)-10]) // who is refused is hung up on
	a.sent.Add(1)
}

// bringHeaders opens a session with as much in its headers as may be.
func (a *hoard) bringHeaders() {
	var fields []string
	for i := range 150 {
		fields = append(fields, fmt.Sprintf("X-%d: %s", i, strings.Repeat("x", 180)))
	}
	a.try(a.c.want(200, "", "POST", a.c.url+"/mcp?client_id=soak", initialize("2025-11-25"), fields...))
}

// subscribe wants to hear of as much as may be.
func (a *hoard) subscribe() {
	id, err := a.c.begin()
	if !a.try(err) {
		return
	}
	for i := range 30 {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"mine://%d%s"}}`, i, strings.Repeat("x", 8000))
		if !a.try(a.c.want(200, "result", "POST", a.c.url+"/mcp", body, id)) {
			return
		}
	}
}

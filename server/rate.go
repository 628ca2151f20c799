package server

import (
	"math"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// Rate bounds how often one caller has functions run: tools, completion, resources
// and prompts (2025-11-25, tools and completion, security considerations). A caller
// is a principal; without one, a credential among the connection arguments; without
// any, the address that the request came from, of which a reverse proxy has one for
// all. A call past it is answered with an error that says when to try again, for a
// tool a result with isError, and nothing runs. The zero value bounds nothing.
type Rate struct {
	PerSecond float64 // on average; 0 is without bound
	Burst     int     // at once; 0 is as many as a second has, and at least 1
}

// maxCallers is of how many callers the calls are counted. Past it, those who have
// called least lately are forgotten first, of some that are looked at.
const (
	maxCallers = 50_000
	maxSeen    = 64
)

// rates counts the calls of each caller.
type rates struct {
	Rate
	mu      sync.Mutex
	callers map[any]*rate.Limiter
}

func newRates(r Rate) *rates {
	if r.Burst == 0 {
		r.Burst = max(1, int(math.Ceil(min(r.PerSecond, math.MaxInt32))))
	}
	return &rates{Rate: r, callers: make(map[any]*rate.Limiter)}
}

// take counts a call of the caller, or returns the error that it is one too many.
func (r *rates) take(p *transport.Peer) *jsonrpc.Error {
	if r.PerSecond <= 0 {
		return nil
	}
	now := time.Now()
	l := r.limiter(callerOf(p), now)
	if l.AllowN(now, 1) {
		return nil
	}
	wait := time.Duration((1 - l.TokensAt(now)) / r.PerSecond * float64(time.Second))
	return jsonrpc.Errorf(jsonrpc.CodeServerBusy, "too many calls: try again in %s", max(wait.Round(time.Second), time.Second))
}

func (r *rates) limiter(who any, now time.Time) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.callers[who]; l != nil {
		return l
	}
	if len(r.callers) >= maxCallers {
		r.forgetLocked(now)
	}
	l := rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst)
	r.callers[who] = l
	return l
}

// forgetLocked makes room for a caller: of some, those go who could make as many
// calls as anybody new, and if there are none, who comes nearest to that.
func (r *rates) forgetLocked(now time.Time) {
	var calm any
	most, seen := math.Inf(-1), 0
	for who, l := range r.callers { // which begins anywhere
		tokens := l.TokensAt(now)
		if tokens >= float64(r.Burst) {
			delete(r.callers, who)
		}
		if tokens > most {
			calm, most = who, tokens
		}
		if seen++; seen == maxSeen {
			break
		}
	}
	delete(r.callers, calm)
}

// callerOf returns what a caller's calls are counted by. Who has IPv6 has a network
// of addresses.
func callerOf(p *transport.Peer) any {
	if who := p.Account(); who != nil {
		return who
	}
	if p.RemoteAddr == "" {
		return p // a connection without an address is a caller
	}
	host, _, err := net.SplitHostPort(p.RemoteAddr)
	if err != nil {
		return p.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr
	}
	network, _ := addr.Prefix(64) // which every IPv6 address has
	return network
}

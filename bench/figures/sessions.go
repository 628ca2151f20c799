package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/wire"
)

// held are sessions of HTTP+SSE that were initialized and then say nothing. They
// share a few connections to send on, as otherwise each had two.
type held struct {
	addr     string
	posts    []*wire.Conn
	sessions []wire.Client
}

const posting = 16

func hold(p *process) (*held, error) {
	h := &held{addr: p.addr}
	for range posting {
		conn, err := wire.DialConn(p.addr, h.options(nil))
		if err != nil {
			h.close()
			return nil, err
		}
		h.posts = append(h.posts, conn)
	}
	// What the first sessions and connections cost for all is not theirs.
	if err := h.upTo(posting); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// options has small buffers: there may be 20,000 of them.
func (h *held) options(post *wire.Conn) wire.Options {
	return wire.Options{Deadline: time.Now().Add(time.Hour), Buffer: 512, Post: post}
}

// upTo opens sessions until there are n.
func (h *held) upTo(n int) error {
	more := make([][]wire.Client, posting)
	failed := make([]error, posting)
	var wg sync.WaitGroup
	for i, post := range h.posts {
		wg.Go(func() {
			for at := len(h.sessions) + i; at < n && failed[i] == nil; at += posting {
				var c wire.Client
				if c, failed[i] = wire.Dial(h.addr, wire.SSE, wire.Echo(), h.options(post)); failed[i] == nil {
					more[i] = append(more[i], c)
				}
			}
		})
	}
	wg.Wait()
	for _, opened := range more {
		h.sessions = append(h.sessions, opened...)
	}
	return errors.Join(failed...)
}

// check calls in some of the sessions: they have to live.
func (h *held) check(r *run) error {
	for i := 0; i < len(h.sessions); i += max(1, len(h.sessions)/50) {
		if err := wire.NewCaller(h.sessions[i], wire.SSE, wire.Echo(), r.id()).Call(); err != nil {
			return fmt.Errorf("session %d of %d: %w", i, len(h.sessions), err)
		}
	}
	return nil
}

func (h *held) close() {
	for _, c := range h.sessions {
		c.Close()
	}
	for _, c := range h.posts {
		c.Close()
	}
}

// footprint is what a server holds after a garbage collection.
type footprint struct{ heap, stack, resident, goroutines float64 }

func (p *process) footprint() (footprint, error) {
	m, err := p.memory(true)
	if err != nil {
		return footprint{}, err
	}
	resident, err := p.status("VmRSS")
	return footprint{m.HeapAlloc, m.StackInuse, resident, m.Goroutines}, err
}

// each is what a footprint has more than another, for each of n sessions.
func (f footprint) each(less footprint, n int) map[string]float64 {
	per := func(more, less float64) float64 { return (more - less) / float64(n) }
	return map[string]float64{
		"bytes": per(f.heap+f.stack, less.heap+less.stack), "heap": per(f.heap, less.heap), "stack": per(f.stack, less.stack),
		"resident": per(f.resident, less.resident), "goroutines": per(f.goroutines, less.goroutines),
	}
}

// withSessions starts a server for HTTP+SSE with a few sessions in it.
func (r *run) withSessions(server string, do func(*process, *held) error) error {
	p, err := r.start(server, serve.Options{Mode: serve.SSE, Tools: 2})
	if err != nil {
		return err
	}
	defer p.stop()
	h, err := hold(p)
	if err != nil {
		return err
	}
	defer h.close()
	return do(p, h)
}

func measureIdle(r *run) error {
	n := r.sessionsAtMost(r.plan.idle)
	return r.each(r.plan.fewer(), func(rep int, server string) error {
		return r.withSessions(server, func(p *process, h *held) error {
			before, err := p.footprint()
			if err != nil {
				return err
			}
			ran, err := p.cpu()
			if err != nil {
				return err
			}
			if err := h.upTo(posting + n); err != nil {
				return err
			}
			until, err := p.cpu()
			if err != nil {
				return err
			}
			after, err := p.footprint()
			if err != nil {
				return err
			}
			v := after.each(before, n)
			v["cpu"] = micro(until-ran) / float64(n)
			r.add(fmt.Sprintf("%d sessions", n), server, rep, v)
			return h.check(r)
		})
	})
}

func renderIdle(r *results) string {
	return r.byServer("idle", "Idle", column{title: "Heap and stacks, bytes/session", key: "bytes"}, column{title: "against " + base, key: "bytes", ratio: true},
		column{title: "Resident, bytes/session", key: "resident"}, column{title: "Goroutines/session", key: "goroutines"},
		column{title: "CPU µs to open one", key: "cpu"}, column{title: "against " + base, key: "cpu", ratio: true})
}

func measureBusy(r *run) error {
	n := r.sessionsAtMost(r.plan.held + 2*r.plan.active)
	n -= 2 * r.plan.active
	return r.each(r.plan.fewer(), func(rep int, server string) error {
		return r.withSessions(server, func(p *process, h *held) error {
			alone, err := r.load(p, wire.SSE, wire.Forecast(), r.plan.active)
			if err != nil {
				return err
			}
			if err := h.upTo(posting + n); err != nil {
				return err
			}
			among, err := r.load(p, wire.SSE, wire.Forecast(), r.plan.active)
			if err != nil {
				return err
			}
			for _, key := range []string{"rate", "p99", "cpu"} {
				among[key+" ratio"] = among[key] / alone[key]
			}
			r.add(fmt.Sprintf("%d alone", r.plan.active), server, rep, alone)
			r.add(fmt.Sprintf("%d, and %d idle", r.plan.active, n), server, rep, among)
			return h.check(r)
		})
	})
}

func renderBusy(r *results) string {
	return r.byServer("busy", "Sessions", column{title: "Calls/s", key: "rate"}, column{title: "against alone", key: "rate ratio"},
		column{title: "p50 µs", key: "p50"}, column{title: "p99 µs", key: "p99"}, column{title: "against alone", key: "p99 ratio"},
		column{title: "CPU µs/call", key: "cpu"}, column{title: "against alone", key: "cpu ratio"})
}

// growing is how many clients call while there are more and more sessions.
const growing = 16

func measureSessions(r *run) error {
	return r.each(r.plan.fewer(), func(rep int, server string) error {
		return r.withSessions(server, func(p *process, h *held) error {
			before, err := p.footprint()
			if err != nil {
				return err
			}
			for _, n := range r.plan.sessions {
				n = r.sessionsAtMost(n)
				if err := h.upTo(posting + n); err != nil {
					return err
				}
				after, err := p.footprint()
				if err != nil {
					return err
				}
				v, err := r.load(p, wire.SSE, wire.Echo(), growing)
				if err != nil {
					return err
				}
				if n >= 100 { // of fewer the difference is what the collector happened to leave
					v["session"] = after.each(before, n)["bytes"]
				}
				r.add(itoa(n), server, rep, v)
			}
			return h.check(r)
		})
	})
}

func renderSessions(r *results) string {
	return r.growth("sessions", "Idle sessions", column{title: "CPU µs/call", key: "cpu"}, column{title: "Bytes/session, heap and stacks", key: "session"})
}

func plotSessions(r *results) []plot {
	calls := r.plot("sessions", "cpu", 1)
	calls.file, calls.title = "sessions-call.svg", "A call, with idle sessions beside it"
	calls.x, calls.y = "idle sessions", "CPU µs per call"
	memory := r.plot("sessions", "session", 1)
	memory.file, memory.title = "sessions-memory.svg", "An idle session"
	memory.x, memory.y = "idle sessions", "bytes per session"
	return []plot{calls, memory}
}

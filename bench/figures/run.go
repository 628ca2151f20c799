package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/wire"
)

// run is what the sections measure with.
type run struct {
	ctx     context.Context
	plan    plan
	dir     string // of the programs
	files   int    // that a process may have open
	section string // the one that is measured
	results *results
	ids     atomic.Int64
}

func newRun(ctx context.Context, p plan) (*run, error) {
	files, err := openFiles()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		return nil, err
	}
	r := &run{ctx: ctx, plan: p, dir: dir, files: files, results: &results{Machine: machine(p), Notes: make(map[string][]string)}}
	for _, name := range serverNames() {
		if err := build(ctx, name, r.program(name)); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *run) close() { os.RemoveAll(r.dir) }

// add keeps a sample.
func (r *run) add(name, server string, rep int, values map[string]float64) {
	r.results.Samples = append(r.results.Samples, sample{r.section, name, server, rep, values})
}

// note says below the tables of the section what had to be cut.
func (r *run) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if notes := r.results.Notes[r.section]; !slices.Contains(notes, text) {
		r.results.Notes[r.section] = append(notes, text)
	}
}

// sessionsAtMost cuts a number of sessions to what may be open.
func (r *run) sessionsAtMost(n int) int {
	const others = 500 // files: of the clients that call, and of the server itself
	if most := r.files - others; n > most {
		r.note("%d sessions were cut to %d: a process may have %d files open here (`ulimit -Hn`).", n, most, r.files)
		return most
	}
	return n
}

// each calls for every repetition and every server, another one first each time,
// so that no server has a time of the machine's to itself.
func (r *run) each(reps int, do func(rep int, server string) error) error {
	names := serverNames()
	for rep := range reps {
		for i := range names {
			name := names[(i+rep)%len(names)]
			if err := r.ctx.Err(); err != nil {
				return err
			}
			if err := do(rep, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// all runs every server, for as long as the function.
func (r *run) all(o serve.Options, do func(map[string]*process) error) error {
	running := make(map[string]*process)
	defer func() {
		for _, p := range running {
			p.stop()
		}
	}()
	for _, name := range serverNames() {
		p, err := r.start(name, o)
		if err != nil {
			return err
		}
		running[name] = p
	}
	return do(running)
}

// id returns the first of a client's ids. A client makes fewer than a billion
// calls, so that no answer of another client passes for its own.
func (r *run) id() int64 { return r.ids.Add(1) * 1_000_000_000 }

// caller makes calls until it is told to stop, one after the other.
type caller interface{ Call() error }

// dial connects clients that make the request.
func (r *run) dial(p *process, w wire.Wire, req wire.Request, clients int) ([]caller, func(), error) {
	var open []wire.Client
	closeAll := func() {
		for _, c := range open {
			c.Close()
		}
	}
	var callers []caller
	for range clients {
		c, err := wire.Dial(p.addr, w, req, wire.Options{Deadline: time.Now().Add(10 * patience)})
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("%w, it said %q", err, p.stderr.String())
		}
		open = append(open, c)
		callers = append(callers, wire.NewCaller(c, w, req, r.id()))
	}
	return callers, closeAll, nil
}

// load puts a server under load of clients that make the request, and measures.
func (r *run) load(p *process, w wire.Wire, req wire.Request, clients int) (map[string]float64, error) {
	callers, closeAll, err := r.dial(p, w, req, clients)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	return r.measure(p, func(d time.Duration) ([]time.Duration, error) { return together(r.ctx, callers, d) })
}

// measure runs calls for a while, to warm up, and then for as long as the plan
// says. The function returns what each call took.
func (r *run) measure(p *process, calls func(time.Duration) ([]time.Duration, error)) (map[string]float64, error) {
	if _, err := calls(r.plan.warm); err != nil {
		return nil, err
	}
	before, err := p.memory(false)
	if err != nil {
		return nil, err
	}
	ran, err := p.cpu()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	took, err := calls(r.plan.run)
	wall := time.Since(begun)
	if err != nil {
		return nil, err
	}
	until, err := p.cpu()
	if err != nil {
		return nil, err
	}
	after, err := p.memory(false)
	if err != nil {
		return nil, err
	}
	slices.Sort(took)
	n := float64(len(took))
	return map[string]float64{
		"calls": n, "rate": n / wall.Seconds(),
		"p50": micro(took[len(took)/2]), "p99": micro(took[len(took)*99/100]),
		"cpu":    micro(until-ran) / n,
		"allocs": (after.Mallocs - before.Mallocs) / n, "bytes": (after.TotalAlloc - before.TotalAlloc) / n,
	}, nil
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// together lets callers call for a time, each at least once.
func together(ctx context.Context, callers []caller, d time.Duration) ([]time.Duration, error) {
	took := make([][]time.Duration, len(callers))
	failed := make([]error, len(callers))
	var stop atomic.Bool
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for i, c := range callers {
		wg.Go(func() {
			took[i] = make([]time.Duration, 0, 1<<14)
			for now := time.Now(); len(took[i]) == 0 || now.Before(end) && !stop.Load(); {
				if failed[i] = c.Call(); failed[i] != nil {
					stop.Store(true)
					return
				}
				then := time.Now()
				took[i] = append(took[i], then.Sub(now))
				now = then
			}
		})
	}
	wg.Wait()
	return slices.Concat(took...), errors.Join(append(failed, ctx.Err())...)
}

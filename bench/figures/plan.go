package main

import "time"

// plan says how much is measured.
type plan struct {
	reps      int
	warm, run time.Duration // of one measurement
	clients   []int
	inFlight  []int // on stdio
	listed    int   // tools
	idle      int   // sessions
	started   []int // tools
	large     int   // bytes
	active    int   // sessions that call, beside those that are idle
	held      int   // sessions that are idle, beside those that call
	tools     []int
	sessions  []int
	messages  []int // bytes
}

func newPlan(quick bool, reps int) plan {
	p := plan{
		reps: 5, warm: 250 * time.Millisecond, run: 750 * time.Millisecond,
		clients: []int{1, 16, 64}, inFlight: []int{1, 64},
		listed: 1000, idle: 5000, started: []int{2, 1000}, large: 1 << 20,
		active: 200, held: 10_000,
		tools:    []int{1, 10, 100, 1000, 10_000},
		sessions: []int{1, 10, 100, 1000, 5000, 10_000, 20_000},
		messages: []int{100, 1000, 10_000, 100_000, 1_000_000, 4 << 20},
	}
	if quick {
		p = plan{
			reps: 1, warm: 5 * time.Millisecond, run: 25 * time.Millisecond,
			clients: []int{1, 16}, inFlight: []int{1, 64},
			listed: 20, idle: 50, started: []int{2, 20}, large: 1 << 16,
			active: 20, held: 50,
			tools:    []int{1, 10, 100},
			sessions: []int{1, 10, 100},
			messages: []int{100, 1000, 10_000},
		}
	}
	if reps > 0 {
		p.reps = reps
	}
	return p
}

// fewer is how often what takes long is repeated.
func (p plan) fewer() int { return min(p.reps, 3) }

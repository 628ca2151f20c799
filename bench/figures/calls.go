package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/wire"
)

var (
	requests = []wire.Request{wire.Echo(), wire.Forecast()}
	overTCP  = []wire.Wire{wire.SSE, wire.HTTP, wire.Stateless, wire.Modern}
)

// titles are what tables call the wires.
var titles = map[wire.Wire]string{
	wire.SSE:       "HTTP+SSE",
	wire.HTTP:      "streamable HTTP, session",
	wire.Stateless: "streamable HTTP, no session",
	wire.Modern:    "2026-07-28",
	wire.Stdio:     "stdio",
}

func callCase(w wire.Wire, req wire.Request, n int) string {
	return fmt.Sprintf("%s/%s/%d", w, req.Name, n)
}

func measureCalls(r *run) error {
	for _, w := range overTCP {
		err := r.all(serve.Options{Mode: w.Mode(), Tools: 2}, func(running map[string]*process) error {
			return r.loads(running, w)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
	}
	return nil
}

func (r *run) loads(running map[string]*process, w wire.Wire) error {
	for _, req := range requests {
		for _, n := range r.plan.clients {
			err := r.each(r.plan.reps, func(rep int, server string) error {
				v, err := r.load(running[server], w, req, n)
				if err == nil {
					r.add(callCase(w, req, n), server, rep, v)
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("%s with %d clients: %w", req.Name, n, err)
			}
		}
	}
	return nil
}

func measureStdio(r *run) error {
	return r.all(serve.Options{Mode: serve.Stdio, Tools: 2}, func(running map[string]*process) error {
		lines := make(map[string]*wire.Lines)
		for name, p := range running {
			l, err := wire.NewLines(p.in, p.out)
			if err != nil {
				return fmt.Errorf("%s: %w, it said %q", name, err, p.stderr.String())
			}
			lines[name] = l
		}
		for _, req := range requests {
			for _, n := range r.plan.inFlight {
				err := r.each(r.plan.reps, func(rep int, server string) error {
					v, err := r.loadStdio(running[server], lines[server], req, n)
					if err == nil {
						r.add(callCase(wire.Stdio, req, n), server, rep, v)
					}
					return err
				})
				if err != nil {
					return fmt.Errorf("%s, %d in flight: %w", req.Name, n, err)
				}
			}
		}
		return nil
	})
}

// loadStdio keeps n calls in flight. A server that does not answer is ended.
func (r *run) loadStdio(p *process, l *wire.Lines, req wire.Request, n int) (map[string]float64, error) {
	late := time.AfterFunc(patience+r.plan.run, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	flight := wire.NewFlight(l, wire.NewCaller(l, wire.Stdio, req, r.id()))
	return r.measure(p, func(d time.Duration) ([]time.Duration, error) {
		took := make([]time.Duration, 0, 1<<16)
		end, sent := time.Now().Add(d), 0
		more := func() bool { sent++; return sent <= n || time.Now().Before(end) }
		err := flight.Run(n, more, func(d time.Duration) { took = append(took, d) })
		return took, err
	})
}

// renderCalls begins with what a reader looks for first: the processor time of a
// call, against base, with many clients.
func renderCalls(r *results) string {
	var b strings.Builder
	names := serverNames()
	header := []string{"Transport", "Tool", base + " µs"}
	header = append(header, names[1:]...)
	var rows [][]string
	all := r.cases("calls")
	for _, w := range overTCP {
		for _, req := range requests {
			name := callCase(w, req, 16)
			row := []string{titles[w], req.Name, number(r.median("calls", name, base, "cpu"))}
			for _, server := range names[1:] {
				row = append(row, r.times("calls", name, server, "cpu"))
			}
			rows = append(rows, row)
		}
	}
	fmt.Fprintf(&b, "Processor time of the server per call, with 16 clients, against `%s` (least and greatest of the repetitions):\n\n", base)
	b.WriteString(table(2, header, rows))
	fmt.Fprintf(&b, "\nOurs against `%s`, and how often it allocates more:\n\n", base)
	b.WriteString(r.ours("calls", "Clients", overTCP...))
	for _, w := range overTCP {
		fmt.Fprintf(&b, "\n<details><summary>%s: all figures</summary>\n\n%s\n</details>\n", titles[w], r.details("calls", "Clients", all, string(w)))
	}
	return b.String()
}

func renderStdio(r *results) string {
	return r.ours("stdio", "In flight", wire.Stdio) +
		fmt.Sprintf("\n<details><summary>%s: all figures</summary>\n\n%s\n</details>\n", titles[wire.Stdio],
			r.details("stdio", "In flight", r.cases("stdio"), string(wire.Stdio)))
}

// ours is this framework against base, a row for each case of the wires.
func (r *results) ours(section, number1 string, wires ...wire.Wire) string {
	const us = "us"
	header := []string{"Transport", "Tool", number1, "Calls/s", "p99", "CPU/call", "Allocations"}
	var rows [][]string
	for _, w := range wires {
		for _, name := range r.cases(section) {
			parts := strings.Split(name, "/")
			if parts[0] != string(w) {
				continue
			}
			more := r.median(section, name, us, "allocs") - r.median(section, name, base, "allocs")
			rows = append(rows, []string{titles[w], parts[1], parts[2], r.times(section, name, us, "rate"), r.times(section, name, us, "p99"),
				r.times(section, name, us, "cpu"), fmt.Sprintf("%+.0f", more)})
		}
	}
	return table(3, header, rows)
}

// details is a row for each case of a wire and each server.
func (r *results) details(section, number1 string, cases []string, w string) string {
	header := []string{"Tool", number1, "Server", "Calls/s", "p50 µs", "p99 µs", "CPU µs/call", "against " + base, "Allocations", "Bytes"}
	var rows [][]string
	for _, name := range cases {
		parts := strings.Split(name, "/")
		if parts[0] != w {
			continue
		}
		for _, server := range serverNames() {
			value := func(key string) string { return number(r.median(section, name, server, key)) }
			rows = append(rows, []string{parts[1], parts[2], server, value("rate"), value("p50"), value("p99"), value("cpu"),
				r.times(section, name, server, "cpu"), value("allocs"), value("bytes")})
		}
	}
	return table(3, header, rows)
}

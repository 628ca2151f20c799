package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/wire"
)

// measureMegabyte sends something large in one direction at a time. How many
// bytes are allocated for it says how often it is copied.
func measureMegabyte(r *run) error {
	size := r.plan.large
	for _, req := range []wire.Request{wire.Length(size), wire.Repeat(size)} {
		err := r.each(r.plan.reps, func(rep int, server string) error {
			v, err := r.large(server, req)
			if err == nil {
				v["copies"] = v["bytes"] / float64(size)
				r.add(map[string]string{"length": "argument", "repeat": "result"}[req.Name], server, rep, v)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", req.Name, err)
		}
	}
	return nil
}

// large starts the server anew, so that its peak is that of this request.
func (r *run) large(server string, req wire.Request) (map[string]float64, error) {
	p, err := r.start(server, serve.Options{Mode: serve.HTTP, Tools: 2, Extra: true})
	if err != nil {
		return nil, err
	}
	defer p.stop()
	if _, err := r.load(p, wire.HTTP, wire.Echo(), 1); err != nil {
		return nil, err
	}
	before, err := p.footprint()
	if err != nil {
		return nil, err
	}
	if err := p.forgetPeak(); err != nil {
		return nil, err
	}
	v, err := r.load(p, wire.HTTP, req, 1)
	if err != nil {
		return nil, err
	}
	peak, err := p.status("VmHWM")
	v["peak"] = peak - before.resident
	return v, err
}

func renderMegabyte(r *results) string {
	return r.byServer("megabyte", "1 MiB in the", column{title: "CPU ms/call", key: "cpu", factor: 1e-3}, column{title: "against " + base, key: "cpu", ratio: true},
		column{title: "MiB allocated/call", key: "bytes", factor: 1.0 / (1 << 20)}, column{title: "Peak MiB above idle", key: "peak", factor: 1.0 / (1 << 20)})
}

func measureWide(r *run) error {
	return r.all(serve.Options{Mode: serve.HTTP, Tools: 2, Extra: true}, func(running map[string]*process) error {
		for _, n := range []int{1, growing} {
			err := r.each(r.plan.reps, func(rep int, server string) error {
				v, err := r.load(running[server], wire.HTTP, wire.Wide(), n)
				if err == nil {
					r.add(itoa(n), server, rep, v)
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("with %d clients: %w", n, err)
			}
		}
		return nil
	})
}

func renderWide(r *results) string {
	return r.byServer("wide", "Clients", column{title: "Calls/s", key: "rate"}, column{title: "p50 µs", key: "p50"}, column{title: "p99 µs", key: "p99"},
		column{title: "CPU µs/call", key: "cpu"}, column{title: "against " + base, key: "cpu", ratio: true},
		column{title: "Allocations", key: "allocs"}, column{title: "against " + base, key: "allocs", ratio: true}, column{title: "Bytes", key: "bytes"})
}

func measureMessages(r *run) error {
	return r.all(serve.Options{Mode: serve.HTTP, Tools: 2, Extra: true}, func(running map[string]*process) error {
		for _, size := range r.plan.messages {
			err := r.each(r.plan.fewer(), func(rep int, server string) error {
				v, err := r.load(running[server], wire.HTTP, wire.Mirror(size), 1)
				if err == nil {
					v["per byte"] = v["bytes"] / float64(size)
					r.add(itoa(size), server, rep, v)
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("of %d bytes: %w", size, err)
			}
		}
		return nil
	})
}

func renderMessages(r *results) string {
	return r.growth("messages", "Bytes", column{title: "CPU µs/call", key: "cpu"}, column{title: "Bytes allocated/call", key: "bytes"},
		column{title: "Bytes allocated/byte", key: "per byte"})
}

func plotMessages(r *results) []plot {
	cpu := r.plot("messages", "cpu", 1)
	cpu.file, cpu.title, cpu.x, cpu.y = "messages-cpu.svg", "A text that is sent and comes back", "bytes", "CPU µs per call"
	bytes := r.plot("messages", "bytes", 1)
	bytes.file, bytes.title, bytes.x, bytes.y = "messages-memory.svg", "A text that is sent and comes back", "bytes", "bytes allocated per call"
	return []plot{cpu, bytes}
}

// growth is a table for each column, with a row for each size and the servers side
// by side.
func (r *results) growth(section, first string, columns ...column) string {
	var tables []string
	for _, c := range columns {
		var rows [][]string
		for _, name := range r.cases(section) {
			n, _ := strconv.ParseFloat(name, 64)
			row := []string{number0(n)}
			for _, server := range serverNames() {
				row = append(row, number(c.scaled(r.median(section, name, server, c.key))))
			}
			rows = append(rows, row)
		}
		tables = append(tables, c.title+":\n\n"+table(0, append([]string{first}, serverNames()...), rows))
	}
	return strings.Join(tables, "\n")
}

// number0 writes a whole number.
func number0(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return number(v)
}

// plot draws a value of each server over the cases of a section, which are sizes.
func (r *results) plot(section, key string, factor float64) plot {
	var p plot
	for _, server := range serverNames() {
		l := line{name: server}
		for _, name := range r.cases(section) {
			if x, err := strconv.ParseFloat(name, 64); err == nil {
				l.points = append(l.points, [2]float64{x, factor * r.median(section, name, server, key)})
			}
		}
		p.lines = append(p.lines, l)
	}
	return p
}

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/wire"
)

func measureList(r *run) error {
	return r.all(serve.Options{Mode: serve.HTTP, Tools: r.plan.listed}, func(running map[string]*process) error {
		return r.each(r.plan.reps, func(rep int, server string) error {
			v, err := r.lists(running[server], r.plan.listed)
			if err == nil {
				r.add(fmt.Sprintf("%d tools", r.plan.listed), server, rep, v)
			}
			return err
		})
	})
}

// lists has one client that reads the whole list again and again.
func (r *run) lists(p *process, tools int) (map[string]float64, error) {
	c, err := wire.Dial(p.addr, wire.HTTP, wire.List(), wire.Options{Deadline: time.Now().Add(2 * patience)})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	l := wire.NewLister(c, wire.HTTP, tools, r.id())
	return r.measure(p, func(d time.Duration) ([]time.Duration, error) { return together(r.ctx, []caller{l}, d) })
}

func renderList(r *results) string {
	return r.byServer("list", "List of", column{title: "Lists/s", key: "rate"}, column{title: "p50 ms", key: "p50", factor: 1e-3},
		column{title: "p99 ms", key: "p99", factor: 1e-3}, column{title: "CPU ms/list", key: "cpu", factor: 1e-3},
		column{title: "against " + base, key: "cpu", ratio: true}, column{title: "Allocations", key: "allocs"}, column{title: "Bytes", key: "bytes"})
}

func measureStart(r *run) error {
	for _, tools := range r.plan.started {
		err := r.each(2*r.plan.reps, func(rep int, server string) error {
			v, err := r.starts(server, tools)
			if err == nil {
				r.add(fmt.Sprintf("%d tools", tools), server, rep, v)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("with %d tools: %w", tools, err)
		}
	}
	return nil
}

// starts measures from the start of the program to the answer to initialize.
func (r *run) starts(server string, tools int) (map[string]float64, error) {
	begun := time.Now()
	p, err := r.start(server, serve.Options{Mode: serve.Stdio, Tools: tools})
	if err != nil {
		return nil, err
	}
	defer p.stop()
	late := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	if _, err := wire.NewLines(p.in, p.out); err != nil {
		return nil, fmt.Errorf("%w, it said %q", err, p.stderr.String())
	}
	wall := time.Since(begun)
	ran, err := p.cpu()
	if err != nil {
		return nil, err
	}
	resident, err := p.status("VmRSS")
	return map[string]float64{"wall": micro(wall), "cpu": micro(ran), "resident": resident}, err
}

func renderStart(r *results) string {
	return r.byServer("start", "Server with", column{title: "ms", key: "wall", factor: 1e-3}, column{title: "against " + base, key: "wall", ratio: true},
		column{title: "CPU ms", key: "cpu", factor: 1e-3}, column{title: "Resident MiB", key: "resident", factor: 1.0 / (1 << 20)})
}

func measureSize(r *run) error {
	return r.each(1, func(rep int, server string) error {
		size, err := stripped(r.ctx, server, r.program(server)+"-stripped")
		if err == nil {
			r.add("stripped", server, rep, map[string]float64{"bytes": size})
		}
		return err
	})
}

func stripped(ctx context.Context, server, file string) (float64, error) {
	defer os.Remove(file)
	if err := build(ctx, server, file, "-trimpath", "-tags", "nodebug", "-ldflags", "-s -w"); err != nil {
		return 0, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()), nil
}

func renderSize(r *results) string {
	return r.byServer("size", "Program", column{title: "MB", key: "bytes", factor: 1e-6}, column{title: "against " + base, key: "bytes", ratio: true})
}

func measureTools(r *run) error {
	for _, tools := range r.plan.tools {
		err := r.each(r.plan.fewer(), func(rep int, server string) error {
			started, err := r.starts(server, tools)
			if err != nil {
				return err
			}
			v, err := r.withTools(server, tools)
			if err == nil {
				v["start"] = started["cpu"]
				r.add(itoa(tools), server, rep, v)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("with %d tools: %w", tools, err)
		}
	}
	return nil
}

func (r *run) withTools(server string, tools int) (map[string]float64, error) {
	p, err := r.start(server, serve.Options{Mode: serve.HTTP, Tools: tools})
	if err != nil {
		return nil, err
	}
	defer p.stop()
	v, err := r.load(p, wire.HTTP, wire.Echo(), growing)
	if err != nil {
		return nil, err
	}
	list, err := r.lists(p, tools)
	if err != nil {
		return nil, err
	}
	v["list"] = list["cpu"]
	return v, nil
}

func renderTools(r *results) string {
	return r.growth("tools", "Tools", column{title: "CPU µs/call", key: "cpu"}, column{title: "CPU ms/list", key: "list", factor: 1e-3},
		column{title: "CPU ms to start", key: "start", factor: 1e-3})
}

func plotTools(r *results) []plot {
	call := r.plot("tools", "cpu", 1)
	call.file, call.title, call.x, call.y = "tools-call.svg", "A call, of one among many tools", "tools", "CPU µs per call"
	list := r.plot("tools", "list", 1e-3)
	list.file, list.title, list.x, list.y = "tools-list.svg", "The whole list of tools", "tools", "CPU ms per list"
	start := r.plot("tools", "start", 1e-3)
	start.file, start.title, start.x, start.y = "tools-start.svg", "From the start of the program to its first answer", "tools", "CPU ms"
	return []plot{call, list, start}
}

package hostile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
)

// How many sessions a round of the soak begins, and how many at once.
const (
	soakRound   = 400
	soakWorkers = 24
)

// TestSoak has clients of every kind come and go, well-meaning ones and others, for
// as long as -soak says. After each round, when nobody is left, the server has to
// hold what it held after the first ones: goroutines, memory, open files.
func TestSoak(t *testing.T) {
	p := startServer(t, targetOptions{Limits: server.Limits{Idle: 2 * time.Second, Queue: 64 << 10}})
	c := newSoakClient(t, p.url)
	defer c.CloseIdleConnections()
	var samples []figures
	lives := make(map[string]int)
	began := time.Now()
	for len(samples) < 4 || time.Since(began) < *soak {
		soakOnce(t, c, lives)
		samples = append(samples, p.idle(c))
		p.checkLog()
		if t.Failed() {
			return
		}
	}
	total := 0
	for _, n := range lives {
		total += n
	}
	t.Logf("%d lives in %s: %v", total, time.Since(began).Round(time.Second), lives)
	for i := range 11 {
		f := samples[i*(len(samples)-1)/10]
		t.Logf("after %3d%%: %d goroutines, %d files, heap %d KiB, resident %d KiB, at most %d KiB", i*10, f.Goroutines, f.FDs, f.Heap>>10, f.RSS>>10, f.PeakRSS>>10)
	}
	checkFlat(t, samples)
	if err := p.terminate(); err != nil {
		t.Errorf("in the end: %v\n%s", err, p.log.tail(1000))
	}
}

// checkLog fails the test if the server has logged an error that none of the lives
// is meant to cause, and forgets the log.
func (p *process) checkLog() {
	p.t.Helper()
	for line := range strings.Lines(p.log.take()) {
		if !strings.Contains(line, `msg="tool panicked"`) && !strings.HasPrefix(line, "serving at ") {
			p.t.Errorf("the server logged: %s", line)
		}
	}
}

// soakOnce begins one round of lives, and waits for their end.
func soakOnce(t *testing.T, c *soakClient, lives map[string]int) {
	kinds := soakKinds()
	work := make(chan int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range soakWorkers {
		wg.Go(func() {
			for range work {
				k := kinds[rand.IntN(len(kinds))]
				if err := k.live(c); err != nil {
					t.Errorf("%s: %v", k.name, err)
				}
				mu.Lock()
				lives[k.name]++
				mu.Unlock()
			}
		})
	}
	for i := range soakRound {
		work <- i
	}
	close(work)
	wg.Wait()
}

// idle waits until nobody is connected any more, and returns what is left.
func (p *process) idle(c *soakClient) (f figures) {
	p.t.Helper()
	c.CloseIdleConnections()
	least := -1
	for deadline := time.Now().Add(patience); ; {
		f = p.figures()
		if least < 0 || f.Goroutines < least {
			least = f.Goroutines
		}
		if f.Sessions == 0 && f.Goroutines <= idleGoroutines {
			return f
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("nobody is there, and the server has %+v, of goroutines never fewer than %d", f, least)
		}
		time.Sleep(10 * time.Millisecond) // asking costs a garbage collection
	}
}

// idleGoroutines is what a server without a client runs, one for whoever asks among
// them.
const idleGoroutines = 8

// checkFlat compares what the server held in the first and in the last third of the
// rounds, by their medians. The first round is left out: it fills pools.
func checkFlat(t *testing.T, samples []figures) {
	t.Helper()
	samples = samples[1:]
	third := max(1, len(samples)/3)
	for _, held := range []struct {
		what string
		of   func(f figures) int64
		more float64 // that the end may have, as a factor
		than int64   // and so many beside
	}{
		{"goroutines", func(f figures) int64 { return int64(f.Goroutines) }, 1, 2},
		{"open files", func(f figures) int64 { return int64(f.FDs) }, 1, 2},
		{"bytes of heap", func(f figures) int64 { return int64(f.Heap) }, 1.1, 1 << 20},
		{"bytes resident", func(f figures) int64 { return f.RSS }, 1.25, 16 << 20},
	} {
		first, last := median(samples[:third], held.of), median(samples[len(samples)-third:], held.of)
		if float64(last) > held.more*float64(first)+float64(held.than) {
			t.Errorf("%s grow from %d to %d", held.what, first, last)
		}
	}
}

func median(samples []figures, of func(figures) int64) int64 {
	var all []int64
	for _, f := range samples {
		all = append(all, of(f))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// soakKind is one way to live and end.
type soakKind struct {
	name string
	live func(c *soakClient) error
}

func soakKinds() []soakKind {
	return []soakKind{
		{"SSE", func(c *soakClient) error { return c.sse(true) }},
		{"SSE, left at once", func(c *soakClient) error { return c.sse(false) }},
		{"SSE, never read", (*soakClient).deaf},
		{"session", func(c *soakClient) error { return c.session(true) }},
		{"session, never ended", func(c *soakClient) error { return c.session(false) }},
		{"stream cut and resumed", (*soakClient).resume},
		{"no session", (*soakClient).alone},
		{"listening, then gone", (*soakClient).listen},
		{"call cancelled by hanging up", (*soakClient).hangUp},
		{"panic", (*soakClient).panics},
		{"nonsense", (*soakClient).nonsense},
	}
}

// soakText is what a call of echo says, different each time and of any size.
func soakText() string {
	return fmt.Sprintf("%d-%s", rand.Uint64(), strings.Repeat("x", rand.IntN(20)*rand.IntN(1000)))
}

package server

import (
	"strconv"
	"testing"
)

// words is a registry of texts that are their own keys; asked counts how often
// one was asked for its key.
func words(asked *int) *registry[string] {
	return &registry[string]{kind: kind[string]{
		list: "words", one: "word", remedy: "use another",
		key: func(s string) string { *asked++; return s },
	}}
}

func keysOf(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "w" + strconv.Itoa(i)
	}
	return all
}

// What one item costs does not depend on how many are there.
func TestRegistryIsLinear(t *testing.T) {
	const n = 10_000
	keys, asked := keysOf(n), 0
	r := words(&asked)
	for _, k := range keys {
		if err := r.add(k); err != nil {
			t.Fatal(err)
		}
	}
	if asked > 2*n {
		t.Errorf("adding %d items asked for %d keys", n, asked)
	}
	asked = 0
	for _, k := range keys {
		if !r.remove(k) {
			t.Fatal(k, "is gone")
		}
	}
	if asked > 2*n {
		t.Errorf("removing %d items asked for %d keys", n, asked)
	}
}

func TestRegistryAddAllocs(t *testing.T) {
	const n = 1000
	keys, asked := keysOf(n), 0
	allocs := testing.AllocsPerRun(10, func() {
		r := words(&asked)
		for _, k := range keys {
			if err := r.add(k); err != nil {
				t.Fatal(err)
			}
		}
	}) / n
	if allocs > 1.1 { // the entry, and what the list and the index grow by
		t.Errorf("%.2f allocations for each item, want 1.1 at most", allocs)
	}
}

// A snapshot stays what it was, and the order of those that come after is that
// of registration, whatever was removed between.
func TestRegistryRemove(t *testing.T) {
	var asked int
	r := words(&asked)
	for _, k := range keysOf(5) {
		if err := r.add(k); err != nil {
			t.Fatal(err)
		}
	}
	before := r.snapshot()
	if r.remove("w5") || !r.remove("w2") || r.remove("w2") {
		t.Fatal("remove does not tell what there was")
	}
	if err := r.add("w3"); err == nil {
		t.Fatal("w3 was added twice")
	}
	if err := r.add("w2"); err != nil {
		t.Fatal("w2 cannot come back:", err)
	}
	for s, want := range map[*snapshot[string]]string{before: "w0w1w2w3w4", r.snapshot(): "w0w1w3w4w2"} {
		var got string
		var last uint64
		for _, e := range s.items {
			got += e.item
			if e.seq <= last {
				t.Error("sequence numbers do not grow")
			}
			last = e.seq
		}
		if got != want {
			t.Errorf("items are %s, want %s", got, want)
		}
	}
	if _, ok := r.find("w2"); !ok {
		t.Error("w2 is not found")
	}
}

func BenchmarkRegistryAdd(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			keys, asked := keysOf(n), 0
			for b.Loop() {
				r := words(&asked)
				for _, k := range keys {
					if err := r.add(k); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
		})
	}
}

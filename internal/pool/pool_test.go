package pool

import "testing"

func TestBuffer(t *testing.T) {
	b := Get()
	b.B = append(b.B, "left behind"...)
	b.Put()
	if got := Get().B; len(got) != 0 {
		t.Errorf("a buffer on loan holds %q", got)
	}
	large := Get()
	large.B = make([]byte, 0, 2*keep)
	large.Put()
	for range 10 { // none goes back: the pool has to give what it has
		if c := cap(Get().B); c > keep {
			t.Fatalf("a slice of %d bytes is kept", c)
		}
	}
}

func TestGrow(t *testing.T) {
	b := &Buffer{B: []byte("kept")}
	b.Grow(10_000)
	if c := cap(b.B); c < 10_004 || string(b.B) != "kept" {
		t.Errorf("%d bytes with %q", c, b.B)
	}
	before := &b.B[0]
	b.Grow(100)
	if &b.B[0] != before {
		t.Error("what has room was copied")
	}
	copies := 0
	for range 1 << 20 {
		if len(b.B) == cap(b.B) {
			copies++
			b.Grow(1)
		}
		b.B = append(b.B, 'x')
	}
	if copies > 10 {
		t.Errorf("a megabyte was copied %d times while it grew", copies)
	}
}

// Whoever needs a large slice gets one that was given back, with what he has.
func TestLargeAgain(t *testing.T) {
	again := false
	for range 100 { // a pool may forget
		again = again || largeAgain(t)
	}
	if !again {
		t.Error("none was given again")
	}
}

func largeAgain(t *testing.T) (again bool) {
	big := Get()
	big.Grow(1 << 20)
	first := &big.B[:1][0]
	big.Put()
	if c := cap(Get().B); c > keep {
		t.Fatalf("a slice of %d bytes is for anybody", c)
	}
	b := &Buffer{B: []byte("kept")}
	b.Grow(500_000)
	again = &b.B[:1][0] == first
	if string(b.B) != "kept" || cap(b.B) < 500_004 {
		t.Errorf("%q in %d bytes", b.B, cap(b.B))
	}
	b.Grow(9 << 20)
	if string(b.B) != "kept" || cap(b.B) < 9<<20 {
		t.Errorf("%q in %d bytes", b.B, cap(b.B))
	}
	return again
}

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
	if copies > 7 {
		t.Errorf("a megabyte was copied %d times while it grew", copies)
	}
}

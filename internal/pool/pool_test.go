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
	large.B = make([]byte, 0, 2*max)
	large.Put()
	for range 10 { // none goes back: the pool has to give what it has
		if c := cap(Get().B); c > max {
			t.Fatalf("a slice of %d bytes is kept", c)
		}
	}
}

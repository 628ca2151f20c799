package server

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestLedgerLimits: what failed uses up nothing, and neither the number of results
// nor their bytes grow past the limits.
func TestLedgerLimits(t *testing.T) {
	l := ledger{limit: 2, bytes: 20, keep: time.Hour}
	do := func(who byte, name, result string) error {
		_, err := l.do(context.Background(), fingerprint{who}, name, func() ([]byte, error) {
			if result == "" {
				return nil, errors.New("failed")
			}
			return []byte(result), nil
		})
		return err
	}
	for range 5 {
		if err := do(1, "a", ""); err == nil || err == errLedgerFull {
			t.Errorf("a run that fails: %v", err)
		}
	}
	for who, name := range []string{"a", "b", "a"} {
		if err := do(byte(who), name, "123"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := do(3, "c", "123"); err != errLedgerFull {
		t.Errorf("a third: %v", err)
	}
	l = ledger{limit: 100, bytes: 5, keep: time.Hour}
	if err := errors.Join(do(1, "a", "123"), do(2, "b", "123")); err != nil {
		t.Error(err)
	}
	if err := do(3, "c", "123"); err != errLedgerFull {
		t.Errorf("past the bytes: %v", err)
	}
}

// TestLedgerShares: one caller does not take the places of the others, nor their
// bytes, and gets his own back with time.
func TestLedgerShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range []int{0, 1000} { // of a result: entries are what there is too little of, or bytes
			l := ledger{limit: 1000, bytes: 500_000, keep: time.Hour}
			if size == 0 {
				l.bytes = 1 << 30
			}
			last := 0
			fill := func(who byte) (n int) {
				for ; ; n++ {
					last++
					_, err := l.do(t.Context(), fingerprint{who}, fmt.Sprint(last), func() ([]byte, error) { return make([]byte, size), nil })
					if err != nil {
						return n
					}
				}
			}
			want := 500 // half of what there is
			if size > 0 {
				want = 250
			}
			if got := fill(1); got != want {
				t.Errorf("of %d bytes each, the first has %d, want %d", size, got, want)
			}
			if got := fill(2); got != want/2 {
				t.Errorf("of %d bytes each, the second has %d, want %d", size, got, want/2)
			}
			if fill(1) != 0 {
				t.Error("the first gets more")
			}
			time.Sleep(time.Hour + 1)
			if got := fill(1); got != want {
				t.Errorf("of %d bytes each, later the first has %d, want %d", size, got, want)
			}
			time.Sleep(time.Hour + 1)
			if _, err := l.do(t.Context(), fingerprint{3}, "last", func() ([]byte, error) { time.Sleep(2 * time.Hour); return make([]byte, 10), nil }); err != nil {
				t.Error(err)
			}
			if _, err := l.do(t.Context(), fingerprint{3}, "after", func() ([]byte, error) { return nil, nil }); err != nil || l.size != 0 || len(l.callers) != 1 {
				t.Errorf("%v; after a run that took too long %d bytes are counted, of %d callers", err, l.size, len(l.callers))
			}
		}
	})
}

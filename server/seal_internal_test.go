package server

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestLedgerLimits: what failed uses up nothing, and neither the number of results
// nor their bytes grow past the limits.
func TestLedgerLimits(t *testing.T) {
	l := ledger{limit: 2, bytes: 10, keep: time.Hour}
	do := func(name, result string) error {
		_, err := l.do(context.Background(), name, func() ([]byte, error) {
			if result == "" {
				return nil, errors.New("failed")
			}
			return []byte(result), nil
		})
		return err
	}
	for range 5 {
		if err := do("a", ""); err == nil || err == errLedgerFull {
			t.Errorf("a run that fails: %v", err)
		}
	}
	for _, name := range []string{"a", "b", "a"} {
		if err := do(name, "123"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := do("c", "123"); err != errLedgerFull {
		t.Errorf("a third: %v", err)
	}
	l = ledger{limit: 100, bytes: 5, keep: time.Hour}
	if err := errors.Join(do("a", "123"), do("b", "123")); err != nil {
		t.Error(err)
	}
	if err := do("c", "123"); err != errLedgerFull {
		t.Errorf("past the bytes: %v", err)
	}
}

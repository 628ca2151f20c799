package tool_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

type receipt struct {
	ID   string
	At   time.Time
	open bool
}

func TestOnce(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 2, 3, 4, time.UTC)
	a := &asker{}
	runs := 0
	for range 3 {
		ctx := a.context(t)
		got, err := tool.Once(ctx, "pay", func() (receipt, error) { runs++; return receipt{"r-1", at, true}, nil })
		// The first result is one that was read back too.
		if err != nil || got != (receipt{ID: "r-1", At: at}) {
			t.Errorf("got %+v, %v", got, err)
		}
		other, err := tool.Once(ctx, "other", func() (*int, error) { runs++; return nil, nil })
		if err != nil || other != nil {
			t.Errorf("got %v, %v", other, err)
		}
	}
	if runs != 2 || string(a.kept["pay"]) != `{"ID":"r-1","At":"2026-11-22T01:02:03.000000004Z"}` {
		t.Errorf("%d runs, kept %s", runs, a.kept["pay"])
	}
}

func TestOnceKeepsNoError(t *testing.T) {
	a := &asker{}
	boom := errors.New("boom")
	if got, err := tool.Once(a.context(t), "x", func() (int, error) { return 7, boom }); err != boom || got != 0 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := tool.Once(a.context(t), "x", func() (int, error) { return 8, nil }); err != nil || got != 8 {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestOnceRefuses: what cannot be kept is found before anything happens, as far as
// the type tells.
func TestOnceRefuses(t *testing.T) {
	a := &asker{}
	ctx := a.context(t)
	never := func() (struct{ C chan int }, error) {
		t.Error("it ran")
		return struct{ C chan int }{}, nil
	}
	_, err := tool.Once(ctx, "x", never)
	wantError(t, err, `tool.Once "x": JSON has no chan int: return another type`)
	_, err = tool.Once(ctx, "", never)
	wantError(t, err, "tool.Once: no name")
	_, err = tool.Once(ctx, "x", func() (float64, error) { return math.NaN(), nil })
	wantError(t, err, `tool.Once "x": the result cannot be kept: json: unsupported value: NaN`)
	if len(a.kept) > 0 {
		t.Errorf("kept %s", a.kept)
	}
	_, err = tool.Once(ctx, "x", func() (error, error) { return errors.New("lost"), nil })
	wantError(t, err, `tool.Once "x": the result did not survive encoding/json`)
}

func TestOnceWithoutOutlet(t *testing.T) {
	ctx := tool.NewContext(t.Context(), tool.Call{})
	runs := 0
	for range 2 {
		got, err := tool.Once(ctx, "x", func() (receipt, error) { runs++; return receipt{"r", time.Time{}, true}, nil })
		if err != nil || got.ID != "r" || got.open {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if runs != 2 {
		t.Errorf("%d runs", runs)
	}
}

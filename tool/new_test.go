package tool_test

import (
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

func newForecast(ctx *tool.Context, in forecastIn) (forecastOut, error) { return forecastOut{}, nil }

func newEcho(in forecast) string { return in.Sky }

// A server with a thousand tools makes them all before it answers anybody.
var fresh = []struct {
	name    string
	fn      any
	ceiling float64 // allocations, for types that a tool has had before
}{
	{"text", newEcho, 10},
	{"structured", newForecast, 30},
}

func TestNewAllocations(t *testing.T) {
	options := []tool.Option{tool.Name("forecast"), tool.Description("Forecast for a city.")}
	for _, tt := range fresh {
		got := testing.AllocsPerRun(100, func() {
			if _, err := tool.New(tt.fn, options...); err != nil {
				t.Fatal(err)
			}
		})
		if got > tt.ceiling {
			t.Errorf("%s: %v allocations a tool, more than %v", tt.name, got, tt.ceiling)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	options := []tool.Option{tool.Name("forecast"), tool.Description("Forecast for a city.")}
	for _, tt := range fresh {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tool.New(tt.fn, options...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package tool_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

type forecastIn struct {
	City  string `json:"city" jsonschema:"minLength=1"`
	Days  int    `json:"days,omitempty" jsonschema:"minimum=1,maximum=7,default=3"`
	Units string `json:"units,omitempty" jsonschema:"enum=metric,enum=imperial,default=metric"`
}

type forecastOut struct {
	City string     `json:"city"`
	For  string     `json:"for"`
	Days []forecast `json:"days"`
}

type forecast struct {
	High float64 `json:"high"`
	Sky  string  `json:"sky"`
}

// workloads are the calls that are measured, with the most allocations that one
// of them may cost.
var workloads = []struct {
	name      string
	fn        any
	options   []tool.Option
	arguments string
	ceiling   float64 // of AppendCall
	result    float64 // what Call takes beyond that
}{
	{
		name:      "echo",
		fn:        func(text string) string { return text },
		options:   []tool.Option{tool.Params("text")},
		arguments: `{"text":"hello, world"}`,
		ceiling:   5, // the text, two of reflect's for the result, and the Result
	},
	{
		name: "forecast",
		fn: func(ctx *tool.Context, in forecastIn) (forecastOut, error) {
			return forecastOut{City: in.City, For: ctx.Arg("client_id", ""), Days: make([]forecast, in.Days)}, nil
		},
		arguments: `{"city":"Oslo","days":3,"units":"metric"}`,
		ceiling:   6, // the texts, reflect's for the results, and the function's own
		result:    3,
	},
}

// BenchmarkStandard is what encoding/json takes for the same arguments, function and
// result, with its text quoted once more, and no check at all.
func BenchmarkStandard(b *testing.B) {
	arguments := []byte(workloads[1].arguments)
	b.ReportAllocs()
	for b.Loop() {
		var in forecastIn
		if err := json.Unmarshal(arguments, &in); err != nil {
			b.Fatal(err)
		}
		text, err := json.Marshal(forecastOut{City: in.City, Days: make([]forecast, in.Days)})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := json.Marshal(struct {
			Text       string
			Structured json.RawMessage
		}{string(text), text}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	ctx := tool.NewContext(b.Context(), tool.Call{Args: tool.NewArgs(url.Values{"client_id": {"me"}})})
	for _, work := range workloads {
		made := must(b, work.fn, append(work.options, tool.Name(work.name))...)
		arguments := []byte(work.arguments)
		b.Run(work.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := made.Call(ctx, arguments); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(work.name+"/append", func(b *testing.B) {
			buf := make([]byte, 0, 1<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := made.AppendCall(buf, ctx, arguments); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var sink *tool.Context // so that what is made is not optimized away

func BenchmarkNewContext(b *testing.B) {
	call := tool.Call{Args: tool.NewArgs(url.Values{"client_id": {"me"}}), Values: new(tool.Values)}
	b.ReportAllocs()
	for b.Loop() {
		sink = tool.NewContext(b.Context(), call)
	}
}

func TestCallAllocations(t *testing.T) {
	ctx := tool.NewContext(t.Context(), tool.Call{})
	buf := make([]byte, 0, 1<<10)
	for _, work := range workloads {
		made := must(t, work.fn, append(work.options, tool.Name(work.name))...)
		arguments := []byte(work.arguments)
		got := testing.AllocsPerRun(200, func() {
			if _, _, err := made.AppendCall(buf, ctx, arguments); err != nil {
				t.Fatal(err)
			}
		})
		if got > work.ceiling+dropped {
			t.Errorf("%s: %v allocations a call, more than %v", work.name, got, work.ceiling)
		}
		got = testing.AllocsPerRun(200, func() {
			if _, err := made.Call(ctx, arguments); err != nil {
				t.Fatal(err)
			}
		})
		if got > work.ceiling+work.result+dropped {
			t.Errorf("%s: %v allocations a call with its Result, more than %v", work.name, got, work.ceiling+work.result)
		}
	}
}

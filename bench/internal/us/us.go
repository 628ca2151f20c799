// Package us is the server of the benchmarks, made with this framework.
package us

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/wide"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// Message is what echo takes.
type Message struct {
	Text string `json:"text" jsonschema_description:"the text to send back"`
}

// Place is what forecast takes.
type Place struct {
	City  string `json:"city" jsonschema_description:"name of the city"`
	Days  int    `json:"days" jsonschema:"minimum=1,maximum=7" jsonschema_description:"number of days"`
	Units string `json:"units" jsonschema:"enum=metric,enum=imperial" jsonschema_description:"unit system"`
}

// Forecast is what forecast answers.
type Forecast struct {
	City string `json:"city"`
	Days []Day  `json:"days"`
}

// Day is the weather of one day.
type Day struct {
	Date    string  `json:"date"`
	High    float64 `json:"high"`
	Low     float64 `json:"low"`
	Summary string  `json:"summary"`
}

// Size is what repeat takes.
type Size struct {
	Size int `json:"size" jsonschema:"minimum=0"`
}

func echo(in Message) string { return in.Text }

func forecast(in Place) (Forecast, error) {
	out := Forecast{City: in.City, Days: make([]Day, in.Days)}
	for i := range out.Days {
		high, low := 20.5+float64(i), 10.5+float64(i)
		if in.Units == "imperial" {
			high, low = high*9/5+32, low*9/5+32
		}
		out.Days[i] = Day{fmt.Sprintf("2026-01-%02d", i+1), high, low, "partly cloudy"}
	}
	return out, nil
}

// Server takes part as "us".
var Server = serve.Server{
	Name:    "us",
	Handler: func(o serve.Options) (http.Handler, error) { return newServer(o).Handler(), nil },
	Stdio:   func(ctx context.Context, o serve.Options) error { return newServer(o).ServeStdio(ctx) },
	Streams: func(ctx context.Context, o serve.Options, in io.ReadCloser, out io.WriteCloser) error {
		return newServer(o).ServeStreams(ctx, in, out, nil)
	},
}

func newServer(o serve.Options) *server.Server {
	opts := server.Options{Sessionless: o.Mode == serve.Stateless}
	if o.Extra {
		opts.Limits.Message = 64 << 20
	}
	srv := server.New("bench", "1.0.0", opts)
	srv.Tool(echo, tool.Description("Echo the text"))
	if o.Tools > 1 {
		srv.Tool(forecast, tool.Description("Weather forecast for a city"))
	}
	for i := 2; i < o.Tools; i++ {
		srv.Tool(forecast, tool.Name(fmt.Sprintf("tool_%04d", i)), tool.Description("Weather forecast for a city"))
	}
	if o.Extra {
		srv.Tool(echo, tool.Name("mirror"))
		srv.Tool(func(in Message) string { return strconv.Itoa(len(in.Text)) }, tool.Name("length"))
		srv.Tool(func(in Size) string { return strings.Repeat("x", in.Size) }, tool.Name("repeat"))
		srv.Tool(func(in wide.Order) wide.Order { return in }, tool.Name("wide"))
	}
	return srv
}

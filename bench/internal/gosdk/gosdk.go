// Package gosdk is the server of package us, made with
// github.com/modelcontextprotocol/go-sdk. It checks input and output against
// their schemas without being asked to.
package gosdk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/wide"
)

type message struct {
	Text string `json:"text" jsonschema:"the text to send back"`
}

type place struct {
	City  string `json:"city" jsonschema:"name of the city"`
	Days  int    `json:"days" jsonschema:"number of days"`
	Units string `json:"units" jsonschema:"unit system"`
}

type forecast struct {
	City string `json:"city"`
	Days []day  `json:"days"`
}

type day struct {
	Date    string  `json:"date"`
	High    float64 `json:"high"`
	Low     float64 `json:"low"`
	Summary string  `json:"summary"`
}

type size struct {
	Size int `json:"size"`
}

// Server takes part as "go-sdk".
var Server = serve.Server{
	Name:    "go-sdk",
	Handler: handler,
	Stdio: func(ctx context.Context, o serve.Options) error {
		s, err := newServer(o)
		if err != nil {
			return err
		}
		return s.Run(ctx, &mcp.StdioTransport{})
	},
	Streams: func(ctx context.Context, o serve.Options, in io.ReadCloser, out io.WriteCloser) error {
		s, err := newServer(o)
		if err != nil {
			return err
		}
		return s.Run(ctx, &mcp.IOTransport{Reader: in, Writer: out})
	},
}

func handler(o serve.Options) (http.Handler, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	get := func(*http.Request) *mcp.Server { return s }
	limit := int64(0) // the default
	if o.Extra {
		limit = 64 << 20
	}
	if o.Mode == serve.SSE {
		mux.Handle("/sse", mcp.NewSSEHandler(get, &mcp.SSEOptions{MaxRequestBodyBytes: limit}))
		return mux, nil
	}
	mux.Handle("/mcp", mcp.NewStreamableHTTPHandler(get, &mcp.StreamableHTTPOptions{
		Stateless: o.Mode == serve.Stateless, MaxRequestBodyBytes: limit,
	}))
	return mux, nil
}

// placeSchema adds what the struct tags of the library cannot say.
func placeSchema() (*jsonschema.Schema, error) {
	s, err := jsonschema.For[place](nil)
	if err != nil {
		return nil, err
	}
	least, most := 1.0, 7.0
	s.Properties["days"].Minimum, s.Properties["days"].Maximum = &least, &most
	s.Properties["units"].Enum = []any{"metric", "imperial"}
	return s, nil
}

func newServer(o serve.Options) (*mcp.Server, error) {
	s := mcp.NewServer(&mcp.Implementation{Name: "bench", Version: "1.0.0"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "echo", Description: "Echo the text"}, echo)
	for i := 1; i < o.Tools; i++ {
		name := "forecast"
		if i > 1 {
			name = fmt.Sprintf("tool_%04d", i)
		}
		schema, err := placeSchema()
		if err != nil {
			return nil, err
		}
		mcp.AddTool(s, &mcp.Tool{Name: name, Description: "Weather forecast for a city", InputSchema: schema}, predict)
	}
	if o.Extra {
		addExtra(s)
	}
	return s, nil
}

func text(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: s}}}
}

func echo(_ context.Context, _ *mcp.CallToolRequest, in message) (*mcp.CallToolResult, any, error) {
	return text(in.Text), nil, nil
}

func predict(_ context.Context, _ *mcp.CallToolRequest, in place) (*mcp.CallToolResult, forecast, error) {
	out := forecast{City: in.City, Days: make([]day, in.Days)}
	for i := range out.Days {
		high, low := 20.5+float64(i), 10.5+float64(i)
		if in.Units == "imperial" {
			high, low = high*9/5+32, low*9/5+32
		}
		out.Days[i] = day{fmt.Sprintf("2026-01-%02d", i+1), high, low, "partly cloudy"}
	}
	return nil, out, nil
}

func addExtra(s *mcp.Server) {
	mcp.AddTool(s, &mcp.Tool{Name: "mirror"}, echo)
	mcp.AddTool(s, &mcp.Tool{Name: "length"},
		func(_ context.Context, _ *mcp.CallToolRequest, in message) (*mcp.CallToolResult, any, error) {
			return text(strconv.Itoa(len(in.Text))), nil, nil
		})
	mcp.AddTool(s, &mcp.Tool{Name: "repeat"},
		func(_ context.Context, _ *mcp.CallToolRequest, in size) (*mcp.CallToolResult, any, error) {
			return text(strings.Repeat("x", in.Size)), nil, nil
		})
	mcp.AddTool(s, &mcp.Tool{Name: "wide", InputSchema: json.RawMessage(wide.Input), OutputSchema: json.RawMessage(wide.Output)},
		func(_ context.Context, _ *mcp.CallToolRequest, in wide.Order) (*mcp.CallToolResult, wide.Order, error) {
			return nil, in, nil
		})
}

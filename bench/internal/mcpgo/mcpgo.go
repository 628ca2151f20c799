// Package mcpgo is the server of package us, made with
// github.com/mark3labs/mcp-go. It is asked to check input and output against
// their schemas, as the others do.
package mcpgo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/wide"
)

type message struct {
	Text string `json:"text"`
}

type place struct {
	City  string `json:"city"`
	Days  int    `json:"days"`
	Units string `json:"units"`
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

// Server takes part as "mcp-go".
var Server = serve.Server{
	Name:    "mcp-go",
	Handler: handler,
	Stdio:   func(_ context.Context, o serve.Options) error { return server.ServeStdio(newServer(o)) },
	Streams: func(ctx context.Context, o serve.Options, in io.ReadCloser, out io.WriteCloser) error {
		return server.NewStdioServer(newServer(o)).Listen(ctx, in, out)
	},
}

func handler(o serve.Options) (http.Handler, error) {
	s := newServer(o)
	if o.Mode == serve.SSE {
		return server.NewSSEServer(s), nil
	}
	mux := http.NewServeMux()
	stateless := o.Mode == serve.Stateless
	mux.Handle("/mcp", server.NewStreamableHTTPServer(s, server.WithStateLess(stateless), server.WithStateful(!stateless)))
	return mux, nil
}

func newServer(o serve.Options) *server.MCPServer {
	s := server.NewMCPServer("bench", "1.0.0", server.WithInputSchemaValidation(), server.WithOutputSchemaValidation())
	s.AddTool(messageTool("echo"), mcp.NewTypedToolHandler(echo))
	for i := 1; i < o.Tools; i++ {
		name := "forecast"
		if i > 1 {
			name = fmt.Sprintf("tool_%04d", i)
		}
		s.AddTool(placeTool(name), mcp.NewStructuredToolHandler(predict))
	}
	if o.Extra {
		addExtra(s)
	}
	return s
}

func messageTool(name string) mcp.Tool {
	return mcp.NewTool(name, mcp.WithDescription("Echo the text"),
		mcp.WithString("text", mcp.Required(), mcp.Description("the text to send back")))
}

func placeTool(name string) mcp.Tool {
	return mcp.NewTool(name, mcp.WithDescription("Weather forecast for a city"),
		mcp.WithString("city", mcp.Required(), mcp.Description("name of the city")),
		mcp.WithInteger("days", mcp.Required(), mcp.Description("number of days"), mcp.Min(1), mcp.Max(7)),
		mcp.WithString("units", mcp.Required(), mcp.Description("unit system"), mcp.Enum("metric", "imperial")),
		mcp.WithOutputSchema[forecast]())
}

func echo(_ context.Context, _ mcp.CallToolRequest, in message) (*mcp.CallToolResult, error) {
	return mcp.NewToolResultText(in.Text), nil
}

func predict(_ context.Context, _ mcp.CallToolRequest, in place) (forecast, error) {
	out := forecast{City: in.City, Days: make([]day, in.Days)}
	for i := range out.Days {
		high, low := 20.5+float64(i), 10.5+float64(i)
		if in.Units == "imperial" {
			high, low = high*9/5+32, low*9/5+32
		}
		out.Days[i] = day{fmt.Sprintf("2026-01-%02d", i+1), high, low, "partly cloudy"}
	}
	return out, nil
}

func addExtra(s *server.MCPServer) {
	s.AddTool(messageTool("mirror"), mcp.NewTypedToolHandler(echo))
	s.AddTool(messageTool("length"), mcp.NewTypedToolHandler(
		func(_ context.Context, _ mcp.CallToolRequest, in message) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText(strconv.Itoa(len(in.Text))), nil
		}))
	s.AddTool(mcp.NewTool("repeat", mcp.WithInteger("size", mcp.Required(), mcp.Min(0))), mcp.NewTypedToolHandler(
		func(_ context.Context, _ mcp.CallToolRequest, in size) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText(strings.Repeat("x", in.Size)), nil
		}))
	order := mcp.NewToolWithRawSchema("wide", "", wide.Input)
	order.RawOutputSchema = wide.Output
	s.AddTool(order, mcp.NewStructuredToolHandler(
		func(_ context.Context, _ mcp.CallToolRequest, in wide.Order) (wide.Order, error) { return in, nil }))
}

// Command target is the server that benchmarks put under load: two tools, one
// that repeats a text and one that answers with a structure, written as anyone
// would write them. It takes the flags that every server of a comparison takes.
//
//	target -mode sse|http|stateless|stdio -addr 127.0.0.1:8080 -tools 2
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"

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

func newServer(tools int, sessionless bool) *server.Server {
	srv := server.New("bench", "1.0.0", server.Options{Sessionless: sessionless})
	srv.Tool(echo, tool.Description("Echo the text"))
	srv.Tool(forecast, tool.Description("Weather forecast for a city"))
	for i := 2; i < tools; i++ {
		srv.Tool(forecast, tool.Name(fmt.Sprintf("tool_%04d", i)), tool.Description("Weather forecast for a city"))
	}
	return srv
}

func main() {
	mode := flag.String("mode", "stdio", "sse, http, stateless or stdio")
	addr := flag.String("addr", "127.0.0.1:8080", "address to serve HTTP on")
	tools := flag.Int("tools", 2, "number of tools in all")
	debug := flag.String("debug", "", "address to serve profiles and allocation counts on")
	flag.Parse()
	serveDebug(*debug)
	if err := run(*mode, *addr, *tools); err != nil {
		log.Fatal(err)
	}
}

func run(mode, addr string, tools int) error {
	switch mode {
	case "stdio":
		return newServer(tools, false).ServeStdio(context.Background())
	case "sse", "http", "stateless":
		return http.ListenAndServe(addr, newServer(tools, mode == "stateless").Handler())
	}
	return errors.New("there is no mode " + mode + ", only sse, http, stateless and stdio")
}

// Command weather is an MCP server that tells the weather of the cities of the
// world. It needs no network and no key: it derives a forecast from the
// monthly climate normals it carries, the same one for a city and a date every
// time. With --live it asks the public Open-Meteo API for a real one.
//
// Start it:
//
//	go run ./examples/weather
//
// and connect a client to http://127.0.0.1:8080/sse?auth=KEY&client_id=me, or
// have the client start it with --stdio. Then ask for the weather in Oslo, for
// a comparison of Tokyo and Cape Town, or who you are.
//
// Three connection arguments matter to it; over stdio, --arg gives them.
//
//	units      metric (the default) or imperial, unless a call says otherwise
//	client_id  the name forecasts are made out to
//	auth       any key at all; without one there are no alerts
package main

import (
	"context"
	"embed"
	"flag"
	"log"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// source is this program's own source. The comments on its tools, and on the
// fields of what they take and return, are what clients get to read.
//
//go:embed *.go
var source embed.FS

func main() {
	cities, err := readAtlas(strings.NewReader(normalsCSV))
	if err != nil {
		log.Fatal(err)
	}

	// Run parses the flags, so live is not known before a tool is called.
	live := flag.Bool("live", false, "ask the Open-Meteo API rather than derive forecasts from climate normals")
	w := &weather{
		cities: cities,
		forecaster: func() forecaster {
			if *live {
				return newOpenMeteo()
			}
			return normals{now: time.Now}
		},
	}

	srv := server.New("weather", "1.0.0", server.Options{
		Source:       tool.MustSource(source),
		Instructions: "Forecasts, comparisons and alerts for major cities. Start with forecast.",
	})
	srv.Tool(w.Forecast, tool.ReadOnly())
	srv.Tool(w.Compare, tool.ReadOnly())
	srv.Tool(w.Alerts, tool.ReadOnly())
	srv.Tool(Whoami, tool.ReadOnly(), tool.OpenWorld(false))
	if err := srv.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

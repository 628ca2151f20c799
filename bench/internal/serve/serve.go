// Package serve is what the servers of a comparison have in common: the flags
// of their programs, and how benchmarks make one in their own process.
package serve

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

// Mode says what a server serves.
type Mode string

// The modes of a server. Stateless is streamable HTTP without sessions, and with
// it what 2026-07-28 asks for.
const (
	SSE       Mode = "sse"
	HTTP      Mode = "http"
	Stateless Mode = "stateless"
	Stdio     Mode = "stdio"
)

// Options are those of one server.
type Options struct {
	Mode  Mode
	Addr  string // where HTTP is served
	Tools int    // how many there are: echo, forecast, and copies of forecast
	Extra bool   // also mirror, length, repeat and wide
}

// Server is one that takes part.
type Server struct {
	Name string

	// Handler serves the HTTP modes, with /sse or /mcp.
	Handler func(Options) (http.Handler, error)

	// Stdio serves standard input and output, as programs do.
	Stdio func(context.Context, Options) error

	// Streams serves one client on a pair of pipes.
	Streams func(context.Context, Options, io.ReadCloser, io.WriteCloser) error
}

// Main is the program of a server.
func Main(s Server) {
	var o Options
	mode := flag.String("mode", "stdio", "sse, http, stateless or stdio")
	flag.StringVar(&o.Addr, "addr", "127.0.0.1:8080", "address to serve HTTP on")
	flag.IntVar(&o.Tools, "tools", 2, "number of tools in all")
	flag.BoolVar(&o.Extra, "extra", false, "add the tools mirror, length, repeat and wide")
	debug := flag.String("debug", "", "address to serve profiles and allocation counts on")
	flag.Parse()
	o.Mode = Mode(*mode)
	log.SetPrefix(s.Name + ": ")
	err := debugOn(*debug)
	if err == nil {
		err = run(s, o)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// run prints the address that it got, for whoever asked for any free one.
func run(s Server, o Options) error {
	switch o.Mode {
	case Stdio:
		return s.Stdio(context.Background(), o)
	case SSE, HTTP, Stateless:
	default:
		return fmt.Errorf("there is no mode %s, only sse, http, stateless and stdio", o.Mode)
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return err
	}
	o.Addr = listener.Addr().String()
	handler, err := s.Handler(o)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, "serving", o.Addr)
	return http.Serve(listener, handler)
}

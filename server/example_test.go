package server_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// A server whose tool knows who is calling, here on a pair of streams.
func ExampleServer_Tool() {
	type Input struct {
		City string `json:"city" jsonschema:"minLength=1"`
	}
	srv := server.New("weather", "1.0.0")
	srv.Tool(func(ctx *tool.Context, in Input) string {
		return "sunny in " + in.City + ", " + ctx.Arg("client_id", "stranger")
	}, tool.Name("forecast"), tool.Description("Forecast for a city."))

	in := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"forecast","arguments":{"city":"Oslo"}}}
`)
	err := srv.ServeStreams(context.Background(), in, os.Stdout, url.Values{"client_id": {"me"}})
	if err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// {"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"sunny in Oslo, me"}]}}
	// {"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"logging":{},"tools":{"listChanged":true}},"serverInfo":{"name":"weather","version":"1.0.0"}}}
}

// A handler for a mux of your own: clients connect to /k/KEY/sse, and KEY is
// their argument "auth".
func ExampleServer_Handler() {
	srv := server.New("weather", "1.0.0")
	mux := http.NewServeMux()
	mux.Handle("/k/{auth}/", srv.Handler())
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "connect to /k/KEY/sse")
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", mux))
}

// Who may connect is decided once, before anything is sent.
func ExampleOptions_authenticate() {
	users := map[string]string{"KEY-OF-ANN": "ann"}
	srv := server.New("weather", "1.0.0", server.Options{
		Authenticate: func(c *server.Connect) (any, error) {
			user, ok := users[c.Args.Secret("auth").Reveal()]
			if !ok {
				return nil, errors.New("unknown key") // 401, and the text is for the log
			}
			return user, nil
		},
	})
	srv.Tool(func(ctx *tool.Context) string { return "you are " + ctx.Principal().(string) }, tool.Name("me"))
	if err := srv.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// Command hello is the smallest MCP server that knows who is calling.
//
// Start it:
//
//	go run ./examples/hello
//
// and connect a client to http://127.0.0.1:8080/sse?client_id=me, or have the
// client start it with --stdio --arg client_id=me. Then ask it to greet you.
package main

import (
	"context"
	"log"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// Greet answers with the client_id of the connection that the call came by.
func Greet(ctx *tool.Context, greeting string) string {
	return greeting + ", " + ctx.Arg("client_id", "stranger") + "!"
}

func main() {
	srv := server.New("hello", "1.0.0")
	srv.Tool(Greet, tool.Description("Greet the caller."), tool.Params("greeting"), tool.ReadOnly())
	if err := srv.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

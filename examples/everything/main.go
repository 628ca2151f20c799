// Command everything is an MCP server with one of everything that a server can
// have: a page of code for each feature.
//
//	content.go     what a tool answers: text, pictures, sound, structs, errors
//	progress.go    progress, log messages, and answers that come later
//	ask.go         questions in the middle of a call, to the user or to the model
//	rounds.go      several questions, at once and one after the other
//	forms.go       what a form for the user can have
//	resources.go   things to read by URI, and to be told of when they change
//	prompts.go     prompts, and completion while their arguments are typed
//	changes.go     tools and prompts that come and go while clients are connected
//	schema.go      arguments that are described by hand, or sent as headers too
//	connection.go  who is calling, and what is kept while a connection lasts
//	middleware.go  code around every request and every call
//
// Start it, with -v to see what clients do:
//
//	go run ./examples/everything -v
//
// and connect a client to http://127.0.0.1:8080/mcp?client_id=me, or have the
// client start it with --stdio --arg client_id=me. Clients of all revisions of
// MCP are served on that one URL.
//
// The official conformance suite calls what it tests by names that begin with
// test_, so many things here are called that. ".ci/run conformance" runs it
// against this program.
package main

import (
	"context"
	"embed"
	"flag"
	"log"
	"log/slog"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// source is this program's own source. The comments above its functions, and on
// the fields of what they take and return, are what clients get to read. What is
// said to readers of the code is said inside.
//
//go:embed *.go
var source embed.FS

// newServer puts it all together. Tools are listed in the order in which they
// are added.
func newServer() *server.Server {
	srv := server.New("everything", "1.0.0", server.Options{
		Title:        "One of everything",
		Instructions: "A server to try clients with. Nothing it does has an effect beyond itself.",
		Source:       tool.MustSource(source),
		Args:         caller{},
		OnOpen:       opened,
		OnClose:      closed,
	})
	srv.Use(logRequests)
	srv.UseTools(logCalls)
	addContent(srv)
	addProgress(srv)
	addQuestions(srv)
	addRounds(srv)
	addForms(srv)
	addResources(srv)
	addPrompts(srv)
	addChanges(srv)
	addSchemas(srv)
	addConnection(srv)
	return srv
}

func main() {
	// Run parses flags of our own along with those of the server.
	flag.BoolFunc("v", "log every request", func(string) error {
		slog.SetLogLoggerLevel(slog.LevelDebug)
		return nil
	})
	if err := newServer().Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

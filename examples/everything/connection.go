package main

import (
	"fmt"
	"log/slog"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func addConnection(srv *server.Server) {
	srv.Tool(Whoami, tool.ReadOnly(), tool.OpenWorld(false))
	srv.Tool(Remember, tool.Destructive(false), tool.OpenWorld(false))
}

// caller is what a client may say in its URL, as in /mcp?client_id=me. What does
// not fit is refused before the connection opens.
type caller struct {
	ClientID string `arg:"client_id" default:"anonymous"`
}

// opened and closed are told of every session. Clients of 2026-07-28 have none.
func opened(s *server.Session) {
	slog.Debug("a client has come", "id", s.Bound.(*caller).ClientID, "transport", s.Transport)
}

func closed(s *server.Session, cause error) {
	slog.Debug("a client has gone", "id", s.Bound.(*caller).ClientID, "cause", cause)
}

// Identity is what the server knows of whoever calls.
type Identity struct {
	// ClientID is the client_id in the URL of the connection, or anonymous.
	ClientID string `json:"client_id"`
	// Client is the name of the program, as it gave it itself.
	Client string `json:"client"`
	// Transport is how it is connected.
	Transport string `json:"transport"`
	// ProtocolVersion is the revision of MCP that it speaks.
	ProtocolVersion string `json:"protocol_version"`
}

// Whoami tells who the server takes the caller for.
func Whoami(ctx *tool.Context) Identity {
	return Identity{
		ClientID:        tool.ArgsOf[caller](ctx).ClientID,
		Client:          ctx.Client().Name,
		Transport:       ctx.Transport(),
		ProtocolVersion: ctx.ProtocolVersion(),
	}
}

// Remember keeps a note until the connection ends, and answers with the note
// that it kept before. Without a session, as in 2026-07-28, it forgets at once.
func Remember(ctx *tool.Context, note string) string {
	before, ok := ctx.Get("note") // of this session alone
	ctx.Set("note", note)
	if !ok {
		return "This is the first note."
	}
	return fmt.Sprintf("Before, you had me remember %q.", before)
}

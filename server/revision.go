package server

import (
	"log/slog"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// revision is a row of the table of MCP revisions: what differs between them, a
// field per difference, beside those of [mcp.Revision]. Code asks the row; nothing
// compares dates.
type revision struct {
	*mcp.Revision
	index           int  // place in revisions
	hints           bool // tools have annotations
	audio           bool // content may be audio
	progressMessage bool // progress notifications carry a message
	completions     bool // there is a capability for completion
	titles          bool // components have a title and _meta, blocks have _meta and lastModified
	structured      bool // tools have an outputSchema, results structuredContent
	links           bool // content may be a resource_link
	forms           bool // the client's user may be asked, with a form
	icons           bool // components have icons
	choices         bool // forms have titled and multiple choices, and defaults
	urls            bool // the client's user may be asked to open a URL
	urlIDs          bool // and that has an id
	sampledTools    bool // the client's model may call tools, and its messages have several blocks
	anyStructured   bool // structuredContent may be any value
	notFound        int  // the code for a resource that does not exist
}

// revisions are those this server speaks, oldest first.
var revisions = []*revision{
	{
		Revision: &mcp.Revisions[0],
		notFound: mcp.CodeResourceNotFound,
	},
	{
		Revision: &mcp.Revisions[1],
		hints:    true, audio: true, progressMessage: true, completions: true,
		notFound: mcp.CodeResourceNotFound,
	},
	{
		Revision: &mcp.Revisions[2],
		hints:    true, audio: true, progressMessage: true, completions: true,
		titles: true, structured: true, links: true, forms: true,
		notFound: mcp.CodeResourceNotFound,
	},
	{
		Revision: &mcp.Revisions[3],
		hints:    true, audio: true, progressMessage: true, completions: true,
		titles: true, structured: true, links: true, forms: true,
		icons: true, choices: true, urls: true, urlIDs: true, sampledTools: true,
		notFound: mcp.CodeResourceNotFound,
	},
	{
		Revision: &mcp.Revisions[4],
		hints:    true, audio: true, progressMessage: true, completions: true,
		titles: true, structured: true, links: true, forms: true,
		icons: true, choices: true, urls: true, sampledTools: true,
		anyStructured: true,
		notFound:      jsonrpc.CodeInvalidParams,
	},
}

// unnamed is the revision of an HTTP client that has no session and names none
// (2025-06-18, transports, protocol version header).
var unnamed = revisions[1]

func init() {
	for i, r := range revisions {
		r.index = i
	}
}

// byDate returns the revision of a date, or nil.
func byDate(date string) *revision {
	for _, r := range revisions {
		if r.Date == date {
			return r
		}
	}
	return nil
}

// negotiate returns the revision a client asked for in its handshake, or the
// latest that has one, which the client may then refuse (2025-11-25, lifecycle,
// version negotiation).
func negotiate(date string) *revision {
	if r := byDate(date); r != nil && !r.Stateless {
		return r
	}
	for i := len(revisions) - 1; ; i-- {
		if !revisions[i].Stateless {
			return revisions[i]
		}
	}
}

// The levels of notifications/message (RFC 5424, section 6.2.1), as slog has
// them. They are the same in every revision.
var levels = []struct {
	name  string
	level slog.Level
}{
	{"debug", slog.LevelDebug},
	{"info", slog.LevelInfo},
	{"notice", 2},
	{"warning", slog.LevelWarn},
	{"error", slog.LevelError},
	{"critical", 12},
	{"alert", 16},
	{"emergency", 20},
}

// levelOff is above every level: the client has not asked for messages.
const levelOff slog.Level = 1 << 10

// levelName returns the name of the highest level that l reaches.
func levelName(l slog.Level) string {
	name := levels[0].name
	for _, known := range levels {
		if l >= known.level {
			name = known.name
		}
	}
	return name
}

// parseLevel returns the level of a name. The error is for the client, in terms
// of the parameter that has the name.
func parseLevel(param, name string) (slog.Level, error) {
	for _, known := range levels {
		if known.name == name {
			return known.level, nil
		}
	}
	return 0, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "%s %q is not one of debug, info, notice, warning, error, critical, alert, emergency", param, clip(name))
}

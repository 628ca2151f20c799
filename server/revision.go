package server

import "log/slog"

// revision is a row of the table of MCP revisions: what differs between them, a
// field per difference. Code asks the row; nothing else compares dates.
type revision struct {
	date            string
	index           int  // place in revisions
	batch           bool // arrays of messages are accepted
	hints           bool // tools have annotations
	audio           bool // content may be audio
	progressMessage bool // progress notifications carry a message
	titles          bool // tools have a title and _meta, blocks have _meta and lastModified
	structured      bool // tools have an outputSchema, results structuredContent
	links           bool // content may be a resource_link
	icons           bool // tools have icons
}

// revisions are those this server speaks, oldest first.
var revisions = []*revision{
	{
		date: "2024-11-05",
	},
	{
		date:  "2025-03-26",
		batch: true, hints: true, audio: true, progressMessage: true,
	},
	{
		date:  "2025-06-18",
		hints: true, audio: true, progressMessage: true,
		titles: true, structured: true, links: true,
	},
	{
		date:  "2025-11-25",
		hints: true, audio: true, progressMessage: true,
		titles: true, structured: true, links: true,
		icons: true,
	},
}

func init() {
	for i, r := range revisions {
		r.index = i
	}
}

// negotiate returns the revision a client asked for, or the latest, which the
// client may then refuse (2025-11-25, lifecycle, version negotiation).
func negotiate(date string) *revision {
	for _, r := range revisions {
		if r.date == date {
			return r
		}
	}
	return revisions[len(revisions)-1]
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

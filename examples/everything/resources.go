package main

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func addResources(srv *server.Server) {
	// Clients of 2026-07-28 are told how long they may keep what they read.
	forever := tool.Caching(tool.Cache{TTL: time.Hour, Public: true})
	srv.Resource("test://static-text", StaticText, forever)
	srv.Resource("test://static-binary", StaticBinary, tool.MIME("image/png"), forever)

	// A template is a resource for each value of its variables, which are checked
	// and converted as arguments are.
	srv.Resource("test://template/{id}/data", Record, tool.Complete("id", recordIDs))

	w := &watched{srv: srv}
	srv.Resource(w.uri(), w.Value, tool.Name("watched_resource"))
	srv.Tool(w.Count, tool.Name("count_up"), tool.Destructive(false))

	// A folder: here the source that you read, at source://resources.go.
	srv.FS("source://", source)
}

// StaticText is a text that never changes.
func StaticText() string {
	return "This is the content of the static text resource."
}

// StaticBinary is a picture that never changes.
func StaticBinary() ([]byte, error) {
	return squares()
}

// RecordData is one record, which clients read as JSON.
type RecordData struct {
	ID     int    `json:"id"`
	Square int    `json:"square"`
	Text   string `json:"text"`
}

const lastID = 1000

// Record is a record of a made-up table, which has those from 1 to 1000.
func Record(id int) (RecordData, error) {
	if id < 1 || id > lastID {
		return RecordData{}, tool.ErrNotFound
	}
	return RecordData{ID: id, Square: id * id, Text: "Data for ID " + strconv.Itoa(id)}, nil
}

// recordIDs completes the id of a Record while it is typed.
func recordIDs(_ *tool.Context, c tool.Completion) ([]string, error) {
	var ids []string
	for id := 1; id <= lastID; id++ {
		if text := strconv.Itoa(id); strings.HasPrefix(text, c.Value) {
			ids = append(ids, text)
		}
	}
	return ids, nil
}

// watched is a number that counts up, and a resource that clients subscribe to.
type watched struct {
	srv *server.Server
	n   atomic.Int64
}

func (*watched) uri() string { return "test://watched-resource" }

// Value is a number that the tool count_up counts up. Subscribe to it.
func (w *watched) Value() string { return strconv.FormatInt(w.n.Load(), 10) }

// Count counts the watched resource up by one and tells all who subscribed to it.
func (w *watched) Count() string {
	n := w.n.Add(1)
	w.srv.ResourceUpdated(w.uri())
	return "It is " + strconv.FormatInt(n, 10) + " now."
}

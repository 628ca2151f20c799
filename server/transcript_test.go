package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

var update = flag.Bool("update", false, "rewrite what the server says in testdata/transcripts")

// transports are those that every transcript is replayed over.
var transports = []string{servertest.Pipe, servertest.SSE, servertest.Stdio}

// TestTranscripts replays conversations. A file holds, in turn, what the client
// sends (a text a line) and what the server says until it is the client's turn
// again; an empty server section says that nothing comes.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		for _, transport := range transports {
			t.Run(name+"/"+transport, func(t *testing.T) { replay(t, file, transport) })
		}
	}
}

func replay(t *testing.T, file, transport string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1000)
	c := servertest.Connect(t, transcriptServer(), servertest.Options{
		Transport: transport,
		Args:      url.Values{"client_id": {"me"}, "auth": {"KEY-12345"}},
		Raw:       true,
		Tap:       func(text []byte) { said <- string(text) },
	})
	for i := 0; i+1 < len(archive.Files); i += 2 {
		client, expected := &archive.Files[i], &archive.Files[i+1]
		if client.Name != "client" || expected.Name != "server" {
			t.Fatalf("sections %d and %d are %q and %q, want client and server", i, i+1, client.Name, expected.Name)
		}
		for line := range strings.Lines(string(client.Data)) {
			if err := c.SendText(strings.TrimSuffix(line, "\n")); err != nil {
				t.Fatalf("section %d: %v", i, err)
			}
		}
		var got strings.Builder
		for range strings.Count(string(expected.Data), "\n") {
			select {
			case text := <-said:
				got.WriteString(text + "\n")
			case <-time.After(10 * time.Second):
				t.Fatalf("section %d: the server said\n%sand then nothing", i+1, got.String())
			}
		}
		if got.String() != string(expected.Data) {
			if !*update {
				t.Fatalf("section %d: the server said\n%swant\n%s", i+1, got.String(), expected.Data)
			}
			expected.Data = []byte(got.String())
		}
	}
	c.Close() // and with it the calls: what they say now would be too much
	select {
	case text := <-said:
		t.Errorf("said at the end and not expected: %s", text)
	default:
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type forecastIn struct {
	City string `json:"city" jsonschema:"minLength=1" jsonschema_description:"City to look up, such as Oslo"`
	Days int    `json:"days,omitempty" jsonschema:"minimum=1,maximum=7,default=3"`
}

type forecastOut struct {
	City string `json:"city"`
	Days int    `json:"days"`
	For  string `json:"for"`
}

// transcriptServer has a tool for each thing that a revision says differently.
func transcriptServer() *server.Server {
	srv := server.New("transcript", "1.0.0", server.Options{
		Title:        "Transcript",
		Instructions: "Say what the file says.",
		PageSize:     9,
		Logger:       quiet,
	})
	srv.Tool(func(ctx *tool.Context, in forecastIn) forecastOut {
		return forecastOut{City: in.City, Days: in.Days, For: ctx.Arg("client_id", "anonymous")}
	}, tool.Name("forecast"), tool.Title("Forecast"), tool.Description("Forecast for a city."), tool.ReadOnly(),
		tool.Icons(tool.Icon{Src: "https://example.com/sun.png", MIME: "image/png", Sizes: []string{"48x48"}}),
		tool.Meta("example.com/rank", 1))
	srv.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
	srv.Tool(func(a, b int) int { return a + b }, tool.Name("add"), tool.Params("a", "b"))
	srv.Tool(func() error { return errors.New("the disk is full") }, tool.Name("fail"))
	srv.Tool(func() string { panic("secret detail") }, tool.Name("panic"))
	srv.Tool(everyContent, tool.Name("content"))
	srv.Tool(func(ctx *tool.Context) {
		ctx.Progress(1, 4, "one")
		ctx.Progress(1, 4, "again")
		ctx.Progress(0.5, 4, "backwards")
		ctx.Progress(4, 4, "")
	}, tool.Name("progress"))
	srv.Tool(func(ctx *tool.Context) {
		ctx.Log().Debug("starting")
		ctx.Log().Warn("low", "left", 3, "key", ctx.Args().Get("auth"))
	}, tool.Name("log"))
	srv.Tool(func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}, tool.Name("wait"))
	srv.Tool(func(raw json.RawMessage) json.RawMessage { return raw }, tool.Name("raw"),
		tool.InputSchema(json.RawMessage(`{"type":"object","required":["a"]}`)))
	return srv
}

func everyContent() []tool.Content {
	return []tool.Content{
		tool.Text{Text: "hi", Annotations: &tool.Annotations{Audience: []string{"user"}, Priority: new(0.5)}},
		tool.Image{Data: []byte{1, 2, 3}, MIME: "image/png"},
		tool.Audio{Data: []byte{4}, MIME: "audio/wav"},
		tool.Link{URI: "file:///a", Name: "a", Size: 7},
		tool.Embed{URI: "file:///b", MIME: "text/plain", Text: "b", Meta: map[string]any{"k": "v"}},
		tool.Embed{URI: "file:///c", Blob: []byte{5}},
	}
}

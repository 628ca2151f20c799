package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

var update = flag.Bool("update", false, "rewrite what the server says in testdata/transcripts")

// transports are those that most tests go through.
var transports = []string{servertest.Pipe, servertest.SSE, servertest.HTTP, servertest.Stdio}

// TestTranscripts replays conversations over every transport. A file holds, in
// turn, what the client sends (a text a line) and what the server says until it
// is the client's turn again; an empty server section says that nothing comes. In
// a section "server, in any order" the lines are sorted: what comes by itself and
// what answers a request have different ways over HTTP.
//
// What is random is written as {{state}} and {{id}}; {{state}} in what the client
// sends stands for the last one that came. The comment above the sections may
// have a line "transports:" with those to replay over, and a line "page size:".
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		r := &replay{file: file}
		if r.archive, err = txtar.ParseFile(file); err != nil {
			t.Fatal(err)
		}
		via := transports
		if named := r.setting("transports"); named != "" {
			via = strings.Fields(named)
		}
		for _, transport := range via {
			t.Run(name+"/"+transport, func(t *testing.T) { r.run(t, transport) })
		}
	}
}

// replay is one file.
type replay struct {
	file    string
	archive *txtar.Archive
	said    chan string
	state   string // the last requestState that came
}

// setting returns what a line of the comment says, "" if there is none.
func (r *replay) setting(name string) string {
	for line := range strings.Lines(string(r.archive.Comment)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (r *replay) run(t *testing.T, transport string) {
	size, err := strconv.Atoi(r.setting("page size"))
	if err != nil {
		size = 9
	}
	r.said, r.state = make(chan string, 1000), ""
	c := servertest.Connect(t, transcriptServer(size), servertest.Options{
		Transport: transport,
		Args:      url.Values{"client_id": {"me"}, "auth": {"KEY-12345"}},
		Raw:       true,
		Tap:       func(text []byte) { r.said <- string(text) },
	})
	sections := r.archive.Files
	for i := 0; i+1 < len(sections); i += 2 {
		client, expected := &sections[i], &sections[i+1]
		if client.Name != "client" || !strings.HasPrefix(expected.Name, "server") {
			t.Fatalf("sections %d and %d are %q and %q, want client and server", i, i+1, client.Name, expected.Name)
		}
		for line := range strings.Lines(string(client.Data)) {
			line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "{{state}}", r.state)
			if err := c.SendText(line); err != nil {
				t.Fatalf("section %d: %v", i, err)
			}
		}
		got := r.listen(t, i+1)
		if got != string(expected.Data) && !*update {
			t.Fatalf("section %d: the server said\n%swant\n%s", i+1, got, expected.Data)
		}
		expected.Data = []byte(got)
	}
	c.Close() // and with it the calls: what they say now would be too much
	select {
	case text := <-r.said:
		t.Errorf("said at the end and not expected: %s", text)
	default:
	}
	if *update {
		if err := os.WriteFile(r.file, txtar.Format(r.archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// listen returns as many lines as section i has.
func (r *replay) listen(t *testing.T, i int) string {
	expected := r.archive.Files[i]
	var lines []string
	for range strings.Count(string(expected.Data), "\n") {
		select {
		case text := <-r.said:
			lines = append(lines, r.plain(text)+"\n")
		case <-time.After(10 * time.Second):
			t.Fatalf("section %d: the server said\n%sand then nothing", i, strings.Join(lines, ""))
		}
	}
	if expected.Name == "server, in any order" {
		slices.Sort(lines)
	}
	return strings.Join(lines, "")
}

var (
	randomState = regexp.MustCompile(`"requestState":"([^"]+)"`)
	randomID    = regexp.MustCompile(`"elicitationId":"[^"]+"`)
)

// plain returns what the server said without what is random in it.
func (r *replay) plain(text string) string {
	if state := randomState.FindStringSubmatch(text); state != nil {
		r.state = state[1]
	}
	text = randomState.ReplaceAllString(text, `"requestState":"{{state}}"`)
	return randomID.ReplaceAllString(text, `"elicitationId":"{{id}}"`)
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

// transcriptServer has something for each thing that a revision says differently.
func transcriptServer(pageSize int) *server.Server {
	srv := server.New("transcript", "1.0.0", server.Options{
		Title:        "Transcript",
		Instructions: "Say what the file says.",
		Description:  "What servers say.",
		WebsiteURL:   "https://example.com",
		Icons:        []tool.Icon{{Src: "https://example.com/server.png", MIME: "image/png"}},
		PageSize:     pageSize,
		ListCache:    tool.Cache{TTL: time.Minute, Public: true},
		Logger:       quiet,
	})
	addTools(srv)
	addQuestions(srv)
	addChanges(srv)
	addResources(srv)
	addPrompts(srv)
	return srv
}

var icon = tool.Icon{Src: "https://example.com/sun.png", MIME: "image/png", Sizes: []string{"48x48"}}

func addTools(srv *server.Server) {
	srv.Tool(func(ctx *tool.Context, in forecastIn) forecastOut {
		return forecastOut{City: in.City, Days: in.Days, For: ctx.Arg("client_id", "anonymous")}
	}, tool.Name("forecast"), tool.Title("Forecast"), tool.Description("Forecast for a city."), tool.ReadOnly(),
		tool.Icons(icon), tool.Meta("example.com/rank", 1))
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
	srv.Tool(func(ctx *tool.Context) error {
		ctx.Progress(1, 0, "waiting") // so that a transcript can wait until it does
		<-ctx.Done()
		return context.Cause(ctx)
	}, tool.Name("wait"))
	srv.Tool(func(raw json.RawMessage) json.RawMessage { return raw }, tool.Name("raw"),
		tool.InputSchema(json.RawMessage(`{"type":"object","required":["a"]}`)))
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

// person is a form with a field of each kind but one.
type person struct {
	Name  string  `json:"name" jsonschema:"title=Name,minLength=2"`
	Email string  `json:"email,omitempty" jsonschema:"format=email"`
	Age   int     `json:"age,omitempty" jsonschema:"minimum=0,maximum=150"`
	Share float64 `json:"share,omitempty" jsonschema:"default=0.5"`
	Color string  `json:"color" jsonschema:"enum=r,enum=g,default=r" titles:"Red|Green"`
	News  bool    `json:"news,omitempty" jsonschema:"default=true"`
}

// pizza has the one kind that 2025-06-18 does not know.
type pizza struct {
	Toppings []string `json:"toppings" jsonschema:"enum=olives,enum=basil,minItems=1"`
}

type confirmation struct {
	Sure bool `json:"sure"`
}

func addQuestions(srv *server.Server) {
	srv.Tool(func(ctx *tool.Context) (string, error) {
		p, err := tool.Elicit[person](ctx, "Who are you?")
		return fmt.Sprintf("%+v", p), err
	}, tool.Name("ask_person"))
	srv.Tool(func(ctx *tool.Context) ([]string, error) {
		p, err := tool.Elicit[pizza](ctx, "What on it?")
		return p.Toppings, err
	}, tool.Name("ask_pizza"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		return "on the way", tool.ElicitURL(ctx, "https://example.com/pay", "Please pay.")
	}, tool.Name("ask_payment"))
	srv.Tool(func(ctx *tool.Context, tools bool) (string, error) {
		s := tool.Sampling{
			Messages:    []tool.Message{tool.UserMessage("2+2?"), tool.AssistantMessage("Which base?"), tool.UserMessage("10")},
			System:      "Be brief.",
			MaxTokens:   50,
			Temperature: new(0.0),
			Stop:        []string{"."},
			Hints:       []string{"small"},
			Speed:       new(1.0),
		}
		if tools {
			s.Tools = []tool.Spec{{Name: "add", Input: json.RawMessage(`{"type":"object"}`)}}
			s.Choice = "auto"
		}
		said, err := tool.Sample(ctx, s)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s says %q, %d blocks, %s", said.Model, said.Text(), len(said.Content), said.Stop), nil
	}, tool.Name("ask_model"), tool.Params("tools"))
	srv.Tool(func(ctx *tool.Context) ([]tool.Root, error) { return tool.Roots(ctx) }, tool.Name("ask_roots"))
	srv.Tool(order, tool.Name("order"))
}

// order asks two things at once, then does something once, then asks again.
func order(ctx *tool.Context) (string, error) {
	what, err1 := tool.Elicit[pizza](ctx, "What on it?")
	roots, err2 := tool.Roots(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	number, err := tool.Once(ctx, "number", func() (int, error) { return 7, nil })
	if err != nil {
		return "", err
	}
	sure, err := tool.Elicit[confirmation](ctx, fmt.Sprintf("Is order %d right?", number))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("order %d, %v, %d roots, %v", number, what.Toppings, len(roots), sure.Sure), nil
}

func addChanges(srv *server.Server) {
	srv.Tool(func() { srv.ResourceUpdated("config://app") }, tool.Name("touch"))
	srv.Tool(func() { srv.Remove("echo") }, tool.Name("forget_tool"))
	srv.Tool(func() { srv.RemovePrompt("content") }, tool.Name("forget_prompt"))
	srv.Tool(func() { srv.RemoveResource("config://logo") }, tool.Name("forget_resource"))
}

func addResources(srv *server.Server) {
	srv.Resource("config://app", func() string { return "on = true" }, tool.Title("App"),
		tool.Description("How the app is set up."), tool.Size(9), tool.Icons(icon), tool.Meta("example.com/rank", 2),
		tool.Annotate(tool.Annotations{Audience: []string{"user"}, LastModified: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)}))
	srv.Resource("config://logo", func() []byte { return []byte{1, 2, 3} }, tool.MIME("image/png"),
		tool.Caching(tool.Cache{TTL: time.Hour, Public: true}))
	srv.Resource("config://all", func() []tool.Embed {
		return []tool.Embed{
			{MIME: "text/plain", Text: "on = true", Meta: map[string]any{"k": "v"}},
			{URI: "config://logo", MIME: "image/png", Blob: []byte{1}},
		}
	})
	srv.Resource("config://broken", func() (string, error) { return "", errors.New("the disk is full") })
	srv.Resource("config://secret", func(ctx *tool.Context) (string, error) {
		sure, err := tool.Elicit[confirmation](ctx, "May it be read?")
		return fmt.Sprintf("%v", sure.Sure), err
	})
	srv.Resource("users://{id}", func(id int) (map[string]int, error) {
		if id == 0 {
			return nil, tool.ErrNotFound
		}
		return map[string]int{"id": id}, nil
	}, tool.Name("user"), tool.Title("User"), tool.Icons(icon))
	srv.Resource("colors://{color}{?light}", func(in struct {
		Color string `json:"color" jsonschema:"enum=red,enum=rose,enum=blue"`
		Light bool   `json:"light,omitempty"`
	}) string {
		return fmt.Sprintf("%s %v", in.Color, in.Light)
	}, tool.Name("color"))
}

func addPrompts(srv *server.Server) {
	srv.Prompt(func(in struct {
		Name  string `json:"name" jsonschema:"title=Name" jsonschema_description:"Who is greeted"`
		Tone  string `json:"tone,omitempty" jsonschema:"enum=warm,enum=cold,enum=wry,default=warm"`
		Times int    `json:"times,omitempty" jsonschema:"minimum=1,default=1"`
	}) string {
		return fmt.Sprintf("Greet %s %d times, %s.", in.Name, in.Times, in.Tone)
	}, tool.Name("greet"), tool.Title("Greet"), tool.Description("Greets somebody."), tool.Icons(icon), tool.Meta("example.com/rank", 3),
		tool.Complete("name", func(ctx *tool.Context, c tool.Completion) ([]string, error) {
			return []string{c.Value + "e", c.Value + "a " + c.Arguments["tone"], ctx.Arg("client_id", "")}, nil
		}))
	srv.Prompt(everyContent, tool.Name("content"))
	srv.Prompt(func() *tool.PromptResult {
		return &tool.PromptResult{
			Description: "A talk.",
			Messages:    []tool.Message{tool.UserMessage("Hi."), tool.AssistantMessage("Hello.")},
			Meta:        map[string]any{"k": "v"},
		}
	}, tool.Name("talk"))
	srv.Prompt(func() (string, error) { return "", errors.New("the disk is full") }, tool.Name("fail"))
	srv.Prompt(func(ctx *tool.Context) (string, error) {
		sure, err := tool.Elicit[confirmation](ctx, "Is it urgent?")
		return fmt.Sprintf("Urgent: %v", sure.Sure), err
	}, tool.Name("ask"))
}

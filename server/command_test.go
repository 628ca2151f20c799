package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

type commandInput struct {
	Count  int64    `json:"count" jsonschema:"description=How many there are."`
	Tags   []string `json:"tags,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`
	Live   string   `json:"live,omitempty"`
}

// commandServer is a server whose commands are tried without a process, and what
// was done to it.
func commandServer(t *testing.T, o Options) *Server {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	s := New("program", "1.2.3", o)
	s.Tool(func(in commandInput) commandInput { return in }, tool.Name("echo"), tool.Description("Echo answers what it is given."))
	s.Tool(func(ctx *tool.Context) string {
		return strings.Join([]string{ctx.Transport(), ctx.Arg("client_id", "-"), ctx.Arg("region", "-")}, " ")
	}, tool.Name("who"))
	s.Tool(func() *tool.Result {
		return &tool.Result{
			Content: []tool.Content{
				tool.Text{Text: "a text\n"},
				tool.Image{Data: []byte{1, 2, 3}, MIME: "image/png"},
				tool.Audio{Data: []byte{1, 2}, MIME: "audio/wav"},
				tool.Link{URI: "file:///a", Name: "a"},
				tool.Embed{URI: "file:///b", Text: "an embedded text"},
				tool.Embed{URI: "file:///c", MIME: "application/zip", Blob: []byte{1}},
			},
			Structured: map[string]any{"n": json.Number("9007199254740993")},
		}
	}, tool.Name("mixed"))
	s.Tool(func() error { return tool.Errorf("there is no more") }, tool.Name("fail"))
	s.Tool(func(ctx *tool.Context) {
		ctx.Progress(1, 4, "one of four")
		ctx.Progress(2, 0, "")
	}, tool.Name("slow"))
	s.Tool(func(ctx *tool.Context) error {
		_, err := tool.Elicit[struct {
			Name string `json:"name"`
		}](ctx, "Who?")
		return err
	}, tool.Name("ask"))
	fs := flag.NewFlagSet("program", flag.ContinueOnError)
	fs.SetOutput(&bytes.Buffer{})
	fs.Bool("live", false, "the program's own")
	fs.Bool("loud", false, "the program's own")
	s.Flags(fs)
	return s
}

// runCommand parses a command line, at spaces, and runs it as Run does.
func runCommand(ctx context.Context, s *Server, line, in string) (out, said string, err error) {
	var stdout, stderr bytes.Buffer
	if err := s.flags.set.Parse(strings.Fields(line)); err != nil {
		return "", "", err
	}
	err = s.command(ctx, &console{in: strings.NewReader(in), out: &stdout, err: &stderr}, s.flags.set.Args())
	return stdout.String(), stderr.String(), err
}

const echoed = "{\n  \"count\": 5\n}\n"

func TestCommands(t *testing.T) {
	t.Setenv("MCP_ARG_REGION", "north")
	for _, tt := range []struct {
		line, in string
		out      string // "..." stands for anything
		said     string
		err      string // a part
	}{
		{line: "call echo count=5", out: echoed},
		{line: "call echo --count 5", out: echoed},
		{line: "call echo {\"count\":5}", out: echoed},
		{line: "call echo -", in: " {\"count\": 5}\n", out: echoed},
		{line: "call echo -", in: "count=5", err: "call echo: there is no JSON object on standard input"},
		{line: "call echo count=9007199254740993 tags=5", out: "{\n  \"count\": 9007199254740993,\n  \"tags\": [\n    \"5\"\n  ]\n}\n"},
		{line: "call echo count=5 --dry-run", out: "{\n  \"count\": 5,\n  \"dry_run\": true\n}\n"},
		{line: "call echo count=5 --live x", out: "{\n  \"count\": 5,\n  \"live\": \"x\"\n}\n"}, // the tool's
		{line: "call echo --loud --arg a=b count=5 -http=:1", out: echoed},                      // the program's
		{line: "--loud --arg a=b call --live echo count=5", out: echoed},
		{line: "call echo -- count=5", out: echoed},
		{line: "call echo count=5 --json", out: "{\n  \"content\": [...\"structuredContent\": {\n    \"count\": 5\n  },...}\n"},
		{line: "call echo", err: "call echo: missing count"},
		{line: "call echo count=five", err: `call echo: count: "five": want an integer; call echo --help lists`},
		{line: "call echo count=5 --what", err: `unknown parameter "what": there are count, tags, dry_run, live`},
		{line: "call echo --help", out: "call echo [--json]...Echo answers...  count    integer   required  How many there are.\n..."},
		{line: "call echo --arg novalue count=5", err: "want name=value"},
		{line: "call", err: "call wants the name of a tool: there are echo, who, mixed, fail, slow, ask"},
		{line: "call ehco", err: `unknown tool "ehco", did you mean echo?: there are echo, who`},
		{line: "call --what", err: "call: flag provided but not defined: -what: see --help"},
		{line: "call --help", said: "Usage: program [flags] [command]..."},

		{line: "call who", out: "stdio - north\n"},
		{line: "call --arg client_id=me who --arg region=south", out: "stdio me south\n"},
		{line: "call mixed", out: "a text\n[image: image/png, 3 bytes]\n[audio: audio/wav, 2 bytes]\n[a: file:///a]\nan embedded text\n" +
			"[file:///c: application/zip, 1 bytes]\n{\n  \"n\": 9007199254740993\n}\n"},
		{line: "call fail", err: "call fail: there is no more"},
		{line: "call fail --json", out: "{...there is no more...\"isError\": true...}\n", err: "call fail: the tool failed: see its result"},
		{line: "call slow", said: "1/4 one of four\n2\n"},
		{line: "call ask", err: "call ask: the client does not support elicitation: nobody can be asked here"},

		{line: "tools", out: "echo\n  Echo answers what it is given.\n    count    integer   required  How many there are.\n    tags     string[]\n...\n\nwho\n    no parameters\n..."},
		{line: "tools --json", out: "[\n  {\n    \"name\": \"echo\",...\"outputSchema\"...\"name\": \"ask\"...]\n"},
		{line: "--loud tools --live --json", out: "[...]\n"},
		{line: "tools more", err: `tools: unexpected argument "more"`},
		{line: "tools --what", err: "tools: flag provided but not defined: -what: see --help"},
		{line: "version", out: "program 1.2.3\nmodule github.com/sessionmcp/sessionmcp ...built with go..."},
		{line: "version --help", said: "Usage: program [flags] [command]...  version ...Flags:...-http..."},
		{line: "srve", err: `unknown command "srve", did you mean serve?: there are serve, tools, call, version, healthcheck`},
		{line: "serve --arg a=b", err: "--arg is for --stdio and call"},
		{line: "serve now", err: `serve: unexpected argument "now"`},
		{line: "healthcheck a b", err: `healthcheck: unexpected argument "b"`},
		{line: "healthcheck 8080", err: `healthcheck: "8080" is neither a URL nor host:port`},
	} {
		t.Run(tt.line, func(t *testing.T) {
			s := commandServer(t, Options{PageSize: 2})
			out, said, err := runCommand(t.Context(), s, tt.line, tt.in)
			if !matches(out, tt.out) {
				t.Errorf("standard output has\n%s\nwant\n%s", out, tt.out)
			}
			if !matches(said, tt.said) {
				t.Errorf("standard error has\n%s\nwant\n%s", said, tt.said)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("the error is %v, want %q", err, tt.err)
			}
		})
	}
}

// matches reports whether text is the pattern, in which ... stands for anything.
func matches(text, pattern string) bool {
	parts := strings.Split(pattern, "...")
	if len(parts) == 1 {
		return text == pattern
	}
	text, ok := strings.CutPrefix(text, parts[0])
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		if _, text, ok = cutIf(ok, text, part); !ok {
			return false
		}
	}
	return ok && strings.HasSuffix(text, last)
}

func cutIf(ok bool, text, part string) (string, string, bool) {
	before, after, found := strings.Cut(text, part)
	return before, after, ok && found
}

// TestCallConnects: a call is a connection like any other.
func TestCallConnects(t *testing.T) {
	var log []string
	s := commandServer(t, Options{
		Args: struct {
			Limit int `arg:"limit"`
		}{},
		Authenticate: func(c *Connect) (any, error) {
			log = append(log, "authenticate over "+c.Transport)
			if c.Args.Get("auth") == "" {
				return nil, tool.Errorf("connect with auth")
			}
			return "ann", nil
		},
		OnClose: func(*Session, error) { log = append(log, "closed") },
	})
	s.UseTools(func(next ToolHandler) ToolHandler {
		return func(ctx *tool.Context, t *tool.Tool, arguments json.RawMessage) (*tool.Result, error) {
			log = append(log, "middleware for "+ctx.Principal().(string)+": "+string(arguments))
			return next(ctx, t, arguments)
		}
	})
	for _, tt := range []struct{ line, err, log string }{
		{"call who", "connect with auth", "authenticate over stdio"},
		{"call who --arg auth=K --arg limit=x", "limit: expected an integer", ""},
		{"call echo count=5 --arg auth=K --arg limit=3", "", `authenticate over stdio, middleware for ann: {"count":5}, closed`},
	} {
		log = nil
		s.Flags(flag.NewFlagSet("program", flag.ContinueOnError))
		_, _, err := runCommand(t.Context(), s, tt.line, "")
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want %q", tt.line, err, tt.err)
		}
		if got := strings.Join(log, ", "); got != tt.log {
			t.Errorf("%s: what happened is %q, want %q", tt.line, got, tt.log)
		}
	}
}

// TestCallCancelled: who interrupts a call does not wait for the drain time, and
// the tool is told.
func TestCallCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := commandServer(t, Options{})
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error, 1)
		s.Tool(func(c *tool.Context) {
			cancel(errors.New("the test interrupts"))
			<-c.Done()
			ended <- context.Cause(c)
		}, tool.Name("wait"))
		began := time.Now()
		_, _, err := runCommand(ctx, s, "call wait", "")
		if err == nil || !strings.Contains(err.Error(), "cancelled: the test interrupts") {
			t.Errorf("the call ended with %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the call ended after %v", took)
		}
		if cause := <-ended; !errors.Is(cause, transport.ErrShutdown) {
			t.Errorf("the tool ended with %v", cause)
		}
	})
}

// TestHealthCommand: the address is that of --http unless another is named.
func TestHealthCommand(t *testing.T) {
	s := commandServer(t, Options{})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	addr := strings.TrimPrefix(srv.URL, "http://")
	for _, line := range []string{"healthcheck " + addr, "healthcheck " + srv.URL, "--http " + addr + " healthcheck", "healthcheck --http " + addr} {
		if out, _, err := runCommand(t.Context(), s, line, ""); err != nil || out != "ok\n" {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ended); err != nil {
		t.Fatal(err)
	}
	if _, _, err := runCommand(t.Context(), s, "healthcheck "+addr, ""); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("while shutting down: %v", err)
	}
}

// TestHelp: the commands are in the help, unless the program has its own.
func TestHelp(t *testing.T) {
	var b bytes.Buffer
	fs := flag.NewFlagSet("program", flag.ContinueOnError)
	fs.SetOutput(&b)
	New("program", "1").Flags(fs)
	if err := fs.Parse([]string{"--help"}); err != flag.ErrHelp || !strings.Contains(b.String(), "call NAME") || !strings.Contains(b.String(), "-stdio") {
		t.Errorf("%v, the help is\n%s", err, b.String())
	}
	for _, after := range []bool{false, true} {
		b.Reset()
		fs := flag.NewFlagSet("program", flag.ContinueOnError)
		fs.SetOutput(&b)
		own := func() { b.WriteString("its own") }
		if !after {
			fs.Usage = own
		}
		New("program", "1").Flags(fs)
		if after {
			fs.Usage = own
		}
		if fs.Usage(); b.String() != "its own" {
			t.Errorf("replaced (afterwards: %t), the help is\n%s", after, b.String())
		}
	}
}

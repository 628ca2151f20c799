package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/sessionmcp/sessionmcp/internal/modcache"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// TestMain makes the test binary the programs that scripts run: the command under
// its three names, and a server to try it with.
func TestMain(m *testing.M) {
	command := func() { os.Exit(Main()) }
	testscript.Main(leakChecked{m}, map[string]func(){
		"sessionmcp":          command,
		"smcp":                command,
		"sessionmcp-enhanced": command,
		"testserver":          testServer,
	})
}

// leakChecked fails tests that leave goroutines behind.
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	modcache.Fill()
	code := m.M.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// scripts runs the scripts in testdata that the pattern names, such as proxy*. Beside
// what testscript has there is
//
//	await VAR FILE    waits until there is a FILE and sets VAR to what is in it
//	mode FILE OCTAL   holds the permissions of a FILE to these
//	count N TEXT FILE holds the number of times that TEXT is in FILE to N
//	exits CODE CMD …  is exec, of a command that is to exit with this code
//
// and a home folder that is empty.
func scripts(t *testing.T, pattern string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern+".txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata has no %s.txtar (%v)", pattern, err)
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			for _, name := range []string{"HOME", "USERPROFILE"} {
				e.Setenv(name, home)
			}
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
			e.Setenv("APPDATA", filepath.Join(home, "AppData"))
			e.Setenv("CLAUDE_CONFIG_DIR", "")
			e.Setenv("NO_COLOR", "")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // it is 1 s otherwise, for each program
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": awaitCommand,
			"mode":  modeCommand,
			"count": countCommand,
			"exits": exitsCommand,
		},
	})
}

func awaitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await VAR FILE")
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) { // another process makes it
		text, err := os.ReadFile(ts.MkAbs(args[1]))
		if err == nil && len(text) > 0 {
			ts.Setenv(args[0], strings.TrimSpace(string(text)))
			return
		}
		if time.Since(began) > 30*time.Second {
			ts.Fatalf("there is no %s after 30 s: %v", args[1], err)
		}
	}
}

func modeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode FILE OCTAL")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

func countCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: count N TEXT FILE")
	}
	if n := strings.Count(ts.ReadFile(args[2]), args[1]); fmt.Sprint(n) != args[0] {
		ts.Fatalf("%q is %d times in %s, want %s", args[1], n, args[2], args[0])
	}
}

func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS]")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("it exits with %d, want %s\n%s%s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// testServer is the program testserver. It is run as any program of package
// server: testserver --stdio, or testserver --http ADDRESS. Besides,
//
//	testserver --listen FILE   serves on a free port, and writes its base URL to FILE
//	testserver --fail TEXT     prints TEXT to standard error and exits with 7
//	testserver --hang          says nothing until its input ends
func testServer() {
	srv := newTestServer()
	args := append(os.Args[1:], "", "")
	switch args[0] {
	case "--listen":
		if err := listen(srv, args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	case "--fail":
		fmt.Fprintln(os.Stderr, args[1])
		os.Exit(7)
	case "--hang":
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	if err := srv.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func listen(srv *server.Server, file string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+"~", []byte("http://"+l.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(file+"~", file); err != nil { // whole, or not there
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	h := &http.Server{Handler: srv.Handler()}
	context.AfterFunc(ctx, func() { _ = h.Close() })
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type echoInput struct {
	Text   string   `json:"text" jsonschema_description:"What to say. It may be long."`
	Times  int      `json:"times,omitempty" jsonschema:"minimum=1,maximum=9,default=1"`
	Mood   string   `json:"mood,omitempty" jsonschema:"enum=glad,enum=sad"`
	Tags   []string `json:"tags,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`
}

type contactForm struct {
	Name    string   `json:"name" jsonschema:"minLength=2" jsonschema_description:"Your name"`
	Age     int      `json:"age,omitempty" jsonschema:"minimum=0,maximum=150"`
	Size    string   `json:"size,omitempty" jsonschema:"enum=s,enum=m,default=m" titles:"Small|Medium"`
	Colours []string `json:"colours,omitempty" jsonschema:"enum=red,enum=green,enum=blue,maxItems=2"`
	Agree   bool     `json:"agree"`
}

// newTestServer returns a server with one of each.
func newTestServer() *server.Server {
	srv := server.New("testserver", "1.2.3", server.Options{
		Title: "Test Server", Instructions: "Call echo.", DeclarePrompts: true, DeclareResources: true,
	})
	srv.Tool(func(in echoInput) echoInput { return in }, tool.Name("echo"),
		tool.Description("Echo answers what it is given. It does nothing else."), tool.ReadOnly())
	srv.Tool(func(ctx *tool.Context, in struct {
		Name string `json:"name"`
	}) string {
		return ctx.Arg(in.Name, "not given")
	}, tool.Name("arg"), tool.Description("Arg answers the value of a connection argument."))
	srv.Tool(func(in struct {
		Name string `json:"name"`
	}) string {
		return cmp.Or(os.Getenv(in.Name), "not set")
	}, tool.Name("env"), tool.Description("Env answers the value of an environment variable."))
	srv.Tool(func(ctx *tool.Context, in struct {
		Steps int `json:"steps"`
	}) string {
		ctx.Log().Warn("about to work", "steps", in.Steps)
		for i := range in.Steps {
			ctx.Progress(float64(i+1), float64(in.Steps), fmt.Sprintf("step %d", i+1))
		}
		return "done"
	}, tool.Name("work"), tool.Description("Work tells how far it is."))
	srv.Tool(func() error { return tool.Errorf("there is no more tea") }, tool.Name("fail"), tool.Description("Fail fails."))
	srv.Tool(func() { os.Exit(7) }, tool.Name("crash"), tool.Description("Crash ends the server."))
	srv.Tool(waitTool, tool.Name("wait"), tool.Description("Wait waits until it is cancelled, and notes both in files."))
	srv.Tool(func() *tool.Result {
		return &tool.Result{Content: []tool.Content{
			tool.Text{Text: "here you are\x1b[31m"},
			tool.Image{Data: []byte("PNG1"), MIME: "image/png"},
			tool.Embed{URI: "file:///x/../../etc/b.bin", MIME: "application/octet-stream", Blob: []byte{1, 2, 3}},
			tool.Link{URI: "test://greeting", Name: "greeting"},
		}}
	}, tool.Name("media"), tool.Description("Media answers a picture and other things."))
	askTools(srv)
	srv.Resource("test://greeting", func() string { return "hello\n" }, tool.Name("greeting"), tool.Description("A greeting. For everybody."))
	srv.Resource("test://blob", func() []byte { return []byte{0, 1, 2, 255} }, tool.Name("blob"), tool.MIME("image/png"))
	srv.Resource("test://users/{id}", func(id int) string { return fmt.Sprintf("user %d", id) }, tool.Name("user"), tool.Params("id"))
	srv.Prompt(func(in struct {
		Topic string `json:"topic" jsonschema_description:"What about"`
		Tone  string `json:"tone,omitempty"`
	}) []tool.Message {
		return []tool.Message{
			tool.UserMessage("write about " + in.Topic + in.Tone),
			tool.AssistantMessage("gladly"),
		}
	}, tool.Name("write"), tool.Description("Write a text."))
	return srv
}

// waitTool says in the file $STARTED that it has started, and in $ENDED why it
// has ended.
func waitTool(ctx *tool.Context) error {
	note := func(name, text string) {
		if file := os.Getenv(name); file != "" {
			_ = os.WriteFile(file, []byte(text), 0o600)
		}
	}
	note("STARTED", "started")
	<-ctx.Done()
	note("ENDED", "ended")
	return context.Cause(ctx)
}

func askTools(srv *server.Server) {
	srv.Tool(func(ctx *tool.Context) (string, error) {
		form, err := tool.Elicit[contactForm](ctx, "Who are you?")
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s %d %s %s %t", form.Name, form.Age, form.Size, strings.Join(form.Colours, "+"), form.Agree), nil
	}, tool.Name("ask"), tool.Description("Ask asks who you are."))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		if err := tool.ElicitURL(ctx, "https://example.com/pay?n=1", "Pay, please."); err != nil {
			return "", err
		}
		return "paid", nil
	}, tool.Name("pay"), tool.Description("Pay sends you to a page."))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		said, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{tool.UserMessage("hi")}, MaxTokens: 9})
		if err != nil {
			return "", err
		}
		return said.Text(), nil
	}, tool.Name("sample"), tool.Description("Sample asks a model."))
	srv.Tool(func(ctx *tool.Context) ([]tool.Root, error) { return tool.Roots(ctx) },
		tool.Name("roots"), tool.Description("Roots answers the folders of the client."))
}

// Package everything puts a server that others have written, the reference server
// of MCP with everything in it, behind the proxy, and looks whether its clients
// notice.
package everything

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/tool"
)

// child is the server, from the root of the checkout.
func child(t *testing.T) []string {
	t.Helper()
	modules, err := filepath.Abs("../node_modules")
	if err != nil {
		t.Fatal(err)
	}
	entry := filepath.Join(modules, "@modelcontextprotocol", "server-everything", "dist", "index.js")
	if _, err := os.Stat(entry); err != nil {
		t.Fatalf("the server is not installed: run npm ci in .ci/conformance, or .ci/run conformance: %v", err)
	}
	node := filepath.Join(modules, ".bin", "node")
	if _, err := os.Stat(node); err != nil { // there is none for this system in package.json
		node = "node"
	}
	return []string{node, entry, "stdio"}
}

var announced = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// proxy starts the proxy in front of the server and returns its URL.
func proxy(t *testing.T, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sessionmcp")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/sessionmcp/sessionmcp/cmd/sessionmcp").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, append(append([]string{"proxy", "--port", "0"}, flags...), append([]string{"--"}, child(t)...)...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said strings.Builder
	found, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			mu.Lock()
			fmt.Fprintln(&said, lines.Text())
			mu.Unlock()
			if u := announced.FindString(lines.Text()); u != "" {
				select {
				case found <- u:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		kill := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("the proxy ended with %v", err)
		}
		kill.Stop()
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(said.String(), "s3cret") {
			t.Error("the proxy's log has the key")
		}
		if t.Failed() {
			t.Log(said.String())
		}
	})
	select {
	case u := <-found:
		return u
	case <-time.After(30 * time.Second):
		t.Fatal("the proxy has not printed its URL")
		return ""
	}
}

// asks is what a client does with questions.
func asks(o client.Options) client.Options {
	o.Elicit = func(context.Context, *client.Elicitation) (*client.Elicited, error) {
		return &client.Elicited{Content: map[string]any{"name": "Ada"}}, nil
	}
	o.Sample = func(_ context.Context, s *client.Sampling) (*tool.Sampled, error) {
		return &tool.Sampled{Content: []tool.Content{tool.Text{Text: "a model said this"}}}, nil
	}
	o.Roots = func(context.Context) ([]tool.Root, error) {
		return []tool.Root{{URI: "file:///work", Name: "work"}}, nil
	}
	return o
}

func connect(t *testing.T, target client.Target, o client.Options) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := client.Connect(ctx, target, asks(o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestThroughTheProxy(t *testing.T) {
	base := proxy(t, "--env", "API_KEY={auth}")
	command := child(t)
	direct := connect(t, client.Command{Path: command[0], Args: command[1:], Stderr: func(string) {}}, client.Options{Revision: "2025-11-25"})
	want := lists(t, direct)
	for name, way := range map[string]struct {
		path, revision string
	}{
		"mcp 2026-07-28": {"/mcp", ""},
		"mcp session":    {"/mcp", "2025-11-25"},
		"sse":            {"/sse", ""},
	} {
		t.Run(name, func(t *testing.T) {
			key := "s3cret-" + url.QueryEscape(name)
			c := connect(t, client.URL(base+way.path), client.Options{Revision: way.revision, Args: url.Values{"auth": {key}}})
			if way.revision == "" && way.path == "/mcp" && !c.Server().Stateless() {
				t.Errorf("speaks %s", c.Server().ProtocolVersion)
			}
			if c.Server().Instructions != direct.Server().Instructions || c.Server().Name != direct.Server().Name {
				t.Errorf("the server is %s, want %s", c.Server().Name, direct.Server().Name)
			}
			got := lists(t, c)
			for list, names := range want {
				if got[list] != names {
					t.Errorf("%s:\n%s\nwant\n%s", list, got[list], names)
				}
			}
			calls(t, c, key)
		})
	}
}

// lists returns the names of everything that there is.
func lists(t *testing.T, c *client.Client) map[string]string {
	t.Helper()
	all := make(map[string]string)
	add := func(list, name string, err error) {
		if err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		all[list] += name + "\n"
	}
	for x, err := range c.Tools(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		schema, err := json.Marshal(x.InputSchema)
		add("tools", x.Name+" "+string(schema), err)
	}
	for x, err := range c.Resources(t.Context()) {
		add("resources", x.URI, err)
	}
	for x, err := range c.Templates(t.Context()) {
		add("templates", x.Template, err)
	}
	for x, err := range c.Prompts(t.Context()) {
		add("prompts", x.Name, err)
	}
	return all
}

// calls uses some of it.
func calls(t *testing.T, c *client.Client, key string) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	say := func(name string, arguments any, want string, options ...client.CallOption) {
		t.Helper()
		text, err := client.Call[string](ctx, c, name, arguments, options...)
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %.300q, %v; want %q", name, text, err, want)
		}
	}
	say("echo", map[string]string{"message": "hello"}, "hello")
	say("get-sum", map[string]int{"a": 2, "b": 40}, "42")
	say("get-env", nil, key)
	var steps int
	say("trigger-long-running-operation", map[string]any{"duration": 0.2, "steps": 4}, "completed",
		client.OnProgress(func(client.Progress) { steps++ }))
	if steps != 4 {
		t.Errorf("%d steps were told, want 4", steps)
	}
	say("trigger-elicitation-request", nil, "Ada")
	say("trigger-sampling-request", map[string]any{"prompt": "hi", "maxTokens": 10}, "a model said this")
	say("get-roots-list", nil, "file:///work")
	contents, err := c.Read(ctx, "demo://resource/dynamic/text/7")
	if err != nil || len(contents) != 1 || !strings.Contains(contents[0].Text, "7") {
		t.Errorf("reading: %+v, %v", contents, err)
	}
	p, err := c.Prompt(ctx, "args-prompt", map[string]string{"city": "Oslo"})
	if err != nil || len(p.Messages) == 0 {
		t.Errorf("prompt: %+v, %v", p, err)
	}
	done, err := c.Complete(ctx, client.Ref{Prompt: "completable-prompt"}, tool.Completion{Argument: "department", Value: "E"})
	if err != nil || len(done.Values) == 0 {
		t.Errorf("completing: %+v, %v", done, err)
	}
}

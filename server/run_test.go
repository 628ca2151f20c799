package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// runProgram is a program as a user writes one.
func runProgram() {
	early := log.New(os.Stdout, "early logger ", 0)
	srv := server.New("program", "1.0.0", server.Options{Drain: 30 * time.Second})
	srv.Tool(func(ctx *tool.Context) string {
		fmt.Println("a stray print")
		early.Print("a stray log")
		child := exec.CommandContext(ctx, "echo", "a stray child")
		child.Stdout = os.Stdout
		if err := child.Run(); err != nil {
			return err.Error()
		}
		return ctx.Arg("client_id", "anonymous")
	}, tool.Name("stray"))
	srv.Tool(func(ctx context.Context) error {
		fmt.Fprintln(os.Stderr, "slow has started")
		for { // until the test has had its say
			if _, err := os.Stat(os.Getenv("RELEASE")); err == nil {
				return nil
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}, tool.Name("slow"))
	if err := srv.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// program is the test binary, run as a program.
type program struct {
	*exec.Cmd
	t      *testing.T
	lines  *bufio.Reader // of standard error
	ended  chan error
	stderr bytes.Buffer // what awaitLine has read
}

func start(t *testing.T, in io.Reader, out io.Writer, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	p := &program{Cmd: exec.CommandContext(ctx, os.Args[0], args...), t: t, ended: make(chan error, 1)}
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stdin, p.Stdout = in, out
	r, w := io.Pipe()
	p.Stderr = w
	p.lines = bufio.NewReader(r)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := p.Wait()
		w.Close()
		p.ended <- err
	}()
	t.Cleanup(func() { r.Close() })
	return p
}

// awaitLine reads standard error up to a line that holds text.
func (p *program) awaitLine(text string) string {
	p.t.Helper()
	for {
		line, err := p.lines.ReadString('\n')
		p.stderr.WriteString(line)
		if strings.Contains(line, text) {
			return line
		}
		if err != nil {
			p.t.Fatalf("standard error ends without %q:\n%s", text, p.stderr.String())
		}
	}
}

// rest reads standard error to its end and returns how the program ended.
func (p *program) rest() (stderr string, err error) {
	io.Copy(&p.stderr, p.lines)
	return p.stderr.String(), <-p.ended
}

// TestRunHTTP: the program serves, and on SIGTERM lets the call under way end,
// refuses what is new, closes the stream, and ends with success.
func TestRunHTTP(t *testing.T) {
	release := t.TempDir() + "/release"
	t.Setenv("RELEASE", release)
	p := start(t, nil, io.Discard, "--http", "127.0.0.1:0")
	url := strings.Fields(p.awaitLine("SSE "))[1]
	if config := p.awaitLine("mcpServers"); !json.Valid([]byte(config)) {
		t.Errorf("what is to be pasted is not JSON: %s", config)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	res, err := client.Get(url + "?client_id=me")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	events := eventReader(res.Body)
	_, endpoint := events()
	base := strings.TrimSuffix(url, "sse")
	send := func(text string) int {
		res, err := client.Post(base+endpoint, "application/json", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05"}}`)
	events()
	send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"slow"}}`)
	p.awaitLine("slow has started")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // the signal arrives a moment later
		res, err := client.Get(base + "healthz")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			break
		}
	}
	if status := send(`{"jsonrpc":"2.0","id":3,"method":"ping"}`); status != http.StatusServiceUnavailable {
		t.Errorf("a call while draining: %d, want 503", status)
	}
	if err := os.WriteFile(release, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, data := events(); data != `{"jsonrpc":"2.0","id":2,"result":{"content":[]}}` {
		t.Errorf("the call under way was answered %q", data)
	}
	if event, data := events(); event != "" {
		t.Errorf("after the last answer came %s %s", event, data)
	}
	if stderr, err := p.rest(); err != nil {
		t.Errorf("the program ended with %v:\n%s", err, stderr)
	}
}

// TestRunSecondSignal: a second signal ends the program at once.
func TestRunSecondSignal(t *testing.T) {
	t.Setenv("RELEASE", t.TempDir()+"/never")
	in, toServer := io.Pipe()
	defer toServer.Close()
	p := start(t, in, io.Discard, "--stdio")
	io.WriteString(toServer, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05"}}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"slow"}}
`)
	p.awaitLine("slow has started")
	began := time.Now()
	for len(p.ended) == 0 { // the first may be under way when the second comes: they count as one
		if err := p.Process.Signal(os.Interrupt); err != nil {
			break
		}
		select {
		case err := <-p.ended:
			p.ended <- err
		case <-time.After(50 * time.Millisecond):
		}
	}
	toServer.Close()
	_, err := p.rest()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("the program ended with %v, want the signal", err)
	}
	t.Logf("ended after %v", time.Since(began))
}

// TestRunStdio: every line on standard output is a message, whatever the program
// prints, and --arg gives the connection's arguments.
func TestRunStdio(t *testing.T) {
	in := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"stray"}}
`)
	var out bytes.Buffer
	p := start(t, in, &out, "--stdio", "--arg", "client_id=me", "--arg", "auth=K")
	stderr, err := p.rest()
	if err != nil {
		t.Fatalf("the program ended with %v:\n%s", err, stderr)
	}
	n := 0
	for line := range strings.Lines(out.String()) {
		if n++; !json.Valid([]byte(line)) {
			t.Errorf("standard output has the line %q", line)
		}
	}
	if n != 2 || !strings.Contains(out.String(), `"text":"me"`) {
		t.Errorf("standard output has %d messages, want 2:\n%s", n, out.String())
	}
	for _, stray := range []string{"a stray print", "early logger a stray log", "a stray child"} {
		if !strings.Contains(stderr, stray) {
			t.Errorf("standard error lacks %q", stray)
		}
	}
}

// TestRunCall: standard output has what the tool answers, and not what it prints.
func TestRunCall(t *testing.T) {
	var out bytes.Buffer
	p := start(t, nil, &out, "call", "stray", "--arg", "client_id=me")
	stderr, err := p.rest()
	if err != nil || out.String() != "me\n" {
		t.Errorf("the program printed %q, and ended with %v:\n%s", out.String(), err, stderr)
	}
	for _, stray := range []string{"a stray print", "early logger a stray log", "a stray child"} {
		if !strings.Contains(stderr, stray) {
			t.Errorf("standard error lacks %q", stray)
		}
	}
}

// TestRunCallInterrupted: an interrupt cancels the call, long before the drain time
// ends.
func TestRunCallInterrupted(t *testing.T) {
	t.Setenv("RELEASE", t.TempDir()+"/never")
	p := start(t, nil, io.Discard, "call", "slow")
	p.awaitLine("slow has started")
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	stderr, err := p.rest()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 1 || !strings.Contains(stderr, "error: call slow: cancelled") {
		t.Errorf("the program ended with %v:\n%s", err, stderr)
	}
}

// TestRunHelp: help is no failure, and has the commands.
func TestRunHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"tools", "--help"}} {
		p := start(t, nil, io.Discard, args...)
		if stderr, err := p.rest(); err != nil || !strings.Contains(stderr, "healthcheck") || !strings.Contains(stderr, "-stdio") {
			t.Errorf("%q: %v\n%s", args, err, stderr)
		}
	}
}

// TestRunCommandLine: what is wrong with the command line is said.
func TestRunCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--arg", "client_id=me"}, "--arg is for --stdio"},
		{[]string{"srve"}, `unknown command "srve", did you mean serve?`},
		{[]string{"serve", "--arg", "client_id=me"}, "--arg is for --stdio"},
		{[]string{"--stdio", "--arg", "novalue"}, "want name=value"},
		{[]string{"--http", "nonsense"}, "error: "},
	} {
		p := start(t, nil, io.Discard, tt.args...)
		stderr, err := p.rest()
		if err == nil || !strings.Contains(stderr, tt.want) {
			t.Errorf("%v: %v, %s, want %q", tt.args, err, stderr, tt.want)
		}
	}
}

package hostile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server/servertest"
)

// listenSSE opens an event stream by hand, and returns its address for messages and
// what reads it, which ends with the stream.
func listenSSE(t testing.TB, host string) (endpoint string, events *bufio.Reader) {
	t.Helper()
	c := dial(t, host)
	if _, err := io.WriteString(c, request("GET", "/sse", host, "", "Accept: text/event-stream")); err != nil {
		t.Fatal(err)
	}
	events = bufio.NewReader(c)
	for {
		line, err := events.ReadString('\n')
		if err != nil {
			t.Fatalf("reading the event stream: %v", err)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			return "/" + strings.TrimSpace(data), events
		}
	}
}

// TestFaultCrash: what nothing can catch ends the process: with a code that is not 0,
// and on standard error what it was. Its clients see their connections close, and
// package client says that the call was lost.
func TestFaultCrash(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{
		"goroutine": "panic: out of reach",
		"map":       "fatal error: concurrent map",
		"stack":     "goroutine stack exceeds",
		"exit":      "",
	} {
		t.Run(how, func(t *testing.T) {
			p := startFaulty(t)
			_, events := listenSSE(t, p.host())
			lost, begun := make(chan error, 3), make(chan struct{}, 2)
			call := func(c *client.Client, name string, arguments any) {
				_, err := c.Call(patiently(t), name, arguments, client.OnProgress(func(client.Progress) { begun <- struct{}{} }))
				lost <- err
			}
			go call(connect(t, p.url+"/mcp", client.Options{Revision: servertest.Latest}), "wait", nil)
			go call(connect(t, p.url+"/mcp", client.Options{Revision: servertest.Stateless}), "wait", nil)
			last := connect(t, p.url+"/sse", client.Options{Transport: "sse"})
			arrives(t, "a call", begun)
			arrives(t, "another call", begun)
			go call(last, "crash", map[string]string{"how": how})
			arrives(t, "the end of the process", p.gone)
			if exit, ok := errors.AsType[*exec.ExitError](p.err); !ok || exit.ExitCode() <= 0 {
				t.Errorf("the process ended with %v", p.err)
			}
			if text := p.log.String(); !strings.Contains(text, want) {
				t.Errorf("standard error has no %q", want)
			}
			for range 3 {
				if err := arrives(t, "the end of a call", lost); !errors.Is(err, client.ErrLost) {
					t.Errorf("a call got %v", err)
				}
			}
			if rest, err := io.ReadAll(events); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the event stream ended with %v behind %q", err, rest)
			}
		})
	}
}

// TestFaultStandardOutput: what tools, and their children, print to standard output
// stands between no two messages: it goes to standard error.
func TestFaultStandardOutput(t *testing.T) {
	t.Parallel()
	cmd := faultyCommand([]string{"--stdio"})
	var out, notes lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &notes
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := startSilent(t, cmd)
	const calls = 40
	fmt.Fprintln(in, initialize("2025-11-25"))
	for i := range calls {
		fmt.Fprintf(in, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"print","arguments":{"text":"text %d"}}}`+"\n", 100+i, i)
		fmt.Fprintf(in, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"}}}`+"\n", 1000+i)
	}
	in.Close()
	arrives(t, "the end of the server", p.gone)
	if p.err != nil {
		t.Error(p.err)
	}
	said := &tap{t: t}
	for line := range strings.Lines(out.String()) {
		said.take([]byte(strings.TrimSuffix(line, "\n")))
	}
	if n := len(said.all()); n != 1+2*calls {
		t.Errorf("%d messages, want %d", n, 1+2*calls)
	}
	for i := range calls {
		for _, way := range []string{"fmt", "log", "descriptor", "child"} { // println writes word by word
			if want := fmt.Sprintf("%s text %d\n", way, i); !strings.Contains(notes.String(), want) {
				t.Errorf("standard error has no %q", want)
			}
		}
	}
}

// TestFaultEndOfInput: a server whose input has ended, as when its host was killed,
// ends as soon as nothing is under way; and with what does not end, at SIGTERM.
func TestFaultEndOfInput(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"echo", "wait", "hang"} {
		t.Run(name, func(t *testing.T) {
			s := startStdio(t, drainEnv+"=10ms")
			arguments := map[bool]string{true: `"text":"x"`}[name == "echo"]
			s.send(t, initialize("2025-11-25"),
				fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":%q,"arguments":{%s}}}`, name, arguments),
				`{"jsonrpc":"2.0","id":3,"method":"tools/list"}`)
			comesTrue(t, "the answer to the last request", func() bool { return strings.Contains(s.out.String(), `"id":3`) })
			s.in.Close()
			if name != "echo" {
				sigterm(t, s.process)
			}
			arrives(t, "the end of the server", s.gone)
			if s.err != nil {
				t.Error(s.err)
			}
			if answered := strings.Contains(s.out.String(), `"id":2`); answered != (name != "hang") {
				t.Errorf("the call was answered: %v; the server said %s", answered, s.out)
			}
		})
	}
}

// TestFaultHostKilled: a server whose host was killed, so that its input has ended and
// nobody reads its output, leaves no call behind: neither one that waits to be
// cancelled nor one that heeds nothing.
func TestFaultHostKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody can tell there")
	}
	t.Parallel()
	for _, name := range []string{"wait", "hang"} {
		t.Run(name, func(t *testing.T) {
			cmd := faultyCommand([]string{"--stdio"})
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			p := startSilent(t, cmd)
			fmt.Fprintln(in, initialize("2025-11-25"))
			fmt.Fprintf(in, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":%q}}`+"\n", name)
			fmt.Fprintln(in, `{"jsonrpc":"2.0","id":3,"method":"tools/list"}`)
			for lines, text := bufio.NewReader(out), ""; !strings.Contains(text, `"id":3`); {
				if text, err = lines.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			in.Close()
			out.Close()
			arrives(t, "the end of the server", p.gone)
		})
	}
}

// TestFaultOutputClosed: a server whose client reads no more, though it still sends,
// ends when it finds out.
func TestFaultOutputClosed(t *testing.T) {
	t.Parallel()
	cmd := faultyCommand([]string{"--stdio"})
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := startSilent(t, cmd)
	fmt.Fprintln(in, initialize("2025-11-25"))
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	out.Close()
	fmt.Fprintln(in, `{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	arrives(t, "the end of the server", p.gone)
	if exit, ok := errors.AsType[*exec.ExitError](p.err); !ok || exit.ExitCode() != 1 {
		t.Errorf("the server ended with %v", p.err)
	}
}

// lockedBuffer is what a process writes, for a test to look at meanwhile.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements [io.Writer].
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns all of it so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

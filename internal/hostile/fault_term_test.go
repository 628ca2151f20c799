package hostile

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// under has 64 clients call a server over all that HTTP offers, sends SIGTERM in the
// middle, and returns what became of each call when all is over.
func under(t *testing.T, p *process, tool string, params func(id string) (params, right string)) *tally {
	t.Helper()
	l := &load{host: p.host(), params: params, tally: newTally()}
	var clients sync.WaitGroup
	for i := range 64 {
		clients.Go(func() {
			name := fmt.Sprintf("%s-%d", []string{"session", "alone", "sse"}[i%3], i)
			switch i % 3 {
			case 0:
				l.inSession(t, name)
			case 1:
				l.alone(name, tool)
			case 2:
				l.overSSE(t, name)
			}
		})
	}
	for range often(1000, 10_000) {
		arrives(t, "an answer", l.tally.answers)
	}
	if err := p.terminate(); err != nil {
		t.Errorf("the process ended with %v", err)
	}
	clients.Wait()
	for _, reason := range l.tally.reasons {
		t.Errorf("a call vanished: %s", reason)
	}
	for _, way := range []string{"session", "alone", "sse"} {
		if l.tally.count(way, answered) == 0 {
			t.Errorf("%s: no call was answered", way)
		}
		t.Logf("%s: %d answered, %d refused, %d had no connection, %d were sent on one that was being closed", way,
			l.tally.count(way, answered), l.tally.count(way, refused), l.tally.count(way, unconnected), l.tally.count(way, unread))
	}
	return l.tally
}

// TestFaultTerminate: SIGTERM in the middle of load loses no call. Each is answered
// with its right result, or refused, or was sent on a connection that had been closed
// by then; and what was not answered did not run. The process ends with 0.
func TestFaultTerminate(t *testing.T) {
	t.Parallel()
	for range often(3, 30) {
		traces := filepath.Join(t.TempDir(), "traces")
		p := startFaulty(t, countEnv+"="+traces)
		tally := under(t, p, "count", func(id string) (params, right string) {
			return fmt.Sprintf(`"name":"count","arguments":{"id":%q,"ms":%d}`, id, len(id)%7), fmt.Sprintf("%q}]", id)
		})
		text, err := os.ReadFile(traces)
		if err != nil {
			t.Fatal(err)
		}
		began, ended := make(map[string]int), make(map[string]int)
		for line := range strings.Lines(string(text)) {
			what, id, _ := strings.Cut(strings.TrimSpace(line), " ")
			map[string]map[string]int{"began": began, "ended": ended}[what][id]++
		}
		for id, o := range tally.outcomes {
			want := 0
			if o == answered {
				want = 1
			}
			if o != vanished && (began[id] != want || ended[id] != want) {
				t.Errorf("call %s, whose outcome is %d, began %d times and ended %d times", id, o, began[id], ended[id])
			}
			delete(began, id)
		}
		for id := range began {
			t.Errorf("call %s began, and nobody knows of it", id)
		}
	}
}

// TestFaultTerminateWeather: so does a program as users write it. Its calls are done in
// no time; clients are told of the end before their connections close all the same.
func TestFaultTerminateWeather(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "weather")
	if out, err := exec.Command("go", "build", "-o", path, "../../examples/weather").CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
	p := startProcess(t, exec.Command(path, "--http", "127.0.0.1:0"))
	tally := under(t, p, "forecast", func(string) (params, right string) {
		return `"name":"forecast","arguments":{"city":"Oslo","days":2}`, `Oslo`
	})
	if n := tally.count("", refused); n < 2 { // of 64, unless nothing else ran for a tenth of a second
		t.Errorf("%d clients were told", n)
	}
}

// TestFaultTerminateCuts: calls that take longer than the drain time are told that
// the server shuts down, over everything that HTTP offers.
func TestFaultTerminateCuts(t *testing.T) {
	t.Parallel()
	traces := filepath.Join(t.TempDir(), "traces")
	p := startFaulty(t, countEnv+"="+traces, drainEnv+"=50ms")
	l := &load{host: p.host(), tally: newTally(), params: func(id string) (params, right string) {
		return fmt.Sprintf(`"name":"count","arguments":{"id":%q,"ms":3600000}`, id), "the server is shutting down"
	}}
	var clients sync.WaitGroup
	clients.Go(func() { l.inSession(t, "session") })
	clients.Go(func() { l.alone("alone", "count") })
	clients.Go(func() { l.overSSE(t, "sse") })
	waitForTraces(t, traces, 3)
	if err := p.terminate(); err != nil {
		t.Errorf("the process ended with %v", err)
	}
	clients.Wait()
	for _, way := range []string{"session", "alone", "sse"} {
		if n := l.tally.count(way, answered); n != 1 {
			t.Errorf("%s: %d calls were answered; %v", way, n, l.tally.reasons)
		}
	}
}

// TestFaultTerminateTwice: a second SIGTERM ends a process that still waits for its
// calls.
func TestFaultTerminateTwice(t *testing.T) {
	t.Parallel()
	t.Run("http", func(t *testing.T) {
		traces := filepath.Join(t.TempDir(), "traces")
		p := startFaulty(t, countEnv+"="+traces, drainEnv+"=1h")
		c := dial(t, p.host())
		_, _ = io.WriteString(c, request("POST", "/mcp", p.host(), stateless("tools/call", forAnHour), append(asJSON, named("tools/call", "count")...)...))
		waitForTraces(t, traces, 1)
		sigterm(t, p)
		comesTrue(t, "the server refuses", func() bool {
			return raw(t, p.host(), request("GET", "/healthz", p.host(), "", "Connection: close")).status == http.StatusServiceUnavailable
		})
		wantTerminated(t, p)
	})
	t.Run("stdio", func(t *testing.T) {
		traces := filepath.Join(t.TempDir(), "traces")
		s := startStdio(t, countEnv+"="+traces, drainEnv+"=1h")
		s.send(t, initialize("2025-11-25"), `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{`+forAnHour+`}}`)
		waitForTraces(t, traces, 1)
		sigterm(t, s.process)
		s.wantRefusal(t)
		wantTerminated(t, s.process)
	})
}

// TestFaultTerminateStdio: SIGTERM ends a server on standard input and output when
// the calls under way are answered. Those that come then are refused.
func TestFaultTerminateStdio(t *testing.T) {
	t.Parallel()
	traces := filepath.Join(t.TempDir(), "traces")
	s := startStdio(t, countEnv+"="+traces)
	s.send(t, initialize("2025-11-25"))
	const calls = 50
	for i := range calls {
		s.send(t, fmt.Sprintf(`{"jsonrpc":"2.0","id":"call %d","method":"tools/call","params":{"name":"count","arguments":{"id":"%[1]d","ms":%d}}}`, i, 200+i))
	}
	waitForTraces(t, traces, calls)
	sigterm(t, s.process)
	s.wantRefusal(t)
	arrives(t, "the end of the process", s.gone)
	if s.err != nil {
		t.Errorf("the process ended with %v", s.err)
	}
	for i := range calls {
		if n := strings.Count(s.out.String(), fmt.Sprintf(`"id":"call %d","result"`, i)); n != 1 {
			t.Errorf("call %d has %d results", i, n)
		}
	}
}

const forAnHour = `"name":"count","arguments":{"id":"x","ms":3600000}`

// waitForTraces waits until so many calls of count have begun.
func waitForTraces(t *testing.T, path string, n int) {
	t.Helper()
	comesTrue(t, "the calls are under way", func() bool {
		text, _ := os.ReadFile(path)
		return strings.Count(string(text), "began") == n
	})
}

func sigterm(t testing.TB, p *process) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// wantTerminated sends another SIGTERM, which nothing holds up.
func wantTerminated(t *testing.T, p *process) {
	t.Helper()
	sigterm(t, p)
	arrives(t, "the end of the process", p.gone)
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("the process ended with %v", p.err)
	}
}

// stdioServer is the program faulty on standard input and output.
type stdioServer struct {
	*process
	in  io.WriteCloser
	out *lockedBuffer
}

func startStdio(t *testing.T, env ...string) *stdioServer {
	t.Helper()
	cmd := faultyCommand([]string{"--stdio"}, env...)
	s := &stdioServer{out: new(lockedBuffer)}
	cmd.Stdout = s.out
	var err error
	if s.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	s.process = startSilent(t, cmd)
	return s
}

func (s *stdioServer) send(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(s.in, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// wantRefusal sends requests until one is refused, for the server ends.
func (s *stdioServer) wantRefusal(t *testing.T) {
	t.Helper()
	comesTrue(t, "the server refuses", func() bool {
		s.send(t, `{"jsonrpc":"2.0","id":3,"method":"ping"}`)
		return strings.Contains(s.out.String(), `"id":3,"error":{"code":-32000`)
	})
}

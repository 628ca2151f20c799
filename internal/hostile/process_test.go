package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// serverEnv has this program be the server under attack, with the options that
// the variable holds.
const serverEnv = "SESSIONMCP_HOSTILE_SERVER"

// process is a server under attack, in a process of its own. It ends with the
// test at the latest.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	url  string // its address, without a final slash
	log  *notes // what it wrote to standard error
	gone chan struct{}
	err  error // of Wait, once gone is closed
}

// startServer starts this program as a server.
func startServer(t testing.TB, o targetOptions) *process {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"="+string(text))
	return startProcess(t, cmd)
}

// startProcess starts a command that announces "http://HOST:PORT/mcp" on its
// standard error, or on its standard output.
func startProcess(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, log: newNotes(), gone: make(chan struct{})}
	cmd.Stderr = p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.gone)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error says that it has ended
		<-p.gone
		if t.Failed() {
			t.Logf("the end of what %s wrote to standard error:\n%s", cmd.Path, p.log.tail(4000))
		}
	})
	select {
	case p.url = <-p.log.address:
	case <-p.gone:
		t.Fatalf("%s ended before it announced an address: %v\n%s", cmd.Path, p.err, p.log)
	}
	return p
}

// host is the address as host:port.
func (p *process) host() string { return strings.TrimPrefix(p.url, "http://") }

// terminate sends SIGTERM and returns what Wait says.
func (p *process) terminate() error {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.gone
	return p.err
}

// figures are what a server holds.
type figures struct {
	Goroutines int    `json:"goroutines"`
	Heap       uint64 `json:"heap"` // bytes that are in use after a collection
	Sessions   int64  `json:"sessions"`
	FDs        int    `json:"fds"` // 0 where /proc is not there
	RSS        int64  `json:"rss"` // bytes resident now, and at most so far; 0 where /proc is not there
	PeakRSS    int64  `json:"peakRSS"`
}

// figures asks the server for its figures, after a garbage collection.
func (p *process) figures() (f figures) {
	p.t.Helper()
	res, err := http.Get(p.url + "/figures")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&f); err != nil {
		p.t.Fatal(err)
	}
	f.RSS, f.PeakRSS = p.resident()
	f.FDs = p.fds()
	return f
}

// resident reads what the process has in memory, now and at most so far.
func (p *process) resident() (now, peak int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case err != nil:
		case name == "VmRSS":
			now = kilobytes << 10
		case name == "VmHWM":
			peak = kilobytes << 10
		}
	}
	return now, peak
}

func (p *process) fds() int {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	return len(all)
}

// notes keeps what a process writes, and finds its address in it.
type notes struct {
	mu      sync.Mutex
	text    bytes.Buffer
	found   bool
	address chan string
}

func newNotes() *notes { return &notes{address: make(chan string, 1)} }

// Write implements [io.Writer].
func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text.Write(p)
	if n.found {
		return len(p), nil
	}
	before, _, ok := bytes.Cut(n.text.Bytes(), []byte("/mcp")) // so that the port is complete
	if i := bytes.LastIndex(before, []byte("http://")); ok && i >= 0 {
		n.found = true
		n.address <- string(before[i:])
	}
	return len(p), nil
}

// String returns all of it.
func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// take returns all of it and forgets it.
func (n *notes) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	defer n.text.Reset()
	return n.text.String()
}

func (n *notes) tail(size int) string {
	text := n.String()
	return text[max(0, len(text)-size):]
}

var _ io.Writer = (*notes)(nil)

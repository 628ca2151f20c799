package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
)

// programs are the folders of the servers' programs, by name.
var programs = map[string]string{
	"us": "./target", "go-sdk": "./target/gosdk", "mcp-go": "./target/mcpgo", "raw": "./target/raw",
}

// build makes the program of a server. The arguments are further ones of go build.
func build(ctx context.Context, server, file string, args ...string) error {
	args = append(append([]string{"build", "-o", file}, args...), programs[server])
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s: %w\n%srun this in the folder bench", strings.Join(args, " "), err, out)
	}
	return nil
}

// process is a server at work.
type process struct {
	name   string
	cmd    *exec.Cmd
	addr   string // where it serves HTTP
	in     io.WriteCloser
	out    *bufio.Reader
	pipe   *os.File // behind out
	stderr tail
	exited chan struct{}
}

// tail keeps the beginning and the end of what a process says.
type tail struct {
	mu   sync.Mutex
	text []byte
	line chan struct{} // closed when there is a first line
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !bytes.Contains(t.text, []byte("\n")) && bytes.Contains(p, []byte("\n")) {
		close(t.line)
	}
	t.text = append(t.text, p...)
	if more := len(t.text) - 2000; more > 0 {
		t.text = slices.Delete(t.text, 1000, 1000+more)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// patience is how long a server may take to start, or for one answer.
const patience = 60 * time.Second

// start runs a server. Over HTTP it returns once there is an address to call.
func (r *run) start(server string, o serve.Options) (*process, error) {
	p := &process{name: server, stderr: tail{line: make(chan struct{})}, exited: make(chan struct{})}
	args := []string{"-mode", string(o.Mode), "-addr", "127.0.0.1:0", "-tools", itoa(o.Tools)}
	if o.Extra {
		args = append(args, "-extra")
	}
	p.cmd = exec.CommandContext(r.ctx, r.program(server), append(args, "-debug", "127.0.0.1:0")...)
	p.cmd.Stderr = &p.stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	var w *os.File
	if p.pipe, w, err = os.Pipe(); err != nil { // which Wait leaves open
		return nil, err
	}
	p.cmd.Stdout, p.out = w, bufio.NewReaderSize(p.pipe, 64<<10)
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		p.pipe.Close()
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
	if o.Mode == serve.Stdio {
		return p, nil
	}
	late := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	line, err := p.out.ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "serving ")
	if err != nil || !ok {
		p.stop()
		return nil, fmt.Errorf("%s did not start to serve: %w, it said %q", server, err, line+p.stderr.String())
	}
	p.addr = addr
	return p, nil
}

// stop ends the process: one that serves stdio with its input.
func (p *process) stop() {
	defer p.pipe.Close()
	p.in.Close()
	if p.addr != "" {
		p.cmd.Process.Kill()
	}
	select {
	case <-p.exited:
	case <-time.After(3 * time.Second):
		p.cmd.Process.Kill()
		<-p.exited
	}
}

func (r *run) program(server string) string { return filepath.Join(r.dir, server) }

// memory is what a process says of its own.
type memory struct {
	Mallocs    float64 `json:"mallocs"`
	TotalAlloc float64 `json:"total_alloc"`
	HeapAlloc  float64 `json:"heap_alloc"`
	StackInuse float64 `json:"stack_inuse"`
	Goroutines float64 `json:"goroutines"`
}

var asker = http.Client{Timeout: patience}

// debug returns where the process tells about itself, which is the first that it
// says.
func (p *process) debug() (string, error) {
	select {
	case <-p.stderr.line:
	case <-p.exited:
	case <-time.After(patience):
	}
	_, rest, _ := strings.Cut(p.stderr.String(), "debugging ")
	addr, _, ok := strings.Cut(rest, "\n")
	if !ok {
		return "", fmt.Errorf("%s did not say where it can be asked for its memory, but %q", p.name, p.stderr.String())
	}
	return addr, nil
}

// memory asks the process; collected asks after a garbage collection.
func (p *process) memory(collected bool) (memory, error) {
	addr, err := p.debug()
	if err != nil {
		return memory{}, err
	}
	url := "http://" + addr + "/debug/stats"
	if collected {
		url += "?gc=1"
	}
	var m memory
	res, err := asker.Get(url)
	if err != nil {
		return m, fmt.Errorf("ask %s for its memory: %w, it said %q", p.name, err, p.stderr.String())
	}
	defer res.Body.Close()
	return m, json.NewDecoder(res.Body).Decode(&m)
}

// status reads a line of /proc/PID/status, in bytes. VmRSS is what is resident,
// and VmHWM the most that was since forgetPeak.
func (p *process) status(field string) (float64, error) {
	name := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if words := bytes.Fields(line); len(words) > 1 && string(words[0]) == field+":" {
			n, err := strconv.ParseFloat(string(words[1]), 64)
			return n * 1024, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", name, field)
}

func (p *process) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

package examples_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
)

// process is an example that runs. It ends with the test at the latest.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr *notes
	ended  chan struct{} // closed when the process is gone
	err    error         // of Wait; set when ended is closed
}

// start starts the command, whose other streams the caller has set.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, stderr: &notes{address: make(chan string, 1)}, ended: make(chan struct{})}
	cmd.Stderr = p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error says that it has ended, as it should
		<-p.ended
		if t.Failed() {
			t.Logf("%s wrote to standard error:\n%s", cmd, p.stderr)
		}
	})
	return p
}

// url waits for the address that the example prints.
func (p *process) url() string {
	p.t.Helper()
	select {
	case base := <-p.stderr.address:
		return base
	case <-p.ended:
		p.t.Fatalf("ended before it printed an address: %v", p.err)
		return ""
	}
}

// terminate asks the process to end and waits.
func (p *process) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	p.wait()
}

// wait waits for exit code 0.
func (p *process) wait() {
	p.t.Helper()
	<-p.ended
	if p.err != nil {
		p.t.Errorf("ended with %v, want exit code 0", p.err)
	}
}

// notes keeps what is written and sends the first address in it.
type notes struct {
	mu      sync.Mutex
	text    bytes.Buffer
	seen    bool
	address chan string
}

// The path shows that the port before it is complete.
var announced = regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/sse`)

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text.Write(p)
	if match := announced.FindSubmatch(n.text.Bytes()); match != nil && !n.seen {
		n.seen = true
		n.address <- string(match[1])
	}
	return len(p), nil
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// server is the server under test, which runs.
type server struct {
	cmd    *exec.Cmd
	stderr *notes
	ended  chan struct{} // closed when the process is gone
	err    error         // of Wait; set when ended is closed
}

// startServer builds and starts the server. The caller stops it.
func startServer(ctx context.Context, dir string, race bool) (*server, error) {
	program := filepath.Join(dir, "everything")
	arguments := []string{"build", "-o", program}
	if race {
		arguments = append(arguments, "-race")
	}
	build := exec.CommandContext(ctx, "go", append(arguments, "./examples/everything")...)
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the server: %w\n%s", err, out)
	}
	s := &server{
		cmd:    exec.CommandContext(ctx, program, "--http", "127.0.0.1:0"),
		stderr: &notes{address: make(chan string, 1)},
		ended:  make(chan struct{}),
	}
	s.cmd.Stderr = s.stderr
	s.cmd.WaitDelay = 5 * time.Second
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// url waits for the address that the server prints.
func (s *server) url(ctx context.Context) (string, error) {
	select {
	case base := <-s.stderr.address:
		return base + "/mcp", nil
	case <-s.ended:
		return "", fmt.Errorf("the server ended before it printed an address: %v", s.err)
	case <-ctx.Done():
		return "", fmt.Errorf("the server has not printed its address: %w", context.Cause(ctx))
	}
}

// patience is how long the server may take to end: longer than it drains.
const patience = 20 * time.Second

// stop asks the server to end, and fails unless it does so in order.
func (s *server) stop() error {
	// An error says that it has ended before, and then so does what follows.
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(patience):
		err := s.cmd.Process.Signal(syscall.SIGQUIT) // which prints its goroutines
		select {
		case <-s.ended:
		case <-time.After(time.Second):
			err = errors.Join(err, s.cmd.Process.Kill())
			<-s.ended
		}
		return errors.Join(fmt.Errorf("the server did not end within %v of SIGTERM", patience), err)
	}
	if s.err != nil {
		return fmt.Errorf("the server ended with %w, want exit code 0", s.err)
	}
	return nil
}

// notes keeps what is written and sends the first address in it.
type notes struct {
	mu      sync.Mutex
	text    bytes.Buffer
	seen    bool
	address chan string
}

// The slash shows that the port before it is complete.
var announced = regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/`)

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

// tempDir makes a folder for the server and for results.
func tempDir() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "conformance-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

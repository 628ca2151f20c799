//go:build unix

package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// program is this test as a child process.
func program() Options {
	return Options{
		Command: &client.Command{Path: os.Args[0], Env: append(os.Environ(), "BRIDGE_TEST_CHILD=1")},
		Env:     []string{"CHILD_KEY={auth}"},
	}
}

func pidOf(t *testing.T, c *client.Client) int {
	t.Helper()
	got, err := c.Call(soon(t), "pid", nil)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(got.Text())
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// TestChildren: each connection has a process of its own, with an environment of
// its own, and none is left when it ends.
func TestChildren(t *testing.T) {
	n := 50
	o := program()
	o.Upstreams = n
	f := newFront(t, nil, "", o)
	pids := make([]int, n)
	clients := make([]*client.Client, n)
	var all sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i := range n {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			key := fmt.Sprintf("key-%d", i)
			via := []string{"http", "sse", "pipe"}[i%3]
			revision := handshake
			if via == "http" && i%2 == 0 {
				revision = stateless
			}
			o := client.Options{Revision: revision, Args: url.Values{"auth": {key}}}
			c, err := f.tryConnect(via, o)
			if err != nil {
				t.Error(err)
				return
			}
			clients[i] = c
			got, err := c.Call(soon(t), "echo", map[string]string{"text": "x"})
			if err != nil || got.Text() != "x|"+key {
				t.Errorf("%s: %v, %v", key, got, err)
			}
			if got, err = c.Call(soon(t), "pid", nil); err == nil {
				pids[i], _ = strconv.Atoi(got.Text())
			}
		})
	}
	all.Wait()
	seen := make(map[int]bool)
	for i, pid := range pids {
		if pid == 0 || seen[pid] || !alive(pid) {
			t.Errorf("connection %d has process %d", i, pid)
		}
		seen[pid] = true
	}
	if s := f.b.Status(); s.Upstreams != n || s.Started != n || s.Failed != 0 {
		t.Errorf("the status is %+v", s)
	}
	for _, c := range clients {
		if c != nil {
			c.Close()
		}
	}
	if err := f.b.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
}

// TestLeaving: a session's process ends with the session.
func TestLeaving(t *testing.T) {
	for _, via := range []string{"pipe", "http", "sse", "pipe without a session"} {
		f := newFront(t, nil, "", program())
		revision := handshake
		if via == "pipe without a session" {
			via, revision = "pipe", stateless
		}
		c := f.connect(via, client.Options{Revision: revision, Args: url.Values{"auth": {"abc1"}}})
		pid := pidOf(t, c)
		c.Close()
		f.empty()
		if alive(pid) {
			t.Errorf("%s: process %d is left", via, pid)
		}
	}
}

// TestRestart: a process that is killed fails the calls under way, is started again
// by the next request, and is told what the one before knew. Nobody else notices.
func TestRestart(t *testing.T) {
	for _, down := range []string{handshake, stateless} {
		t.Run(down, func(t *testing.T) {
			out := new(lines)
			o := program()
			o.Logger = slog.New(slog.NewTextHandler(out, nil))
			f := newFront(t, nil, "", o)
			logs, lists := make(chan *client.LogMessage, 10), make(chan string, 10)
			c := f.connect("http", client.Options{
				Revision: down,
				Args:     url.Values{"auth": {"s3cret-value"}},
				OnLog:    func(_ context.Context, m *client.LogMessage) { logs <- m },
				OnChange: func(list string) { lists <- list },
			})
			other := f.connect("http", client.Options{Revision: down, Args: url.Values{"auth": {"other"}}})
			if err := c.SetLevel(soon(t), "info"); err != nil {
				t.Fatal(err)
			}
			pid, otherPID := pidOf(t, c), pidOf(t, other)
			failed := make(chan error, 1)
			go func() {
				_, err := c.Call(soon(t), "wait", nil)
				failed <- err
			}()
			f.inFlight(1)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			err := await(t, failed)
			e, ok := errors.AsType[*jsonrpc.Error](err)
			if !ok || e.Code != CodeUpstream || !strings.Contains(e.Message, "killed") || strings.Contains(e.Message, "s3cret") {
				t.Errorf("the call failed with %v", err)
			}
			if down == handshake {
				if m := await(t, logs); m.Level != "error" || strings.Contains(string(m.Data), "s3cret") {
					t.Errorf("the session was told %+v", m)
				}
			}
			if again := pidOf(t, c); again == pid || !alive(again) {
				t.Errorf("process %d after %d", again, pid)
			}
			await(t, lists)
			if _, err := c.Call(soon(t), "log", nil); err != nil {
				t.Fatal(err)
			}
			if m := await(t, logs); m.Level != "warning" {
				t.Errorf("the new process says %+v", m)
			}
			if pidOf(t, other) != otherPID {
				t.Error("another connection has another process now")
			}
			if s := f.b.Status(); s.Restarted != 1 || s.Failed != 1 || strings.Contains(s.LastError, "s3cret") || s.LastAt.IsZero() {
				t.Errorf("the status is %+v", s)
			}
			if text := out.String(); strings.Contains(text, "s3cret") || !strings.Contains(text, "child of [redacted] is up") {
				t.Errorf("the log is %s", text)
			}
		})
	}
}

// TestRestarts: what ends each time is not started for ever.
func TestRestarts(t *testing.T) {
	o := program()
	o.Restarts = 2
	f := newFront(t, nil, "", o)
	c := f.connect("pipe", client.Options{Revision: handshake, Args: url.Values{"auth": {"abc1"}}})
	for range 3 {
		_, err := c.Call(soon(t), "die", nil)
		if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != CodeUpstream || !strings.Contains(e.Message, "exited with status 3") {
			t.Errorf("it failed with %v", err)
		}
	}
	if _, err := c.Call(soon(t), "pid", nil); err == nil || !strings.Contains(err.Error(), errGaveUp.Error()) {
		t.Errorf("after all restarts: %v", err)
	}
	if s := f.b.Status(); s.Started != 3 || s.Restarted != 2 {
		t.Errorf("the status is %+v", s)
	}
}

// TestNoStart: a program that is not there, and one that ends at once.
func TestNoStart(t *testing.T) {
	for _, down := range []string{handshake, stateless} {
		for path, want := range map[string]string{"/no/such/program": "no such file", "/bin/false": "exited with status 1"} {
			f := newFront(t, nil, "", Options{Command: &client.Command{Path: path}, Env: []string{"K={auth}"}})
			_, err := f.tryConnect("pipe", client.Options{Revision: down, Args: url.Values{"auth": {"s3cret"}}})
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// TestRefused: a connection without its arguments is refused before anything is
// started.
func TestRefused(t *testing.T) {
	f := newFront(t, nil, "", program())
	for _, via := range []string{"http", "sse", "pipe"} {
		_, err := f.tryConnect(via, client.Options{Revision: handshake})
		if err == nil || !strings.Contains(err.Error(), "the connection argument auth is missing") {
			t.Errorf("%s: %v", via, err)
		}
	}
	if s := f.b.Status(); s.Started != 0 || s.Upstreams != 0 {
		t.Errorf("the status is %+v", s)
	}
}

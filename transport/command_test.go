package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// In a child the test binary is a server, or what one leaves behind, and no test.
func init() {
	if play := os.Getenv("TRANSPORT_TEST_SERVER"); play != "" {
		os.Exit(serverPlay(play))
	}
}

// serverPlay is what the test binary does when a link has started it.
func serverPlay(play string) int {
	line := func() string {
		text, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		return text
	}
	switch play {
	case "serve":
		serveFake()
	case "crash": // answers, explains, ends
		line()
		fmt.Println("a print\n" + result(1, `{}`))
		fmt.Fprintln(os.Stderr, "loading\nno API key")
		return 3
	case "dead": // before it has read anything
		fmt.Fprintln(os.Stderr, "no API key")
		return 3
	case "mute": // closes its output and stays
		os.Stdout.Close()
		select {}
	case "killed":
		line()
		p, _ := os.FindProcess(os.Getpid())
		_ = p.Kill()
		select {}
	case "stubborn", "deaf": // end at no SIGTERM, and at no end of the input
		if play == "stubborn" {
			signal.Ignore(syscall.SIGTERM)
		}
		stay("TRANSPORT_TEST_ADDR")
	case "family": // with a child that outlives it
		leave(false)
		serveFake()
	case "orphan":
		leave(false)
	case "daemon": // the child leaves the group, and has our standard output
		leave(true)
		serveFake()
	case "burst": // less than the smallest pipe holds
		for i := range 50 {
			fmt.Printf("{\"jsonrpc\":\"2.0\",\"method\":\"%d\",\"params\":[%q]}\n", i, "x")
		}
	case "stderr":
		fmt.Fprint(os.Stderr, "one\r\n\n"+strings.Repeat("é", maxStderrLine)+"\nlast")
		serveFake()
	}
	return 0
}

func serveFake() {
	_ = ServeStdio(context.Background(), new(Table), newFake().accept, os.Stdin, os.Stdout, StdioOptions{})
}

// stay tells the test that this process is there, by a connection that lasts as
// long as it does, and ends when the test ends that.
func stay(name string) {
	conn, err := net.Dial("tcp", os.Getenv(name))
	if err != nil {
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, conn)
	os.Exit(0)
}

// leave starts a child that stays, in a session of its own if told so, and returns when it is there.
func leave(session bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TRANSPORT_TEST_SERVER=stubborn")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if session {
		ownSession(cmd)
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	conn, err := net.Dial("tcp", os.Getenv("TRANSPORT_TEST_READY"))
	if err != nil {
		panic(err)
	}
	_, _ = conn.Read(make([]byte, 1)) // the test says that it has heard from the child
}

// childServer is a link to a child that plays a server.
type childServer struct {
	*inbox
	link   Link
	stderr func() []string
	staid  chan net.Conn // of a process that stays
}

func startChild(t *testing.T, play string) *childServer {
	t.Helper()
	s := &childServer{inbox: newInbox(), staid: make(chan net.Conn, 1)}
	var mu sync.Mutex
	var lines []string
	s.stderr = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return lines
	}
	stays, ready := listen(t), listen(t)
	heard := make(chan struct{})
	go func() {
		if conn, err := stays.Accept(); err == nil {
			s.staid <- conn
			close(heard)
		}
	}()
	go func() {
		if conn, err := ready.Accept(); err == nil {
			select {
			case <-heard:
			case <-time.After(timeout):
			}
			conn.Close()
		}
	}()
	env := append(os.Environ(), "TRANSPORT_TEST_SERVER="+play, "GORACE=atexit_sleep_ms=0",
		"TRANSPORT_TEST_ADDR="+stays.Addr().String(), "TRANSPORT_TEST_READY="+ready.Addr().String())
	l, err := Start(Command{Path: os.Args[0], Env: env, Grace: 300 * time.Millisecond, Stderr: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}}, s, LinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.link = l
	t.Cleanup(func() {
		_ = l.Close()
		p := l.(*streams).far.(*process)
		if p.state() == nil {
			t.Error("the process is not reaped")
		}
	})
	return s
}

func listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// isGone fails the test if the process that had told of itself is still there.
func (s *childServer) isGone(t *testing.T) {
	t.Helper()
	select {
	case conn := <-s.staid:
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(timeout))
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a process is left")
		}
	case <-time.After(timeout):
		t.Error("the process did not start")
	}
}

func TestStart(t *testing.T) {
	s := startChild(t, "serve")
	send(t, s.link, s.ask(1, "echo", `["x"]`))
	s.want(t, result(1, `["x"]`))
	if err := s.link.Close(); err != nil || s.link.Err() != nil {
		t.Error(err, s.link.Err())
	}
	if state := s.link.(*streams).far.(*process).state(); state.ExitCode() != 0 && runtime.GOOS != "windows" {
		t.Errorf("the server was not left to end by itself: %v", state)
	}
}

// What a program wrote before it ended is heard, and why it ended is told.
func TestStartCrash(t *testing.T) {
	s := startChild(t, "crash")
	send(t, s.link, s.ask(1, "m", `{}`))
	s.want(t, result(1, `{}`))
	err := s.link.Send(t.Context(), s.ask(2, "m", `{}`))
	want := os.Args[0] + " exited with status 3; it last wrote: loading\nno API key"
	why := ended(t, s.link)
	_ = s.link.Close()
	lost := s.losses()
	switch {
	case err == nil && !strings.HasPrefix(lost, "2: "+os.Args[0]+" exited with status 3"):
		t.Errorf("lost %s", lost)
	case err != nil && (err != why || lost != ""):
		t.Errorf("Send: %v, lost %s", err, lost)
	}
	var p *ProcessError
	if !errors.As(why, &p) || !errors.Is(why, ErrServerGone) || p.State.ExitCode() != 3 {
		t.Fatalf("ended with %v", why)
	}
	if p.Err = nil; p.Error() != want { // the write may have found the pipe broken
		t.Errorf("got %s, want %s", p, want)
	}
	if got := strings.Join(s.stderr(), "|"); got != "loading|no API key" {
		t.Errorf("standard error: %s", got)
	}
}

// What waits in the pipe when the program has ended is heard.
func TestStartBurst(t *testing.T) {
	opened, got := make(chan *streams, 1), 0
	to := receiverFunc(func(x *Exchange) func() {
		if got++; got == 1 {
			l := <-opened
			<-l.far.(*process).exited
			<-l.writing.Done() // the link is being torn down
		}
		return nil
	})
	env := append(os.Environ(), "TRANSPORT_TEST_SERVER=burst", "GORACE=atexit_sleep_ms=0")
	l, err := Start(Command{Path: os.Args[0], Env: env}, to, LinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	opened <- l.(*streams)
	_ = ended(t, l)
	_ = l.Close()
	if got != 50 {
		t.Errorf("%d of 50 messages came", got)
	}
}

// A program that fails at once is told of in its own words, not as a broken pipe.
func TestStartDead(t *testing.T) {
	s := startChild(t, "dead")
	for i := range 3 {
		_ = s.link.Send(t.Context(), s.ask(i, "m", `{}`))
	}
	_ = ended(t, s.link)
	err := s.link.Send(t.Context(), s.ask(9, "m", `{}`))
	if err == nil || !strings.Contains(err.Error(), "status 3") || !strings.HasSuffix(err.Error(), "no API key") {
		t.Error(err)
	}
}

func TestStartEnds(t *testing.T) {
	for _, tt := range []struct{ play, want string }{
		{"killed", " was ended by a signal: killed"},
		{"mute", " was ended by a signal: terminated, after: it had closed its standard output"},
	} {
		t.Run(tt.play, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("it has no signals")
			}
			s := startChild(t, tt.play)
			send(t, s.link, s.ask(1, "m", `{}`))
			if err := ended(t, s.link); err == nil || err.Error() != os.Args[0]+tt.want {
				t.Errorf("ended with %v", err)
			}
			_ = s.link.Close()
			if got := s.losses(); got != "1: "+os.Args[0]+tt.want {
				t.Errorf("lost %s", got)
			}
		})
	}
}

// Whoever does not end is ended, and nobody is left behind.
func TestStartLeavesNobody(t *testing.T) {
	for _, tt := range []struct {
		play   string
		closes bool
		least  time.Duration
	}{
		{"deaf", true, 300 * time.Millisecond},
		{"stubborn", true, 600 * time.Millisecond},
		{"family", true, 0},
		{"orphan", false, 0},
	} {
		t.Run(tt.play, func(t *testing.T) {
			s := startChild(t, tt.play)
			conn := <-s.staid
			s.staid <- conn
			if tt.play == "family" {
				send(t, s.link, s.ask(1, "echo", `{}`))
				s.want(t, result(1, `{}`))
			}
			began := time.Now()
			if tt.closes {
				_ = s.link.Close()
			} else if err := ended(t, s.link); !errors.Is(err, ErrServerGone) {
				t.Errorf("ended with %v", err)
			}
			if took := time.Since(began); took < tt.least || took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			s.isGone(t)
		})
	}
}

// Who has left the group is not ours to end. That it holds our pipes open delays
// the end, and does not prevent it.
func TestStartDaemon(t *testing.T) {
	s := startChild(t, "daemon")
	send(t, s.link, s.ask(1, "echo", `{}`))
	s.want(t, result(1, `{}`))
	began := time.Now()
	_ = s.link.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
	conn := <-s.staid
	conn.Close()
}

func TestStartStderr(t *testing.T) {
	s := startChild(t, "stderr")
	send(t, s.link, s.ask(1, "echo", `{}`))
	s.want(t, result(1, `{}`))
	_ = s.link.Close()
	got := s.stderr()
	if len(got) != 4 || got[0] != "one" || got[1] != "" || got[3] != "last" || got[2] != strings.Repeat("é", maxStderrLine/2-1)+"…" {
		t.Errorf("%d lines: %.100q", len(got), got)
	}
}

func TestTail(t *testing.T) {
	for _, tt := range []struct {
		name string
		add  []string
		want string
	}{
		{"nothing", nil, ""},
		{"lines", []string{"a", "", "b"}, "a\n\nb"},
		{"the first does not fit", []string{"a", strings.Repeat("b", maxStderrTail-1)}, strings.Repeat("b", maxStderrTail-1)},
		{"whole lines", []string{strings.Repeat("a", 100), strings.Repeat("b", maxStderrTail-50)}, strings.Repeat("b", maxStderrTail-50)},
		{"the end of a long line", []string{"a", strings.Repeat("é", maxStderrTail)}, "…" + strings.Repeat("é", maxStderrTail/2-2)},
	} {
		var tail tail
		for _, line := range tt.add {
			tail.add(line)
		}
		if got := tail.String(); got != tt.want {
			t.Errorf("%s: %d bytes, %.20q, want %d bytes", tt.name, len(got), got, len(tt.want))
		}
	}
}

func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		c    Command
		want string
		is   error
	}{
		{"no name", Command{}, "no program is named", nil},
		{"not in PATH", Command{Path: "no-such-server"}, "install it, or give its full path", exec.ErrNotFound},
		{"no file", Command{Path: filepath.Join(dir, "none")}, "check the path", fs.ErrNotExist},
		{"no directory", Command{Path: os.Args[0], Dir: filepath.Join(dir, "none")}, "the working directory", fs.ErrNotExist},
		{"no program", Command{Path: plain}, "make the file executable", fs.ErrPermission},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && tt.is == fs.ErrPermission {
				t.Skip("every file may be executed")
			}
			l, err := Start(tt.c, newInbox(), LinkOptions{})
			if l != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, ErrServerGone) {
				t.Errorf("got %v, %v", l, err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
		})
	}
}

// A child that does not read holds up who writes, and Close ends both.
func TestStartDoesNotRead(t *testing.T) {
	s := startChild(t, "deaf")
	sent := make(chan error, 1)
	go func() {
		m := &jsonrpc.Message{Method: "m", Params: []byte(`["` + strings.Repeat("x", 1<<20) + `"]`)}
		sent <- s.link.Send(context.Background(), &Outbound{Message: m})
	}()
	<-s.staid
	waits(t, sent)
	_ = s.link.Close()
	if err := <-sent; err != ErrClosed {
		t.Errorf("Send: %v", err)
	}
}

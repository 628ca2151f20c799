package hostile

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func init() { mains["faulty"] = faulty }

// Of the program faulty, in its environment.
const (
	countEnv = "SESSIONMCP_HOSTILE_COUNT" // the file in which count leaves its traces
	drainEnv = "SESSIONMCP_HOSTILE_DRAIN" // Options.Drain
)

// faulty is a program as users write it, whose tools harm the process it runs in. Its
// command line is that of every server.
func faulty() {
	drain, _ := time.ParseDuration(os.Getenv(drainEnv))
	srv := server.New("faulty", "1", server.Options{Drain: drain, Limits: server.Limits{Calls: 1000}})
	srv.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
	srv.Tool(func(text string) error { return errors.New(text) }, tool.Name("fail"), tool.Params("text"))
	srv.Tool(func() { panic("caught") }, tool.Name("panic"))
	srv.Tool(func() { select {} }, tool.Name("hang"))
	srv.Tool(wait)
	srv.Tool(os.Getpid, tool.Name("pid"))
	srv.Tool(fork)
	srv.Tool(crash, tool.Params("how"))
	srv.Tool(printOut, tool.Name("print"), tool.Params("text"))
	srv.Tool(count, tool.Params("id", "ms"))
	if err := srv.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// wait says that it has begun, and waits to be cancelled.
func wait(ctx *tool.Context) error {
	ctx.Progress(1, 0, "")
	<-ctx.Done()
	return context.Cause(ctx)
}

// crash ends the process in a way that nothing can catch.
func crash(how string) {
	switch how {
	case "goroutine":
		go panic("out of reach")
	case "map":
		m := make(map[int]int)
		for range 4 {
			go func() {
				for i := 0; ; i++ {
					m[i%8] = i
				}
			}()
		}
	case "stack":
		debug.SetMaxStack(1 << 20)
		fmt.Fprintln(os.Stderr, overflow(1))
	case "exit":
		os.Exit(42)
	}
	select {}
}

func overflow(depth int) int {
	if depth == 0 {
		return 0
	}
	return overflow(depth+1) + 1
}

// printOut prints to standard output in all the ways there are.
func printOut(text string) error {
	fmt.Println("fmt", text)
	println("println", text)
	log.New(os.Stdout, "log ", 0).Print(text)
	slog.New(slog.NewTextHandler(os.Stdout, nil)).Info(text)
	if _, err := os.NewFile(1, "a descriptor").WriteString("descriptor " + text + "\n"); err != nil {
		return err
	}
	child := exec.Command("/bin/sh", "-c", "echo child "+text)
	child.Stdout = os.Stdout
	return child.Run()
}

// fork starts a sleeper and returns its process id.
func fork() (int, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), mainEnv+"=sleeper")
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	return cmd.Process.Pid, nil
}

// count leaves a trace of having begun, and one of having ended.
func count(ctx context.Context, id string, ms int) (string, error) {
	trace := func(what string) error {
		f, err := os.OpenFile(os.Getenv(countEnv), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteString(what + " " + id + "\n")
		return err
	}
	if err := trace("began"); err != nil {
		return "", err
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	return id, trace("ended")
}

// faultyCommand is the program with these arguments, and what is more in its environment.
func faultyCommand(args []string, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), mainEnv+"=faulty"), env...)
	return cmd
}

// startFaulty starts the program as a server over HTTP.
func startFaulty(t testing.TB, env ...string) *process {
	t.Helper()
	return startProcess(t, faultyCommand([]string{"--http", "127.0.0.1:0"}, env...))
}

// startSilent starts a command that does not tell where it is. What it writes is the
// caller's.
func startSilent(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, log: newNotes(), gone: make(chan struct{})}
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
	})
	return p
}

// freeAddress is one that a server may listen at that cannot say where it does.
func freeAddress(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// connect connects package client, which does not reconnect.
func connect(t testing.TB, url string, o client.Options) *client.Client {
	t.Helper()
	o.Logger, o.Reconnect.Attempts = unlogged, -1
	c, err := client.Connect(patiently(t), client.URL(url), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

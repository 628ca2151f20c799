package cli

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestProxyScripts runs the scripts testdata/proxy*.txtar. Beside what testscript
// has there is
//
//	serve VAR PROGRAM ARGS…    starts a proxy, sets VAR to its URL, keeps what it says in VAR.log
//	stop VAR                   interrupts it; it has to end well
//	talk OUT IN PROGRAM ARGS…  sends a program the messages in IN, a line each, and waits for the
//	                           answer of each; writes what it sends into OUT. It has to end well
//	await VAR FILE             as in other scripts
func TestProxyScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a program cannot be interrupted there")
	}
	testscript.Run(t, testscript.Params{
		Files:               proxyScripts(t),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Values[runningKey{}] = make(running)
			for _, name := range []string{"SSE_URL", "API_ACCESS_TOKEN", "SESSIONMCP_API_KEY", "MCP_PROXY_API_KEY"} {
				e.Setenv(name, "")
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serveCommand,
			"stop":  stopCommand,
			"talk":  talkCommand,
			"await": awaitCommand,
		},
	})
}

func proxyScripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "proxy*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scripts (%v)", err)
	}
	return files
}

// running are the programs of a script that serve, by variable.
type running map[string]*exec.Cmd

// runningKey is where they are among the values of a script.
type runningKey struct{}

// scriptProgram is a program that a script runs, on the script's terms.
func scriptProgram(ts *testscript.TestScript, args []string) *exec.Cmd {
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if file := filepath.Join(dir, args[0]); path == "" {
			if _, err := os.Stat(file); err == nil {
				path = file
			}
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK", "GOCOVERDIR", "SSE_URL", "API_ACCESS_TOKEN", "SESSIONMCP_API_KEY", "MCP_PROXY_API_KEY", "SECRET"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// announced finds where a proxy says that it is.
var announced = regexp.MustCompile(`(?m)^ *status +(http://\S+)/status$`)

func serveCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: serve VAR PROGRAM ARGS...")
	}
	file := ts.MkAbs(args[0] + ".log")
	log, err := os.Create(file)
	ts.Check(err)
	defer log.Close()
	cmd := scriptProgram(ts, args[1:])
	cmd.Stdout, cmd.Stderr = log, log
	ts.Check(cmd.Start())
	all, _ := ts.Value(runningKey{}).(running)
	all[args[0]] = cmd
	ts.Defer(func() {
		if cmd.ProcessState == nil { // the script has failed, or has not stopped it
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) { // another process writes it
		text, err := os.ReadFile(file)
		ts.Check(err)
		if at := announced.FindSubmatch(text); at != nil {
			ts.Setenv(args[0], string(at[1]))
			return
		}
		if time.Since(began) > 30*time.Second {
			ts.Fatalf("it does not say where it is: %s", text)
		}
	}
}

func stopCommand(ts *testscript.TestScript, neg bool, args []string) {
	all, _ := ts.Value(runningKey{}).(running)
	if neg || len(args) != 1 || all[args[0]] == nil {
		ts.Fatalf("usage: stop VAR, of what serves")
	}
	cmd := all[args[0]]
	ts.Check(cmd.Process.Signal(os.Interrupt))
	if err := cmd.Wait(); err != nil {
		ts.Fatalf("%s ended with %v: %s", args[0], err, ts.ReadFile(args[0]+".log"))
	}
}

func talkCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: talk OUT IN PROGRAM ARGS...")
	}
	cmd := scriptProgram(ts, args[2:])
	said, err := os.Create(ts.MkAbs("talk.log"))
	ts.Check(err)
	defer said.Close()
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	ts.Check(err)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	tooLong := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer tooLong.Stop()
	var heard strings.Builder
	lines := bufio.NewReader(out)
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		_, err := io.WriteString(in, line)
		ts.Check(err)
		for want := idOf(line); want != ""; {
			answer, err := lines.ReadString('\n')
			if err != nil {
				ts.Fatalf("no answer to %s: %v: %s", line, err, ts.ReadFile("talk.log"))
			}
			heard.WriteString(sorted(answer))
			if idOf(answer) == want {
				break
			}
		}
	}
	ts.Check(in.Close())
	rest, err := io.ReadAll(lines)
	ts.Check(err)
	for line := range strings.Lines(string(rest)) {
		heard.WriteString(sorted(line))
	}
	if err := cmd.Wait(); err != nil {
		ts.Fatalf("it ended with %v: %s", err, ts.ReadFile("talk.log"))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(heard.String()), 0o600))
}

// sorted returns a notification with its members in order, which is nobody's to
// keep: a token is put into it on the way. What is answered stays as it is.
func sorted(line string) string {
	var m map[string]any
	if json.Unmarshal([]byte(line), &m) != nil || m["method"] == nil {
		return line
	}
	text, _ := json.Marshal(m) // was JSON
	return string(text) + "\n"
}

// idOf is the id of a request or a response.
func idOf(line string) string {
	var m struct {
		ID json.RawMessage `json:"id"`
	}
	_ = json.Unmarshal([]byte(line), &m) // or it has none
	return string(m.ID)
}

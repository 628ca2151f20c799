//go:build unix

package transport

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"os/exec"
	"testing"
)

// child is what the test binary does when a test starts it.
func child(play string) int {
	before := log.New(os.Stdout, "", 0)
	stdout, restore, err := TakeStdout()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print("print;")
	before.Print("logger;")
	echo := exec.Command("echo", "child;")
	echo.Stdout = os.Stdout
	if err := echo.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprint(stdout, "message;")
	if play == "restore" {
		restore()
		fmt.Print("after;")
		if _, err := stdout.Write([]byte("x")); err == nil {
			fmt.Print("the file taken is still open")
		}
	}
	return 0
}

func TestTakeStdout(t *testing.T) {
	for play, want := range map[string]string{"take": "message;", "restore": "message;after;"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "TRANSPORT_TEST_CHILD="+play, "GORACE=atexit_sleep_ms=0")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatal(err, stderr.String())
		}
		if stdout.String() != want {
			t.Errorf("%s: standard output is %q, want %q", play, stdout.String(), want)
		}
		if got := stderr.String(); got != "print;logger;\nchild;\n" {
			t.Errorf("%s: standard error is %q", play, got)
		}
	}
}

package server_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestInit: what the packages of a server do before main is paid for by every
// program that links them, and where a client starts the server it waits for that.
func TestInit(t *testing.T) {
	const most = 40 // allocations of one package: a few maps
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		// init example.com/package @2.1 ms, 0.006 ms clock, 2288 bytes, 13 allocs
		f := strings.Fields(line)
		if len(f) != 11 || f[0] != "init" || !strings.HasPrefix(f[1], "github.com/sessionmcp/sessionmcp/") || strings.HasSuffix(f[1], "_test") {
			continue
		}
		seen++
		if n, err := strconv.Atoi(f[9]); err != nil || n > most {
			t.Errorf("the variables of %s take %d allocations before main begins, want %d at most: make them when they are first needed, with sync.OnceValue", f[1], n, most)
		}
	}
	if seen == 0 {
		t.Fatal("the run-time says nothing of our packages")
	}
}

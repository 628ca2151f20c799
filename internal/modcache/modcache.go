// Package modcache fills the module cache for tests that build modules offline, as
// the users of what they test may: go test itself gets no more than it needs on
// this system.
package modcache

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// Fill gets all that go mod tidy wants to see of the module in the working
// directory, and changes nothing. Where it cannot, it says so on standard error:
// what is missing may be there from before.
func Fill() { fill() }

var fill = sync.OnceFunc(func() {
	for _, args := range [][]string{{"mod", "download"}, {"mod", "tidy", "-diff"}} {
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go %v: %v\n%s", args, err, out)
		}
	}
})

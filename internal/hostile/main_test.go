package hostile

import (
	"flag"
	"os"
	"testing"
	"time"
)

var (
	long = flag.Bool("long", false, "more of everything, as for a release")
	soak = flag.Duration("soak", 10*time.Second, "how long TestSoak goes on")
)

// often is how many times something is done: few, or with -long many.
func often(few, many int) int {
	if *long {
		return many
	}
	return few
}

// programs are what this program is instead of a test, by the environment variable
// that has it so.
var programs = map[string]func(){serverEnv: serve, stdioEnv: serveStdio}

// mains are the other programs that this one can be, by the value of mainEnv.
var mains = map[string]func(){}

const mainEnv = "SESSIONMCP_HOSTILE_MAIN"

// TestMain is also the main function of the server under attack, which is this
// program again: see startServer.
func TestMain(m *testing.M) {
	for env, run := range programs {
		if os.Getenv(env) != "" {
			run()
			return
		}
	}
	if main := mains[os.Getenv(mainEnv)]; main != nil {
		main()
		return
	}
	os.Exit(m.Run())
}

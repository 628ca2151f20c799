package server_test

import (
	"log/slog"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// quiet is for servers whose log is not looked at.
var quiet = slog.New(slog.DiscardHandler)

// asProgram makes the test binary a program: what users run is run_test.go's
// runProgram, in a process of its own.
const asProgram = "SESSIONMCP_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		runProgram()
		return
	}
	goleak.VerifyTestMain(m)
}

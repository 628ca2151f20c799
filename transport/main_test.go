package transport

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if play := os.Getenv("TRANSPORT_TEST_CHILD"); play != "" {
		os.Exit(child(play))
	}
	goleak.VerifyTestMain(m)
}

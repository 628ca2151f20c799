package cli

import "testing"

// TestClientScripts runs the commands that talk to a server, as users do.
func TestClientScripts(t *testing.T) {
	for _, pattern := range []string{"list*", "call*", "read*", "prompt*", "install*"} {
		scripts(t, pattern)
	}
}

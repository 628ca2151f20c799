package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewCommand(t *testing.T) {
	framework, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	got, err := runCommand(t, (*program).newCommand, "--framework", framework, "--module", "example.org/me/hi", "hi")
	if err != nil {
		t.Fatal(err)
	}
	if want := "hi is made. Next:\n  cd hi\n  go test ./...\n  go run .\n"; got != want {
		t.Errorf("got %s", got)
	}
	text, err := os.ReadFile("hi/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "module example.org/me/hi\n") || !strings.Contains(string(text), "=> "+framework) {
		t.Errorf("go.mod is\n%s", text)
	}
	if _, err := runCommand(t, (*program).newCommand, "--framework", framework, "hi"); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("again: %v", err)
	}
	if _, err := runCommand(t, (*program).newCommand); err == nil || !strings.Contains(err.Error(), "name the server") {
		t.Errorf("no name: %v", err)
	}
}

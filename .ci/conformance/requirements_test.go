package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const requirements = `# A comment.
server:
  - ping
  - tools-list

client:
  - auth/metadata-default

not_scored:
  - scenario: auth/dpop
    leg: client
    reason: extension
  - scenario: server-sse-polling
    leg: server
    reason: pending
    note: >-
      server: what is said here is no section
`

func TestParseRequirements(t *testing.T) {
	for name, text := range map[string]string{
		"lines":         requirements,
		"windows lines": strings.ReplaceAll(requirements, "\n", "\r\n"),
	} {
		scored, other := parseRequirements(text, "server")
		if want := []string{"ping", "tools-list"}; !slices.Equal(scored, want) {
			t.Errorf("%s: scored are %q, want %q", name, scored, want)
		}
		if want := []string{"server-sse-polling"}; !slices.Equal(other, want) {
			t.Errorf("%s: others are %q, want %q", name, other, want)
		}
		scored, other = parseRequirements(text, "client")
		if !slices.Equal(scored, []string{"auth/metadata-default"}) || !slices.Equal(other, []string{"auth/dpop"}) {
			t.Errorf("%s: of clients %q and %q", name, scored, other)
		}
	}
}

func TestScenarios(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "2026-07-28.yaml"), []byte(requirements), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := set{"2026-07-28", 2, 1}.scenarios(dir, "server")
	if want := []string{"ping", "tools-list", "server-sse-polling"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("scenarios %q (%v), want %q", got, err, want)
	}
	if got, err := (set{"2026-07-28", 3, 1}).scenarios(dir, "server"); err == nil {
		t.Errorf("a list that is too short is %q, want an error", got)
	}
	if got, err := (set{"2025-11-25", 1, 1}).scenarios(dir, "server"); err == nil {
		t.Errorf("a list that is not there is %q, want an error", got)
	}
}

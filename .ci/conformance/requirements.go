package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// set is what a revision of MCP requires, and what the suite tests beyond that.
type set struct {
	revision string
	scored   int // how many scenarios are required of servers, at least: a list that is read as empty is an error
}

var sets = []set{
	{revision: "2025-11-25", scored: 30},
	{revision: "2026-07-28", scored: 37},
}

// scenarios reads the names from the files of the suite: first those that are
// required of servers, then the others that are run.
func (s set) scenarios(dir string) ([]string, error) {
	file := filepath.Join(dir, s.revision+".yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	scored, other := parseRequirements(string(text))
	if len(scored) < s.scored {
		return nil, fmt.Errorf("%s requires %d scenarios of servers, want %d at least", file, len(scored), s.scored)
	}
	return append(scored, other...), nil
}

// The lines of a requirements file that matter. It is YAML of the plainest kind.
var (
	section  = regexp.MustCompile(`^(\w+):`)
	required = regexp.MustCompile(`^  - ([\w/-]+)$`)
	unscored = regexp.MustCompile(`^  - scenario: ([\w/-]+)$`)
	leg      = regexp.MustCompile(`^    leg: (\w+)$`)
)

// parseRequirements returns the scenarios for servers.
func parseRequirements(text string) (scored, other []string) {
	var in, scenario string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case section.MatchString(line):
			in = section.FindStringSubmatch(line)[1]
		case in == "server" && required.MatchString(line):
			scored = append(scored, required.FindStringSubmatch(line)[1])
		case in == "not_scored" && unscored.MatchString(line):
			scenario = unscored.FindStringSubmatch(line)[1]
		case in == "not_scored" && leg.MatchString(line):
			if leg.FindStringSubmatch(line)[1] == "server" {
				other = append(other, scenario)
			}
		}
	}
	return scored, other
}

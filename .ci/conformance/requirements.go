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
	server   int // how many scenarios are required of servers, at least: a list that is read as empty is an error
	client   int // and of clients
}

var sets = []set{
	{revision: "2025-11-25", server: 30, client: 18},
	{revision: "2026-07-28", server: 37, client: 25},
}

// scenarios reads the names from the files of the suite: first those that are
// required of servers, or of clients, then the others that are run.
func (s set) scenarios(dir, leg string) ([]string, error) {
	file := filepath.Join(dir, s.revision+".yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	scored, other := parseRequirements(string(text), leg)
	if least := map[string]int{"server": s.server, "client": s.client}[leg]; len(scored) < least {
		return nil, fmt.Errorf("%s requires %d scenarios of a %s, want %d at least", file, len(scored), leg, least)
	}
	return append(scored, other...), nil
}

// The lines of a requirements file that matter. It is YAML of the plainest kind.
var (
	section  = regexp.MustCompile(`^(\w+):`)
	required = regexp.MustCompile(`^  - ([\w/-]+)$`)
	unscored = regexp.MustCompile(`^  - scenario: ([\w/-]+)$`)
	legOf    = regexp.MustCompile(`^    leg: (\w+)$`)
)

// parseRequirements returns the scenarios for servers, or for clients.
func parseRequirements(text, leg string) (scored, other []string) {
	var in, scenario string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case section.MatchString(line):
			in = section.FindStringSubmatch(line)[1]
		case in == leg && required.MatchString(line):
			scored = append(scored, required.FindStringSubmatch(line)[1])
		case in == "not_scored" && unscored.MatchString(line):
			scenario = unscored.FindStringSubmatch(line)[1]
		case in == "not_scored" && legOf.MatchString(line):
			if legOf.FindStringSubmatch(line)[1] == leg {
				other = append(other, scenario)
			}
		}
	}
	return scored, other
}

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// excused are the scenarios that may fail, each with the reason. One that passes
// is a failure, too: the list is to hold what is true.
var excused = map[string]string{
	"tasks-capability-negotiation": noTasks,
	"tasks-dispatch-and-envelope":  noTasks,
	"tasks-lifecycle":              noTasks,
	"tasks-mrtr-composition":       noTasks,
	"tasks-mrtr-input":             noTasks,
	"tasks-request-headers":        noTasks,
	"tasks-request-state-removal":  noTasks,
	"tasks-required-task-error":    noTasks,
	"tasks-wire-fields":            noTasks,
	"tasks-status-notifications":   "the suite skips it, whatever the server does",
}

const noTasks = "the extension io.modelcontextprotocol/tasks is not there yet"

// check is one entry of a checks.json.
type check struct {
	ID          string          `json:"id"`
	Status      string          `json:"status"`
	Error       string          `json:"errorMessage"`
	Description string          `json:"description"`
	Details     json.RawMessage `json:"details"`
}

// String returns all there is to know, on several lines.
func (c check) String() string {
	text := fmt.Sprintf("%s %s\n\t%s", c.Status, c.ID, c.Description)
	if c.Error != "" {
		text += "\n\terror: " + c.Error
	}
	if c.Details != nil {
		text += "\n\tdetails: " + string(c.Details)
	}
	return text
}

// The statuses that are no problem, of FAILURE, WARNING, SKIPPED and these.
const (
	success = "SUCCESS"
	skipped = "SKIPPED"
	info    = "INFO" // of the checks in remarks
)

// remarks are the checks that only say what happened. Any other that says so has
// found nothing to check, as where a client did not have to come back.
var remarks = []string{
	"incoming-request",
	"incoming-response",
	"incoming-sse-event",
	"outgoing-request",
	"outgoing-response",
	"outgoing-sse-event",
	"outgoing-stream-close",
	"server-info",
	"server-sse-streams-functional", // whether lists are answered with streams, which is up to the server
	"stream-closed",
}

// mayBeSkipped are the checks that may be skipped, by their descriptions: there is no
// handshake in a revision that has none.
var mayBeSkipped = []string{
	"Client sends correct Mcp-Method header on initialize request",
	"Client sends correct Mcp-Method header on notifications/initialized request",
}

// wireSchema is added to every scenario and succeeds also if nothing was sent:
// it says nothing of whether the scenario did anything.
const wireSchema = "wire-schema-valid"

// problems returns what is wrong with the checks of one scenario, a line each.
// The suite's own exit code is milder: it overlooks what is skipped, scenarios
// that are not scored, and those in which nothing was checked.
func problems(checks []check) []string {
	var found []string
	succeeded := false
	for _, c := range checks {
		switch {
		case c.Status == success:
			succeeded = succeeded || c.ID != wireSchema
		case c.Status == info && slices.Contains(remarks, c.ID):
		case c.Status == skipped && slices.Contains(mayBeSkipped, c.Description):
		default:
			found = append(found, fmt.Sprintf("%s %s: %s", c.ID, c.Status, oneLine(cmp.Or(c.Error, c.Description))))
		}
	}
	if !succeeded && len(found) == 0 {
		found = append(found, fmt.Sprintf("none of its %d checks succeeded", len(checks)))
	}
	return found
}

// maxLine is how many bytes of an error are shown: some hold a message for each
// message that was sent.
const maxLine = 400

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxLine {
		text = text[:maxLine] + "… (with -scenario you see it all)"
	}
	return text
}

// verdict is what is to be said of a run.
type verdict struct {
	checks   int
	excused  int      // scenarios that failed, as expected
	problems []string // a line each, which begins with the scenario
}

// judge reads the results of these scenarios, all of which have to be there.
func judge(results fs.FS, scenarios []string, excused map[string]string) (verdict, error) {
	var v verdict
	found, err := resultsByScenario(results)
	if err != nil {
		return v, err
	}
	for _, scenario := range scenarios {
		lines := []string{"left no results"}
		if checks, ok := found[scenario]; ok {
			lines = problems(checks)
			v.checks += len(checks)
		}
		if reason, ok := excused[scenario]; ok {
			if len(lines) > 0 {
				v.excused++
				continue
			}
			lines = []string{"passes, and is excused because " + reason + ": take it off the list in .ci/conformance/judge.go"}
		}
		for _, line := range lines {
			v.problems = append(v.problems, scenario+": "+line)
		}
	}
	return v, nil
}

// A folder is named server-SCENARIO-TIME, such as server-ping-2026-07-28T01-02-03-004Z,
// or for a client SCENARIO-TIME.
var folderName = regexp.MustCompile(`^(?:server-)?(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$`)

// resultsByScenario reads every checks.json. A scenario that broke off has none.
func resultsByScenario(results fs.FS) (map[string][]check, error) {
	folders, err := fs.ReadDir(results, ".")
	if err != nil {
		return nil, err
	}
	found := make(map[string][]check)
	for _, folder := range folders {
		m := folderName.FindStringSubmatch(folder.Name())
		if m == nil {
			return nil, fmt.Errorf("the suite named its results %s, want SCENARIO-TIME", folder.Name())
		}
		text, err := fs.ReadFile(results, path.Join(folder.Name(), "checks.json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var checks []check
		if err := json.Unmarshal(text, &checks); err != nil {
			return nil, fmt.Errorf("%s/checks.json: %w", folder.Name(), err)
		}
		found[m[1]] = append(found[m[1]], checks...)
	}
	return found, nil
}

// unknownExcuses returns the excused scenarios that are not among these.
func unknownExcuses(scenarios []string, excused map[string]string) []string {
	var unknown []string
	for scenario := range excused {
		if !slices.Contains(scenarios, scenario) {
			unknown = append(unknown, scenario)
		}
	}
	slices.Sort(unknown)
	return unknown
}

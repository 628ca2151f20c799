package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// notClient are the scenarios for clients that are not run, by the beginning of
// their names, with the reason.
var notClient = map[string]string{
	"auth/": "package client takes credentials, and gets none by itself yet",
}

// buildClient builds the program that the suite starts for each scenario.
func buildClient(ctx context.Context, dir string, race bool) (string, error) {
	program := filepath.Join(dir, "client")
	arguments := []string{"build", "-o", program}
	if race {
		arguments = append(arguments, "-race")
	}
	build := exec.CommandContext(ctx, "go", append(arguments, "./"+home+"/client")...)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the client: %w\n%s", err, out)
	}
	return program, nil
}

// clients tests package client in what each revision requires of clients. The
// scenarios with a handshake are run twice: told which revision it is, and left to
// find that out.
func (t *test) clients(ctx context.Context) error {
	var errs []error
	for i, s := range sets {
		names, err := s.scenarios(t.suite.requirements, "client")
		if err != nil {
			return err
		}
		errs = append(errs, t.clientSet(ctx, s.revision, "told", t.client, names))
		if i < len(sets)-1 {
			errs = append(errs, t.clientSet(ctx, s.revision, "probing", t.client+" --probe", names))
		}
	}
	return errors.Join(errs...)
}

// clientSet runs what one revision requires, and prints a line for each problem and
// one for the whole.
func (t *test) clientSet(ctx context.Context, revision, how, command string, names []string) error {
	begin, ran, problems, checks := time.Now(), 0, 0, 0
	for _, scenario := range names {
		if leftOut(scenario) {
			continue
		}
		ran++
		found, lines, err := t.clientScenario(ctx, revision, how, command, scenario)
		if err != nil {
			return err
		}
		checks += len(found)
		for _, line := range lines {
			problems++
			fmt.Printf("client %s %s: %s: %s\n", revision, how, scenario, line)
		}
	}
	fmt.Printf("client %s %s: %d scenarios, %d checks, %d left out, %d problems (%.1f s)\n",
		revision, how, ran, checks, len(names)-ran, problems, time.Since(begin).Seconds())
	switch {
	case ran == 0:
		return fmt.Errorf("client %s: no scenario was run", revision)
	case problems > 0:
		return fmt.Errorf("client %s %s: %d problems", revision, how, problems)
	}
	return nil
}

func leftOut(scenario string) bool {
	for prefix := range notClient {
		if strings.HasPrefix(scenario, prefix) {
			return true
		}
	}
	return false
}

// clientScenario runs one scenario and returns its checks and what is wrong.
func (t *test) clientScenario(ctx context.Context, revision, how, command, scenario string) ([]check, []string, error) {
	results := filepath.Join(t.dir, "client-"+revision+"-"+how+"-"+strings.ReplaceAll(scenario, "/", "-"))
	if err := os.MkdirAll(results, 0o700); err != nil {
		return nil, nil, err
	}
	output, content, err := t.suite.run(ctx, results, "client", "--command", command, "--scenario", scenario, "--spec-version", revision)
	if err != nil {
		return nil, nil, fmt.Errorf("client %s: %w\n%s", scenario, err, output)
	}
	found, err := resultsByScenario(os.DirFS(results))
	if err != nil {
		return nil, nil, err
	}
	checks, ok := found[scenario]
	if !ok {
		return nil, []string{"left no results, and the suite says:\n" + output}, nil
	}
	lines := problems(checks)
	if !content && len(lines) == 0 {
		lines = append(lines, "the suite is not content, and says:\n"+output)
	}
	return checks, lines, nil
}

// oneClient runs one scenario and prints all there is to know.
func (t *test) oneClient(ctx context.Context, scenario, revision string) error {
	checks, lines, err := t.clientScenario(ctx, revision, "told", t.client, scenario)
	if err != nil {
		return err
	}
	for _, c := range checks {
		fmt.Println(c)
	}
	if len(lines) > 0 {
		return fmt.Errorf("%s: %d problems: %s", scenario, len(lines), strings.Join(lines, "\n"))
	}
	return nil
}

// Command conformance holds examples/everything and package client against the
// official conformance suite of MCP. The server is tested as each revision requires
// it, one after the other, and then as all require it at the same time, of one and
// the same process; the client by a program in the folder client.
//
// Run it from the root of the checkout, after npm ci in this folder, or have
// .ci/run conformance do both:
//
//	go run ./.ci/conformance
//	go run ./.ci/conformance -race
//	go run ./.ci/conformance -scenario tools-call-image -spec-version 2026-07-28
//
//	go run ./.ci/conformance -client -scenario sse-retry -spec-version 2025-11-25
//
// It is stricter than the suite: in every scenario that is run, also in those that
// are not scored, at least one check has to succeed and none may fail, warn or be
// skipped. What may is on a list, with the reason, in judge.go and clients.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"time"
)

// limit is how long all of it may take, once the server is built.
const limit = 3 * time.Minute

func main() {
	race := flag.Bool("race", false, "build the server with the race detector")
	scenario := flag.String("scenario", "", "run this scenario alone and print its checks")
	revision := flag.String("spec-version", "", "with -scenario: the revision of MCP to speak, such as 2026-07-28")
	leg := flag.Bool("client", false, "with -scenario: it is one for clients")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *race, *leg, *scenario, *revision); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// run starts the server, tests it, and stops it whatever came of that.
func run(ctx context.Context, race, leg bool, scenario, revision string) error {
	s, err := findSuite(ctx)
	if err != nil {
		return err
	}
	dir, remove, err := tempDir()
	if err != nil {
		return err
	}
	defer remove()
	program, err := buildClient(ctx, dir, race)
	if err != nil {
		return err
	}
	srv, err := startServer(ctx, dir, race)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("all has to be done within %v", limit))
	defer cancel()
	url, err := srv.url(ctx)
	if err == nil {
		t := &test{suite: s, url: url, dir: dir, client: program}
		switch {
		case scenario == "":
			err = t.all(ctx)
		case leg:
			err = t.oneClient(ctx, scenario, revision)
		default:
			err = t.one(ctx, scenario, revision)
		}
	}
	if err = errors.Join(err, srv.stop()); err != nil {
		fmt.Fprintf(os.Stderr, "the server wrote:\n%s\n", srv.stderr)
	}
	return err
}

// test is the server, the suite, and a folder for results.
type test struct {
	suite  *suite
	url    string
	dir    string
	client string // the program
}

// all runs the sets one after the other, then at the same time.
func (t *test) all(ctx context.Context) error {
	scenarios := make(map[string][]string) // by revision
	var every []string
	for _, s := range sets {
		names, err := s.scenarios(t.suite.requirements, "server")
		if err != nil {
			return err
		}
		scenarios[s.revision] = names
		every = append(every, names...)
	}
	var errs []error
	for _, scenario := range unknownExcuses(every, excused) {
		errs = append(errs, fmt.Errorf("%s is excused and in no set: take it off the list in %s/judge.go", scenario, home))
	}
	for _, s := range sets {
		errs = append(errs, t.set(ctx, s.revision, "alone", scenarios[s.revision]))
	}
	together := make([]error, len(sets))
	var wg sync.WaitGroup
	for i, s := range sets {
		wg.Go(func() { together[i] = t.set(ctx, s.revision, "together", scenarios[s.revision]) })
	}
	wg.Wait()
	return errors.Join(append(append(errs, together...), t.clients(ctx))...)
}

// set runs what one revision requires, and prints a line for each problem and
// one for the whole.
func (t *test) set(ctx context.Context, revision, how string, scenarios []string) error {
	begin := time.Now()
	name := revision + " " + how
	results := filepath.Join(t.dir, revision+"-"+how)
	if err := os.Mkdir(results, 0o700); err != nil {
		return err
	}
	output, content, err := t.suite.run(ctx, results, "server", "--url", t.url, "--requirements", revision)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, output)
	}
	v, err := judge(os.DirFS(results), scenarios, excused)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, output)
	}
	if !content && len(v.problems) == 0 {
		v.problems = append(v.problems, "the suite is not content, and says:\n"+output)
	}
	for _, problem := range v.problems {
		fmt.Printf("%s: %s\n", name, problem)
	}
	fmt.Printf("%s: %d scenarios, %d checks, %d excused, %d problems (%.1f s)\n",
		name, len(scenarios), v.checks, v.excused, len(v.problems), time.Since(begin).Seconds())
	if len(v.problems) > 0 {
		return fmt.Errorf("%s: %d problems", name, len(v.problems))
	}
	return nil
}

// one runs one scenario and prints all there is to know.
func (t *test) one(ctx context.Context, scenario, revision string) error {
	arguments := []string{"server", "--url", t.url, "--scenario", scenario}
	if revision != "" {
		arguments = append(arguments, "--spec-version", revision)
	}
	results := filepath.Join(t.dir, "results")
	if err := os.Mkdir(results, 0o700); err != nil {
		return err
	}
	output, _, err := t.suite.run(ctx, results, arguments...)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	found, err := resultsByScenario(os.DirFS(results))
	if err != nil {
		return err
	}
	checks, ok := found[scenario]
	if !ok {
		return fmt.Errorf("%s left no results, and the suite says:\n%s", scenario, output)
	}
	for _, c := range checks {
		fmt.Println(c)
	}
	if lines := problems(checks); len(lines) > 0 {
		return fmt.Errorf("%s: %d problems", scenario, len(lines))
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// home is where the suite is installed, from the root of the checkout.
const home = ".ci/conformance"

// suite is the official conformance suite, a program for Node.
type suite struct {
	node         string // the program that runs it
	entry        string
	requirements string // the folder with the lists of scenarios
}

// findSuite returns the suite as npm ci has installed it.
func findSuite(ctx context.Context) (*suite, error) {
	if _, err := os.Stat(filepath.Join(home, "package.json")); err != nil {
		return nil, fmt.Errorf("run this from the root of the checkout: %w", err)
	}
	modules := filepath.Join(home, "node_modules")
	suitePackage := filepath.Join(modules, "@modelcontextprotocol", "conformance")
	s := &suite{
		node:         filepath.Join(modules, ".bin", "node"),
		entry:        filepath.Join(suitePackage, "dist", "index.js"),
		requirements: filepath.Join(suitePackage, "requirements"),
	}
	if _, err := os.Stat(s.entry); err != nil {
		return nil, fmt.Errorf("the suite is not installed: run npm ci in %s, or .ci/run conformance: %w", home, err)
	}
	if _, err := os.Stat(s.node); err != nil { // there is none for this system in package.json
		s.node = "node"
	}
	return s, s.checkNode(ctx)
}

// minNode is the oldest major version that the suite can be loaded by.
const minNode = 22

func (s *suite) checkNode(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, s.node, "--version").Output()
	if err != nil {
		return fmt.Errorf("the suite needs Node %d or newer: %w", minNode, err)
	}
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < minNode {
		return fmt.Errorf("the suite needs Node %d or newer, and %s is %s", minNode, s.node, version)
	}
	return nil
}

// run runs the suite and returns what it printed, and whether it was content.
func (s *suite) run(ctx context.Context, results string, arguments ...string) (output string, content bool, err error) {
	arguments = append([]string{s.entry, arguments[0], "-o", results}, arguments[1:]...)
	cmd := exec.CommandContext(ctx, s.node, arguments...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return string(out), false, fmt.Errorf("the suite did not end: %w", context.Cause(ctx))
	case err != nil && !errors.As(err, new(*exec.ExitError)):
		return string(out), false, err
	}
	return string(out), err == nil, nil
}

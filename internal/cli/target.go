package cli

import (
	"debug/buildinfo"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// aboutTarget is the part of the help that says what a TARGET is.
const aboutTarget = `TARGET is a server: a URL that begins with http:// or https://, or a program
that speaks MCP on its standard input and output. A program with arguments is one
word of the shell, in quotes: "npx -y some-server"; within it, quotes keep words
together, and nothing is expanded. A program made with this framework is started
with --stdio, any other as it is written.`

// target is a server, as the command line names it.
type target struct {
	url     string
	command []string // where there is no url; the first is as it was written
	path    string   // of the program
}

// readTarget reads a TARGET.
func readTarget(text string) (*target, error) {
	scheme, rest, isURL := strings.Cut(text, "://")
	switch {
	case strings.TrimSpace(text) == "":
		return nil, usagef("the TARGET is empty: want a URL, or a program")
	case isURL && !strings.ContainsAny(scheme, " /\\'\""):
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return nil, usagef("%s://%s is no URL of a server: want http://HOST/PATH or https://HOST/PATH", scheme, cut(withoutQuery(rest), 60))
		}
		return &target{url: text}, nil
	}
	words := []string{text}
	path, err := exec.LookPath(text) // a path may have spaces in it
	if err != nil {
		if info, err := os.Stat(text); err == nil && info.IsDir() {
			return nil, usagef("%s is a folder: name a program in it; of a Go package, build makes one", text)
		}
		if words, err = splitWords(text); err != nil {
			return nil, err
		}
		if path, err = exec.LookPath(words[0]); err != nil {
			return nil, &exitError{exitNoServer, fmt.Errorf("there is no program %s%s", withoutQuery(words[0]), insteadOf(words[0]))}
		}
	}
	t := &target{command: words, path: path}
	if wantsStdio(path, words[1:]) {
		t.command = append(t.command, "--stdio")
	}
	return t, nil
}

func withoutQuery(s string) string {
	s, _, _ = strings.Cut(s, "?")
	if i := strings.LastIndexByte(s, '@'); i >= 0 { // in front of it stands a password
		s = s[i+1:]
	}
	return s
}

var hostPort = regexp.MustCompile(`^[\w.-]+:\d+(/|$)`)

// insteadOf says what may have been meant by a program that is not there.
func insteadOf(name string) string {
	info, err := os.Stat(name)
	isFile, isPath := err == nil && info.Mode().IsRegular(), strings.ContainsAny(name, `/\`)
	switch {
	case isFile && isPath:
		return ": the file is there, and not executable"
	case isFile:
		return " in PATH: for the file in this folder, write ./" + name
	case hostPort.MatchString(name):
		return ": for a URL, write http://" + withoutQuery(name)
	case isPath:
		return ": look at the path"
	}
	return " in PATH: want a URL, the path of a program, or the name of one in PATH"
}

// splitWords splits a command as a shell does, without expanding anything: blanks
// separate, quotes and backslashes keep together. On Windows a backslash is part
// of a path.
func splitWords(text string) ([]string, error) {
	var s splitter
	for _, r := range text {
		s.add(r)
	}
	switch s.end(); {
	case s.quote != 0 || s.escaped:
		return nil, usagef("TARGET: a quote or a backslash has nothing behind it")
	case len(s.words) == 0 || s.words[0] == "":
		return nil, usagef("TARGET: there is no program in it")
	}
	return s.words, nil
}

// splitter is a command that is being split.
type splitter struct {
	words   []string
	word    strings.Builder
	begun   bool // there is a word, if only an empty one
	escaped bool
	quote   rune // that is open
}

func (s *splitter) add(r rune) {
	inside := s.quote != 0
	switch {
	case s.escaped:
		s.escaped = false
	case r == '\\' && s.quote != '\'' && runtime.GOOS != "windows":
		s.begun, s.escaped = true, true
		return
	case inside && r == s.quote:
		s.quote = 0
		return
	case !inside && (r == '\'' || r == '"'):
		s.begun, s.quote = true, r
		return
	case !inside && strings.ContainsRune(" \t\r\n", r):
		s.end()
		return
	}
	s.begun = true
	s.word.WriteRune(r)
}

// end ends a word, if there is one.
func (s *splitter) end() {
	if s.begun {
		s.words = append(s.words, s.word.String())
		s.word.Reset()
		s.begun = false
	}
}

// wantsStdio reports whether a program is a server of package server, which serves
// HTTP unless it is told otherwise, and has not been told.
func wantsStdio(path string, args []string) bool {
	if slices.ContainsFunc(args, func(arg string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		return strings.HasPrefix(arg, "-") && (name == "stdio" || name == "http")
	}) {
		return false
	}
	info, err := buildinfo.ReadFile(path)
	return err == nil && isServer(info)
}

// isServer reports whether a program was made with package server, as far as can
// be told: it has this module in it, and is not this command.
func isServer(info *debug.BuildInfo) bool {
	if info.Main.Path == module {
		return !strings.HasPrefix(info.Path, module+"/cmd/")
	}
	return slices.ContainsFunc(info.Deps, func(d *debug.Module) bool { return d.Path == module })
}

// waitingFor says what a connection is waited for.
func (t *target) waitingFor() string {
	if t.url != "" {
		u, _ := url.Parse(t.url) // readTarget has
		return "connecting to " + u.Host
	}
	return "starting " + oneLine(filepath.Base(t.command[0]))
}

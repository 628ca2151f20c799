package repo

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// modules are the modules of the repository, each with a go.mod of its own.
var modules = []string{".", "bench", ".ci/tools"}

const dependencies = "docs/dependencies.md"

// dependency is a row of docs/dependencies.md.
type dependency struct{ module, reason, licence, where string }

// TestDependencies holds the page of dependencies to the go.mod files, to the
// licences that come with the modules, and to what is linked into what.
func TestDependencies(t *testing.T) {
	rows, required := dependencyRows(t), requirements(t)
	for _, m := range sorted(required) {
		if rows[m] == nil {
			t.Errorf("%s/go.mod requires %s, which has no row in %s", required[m][0].in, m, dependencies)
		}
	}
	cache := strings.TrimSpace(goCommand(t, ".", nil, "env", "GOMODCACHE"))
	server, command := linked(t, "./examples/hello"), linked(t, "./cmd/sessionmcp")
	for _, m := range sorted(rows) {
		in, row := required[m], rows[m]
		if in == nil {
			t.Errorf("%s has a row for %s, which no go.mod requires", dependencies, m)
			continue
		}
		want := "tests"
		switch {
		case server[m]:
			want = "server"
		case command[m]:
			want = "command"
		case in[0].in != ".":
			want = map[string]string{"bench": "bench", ".ci/tools": "gate"}[in[0].in]
		}
		if row.where != want {
			t.Errorf("%s says that %s is in %q, and it is in %q", dependencies, m, row.where, want)
		}
		if row.reason == "" {
			t.Errorf("%s does not say what %s is for", dependencies, m)
		}
		for _, r := range in {
			checkLicence(t, row, filepath.Join(cache, r.folder()))
		}
	}
}

func dependencyRows(t *testing.T) map[string]*dependency {
	t.Helper()
	rows := make(map[string]*dependency)
	for line := range strings.Lines(read(t, dependencies)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != 4 || !strings.HasPrefix(cells[0], "`") {
			continue
		}
		row := &dependency{strings.Trim(cells[0], "`"), cells[1], cells[2], cells[3]}
		if rows[row.module] != nil {
			t.Errorf("%s has two rows for %s", dependencies, row.module)
		}
		rows[row.module] = row
	}
	if len(rows) == 0 {
		t.Fatalf("found no rows in %s", dependencies)
	}
	return rows
}

// requirement is a version of a module that a go.mod names.
type requirement struct{ in, path, version string }

// folder is where the module cache has it.
func (r *requirement) folder() string {
	var b strings.Builder
	for _, c := range r.path {
		if unicode.IsUpper(c) {
			b.WriteByte('!')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String() + "@" + r.version
}

// requirements are what the go.mod files name, by module, but for the modules of
// this repository.
func requirements(t *testing.T) map[string][]requirement {
	t.Helper()
	all := make(map[string][]requirement)
	for _, dir := range modules {
		var file struct {
			Require []struct{ Path, Version string }
		}
		if err := json.Unmarshal([]byte(goCommand(t, dir, nil, "mod", "edit", "-json")), &file); err != nil {
			t.Fatal(err)
		}
		for _, r := range file.Require {
			if r.Path != module {
				all[r.Path] = append(all[r.Path], requirement{dir, r.Path, r.Version})
			}
		}
	}
	return all
}

// linked are the modules that a program of this one is made of, on any system.
func linked(t *testing.T, program string) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, system := range []string{"linux", "darwin", "windows"} {
		for m := range strings.FieldsSeq(goCommand(t, ".", []string{"GOOS=" + system}, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", program)) {
			all[m] = true
		}
	}
	return all
}

// goCommand runs the go command in a folder of the repository.
func goCommand(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join(root, dir)
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	out, err := cmd.Output()
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%s: %v\n%s", cmd, err, e.Stderr)
		}
		t.Fatalf("%s: %v", cmd, err)
	}
	return string(out)
}

// licences are the words by which a licence is known.
var licences = map[string]string{
	"MIT":          "Permission is hereby granted, free of charge",
	"BSD-3-Clause": "Neither the name of",
	"Apache-2.0":   "Apache License",
}

// checkLicence looks for the licences of a row in the files that the module comes
// with, if it has been downloaded: nobody has to for a test.
func checkLicence(t *testing.T, row *dependency, home string) {
	t.Helper()
	if _, err := os.Stat(home); err != nil {
		return
	}
	var text strings.Builder
	for _, pattern := range []string{"LICEN[CS]E*", "COPYING*"} {
		files, err := filepath.Glob(filepath.Join(home, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			one, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(one)
		}
	}
	said := strings.Split(row.licence, ", ")
	for _, name := range said {
		if words := licences[name]; words == "" || !strings.Contains(text.String(), words) {
			t.Errorf("%s says that the licence of %s is %s, which its files do not", dependencies, row.module, name)
		}
	}
	for name, words := range licences {
		if strings.Contains(text.String(), words) && !slices.Contains(said, name) {
			t.Errorf("%s does not say that the licence of %s is also %s", dependencies, row.module, name)
		}
	}
}

// TestLockedPackages holds what comes from npm to its hashes: each package has
// one, and none may run anything when it is installed.
func TestLockedPackages(t *testing.T) {
	const home = ".ci/conformance/"
	var lock struct {
		Packages map[string]struct {
			Version, Integrity string
			Link               bool
		}
	}
	if err := json.Unmarshal([]byte(read(t, home+"package-lock.json")), &lock); err != nil {
		t.Fatal(err)
	}
	if len(lock.Packages) < 2 {
		t.Error("there are no packages")
	}
	for _, name := range sorted(lock.Packages) {
		if p := lock.Packages[name]; name != "" && (p.Link || p.Version == "" || !strings.HasPrefix(p.Integrity, "sha512-")) {
			t.Errorf("%s has no version with a SHA-512", name)
		}
	}
	settings := strings.Split(read(t, home+".npmrc"), "\n")
	if !slices.Contains(settings, "ignore-scripts=true") {
		t.Error("packages may run scripts when they are installed")
	}
	if gate := read(t, ".ci/run"); !strings.Contains(gate, "npm ci") || strings.Contains(gate, "npm install") || strings.Contains(gate, "npx ") {
		t.Error("the gate installs by something else than npm ci")
	}
}

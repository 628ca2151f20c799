package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// runCommand runs one command in an empty folder of a module with one tool, and
// returns what it printed.
func runCommand(t *testing.T, command func(*program) *cobra.Command, args ...string) (string, error) {
	t.Helper()
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOFLAGS", "-buildvcs=false")
	var out bytes.Buffer
	cmd := command(&program{name: "sessionmcp", out: &out, err: &out})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// inModule changes to a module with a package add.
func inModule(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":     "module example.com/m\n\ngo 1.22\n",
		"add/add.go": "package add\n\n// Sum adds. It does not overflow.\n//\n//mcp:readonly\nfunc Sum(a, b int) int { return a + b }\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestBuildCommand(t *testing.T) {
	framework, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	inModule(t)
	got, err := runCommand(t, (*program).buildCommand, "--framework", framework, "--version", "1.0.0", "--name", "sums", "./add")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sums 1.0.0 from example.com/m/add\n", "\n  sum  a b  Sum adds.\n", "add-server --http 127.0.0.1:8080"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not print %q:\n%s", want, got)
		}
	}
	if info, err := os.Stat("add-server"); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("beside the folder add: %v, %v", info, err)
	}
}

func TestBuildCommandEmits(t *testing.T) {
	inModule(t)
	got, err := runCommand(t, (*program).buildCommand, "--emit", "cmd/add", "./add")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\nNext:\n  go get github.com/sessionmcp/sessionmcp\n  go build ./cmd/add\n"; !strings.Contains(got, want) {
		t.Errorf("got %s", got)
	}
	got, err = runCommand(t, (*program).buildCommand, "--json", "--emit", "cmd/add", "./add")
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Name, File string
		Tools      []struct {
			Name       string
			Parameters []struct {
				Name     string
				Required bool
			}
		}
	}
	if err := json.Unmarshal([]byte(got), &report); err != nil {
		t.Fatal(err)
	}
	if report.Name != "add" || len(report.Tools) != 1 || len(report.Tools[0].Parameters) != 2 || !report.Tools[0].Parameters[1].Required {
		t.Errorf("got %s", got)
	}
}

func TestBuildCommandErrors(t *testing.T) {
	inModule(t)
	for name, test := range map[string]struct {
		args  []string
		want  string
		usage bool
	}{
		"no package":   {nil, "name one package", true},
		"two":          {[]string{"./a", "./b"}, "name one package", true},
		"both":         {[]string{"-o", "x", "--emit", "y", "./add"}, "give one of them", true},
		"no checkout":  {[]string{"--framework", ".", "./add"}, "is no checkout of", false},
		"no such":      {[]string{"--emit", "x", "./nosuch"}, "directory not found", false},
		"no functions": {[]string{"--emit", "x", "."}, "no Go files", false},
	} {
		_, err := runCommand(t, (*program).buildCommand, test.args...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
			continue
		}
		known, ok := errors.AsType[*exitError](err)
		if usage := ok && known.code == exitUsage; usage != test.usage {
			t.Errorf("%s: an error of the command line: %t", name, usage)
		}
	}
}

package gen

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWorkspace takes over the modules of the user's workspace and what it
// replaces, from whichever folder.
func TestWorkspace(t *testing.T) {
	dir := module(t, map[string]string{
		"go.work":      "go 1.26\n\nuse (\n\t./a\n\t./b\n)\n\nreplace example.com/c => ./c\n\nreplace example.com/d v1.0.0 => example.com/e v1.2.0\n",
		"a/go.mod":     "module example.com/a\n\ngo 1.22\n",
		"a/x/x.go":     "package x\n",
		"b/go.mod":     "module example.com/b\n\ngo 1.22\n",
		"ours/go.mod":  "module " + ours + "\n",
		"alone/go.mod": "module example.com/alone\n\ngo 1.22\n",
	})
	for name, test := range map[string]struct {
		dir       string
		setting   string // of GOWORK
		framework Framework
		want      string
	}{
		"workspace": {"a/x", "", Framework{Dir: dir + "/ours"},
			"use \"$/a\"\nuse \"$/b\"\nuse \"$/ours\"\nreplace example.com/c  => \"$/c\" \nreplace example.com/d v1.0.0 => \"example.com/e\" v1.2.0\n"},
		"off":     {"a", "off", Framework{Dir: dir + "/ours"}, "use \"$/a\"\nuse \"$/ours\"\n"},
		"release": {"alone", "off", Framework{Version: "v1.2.3"}, "use \"$/alone\"\nuse \"$temp/framework\"\n"},
		"itself":  {"ours", "off", Framework{Version: "v1.2.3"}, "use \"$/ours\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOWORK", test.setting)
			temp := t.TempDir()
			at := filepath.Join(dir, test.dir)
			env, err := goEnv(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			env.GOVERSION = "go1.21.3 X:some"
			file, err := writeWorkspace(t.Context(), env, Options{Dir: at, Framework: test.framework}, temp)
			if err != nil {
				t.Fatal(err)
			}
			want := "go 1.26.0\n" + strings.NewReplacer("$temp", temp, "$", dir).Replace(test.want)
			if got := string(content(t, file)); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			if test.framework.Version != "" && name != "itself" {
				if got := string(content(t, filepath.Join(temp, "framework", "go.mod"))); !strings.Contains(got, fmt.Sprintf("require %s v1.2.3", ours)) {
					t.Errorf("got %s", got)
				}
			}
		})
	}
}

// TestNoModule says how to get one.
func TestNoModule(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte("package x\n\nfunc X() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Load(t.Context(), dir, ".")
	if err == nil || !strings.Contains(err.Error(), "there is no go.mod here: ") {
		t.Errorf("got %v", err)
	}
}

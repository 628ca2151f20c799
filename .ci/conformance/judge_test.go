package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// folder returns the name that the suite gives to the results of a scenario.
func folder(scenario string) string { return "server-" + scenario + "-2026-07-28T01-02-03-004Z" }

const (
	wire = `{"id": "wire-schema-valid", "status": "SUCCESS"}`
	good = `{"id": "a", "status": "SUCCESS", "details": {"n": 1}}`
	bad  = `{"id": "b", "status": "FAILURE", "errorMessage": "expected one, got two"}`
	warn = `{"id": "c", "status": "WARNING", "errorMessage": "should be three"}`
	skip = `{"id": "d", "status": "SKIPPED", "description": "what could not be"}`
	moot = `{"id": "e", "status": "INFO", "description": "what was not tried"}`
	note = `{"id": "outgoing-request", "status": "INFO"}`
)

func TestJudge(t *testing.T) {
	mayFail := map[string]string{"ping": "it is not there yet"}
	for name, test := range map[string]struct {
		checks  string // "" for no file
		excused map[string]string
		want    string // part of the only problem; "" for none
	}{
		"good":                {checks: "[" + good + "," + wire + "]"},
		"good and a remark":   {checks: "[" + note + "," + good + "," + note + "]"},
		"missing":             {want: "ping: left no results"},
		"empty":               {checks: "[]", want: "ping: none of its 0 checks succeeded"},
		"nothing but wire":    {checks: "[" + wire + "]", want: "ping: none of its 1 checks succeeded"},
		"remarks alone":       {checks: "[" + note + "," + note + "]", want: "ping: none of its 2 checks succeeded"},
		"skipped":             {checks: "[" + skip + "," + good + "]", want: "ping: d SKIPPED: what could not be"},
		"moot":                {checks: "[" + good + "," + moot + "]", want: "ping: e INFO: what was not tried"},
		"failure":             {checks: "[" + good + "," + bad + "]", want: "ping: b FAILURE: expected one, got two"},
		"failure alone":       {checks: "[" + bad + "]", want: "ping: b FAILURE: expected one, got two"},
		"warning":             {checks: "[" + good + "," + warn + "]", want: "ping: c WARNING: should be three"},
		"a remark that warns": {checks: "[" + good + "," + strings.Replace(note, "INFO", "WARNING", 1) + "]", want: "ping: outgoing-request WARNING: "},
		"unknown status":      {checks: `[` + good + `,{"id": "f", "status": "OK"}]`, want: "ping: f OK: "},
		"no status":           {checks: `[` + good + `,{"id": "f"}]`, want: "ping: f : "},
		"excused and failing": {checks: "[" + bad + "]", excused: mayFail},
		"excused and warning": {checks: "[" + good + "," + warn + "]", excused: mayFail},
		"excused and skipped": {checks: "[" + skip + "," + wire + "]", excused: mayFail},
		"excused and missing": {excused: mayFail},
		"excused and good":    {checks: "[" + good + "]", excused: mayFail, want: "ping: passes, and is excused because it is not there yet"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{folder("tools-list") + "/checks.json": {Data: []byte("[" + good + "]")}}
			if test.checks != "" {
				files[folder("ping")+"/checks.json"] = &fstest.MapFile{Data: []byte(test.checks)}
			} else {
				files[folder("ping")+"/other.txt"] = &fstest.MapFile{}
			}
			v, err := judge(files, []string{"ping", "tools-list"}, test.excused)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case test.want == "" && len(v.problems) > 0:
				t.Errorf("problems %q, want none", v.problems)
			case test.want != "" && (len(v.problems) != 1 || !strings.HasPrefix(v.problems[0], test.want)):
				t.Errorf("problems %q, want one that begins %q", v.problems, test.want)
			}
			if excused := test.excused != nil && test.want == ""; (v.excused == 1) != excused {
				t.Errorf("%d excused, want it to be so: %t", v.excused, excused)
			}
		})
	}
}

func TestJudgeWantsEveryScenario(t *testing.T) {
	v, err := judge(fstest.MapFS{}, []string{"ping", "tools-list"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ping: left no results", "tools-list: left no results"}; !slices.Equal(v.problems, want) {
		t.Errorf("problems %q, want %q", v.problems, want)
	}
}

// The name of one scenario may begin with that of another.
func TestJudgeTellsScenariosApart(t *testing.T) {
	v, err := judge(fstest.MapFS{
		folder("ping") + "/checks.json":     {Data: []byte("[" + good + "]")},
		folder("ping-bad") + "/checks.json": {Data: []byte("[" + bad + "," + good + "]")},
	}, []string{"ping", "ping-bad"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ping-bad: b FAILURE: expected one, got two"}; !slices.Equal(v.problems, want) || v.checks != 3 {
		t.Errorf("problems %q of %d checks, want %q of 3", v.problems, v.checks, want)
	}
}

// A scenario that ran twice has to pass twice.
func TestJudgeSeesEveryRun(t *testing.T) {
	v, err := judge(fstest.MapFS{
		"server-ping-2026-07-28T01-02-03-004Z/checks.json": {Data: []byte("[" + bad + "]")},
		"server-ping-2026-07-28T01-02-03-005Z/checks.json": {Data: []byte("[" + good + "]")},
	}, []string{"ping"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ping: b FAILURE: expected one, got two"}; !slices.Equal(v.problems, want) {
		t.Errorf("problems %q, want %q", v.problems, want)
	}
}

func TestJudgeRefuses(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"a folder of another name": {"results/checks.json": {Data: []byte("[]")}},
		"no JSON":                  {folder("ping") + "/checks.json": {Data: []byte("[")}},
		"no array":                 {folder("ping") + "/checks.json": {Data: []byte("{}")}},
	} {
		if v, err := judge(files, []string{"ping"}, nil); err == nil {
			t.Errorf("%s: judged %+v, want an error", name, v)
		}
	}
}

func TestProblemsAreLines(t *testing.T) {
	for text, want := range map[string]string{
		"one\n\ttwo":                "b FAILURE: one two",
		strings.Repeat("long", 200): "b FAILURE: " + strings.Repeat("long", 100) + "… (with -scenario you see it all)",
	} {
		if got := problems([]check{{ID: "b", Status: "FAILURE", Error: text}}); !slices.Equal(got, []string{want}) {
			t.Errorf("problems %q, want %q", got, want)
		}
	}
}

func TestUnknownExcuses(t *testing.T) {
	got := unknownExcuses([]string{"ping"}, map[string]string{"ping": "", "pong": "", "pang": ""})
	if want := []string{"pang", "pong"}; !slices.Equal(got, want) {
		t.Errorf("unknown %q, want %q", got, want)
	}
}

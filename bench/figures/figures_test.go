package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// two has two repetitions of one case, the second on a machine half as fast.
func two() *results {
	return &results{Machine: "here", Samples: []sample{
		{"messages", "100", "raw", 0, map[string]float64{"cpu": 10}}, {"messages", "100", "us", 0, map[string]float64{"cpu": 15}},
		{"messages", "100", "raw", 1, map[string]float64{"cpu": 20}}, {"messages", "100", "us", 1, map[string]float64{"cpu": 50}},
	}}
}

func TestRatio(t *testing.T) {
	mid, least, most := two().ratio("messages", "100", "us", "cpu")
	if mid != 2 || least != 1.5 || most != 2.5 {
		t.Errorf("ratio is %v, from %v to %v: it is of each repetition", mid, least, most)
	}
	if mid, _, _ := two().ratio("messages", "100", "go-sdk", "cpu"); !math.IsNaN(mid) {
		t.Errorf("ratio of what was not measured is %v", mid)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 1.234: "1.23", 9.999: "10.0", 99.96: "100", 1234.5: "1,234", 1e6: "1,000,000", math.NaN(): "–"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

// TestReadme writes samples into a copy of the README: it has the marks of every
// section, and shows every plot.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sections {
		if _, err := between(string(readme), s.name, ""); err != nil {
			t.Error(err)
		}
		if s.plots == nil {
			continue
		}
		for _, p := range s.plots(two()) {
			if !strings.Contains(string(readme), "(plots/"+p.file+")") {
				t.Errorf("README.md does not show plots/%s", p.file)
			}
		}
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "README.md")
	if err := os.WriteFile(name, readme, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(dir, two(), sections); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), "| 100 | 15.0 | 32.5 | – | – |") {
		t.Errorf("the table of messages is not in it: %v", err)
	}
}

func TestPlot(t *testing.T) {
	dir := t.TempDir()
	for _, p := range plotMessages(two()) {
		if err := p.write(dir); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, p.file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for d := xml.NewDecoder(f); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", p.file, err)
			}
		}
	}
}

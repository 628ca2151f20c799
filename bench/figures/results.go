package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/bench/internal/servers"
)

// sample is what one measurement of one server told.
type sample struct {
	Section string             `json:"section"`
	Case    string             `json:"case"`
	Server  string             `json:"server"`
	Rep     int                `json:"rep"`
	Values  map[string]float64 `json:"values"`
}

// results are all samples, and where they were taken.
type results struct {
	Machine string              `json:"machine"`
	Notes   map[string][]string `json:"notes,omitempty"` // by section: what had to be cut
	Samples []sample            `json:"samples"`
}

func load(name string) (*results, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var r results
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s is not what -json writes: %w", name, err)
	}
	return &r, nil
}

func (r *results) save(name string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// base is the server that ratios are to.
var base = servers.All[0].Name

func serverNames() []string {
	var all []string
	for _, s := range servers.All {
		all = append(all, s.Name)
	}
	return all
}

// values returns a value in every repetition, by repetition.
func (r *results) values(section, name, server, key string) map[int]float64 {
	found := make(map[int]float64)
	for _, s := range r.Samples {
		if s.Section == section && s.Case == name && s.Server == server {
			if v, ok := s.Values[key]; ok {
				found[s.Rep] = v
			}
		}
	}
	return found
}

// median returns the median over the repetitions, NaN if there are none.
func (r *results) median(section, name, server, key string) float64 {
	var all []float64
	for _, v := range r.values(section, name, server, key) {
		all = append(all, v)
	}
	return median(all)
}

// ratio returns the median, least and greatest of the ratios to base, each of one
// repetition: what slows the machine down for a while slows down both.
func (r *results) ratio(section, name, server, key string) (mid, least, most float64) {
	to := r.values(section, name, base, key)
	var all []float64
	for rep, v := range r.values(section, name, server, key) {
		if b := to[rep]; b > 0 {
			all = append(all, v/b)
		}
	}
	if len(all) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	return median(all), slices.Min(all), slices.Max(all)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	slices.Sort(all)
	mid := len(all) / 2
	if len(all)%2 == 1 {
		return all[mid]
	}
	return (all[mid-1] + all[mid]) / 2
}

// cases returns the cases of a section, in the order in which they were measured.
func (r *results) cases(section string) []string {
	var found []string
	for _, s := range r.Samples {
		if s.Section == section && !slices.Contains(found, s.Case) {
			found = append(found, s.Case)
		}
	}
	return found
}

// machine describes where the figures are taken, and of what.
func machine(p plan) string {
	versions := []string{runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if strings.HasSuffix(m.Path, "/go-sdk") || strings.HasSuffix(m.Path, "/mcp-go") {
				versions = append(versions, m.Path[strings.LastIndexByte(m.Path, '/')+1:]+" "+m.Version)
			}
		}
	}
	return fmt.Sprintf("%s, %s/%s, %d cores (%s), %s. Medians of %d repetitions, of %d where one takes long.",
		strings.Join(versions, ", "), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(),
		time.Now().UTC().Format(time.DateOnly), p.reps, p.fewer())
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	_, rest, ok := strings.Cut(string(text), "model name")
	if !ok {
		return "unknown processor"
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimLeft(line, "\t :")
}

func itoa(n int) string { return strconv.Itoa(n) }

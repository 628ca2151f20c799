// Command figures measures the servers of this module against each other, as
// processes on the loopback interface, and writes the tables of README.md and
// the plots beside it.
//
//	go run ./figures                  everything, for about 25 minutes
//	go run ./figures -only wide,list  these sections only; the others stay as they are
//	go run ./figures -quick           everything in small, on standard output: that it works
//	go run ./figures -json raw.json   also what was measured, each sample
//	go run ./figures -from raw.json   tables and plots of samples measured before
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("figures: ")
	quick := flag.Bool("quick", false, "measure little and print the tables instead of writing them, unless -out says where")
	only := flag.String("only", "", "names of sections, separated by commas")
	to := flag.String("json", "", "write what was measured to this file")
	from := flag.String("from", "", "measure nothing, take what -json wrote")
	out := flag.String("out", "", "folder of the README.md to write into; this one if it is empty")
	reps := flag.Int("reps", 0, "repetitions of each measurement; 0 is the default of the section")
	limit := flag.Duration("timeout", time.Hour, "give up after this time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()

	chosen, err := choose(*only)
	if err != nil {
		log.Fatal(err)
	}
	res, err := obtain(ctx, chosen, *from, newPlan(*quick, *reps))
	if res != nil && *to != "" {
		err = errors.Join(err, res.save(*to)) // what there is, also if not all
	}
	if err != nil {
		log.Fatal(err)
	}
	if *quick && *out == "" {
		print(os.Stdout, res, chosen)
		return
	}
	if *out == "" {
		*out = "."
	}
	if err := write(*out, res, chosen); err != nil {
		log.Fatal(err)
	}
}

// section is a table, or several, with its plots.
type section struct {
	name    string
	measure func(*run) error
	render  func(*results) string
	plots   func(*results) []plot // nil: none
}

var sections = []section{
	{"calls", measureCalls, renderCalls, nil},
	{"stdio", measureStdio, renderStdio, nil},
	{"list", measureList, renderList, nil},
	{"idle", measureIdle, renderIdle, nil},
	{"start", measureStart, renderStart, nil},
	{"size", measureSize, renderSize, nil},
	{"megabyte", measureMegabyte, renderMegabyte, nil},
	{"wide", measureWide, renderWide, nil},
	{"busy", measureBusy, renderBusy, nil},
	{"tools", measureTools, renderTools, plotTools},
	{"sessions", measureSessions, renderSessions, plotSessions},
	{"messages", measureMessages, renderMessages, plotMessages},
}

func choose(only string) ([]section, error) {
	if only == "" {
		return sections, nil
	}
	var chosen []section
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(sections, func(s section) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no section %q: take some of %s", name, names())
		}
		chosen = append(chosen, sections[i])
	}
	return chosen, nil
}

func names() string {
	var all []string
	for _, s := range sections {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

// obtain measures the sections, or reads what was measured. It returns what it
// has also with an error.
func obtain(ctx context.Context, chosen []section, from string, p plan) (*results, error) {
	if from != "" {
		return load(from)
	}
	r, err := newRun(ctx, p)
	if err != nil {
		return nil, err
	}
	defer r.close()
	for _, s := range chosen {
		begun := time.Now()
		r.section = s.name
		if err := s.measure(r); err != nil {
			return r.results, fmt.Errorf("section %s: %w", s.name, err)
		}
		log.Printf("%s: %.0f s", s.name, time.Since(begun).Seconds())
	}
	return r.results, nil
}

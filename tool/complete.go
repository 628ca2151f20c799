package tool

import (
	"fmt"
	"strings"
)

// Completion is a value that is being typed: of a prompt's argument, or of a
// variable in a resource's template.
type Completion struct {
	Argument  string            // the name
	Value     string            // what has been typed so far
	Arguments map[string]string // those that have values already; may be nil
}

// Completions are the values that an argument could have, the best first.
type Completions struct {
	Values []string // 100 at most, and never nil
	Total  int      // how many there are; 0 is none, or not known
	More   bool     // there are more than Values
}

// maxCompletions is how many values a client may be sent (2025-11-25, Completion).
const maxCompletions = 100

type completeFunc = func(ctx *Context, c Completion) ([]string, error)

// completion is what [Complete] was given.
type completion struct {
	argument string
	fn       completeFunc
}

// completer completes the arguments of one prompt or template.
type completer struct {
	known []argument
	fns   map[string]completeFunc
}

func newCompleter(c *config, known []argument) (*completer, error) {
	all := &completer{known: known, fns: make(map[string]completeFunc)}
	for _, a := range known {
		if values := a.values(); values != nil {
			all.fns[a.name] = fixed(values)
		}
	}
	for _, own := range c.completions {
		switch {
		case named(known, own.argument) == nil:
			return nil, fmt.Errorf("tool.Complete: there is no argument %q, the arguments are: %s", own.argument, nameList(known))
		case own.fn == nil:
			return nil, fmt.Errorf("tool.Complete: the function for %q is nil", own.argument)
		}
		all.fns[own.argument] = own.fn
	}
	return all, nil
}

// fixed completes what is one of values.
func fixed(values []string) completeFunc {
	return func(_ *Context, c Completion) ([]string, error) {
		var fit []string
		for _, v := range values {
			if startsWith(v, c.Value) {
				fit = append(fit, v)
			}
		}
		return fit, nil
	}
}

// startsWith compares without regard to case: people type as they like.
func startsWith(s, prefix string) bool {
	return strings.HasPrefix(strings.ToLower(s), strings.ToLower(prefix))
}

func (all *completer) complete(ctx *Context, c Completion) (*Completions, error) {
	if named(all.known, c.Argument) == nil {
		return nil, Errorf("there is no argument %.60q, the arguments are: %s", c.Argument, nameList(all.known))
	}
	found := &Completions{Values: []string{}}
	fn := all.fns[c.Argument]
	if fn == nil {
		return found, nil
	}
	values, err := fn(ctx, c)
	if err != nil {
		return nil, err
	}
	n := min(len(values), maxCompletions)
	found.Values = append(found.Values, values[:n]...)
	found.Total, found.More = len(values), n < len(values)
	return found, nil
}

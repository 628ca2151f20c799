package cliargs

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Pairs are the connection arguments that a flag collects: it is a value for
// package flag, and for others that want to know its Type. The zero value is
// ready; it is not safe for concurrent use.
type Pairs struct{ values url.Values }

// Set adds name=value. A name may come again.
func (p *Pairs) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return errors.New("want name=value") // and not the text, which may be a secret
	}
	if p.values == nil {
		p.values = make(url.Values)
	}
	p.values.Add(name, value)
	return nil
}

// Values returns what was collected, nil if nothing. It stays Pairs' own.
func (p *Pairs) Values() url.Values { return p.values }

// String names what was collected, and shows no value: it may be a secret.
func (p *Pairs) String() string {
	return strings.Join(slices.Sorted(maps.Keys(p.values)), ",")
}

// Type is what the help calls a value.
func (p *Pairs) Type() string { return "name=value" }

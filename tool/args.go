package tool

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/redact"
)

// Args are the arguments of a connection: what stood in the URL a client
// connected to (or in its headers, or on the command line), taken once when the
// connection opened. A name may have several values.
//
// Args are immutable and may be used concurrently. Printed, logged or encoded in
// any way they show the names and hide the values of secrets: see [IsSecretName].
// The values are held by a closure, so that neither %#v nor a logger that walks
// unexported fields finds them. The zero value has no arguments.
type Args struct {
	set func() *argSet
}

type argSet struct {
	values url.Values
	secret []string               // names beyond secretNames
	hidden func() *redact.Secrets // made when first wanted
}

// NewArgs returns Args with a copy of values. The names in secret hold secrets
// too. Servers make Args; tests of tools call this.
func NewArgs(values url.Values, secret ...string) Args {
	if len(values) == 0 {
		return Args{}
	}
	own := &argSet{values: make(url.Values, len(values)), secret: slices.Clone(secret)}
	for name, vals := range values {
		own.values[name] = slices.Clone(vals)
	}
	own.hidden = sync.OnceValue(own.secrets)
	return Args{set: func() *argSet { return own }}
}

func (a Args) values() url.Values {
	if a.set == nil {
		return nil
	}
	return a.set().values
}

// Lookup returns the first value of the argument and whether it was given.
func (a Args) Lookup(name string) (value string, ok bool) {
	vals, ok := a.values()[name]
	if len(vals) == 0 {
		return "", ok
	}
	return vals[0], true
}

// Get returns the first value of the argument, or "" if it was not given.
func (a Args) Get(name string) string {
	value, _ := a.Lookup(name)
	return value
}

// All returns every value of the argument, in the order given.
func (a Args) All(name string) []string { return slices.Clone(a.values()[name]) }

// Names returns the names of the arguments in alphabetical order.
func (a Args) Names() []string { return slices.Sorted(maps.Keys(a.values())) }

// Secret returns the first value of the argument, wrapped so that it cannot be
// printed by accident. It is empty if the argument was not given.
func (a Args) Secret(name string) Secret { return NewSecret(a.Get(name)) }

// Redact returns text with every secret value of a that is at least four bytes
// long replaced by "[redacted]", also where it is escaped as in a URL, JSON, Go or
// HTML, or, from six bytes on, stands in base64 or hexadecimal.
func (a Args) Redact(text string) string {
	if a.set == nil || text == "" {
		return text
	}
	return a.set().hidden().Hide(text)
}

func (s *argSet) isSecret(name string) bool { return IsSecretName(name, s.secret...) }

func (s *argSet) secrets() *redact.Secrets {
	var values []string
	for name, vals := range s.values {
		if s.isSecret(name) {
			values = append(values, vals...)
		}
	}
	return redact.Of(values...)
}

// visible returns the arguments with secrets replaced.
func (a Args) visible() url.Values {
	if a.set == nil {
		return nil
	}
	set := a.set()
	out := make(url.Values, len(set.values))
	for name, vals := range set.values {
		if set.isSecret(name) {
			vals = slices.Repeat([]string{redact.Mark}, len(vals))
		}
		out[name] = vals
	}
	return out
}

// String returns the arguments as name=value pairs, secrets hidden.
func (a Args) String() string {
	var b strings.Builder
	vis := a.visible()
	for i, name := range a.Names() {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(name + "=" + strings.Join(vis[name], ","))
	}
	return b.String()
}

// Format writes String for every verb and flag, %#v among them.
func (a Args) Format(f fmt.State, _ rune) { io.WriteString(f, "Args("+a.String()+")") }

// LogValue is what log/slog records: String.
func (a Args) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalJSON encodes an object of arrays, secrets hidden.
func (a Args) MarshalJSON() ([]byte, error) {
	if vis := a.visible(); vis != nil {
		return json.Marshal(vis)
	}
	return []byte("{}"), nil
}

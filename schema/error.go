package schema

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/internal/spelling"
)

const (
	maxProblems = 8  // that one Error lists
	maxSteps    = 16 // that one Path names
	maxQuote    = 60 // bytes of a value or a name that one Problem repeats
)

// An Error says what is wrong with a value. Its text is written for the model
// that sent the value: it names properties and JSON types, never Go ones.
type Error struct {
	Problems []Problem // the first 8 in the order they were found, never none
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("invalid arguments: ")
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// A Problem is one place where a value does not fit the document.
type Problem struct {
	Path string // such as cities[2].name; "arguments" is the whole value
	Want string // what the document asks for, such as "an integer from 1 to 7"; "" if nothing may stand there
	Got  string // the offending value, shortened, or what is wrong with it; "" if it is missing
}

// String returns the problem as it stands in the text of an [Error].
func (p Problem) String() string {
	switch {
	case p.Want == "":
		return p.Path + ": " + p.Got
	case p.Got == "":
		return p.Path + ": missing, expected " + p.Want
	}
	return p.Path + ": expected " + p.Want + ", got " + p.Got
}

// A step leads from a value to a part of it.
type step struct {
	name  string
	index int // of an array's element, if name is ""
	array bool
}

// pathText spells the place that steps lead to.
func pathText(steps []step) string {
	if len(steps) == 0 {
		return "arguments"
	}
	var b strings.Builder
	for i, s := range steps {
		// A path as deep as a hostile value would be all there is to read.
		if n := len(steps) - maxSteps; n > 0 && i >= maxSteps/2 && i < maxSteps/2+n {
			if i == maxSteps/2 {
				b.WriteString(".…")
			}
			continue
		}
		switch {
		case s.array:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case plain(s.name):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.name)
		default:
			b.WriteString("[" + strconv.Quote(shorten(s.name)) + "]")
		}
	}
	return b.String()
}

// plain reports whether a name reads well in a path as it is.
func plain(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || strings.IndexByte(".[]\"';:,\x7f", c) >= 0 {
			return false
		}
	}
	return name != "" && len(name) <= maxQuote && utf8.ValidString(name)
}

// shorten cuts s to a length that may be repeated to the one who sent it.
func shorten(s string) string {
	if len(s) <= maxQuote {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	n := maxQuote
	for n > maxQuote-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.ToValidUTF8(s[:n], "\uFFFD") + "…"
}

// quote shows a JSON value on one line, shortened.
func quote(raw []byte) string {
	// Four times the room: white space between parts of the value is squeezed.
	s := string(raw[:min(len(raw), 4*maxQuote)])
	if raw[0] == '{' || raw[0] == '[' {
		s = strings.Join(strings.Fields(s), " ")
	}
	if len(raw) > 4*maxQuote && len(s) <= maxQuote {
		return shorten(s) + "…"
	}
	return shorten(s)
}

// unknownProperty is what a Problem says of one.
func unknownProperty(name string, known []string) string {
	if s := suggest(name, known); s != "" {
		return `unknown property, did you mean "` + s + `"?`
	}
	return "unknown property"
}

// suggest returns the name closest to a property that nobody knows, or "".
func suggest(unknown string, names []string) string {
	const near = 2 // edits
	if len(unknown) > maxQuote {
		return ""
	}
	best, bestDistance := "", near+1
	folded := spelling.Fold(unknown)
	for _, name := range names {
		f := spelling.Fold(name)
		if f == folded {
			return name
		}
		// A short name is within two edits of anything.
		if n := spelling.Distance(folded, f); n < bestDistance && 2*n < min(len(f), len(folded)) {
			best, bestDistance = name, n
		}
	}
	return best
}

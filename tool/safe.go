package tool

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// unescape decodes %XX once. What is escaped badly, or is no text, is not ok.
func unescape(s string) (string, bool) {
	out, err := url.PathUnescape(s)
	return out, err == nil && utf8.ValidString(out)
}

// maxEscapes is how often a value may be escaped over.
const maxEscapes = 4

// isSafe reports whether a value from a URI can be handed to a function that
// makes a path or another URL of it: it holds no NUL, no path segment . or ..,
// and no slash unless those are welcome. A backslash counts as a slash. What a
// later reader would decode again is looked into too: to a browser or a proxy,
// %2e%2e is no less a way up than the dots are.
func isSafe(value string, slashes bool) bool {
	for range maxEscapes {
		if !isSafeText(value, slashes) {
			return false
		}
		next := unescapeLoosely(value)
		if next == value {
			return true
		}
		value = next
	}
	return false
}

func isSafeText(value string, slashes bool) bool {
	value = strings.ReplaceAll(value, `\`, "/")
	if strings.ContainsRune(value, 0) || !slashes && strings.Contains(value, "/") {
		return false
	}
	return !slices.ContainsFunc(strings.Split(value, "/"), func(segment string) bool {
		segment = strings.TrimRight(segment, " ") // as Windows does
		return segment == "." || segment == ".."
	})
}

// unescapeLoosely decodes every %XX and leaves other percent signs alone.
func unescapeLoosely(s string) string {
	first, rest, ok := strings.Cut(s, "%")
	if !ok {
		return s
	}
	var b strings.Builder
	b.WriteString(first)
	for part := range strings.SplitSeq(rest, "%") {
		if len(part) >= 2 {
			if c, err := url.PathUnescape("%" + part[:2]); err == nil {
				b.WriteString(c + part[2:])
				continue
			}
		}
		b.WriteString("%" + part)
	}
	return b.String()
}

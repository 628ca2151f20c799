package redact

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escapes are the bytes that unescape does something about. The controls are those
// that are escaped by a letter.
const (
	escapes  = `%\&+` + controls
	controls = "\a\b\f\n\r\t\v"
	letters  = "abfnrtv"
)

// maxEscapes is how often a text is unescaped: JSON in JSON in a URL.
const maxEscapes = 4

// view is a text as it may be meant, and where in the original each of its bytes
// begins; one more says where the last one ends.
type view struct {
	text []byte
	from []int
}

func newView(text string) *view {
	v := &view{text: []byte(text), from: make([]int, len(text)+1)}
	for i := range v.from {
		v.from[i] = i
	}
	return v
}

// unescape takes one layer of escapes off, whichever they are, and reports whether
// there was any. It is done to secrets, too, so that it need not be right, but the
// same wherever something stands: nobody knows whether a + is a space, so that
// every one is; and a line break is the letter n, which is behind the backslash
// where it is escaped.
func (v *view) unescape() (changed bool) {
	out, n := v.text[:0], 0
	for i := 0; i < len(v.text); {
		read, used := next(v.text[i:])
		changed = changed || used != len(read) || read != string(v.text[i:i+used])
		from := v.from[i]
		for j := range len(read) {
			v.from[n+j] = from
		}
		out = append(out, read...) // never longer than what it was
		n += len(read)
		i += used
	}
	v.from[n] = v.from[len(v.text)]
	v.text, v.from = out, v.from[:n+1]
	return changed
}

// next reads what text begins with, and returns how many bytes that were.
func next(text []byte) (read string, used int) {
	switch text[0] {
	case '%':
		if c, ok := number(text, 1, 3, 16); ok {
			return string([]byte{byte(c)}), 3
		}
	case '+':
		return " ", 1
	case '\\':
		return behindBackslash(text)
	case '&':
		return entity(text)
	}
	if i := strings.IndexByte(controls, text[0]); i >= 0 {
		return letters[i : i+1], 1
	}
	return string(text[:1]), 1
}

// number reads digits text[from:to].
func number(text []byte, from, to, base int) (n rune, ok bool) {
	if len(text) < to {
		return 0, false
	}
	x, err := strconv.ParseUint(string(text[from:to]), base, 31)
	return rune(x), err == nil
}

// behindBackslash reads an escape of Go or JSON. One that has no number is what is
// behind the backslash.
func behindBackslash(text []byte) (read string, used int) {
	if len(text) == 1 {
		return "", 1
	}
	switch text[1] {
	case 'x':
		if c, ok := number(text, 2, 4, 16); ok {
			return string([]byte{byte(c)}), 4
		}
	case 'u':
		c, ok := number(text, 2, 6, 16)
		if low, second := number(text, 8, 12, 16); ok && second && utf16.IsSurrogate(c) && text[6] == '\\' && text[7] == 'u' {
			return string(utf16.DecodeRune(c, low)), 12
		}
		if ok {
			return string(c), 6
		}
	case 'U':
		if c, ok := number(text, 2, 10, 16); ok {
			return string(c), 10
		}
	}
	return string(text[1:2]), 2
}

// entity reads a character of HTML.
func entity(text []byte) (read string, used int) {
	const longest = len("&#x10ffff;")
	name, _, ok := strings.Cut(string(text[1:min(len(text), longest)]), ";")
	if !ok {
		return "&", 1
	}
	used = len(name) + len("&;")
	switch name {
	case "amp":
		return "&", used
	case "lt":
		return "<", used
	case "gt":
		return ">", used
	case "quot":
		return `"`, used
	case "apos":
		return "'", used
	}
	digits, numeric := strings.CutPrefix(name, "#")
	base := 10
	if hex, ok := strings.CutPrefix(strings.ToLower(digits), "x"); ok {
		digits, base = hex, 16
	}
	if c, ok := number([]byte(digits), 0, len(digits), base); numeric && ok && c <= utf8.MaxRune {
		return string(c), used
	}
	return "&", 1
}

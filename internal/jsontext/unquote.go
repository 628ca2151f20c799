package jsontext

import (
	"unicode/utf16"
	"unicode/utf8"
)

// AppendText appends what the raw string, quotes included, spells: see [Text].
// raw must have come from a Reader.
func AppendText(dst, raw []byte) []byte {
	s := raw[1 : len(raw)-1]
	start := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\\':
			dst = append(dst, s[start:i]...)
			var n int
			dst, n = appendMeant(dst, s[i:])
			i += n
			start = i
		case c < utf8.RuneSelf:
			i = pastPlain(s, i+1)
		default:
			r, size := utf8.DecodeRune(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = utf8.AppendRune(append(dst, s[start:i]...), r)
				start = i + 1
			}
			i += size
		}
	}
	return append(dst, s[start:]...)
}

// appendMeant appends what the escape at the start of s means, and returns its
// length.
func appendMeant(dst, s []byte) ([]byte, int) {
	switch c := s[1]; c {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		r := codeUnit(s)
		if !utf16.IsSurrogate(r) {
			return utf8.AppendRune(dst, r), 6
		}
		// Half a pair is U+FFFD.
		if pair := utf16.DecodeRune(r, codeUnit(s[6:])); pair != utf8.RuneError {
			return utf8.AppendRune(dst, pair), 12
		}
		return utf8.AppendRune(dst, utf8.RuneError), 6
	default:
		return append(dst, c), 2
	}
}

// codeUnit reads the \uXXXX at the start of s, and returns -1 if there is none.
func codeUnit(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}

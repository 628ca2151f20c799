package schema

import (
	"strings"
	"unicode/utf8"
)

// Texts are the strings of an enumeration whose JSON text is that string in
// quotes, so that the text can be compared as it is.
type texts struct {
	few  []string
	many map[string]string // instead, if there are more than fewTexts
}

const fewTexts = 8

// textsOf lists those of values that are such strings, and fit.
func textsOf(values []any, fits func(string) bool) texts {
	var c texts
	for _, v := range values {
		// In the text a backslash begins an escape, and bad UTF-8 is read as U+FFFD.
		if s, ok := v.(string); ok && strings.IndexByte(s, '\\') < 0 && utf8.ValidString(s) && fits(s) {
			c.few = append(c.few, s)
		}
	}
	if len(c.few) > fewTexts {
		c.many = make(map[string]string, len(c.few))
		for _, s := range c.few {
			c.many[s] = s
		}
		c.few = nil
	}
	return c
}

// find returns the text that raw, a JSON value, spells plainly.
func (c *texts) find(raw []byte) (string, bool) {
	if raw[0] != '"' {
		return "", false
	}
	raw = raw[1 : len(raw)-1]
	if c.many != nil {
		s, ok := c.many[string(raw)]
		return s, ok
	}
	for _, s := range c.few {
		if s == string(raw) {
			return s, true
		}
	}
	return "", false
}

package schema

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// A text decodes JSON strings: into v by set, after the keywords on strings.
type text struct {
	set      func(v reflect.Value, s string) error
	plain    bool    // set is setString
	tell     bool    // why set failed: n's words do not say what it takes
	min, max *uint64 // code points
	pattern  *regexp.Regexp
	choices  texts // of an enumeration, if set has no say
}

func (c *text) bind(n *node) error {
	s := n.schema
	c.min, c.max = s.MinLength, s.MaxLength
	if c.min != nil && c.max != nil && *c.min > *c.max {
		return fmt.Errorf("minLength=%d is more than maxLength=%d: correct them", *c.min, *c.max)
	}
	if s.Pattern != "" {
		var err error
		if c.pattern, err = regexp.Compile(s.Pattern); err != nil {
			return fmt.Errorf(`pattern=%s: %w: write RE2 syntax, and commas as \\,`, s.Pattern, err)
		}
	}
	if c.plain && !n.strange {
		c.choices = textsOf(s.Enum)
	}
	return nil
}

// sized reports whether s has as many characters as it should.
func (c *text) sized(s string) bool {
	if c.min == nil && c.max == nil {
		return true
	}
	// As many as bytes at most, and a quarter of them at least: mostly enough to know.
	least, most := uint64(len(s)+utf8.UTFMax-1)/utf8.UTFMax, uint64(len(s))
	if (c.min == nil || least >= *c.min) && (c.max == nil || most <= *c.max) {
		return true
	}
	size := uint64(utf8.RuneCountInString(s))
	return (c.min == nil || size >= *c.min) && (c.max == nil || size <= *c.max)
}

func (c *text) read(d *decoder, n *node, r *jsontext.Reader, v reflect.Value) error {
	raw, err := r.Value()
	if err != nil {
		return err
	}
	s := d.text(raw)
	switch {
	case !c.sized(s):
		d.problem(n.want, quote(raw)+" of "+count(uint64(utf8.RuneCountInString(s)), "character"))
		return nil
	case c.pattern != nil && !c.pattern.MatchString(s):
		d.problem(n.want, quote(raw))
		return nil
	case c.plain:
		v.SetString(s)
		return nil
	}
	if err := c.set(v, s); err != nil {
		got := quote(raw)
		if c.tell {
			got += because(err)
		}
		d.problem(n.want, got)
	}
	return nil
}

func setString(v reflect.Value, s string) error {
	v.SetString(s)
	return nil
}

func setBase64(v reflect.Value, s string) error {
	b, err := base64.StdEncoding.DecodeString(s)
	if err == nil {
		v.SetBytes(b)
	}
	return err
}

func setDuration(v reflect.Value, s string) error {
	x, err := time.ParseDuration(s)
	v.SetInt(int64(x))
	return err
}

func setText(v reflect.Value, s string) error {
	return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
}

// setQuoted undoes the string option of a json tag: s is the JSON text of the
// value (that of a string is a string again).
func setQuoted(v reflect.Value, s string) error {
	if kindOf(s) == 'n' {
		return fmt.Errorf("null is not such a value")
	}
	return json.Unmarshal([]byte(s), v.Addr().Interface())
}

// Texts are the strings of an enumeration whose JSON text is that string in
// quotes, so that the text can be compared as it is.
type texts struct {
	few  []string
	many map[string]string // instead, if there are more than fewTexts
}

const fewTexts = 8

// textsOf lists those of values that are such strings. That they fit the other
// keywords is checked when the plan is made.
func textsOf(values []any) texts {
	var c texts
	for _, v := range values {
		// In the text a backslash begins an escape, and bad UTF-8 is read as U+FFFD.
		if s, ok := v.(string); ok && strings.IndexByte(s, '\\') < 0 && utf8.ValidString(s) {
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

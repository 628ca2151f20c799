// Package jsontext reads JSON text in place: it walks a byte slice once and
// hands out sub-slices of it, so a message is never decoded into maps or copied
// on its way to the typed value it becomes.
//
// It accepts what encoding/json accepts (RFC 8259), with two differences that a
// server on the internet needs: nesting is limited to [MaxDepth], and object
// keys are compared exactly, never by case folding. As in encoding/json,
// invalid UTF-8 inside strings is accepted and read as U+FFFD.
package jsontext

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// MaxDepth is how deeply arrays and objects may nest. encoding/json stops at
// 10,000; no MCP message comes near either.
const MaxDepth = 1000

// A SyntaxError says where text stopped being JSON.
type SyntaxError struct {
	Offset int    // bytes before the offending one
	What   string // what was found and what was wanted
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.What)
}

// A Kind tells values apart by their first byte: one of
// '{', '[', '"', '0' (any number), 't', 'f', 'n', or 0 for none of them.
type Kind byte

// A Reader is a position in a text. The zero value is not useful: see [Read].
// It is a small value meant to live on the stack; it is not safe for concurrent use.
type Reader struct {
	b     []byte
	i     int
	depth int
}

// Read returns a Reader at the start of b, which it never modifies or retains
// longer than the Reader lives.
func Read(b []byte) Reader { return Reader{b: b} }

// Nest returns a Reader of b, a text found inside r's own (a string that holds
// JSON), which counts as one level deeper than r.
func (r *Reader) Nest(b []byte) Reader { return Reader{b: b, depth: r.depth + 1} }

// Offset is the number of bytes read.
func (r *Reader) Offset() int { return r.i }

func (r *Reader) fail(want string) error {
	if r.i >= len(r.b) {
		return &SyntaxError{r.i, "unexpected end, want " + want}
	}
	return &SyntaxError{r.i, fmt.Sprintf("unexpected %q, want %s", rune(r.b[r.i]), want)}
}

func (r *Reader) space() {
	for r.i < len(r.b) {
		switch r.b[r.i] {
		case ' ', '\t', '\r', '\n':
			r.i++
		default:
			return
		}
	}
}

// Kind skips white space and returns the kind of the value that follows.
func (r *Reader) Kind() Kind {
	r.space()
	if r.i >= len(r.b) {
		return 0
	}
	switch c := r.b[r.i]; {
	case c == '{', c == '[', c == '"', c == 't', c == 'f', c == 'n':
		return Kind(c)
	case c == '-', c >= '0' && c <= '9':
		return '0'
	}
	return 0
}

// End reports an error unless only white space is left.
func (r *Reader) End() error {
	r.space()
	if r.i < len(r.b) {
		return r.fail("the end")
	}
	return nil
}

// Enter steps into the object or array that starts here; open is '{' or '['.
// The caller then reads members or elements to the end, or gives the Reader up.
func (r *Reader) Enter(open byte) error {
	r.space()
	if r.i >= len(r.b) || r.b[r.i] != open {
		return r.fail(string(rune(open)))
	}
	if r.depth++; r.depth > MaxDepth {
		return &SyntaxError{r.i, fmt.Sprintf("more than %d levels of nesting", MaxDepth)}
	}
	r.i++
	return nil
}

// Member reads the next key of the object entered and the colon behind it, and
// leaves r at the value. first is true for the first call after Enter. At the
// closing brace ok is false. The key is a raw string, quotes included: see [Text].
func (r *Reader) Member(first bool) (key []byte, ok bool, err error) {
	if ok, err = r.next('}', first); !ok {
		return nil, false, err
	}
	if key, err = r.str(); err != nil {
		return nil, false, err
	}
	r.space()
	if r.i >= len(r.b) || r.b[r.i] != ':' {
		return nil, false, r.fail("':'")
	}
	r.i++
	return key, true, nil
}

// Element steps to the next element of the array entered and leaves r at it.
// first is true for the first call after Enter. At the closing bracket ok is false.
func (r *Reader) Element(first bool) (ok bool, err error) { return r.next(']', first) }

func (r *Reader) next(end byte, first bool) (ok bool, err error) {
	r.space()
	if r.i < len(r.b) && r.b[r.i] == end {
		r.i++
		r.depth--
		return false, nil
	}
	if !first {
		if r.i >= len(r.b) || r.b[r.i] != ',' {
			return false, r.fail("',' or '" + string(rune(end)) + "'")
		}
		r.i++
		r.space()
	}
	return true, nil
}

// Value reads one whole value and returns its text without surrounding space.
func (r *Reader) Value() ([]byte, error) {
	kind := r.Kind()
	start := r.i
	var err error
	switch kind {
	case '{':
		err = r.object()
	case '[':
		err = r.array()
	case '"':
		_, err = r.str()
	case '0':
		err = r.number()
	case 't':
		err = r.literal("true")
	case 'f':
		err = r.literal("false")
	case 'n':
		err = r.literal("null")
	default:
		err = r.fail("a value")
	}
	if err != nil {
		return nil, err
	}
	return r.b[start:r.i], nil
}

func (r *Reader) object() error {
	if err := r.Enter('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		_, ok, err := r.Member(first)
		if !ok {
			return err
		}
		if _, err = r.Value(); err != nil {
			return err
		}
	}
}

func (r *Reader) array() error {
	if err := r.Enter('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		ok, err := r.Element(first)
		if !ok {
			return err
		}
		if _, err = r.Value(); err != nil {
			return err
		}
	}
}

func (r *Reader) literal(want string) error {
	if len(r.b)-r.i < len(want) || string(r.b[r.i:r.i+len(want)]) != want {
		return r.fail(want)
	}
	r.i += len(want)
	return nil
}

// str reads a string and returns it with its quotes.
func (r *Reader) str() ([]byte, error) {
	start := r.i
	if r.i >= len(r.b) || r.b[r.i] != '"' {
		return nil, r.fail("a string")
	}
	r.i++
	for {
		r.i += plain(r.b[r.i:])
		if r.i >= len(r.b) {
			return nil, r.fail("'\"'")
		}
		switch r.b[r.i] {
		case '"':
			r.i++
			return r.b[start:r.i], nil
		case '\\':
			if err := r.escape(); err != nil {
				return nil, err
			}
			r.i++
		default:
			return nil, r.fail("no control character in a string")
		}
	}
}

// plain returns how many bytes at the start of b mean themselves in a string: all
// but quotes, backslashes and control characters. It looks at eight at a time.
func plain(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^ones*'"', x^ones*'\\' // zero where there is one
		// Taking away borrows from the byte above, so that only the lowest mark is
		// sure to be right. It is the one that counts.
		marks := ((x - ones*' ') | (quote - ones) | (slash - ones)) & ^x & highs
		if marks != 0 {
			return i + bits.TrailingZeros64(marks)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// escape reads the rest of an escape sequence and stays on its last byte.
func (r *Reader) escape() error {
	r.i++
	if r.i >= len(r.b) {
		return r.fail("an escape")
	}
	switch r.b[r.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			r.i++
			if r.i >= len(r.b) || !hex(r.b[r.i]) {
				return r.fail("a hexadecimal digit")
			}
		}
		return nil
	}
	return r.fail("an escape")
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (r *Reader) digits() bool {
	start := r.i
	for r.i < len(r.b) && r.b[r.i] >= '0' && r.b[r.i] <= '9' {
		r.i++
	}
	return r.i > start
}

func (r *Reader) at(c byte) bool { return r.i < len(r.b) && r.b[r.i] == c }

func (r *Reader) number() error {
	if r.at('-') {
		r.i++
	}
	if r.at('0') {
		r.i++
	} else if !r.digits() {
		return r.fail("a digit")
	}
	if r.at('.') {
		r.i++
		if !r.digits() {
			return r.fail("a digit")
		}
	}
	if r.at('e') || r.at('E') {
		r.i++
		if r.at('+') || r.at('-') {
			r.i++
		}
		if !r.digits() {
			return r.fail("a digit")
		}
	}
	return nil
}

// Is reports whether the raw string, quotes included, spells name.
func Is(raw []byte, name string) bool {
	if len(raw) == len(name)+2 && string(raw[1:len(raw)-1]) == name {
		return true
	}
	return escaped(raw) && Text(raw) == name
}

func escaped(raw []byte) bool { return bytes.IndexByte(raw, '\\') >= 0 }

// Key returns what the raw string, quotes included, spells, to be compared: a
// slice of it where nothing is escaped.
func Key(raw []byte) []byte {
	if len(raw) >= 2 && !escaped(raw) {
		return raw[1 : len(raw)-1]
	}
	return []byte(Text(raw))
}

// Text returns what the raw string, quotes included, spells. raw must have come
// from a Reader; of anything else the text is "".
func Text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if !escaped(raw) && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// Members calls f with the raw key and value of each member of an object, in
// order; no bytes are no members. It fails with the first error, f's or that of
// text that is no object.
func Members(object []byte, f func(key, val []byte) error) error {
	if len(object) == 0 {
		return nil
	}
	r := Read(object)
	if err := r.Enter('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		key, ok, err := r.Member(first)
		if !ok {
			return err
		}
		val, err := r.Value()
		if err != nil {
			return err
		}
		if err := f(key, val); err != nil {
			return err
		}
	}
}

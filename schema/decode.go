package schema

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// A decoder is the state of one call of Decode.
type decoder struct {
	r        jsontext.Reader
	strict   bool
	at       []step // where the value being read stands
	problems []Problem
	key      []byte // scratch for canonical forms, and texts with escapes
	budget   int    // bytes that may still be read a second time
	room     int    // bytes of memory that the parts of the value may still take
}

// decoders keeps the stacks and buffers of calls that have ended.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

func newDecoder(data []byte, strict bool) *decoder {
	d := decoders.Get().(*decoder)
	d.r = jsontext.Read(data)
	d.strict = strict
	// Checks such as uniqueItems read a value before it is decoded. Where they
	// nest, hostile nesting would make that quadratic.
	d.budget = 16*len(data) + 1<<16
	d.room = 16*len(data) + minRoom
	return d
}

// minRoom is what the parts of a value may take that is ever so short. Of a list of
// large structs {} is a whole one: without a bound, a message takes hundreds of times
// its length.
const minRoom = 32 << 20

// take takes n bytes from the room for the parts of the value.
func (d *decoder) take(n uintptr) bool {
	if d.room -= int(n); d.room < 0 {
		d.problem("fewer or smaller parts", "what takes too much memory")
		return false
	}
	return true
}

func (d *decoder) free() {
	const keep = 1 << 16 // bytes: one huge call must not pin its buffers
	if len(d.at) > 0 {   // it ended on the way
		clear(d.at)
		d.at = d.at[:0]
	}
	if cap(d.key) > keep {
		d.key = nil
	}
	d.r, d.problems = jsontext.Reader{}, nil
	decoders.Put(d)
}

func (d *decoder) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	return &Error{d.problems}
}

// full reports that no further problem would be told, so that the rest of the
// value need not be decoded.
func (d *decoder) full() bool { return len(d.problems) >= maxProblems }

// problem notes that the value being read is not what is wanted.
func (d *decoder) problem(want, got string) {
	if !d.full() {
		d.problems = append(d.problems, Problem{Path: pathText(d.at), Want: want, Got: got})
	}
}

// An object or array is entered once; name or index then say which part is read.
// Text that is not JSON ends it all, so nothing is left behind an error.

func (d *decoder) enterObject()     { d.at = append(d.at, step{}) }
func (d *decoder) enterArray()      { d.at = append(d.at, step{array: true}) }
func (d *decoder) name(name string) { d.at[len(d.at)-1].name = name }
func (d *decoder) index(i int)      { d.at[len(d.at)-1].index = i }

// leave forgets the name as well: it may be the caller's.
func (d *decoder) leave() {
	d.at[len(d.at)-1].name = ""
	d.at = d.at[:len(d.at)-1]
}

// text returns what the raw string spells.
func (d *decoder) text(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
	d.key = jsontext.AppendText(slices.Grow(d.key[:0], len(raw)), raw)
	return string(d.key)
}

// spend takes n bytes from the budget for reading twice.
func (d *decoder) spend(n int) bool {
	if d.budget -= n; d.budget < 0 {
		d.problem("a value that is nested less deeply", "one that takes too long to check")
		return false
	}
	return true
}

// read decodes the value at r into v, which holds the zero value. What is wrong
// with the value is noted in d; the error is about the text.
func (n *node) read(d *decoder, r *jsontext.Reader, v reflect.Value) error {
	kind := r.Kind()
	if d.full() || kind == 'n' && (n.null || n.pointers > 0 && n.takes('n')) {
		_, err := r.Value()
		return err
	}
	if !(len(n.kinds) == 1 && n.kinds[0] == byte(kind)) && !n.takes(kind) {
		return n.readOther(d, r, v)
	}
	if n.enum != nil || n.general != nil {
		peek := *r
		raw, err := peek.Value()
		if err != nil {
			return err
		}
		if t, ok := n.codec.(*text); ok {
			if s, ok := t.choices.find(raw); ok {
				*r = peek
				n.target(v).SetString(s)
				return nil
			}
		}
		if !n.passes(d, raw) {
			*r = peek
			return nil
		}
	}
	if n.pointers > 0 && !d.take(n.typ.Size()) {
		_, err := r.Value()
		return err
	}
	return n.codec.read(d, n, r, n.target(v))
}

// target returns what v points to, made anew.
func (n *node) target(v reflect.Value) reflect.Value {
	for range n.pointers {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	return v
}

// readOther reads a value of the wrong kind: one that a model put into a string,
// or a problem.
func (n *node) readOther(d *decoder, r *jsontext.Reader, v reflect.Value) error {
	raw, err := r.Value()
	if err != nil {
		return err
	}
	if text := n.unwrap(d, raw); text != nil {
		inner := r.Nest(text)
		return n.read(d, &inner, v)
	}
	d.problem(n.want, quote(raw))
	return nil
}

// unwrap returns the JSON text inside the string raw if that is what a lenient
// reader takes for n, and nil otherwise.
func (n *node) unwrap(d *decoder, raw []byte) []byte {
	if d.strict || raw[0] != '"' || n.takes('"') {
		return nil
	}
	text := strings.TrimSpace(jsontext.Text(raw))
	if n.takes('t') && (text == "True" || text == "False") {
		text = strings.ToLower(text) // as Python prints them
	}
	if kind := kindOf(text); kind == 0 || kind == 'n' || !n.takes(kind) {
		return nil
	}
	return []byte(text)
}

// passes checks what concerns the value as JSON: the enumeration and the keywords
// that only the general validator knows.
func (n *node) passes(d *decoder, raw []byte) bool {
	if !d.spend(len(raw)) {
		return false
	}
	if n.enum != nil {
		d.key = appendCanonical(d.key[:0], raw)
		if _, ok := n.enum[string(d.key)]; !ok {
			d.problem(n.want, quote(raw))
			return false
		}
	}
	if n.general != nil {
		found := n.general.problems(raw, d.at)
		d.problems = append(d.problems, found[:min(len(found), maxProblems-len(d.problems))]...)
		return len(found) == 0
	}
	return true
}

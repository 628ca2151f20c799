package schema

import (
	"bytes"
	"reflect"
	"strings"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// A decoder is the state of one call of Decode.
type decoder struct {
	r        jsontext.Reader
	strict   bool
	at       []step // where the value being read stands
	problems []Problem
	key      []byte // scratch for canonical forms
	budget   int    // bytes that may still be read a second time
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
	return d
}

func (d *decoder) free() {
	const keep = 1 << 16 // bytes: one huge call must not pin its buffers
	clear(d.at[:cap(d.at)])
	at, key := d.at[:0], d.key[:0]
	if cap(key) > keep {
		key = nil
	}
	*d = decoder{at: at, key: key}
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
func (d *decoder) leave()           { d.at = d.at[:len(d.at)-1] }

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

// An object decodes a struct.
type object struct {
	fields []property
	index  map[string]int
	names  []string // to suggest
	open   bool     // unknown properties are ignored
}

type property struct {
	name     string
	path     []int
	node     *node
	required bool
	preset   *preset // nil without a default
}

// value returns the field of v, and allocates the embedded structs above it.
func (p *property) value(v reflect.Value) reflect.Value {
	if len(p.path) == 1 {
		return v.Field(p.path[0])
	}
	for i, x := range p.path {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

// lookup finds the property of a key, and looks at next before it searches: most
// write them in the order of the document.
func (o *object) lookup(key []byte, next int) (int, bool) {
	name := key[1 : len(key)-1]
	if next < len(o.fields) && o.fields[next].name == string(name) {
		return next, true
	}
	i, ok := o.index[string(name)]
	if !ok && bytes.IndexByte(key, '\\') >= 0 {
		i, ok = o.index[jsontext.Text(key)]
	}
	return i, ok
}

func (o *object) read(d *decoder, _ *node, r *jsontext.Reader, v reflect.Value) error {
	if err := r.Enter('{'); err != nil {
		return err
	}
	var few [4]uint64
	seen := bitset(few[:])
	if len(o.fields) > 64*len(few) {
		seen = make(bitset, len(o.fields)/64+1)
	}
	d.enterObject()
	next := 0
	for first := true; ; first = false {
		key, ok, err := r.Member(first)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if i, known := o.lookup(key, next); known {
			next = i + 1
			err = o.property(d, r, v, seen, i)
		} else {
			err = o.unknown(d, r, key)
		}
		if err != nil {
			return err
		}
	}
	o.complete(d, v, seen)
	d.leave()
	return nil
}

func (o *object) property(d *decoder, r *jsontext.Reader, v reflect.Value, seen bitset, i int) error {
	p := &o.fields[i]
	if r.Kind() == 'n' && !d.strict && !p.required && !p.node.takes('n') {
		if seen.clear(i) {
			p.value(v).SetZero()
		}
		_, err := r.Value()
		return err
	}
	f := p.value(v)
	if seen.set(i) && f.CanSet() { // the last of equal keys wins, whole
		f.SetZero()
	}
	d.name(p.name)
	return p.node.read(d, r, f)
}

func (o *object) unknown(d *decoder, r *jsontext.Reader, key []byte) error {
	if !o.open && !d.full() {
		name := jsontext.Text(key)
		d.name(name)
		d.problem("", unknownProperty(name, o.names))
	}
	_, err := r.Value()
	return err
}

// complete gives absent properties their defaults and reports those without.
func (o *object) complete(d *decoder, v reflect.Value, seen bitset) {
	for i := range o.fields {
		switch p := &o.fields[i]; {
		case seen.has(i):
		case p.required:
			d.name(p.name)
			d.problem(p.node.want, "")
		case p.preset != nil:
			p.preset.set(p.value(v), p.node)
		}
	}
}

// A preset is a default: the value itself if it can be copied, or its JSON text,
// which is read anew for each call so that no two calls share memory.
type preset struct {
	value reflect.Value
	text  []byte
}

func (p *preset) set(v reflect.Value, n *node) {
	if p.value.IsValid() {
		v.Set(p.value)
		return
	}
	d := newDecoder(p.text, true)
	defer d.free()
	// It has been read once, when the plan was made.
	_ = n.read(d, &d.r, v)
}

// A bitset remembers which properties an object had.
type bitset []uint64

func (s bitset) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// set adds i and reports whether it was there.
func (s bitset) set(i int) bool {
	had := s.has(i)
	s[i/64] |= 1 << (i % 64)
	return had
}

// clear removes i and reports whether it was there.
func (s bitset) clear(i int) bool {
	had := s.has(i)
	s[i/64] &^= 1 << (i % 64)
	return had
}

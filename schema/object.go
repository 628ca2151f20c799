package schema

import (
	"bytes"
	"reflect"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

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

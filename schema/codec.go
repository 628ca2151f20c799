package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// A codec decodes one kind of Go type.
type codec interface {
	// bind prepares the codec for the keywords of n's schema, once tags and
	// methods have had their say.
	bind(n *node) error
	// read decodes the value at r, which is of a kind that n takes and has passed
	// n's general checks, into v, which is zero.
	read(d *decoder, n *node, r *jsontext.Reader, v reflect.Value) error
}

// unbound is the bind of codecs that no keyword concerns.
type unbound struct{}

func (unbound) bind(*node) error { return nil }

// A boolean decodes true and false.
type boolean struct{ unbound }

func (boolean) read(_ *decoder, _ *node, r *jsontext.Reader, v reflect.Value) error {
	v.SetBool(r.Kind() == 't')
	_, err := r.Value()
	return err
}

// A foreign value is decoded by encoding/json: interfaces, and types that bring
// their own method or document.
type foreign struct{ unbound }

func (foreign) read(d *decoder, n *node, r *jsontext.Reader, v reflect.Value) error {
	raw, err := r.Value()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		d.problem(n.want, quote(raw)+because(err))
	}
	return nil
}

// because tells the reason of a type's own method, unless it is about Go: the
// caller of a tool knows nothing of its types.
func because(err error) string {
	reason := err.Error()
	if strings.Contains(reason, "Go value") || strings.Contains(reason, "Go struct") {
		return ""
	}
	return " (" + shorten(reason) + ")"
}

// A verbatim value is a json.RawMessage.
type verbatim struct{ unbound }

func (verbatim) read(_ *decoder, _ *node, r *jsontext.Reader, v reflect.Value) error {
	raw, err := r.Value()
	v.SetBytes(bytes.Clone(raw))
	return err
}

// A reference stands where a type in a cycle occurs.
type reference struct{ to *node }

func (c *reference) bind(n *node) error {
	n.want, n.kinds = wanted(c.to.schema), kindsOf(c.to.schema)
	return nil
}

func (c *reference) read(d *decoder, _ *node, r *jsontext.Reader, v reflect.Value) error {
	return c.to.read(d, r, v)
}

// A list decodes slices and arrays.
type list struct {
	element  *node
	array    bool
	size     uint64 // of an array
	min, max uint64
	bounded  bool // by max
	unique   bool
	empty    reflect.Value // of the slice type
}

func (c *list) bind(n *node) error {
	s := n.schema
	c.unique = s.UniqueItems
	if s.MinItems != nil {
		c.min = *s.MinItems
	}
	if s.MaxItems != nil {
		c.max, c.bounded = *s.MaxItems, true
	}
	if c.bounded && c.min > c.max {
		return fmt.Errorf("minItems=%d is more than maxItems=%d: correct them", c.min, c.max)
	}
	if c.array && (c.min != c.size || c.max != c.size) {
		return fmt.Errorf("minItems and maxItems of a Go array are its length, %d: remove them", c.size)
	}
	return nil
}

func (c *list) read(d *decoder, n *node, r *jsontext.Reader, v reflect.Value) error {
	if err := r.Enter('['); err != nil {
		return err
	}
	var seen map[string]struct{}
	if c.unique {
		seen = map[string]struct{}{}
	}
	size := 0
	d.enterArray()
	for ; ; size++ {
		ok, err := r.Element(size == 0)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if d.full() || c.bounded && uint64(size) >= c.max {
			_, err = r.Value()
		} else {
			d.index(size)
			err = c.readElement(d, r, v, size, seen)
		}
		if err != nil {
			return err
		}
	}
	d.leave()
	if uint64(size) < c.min || c.bounded && uint64(size) > c.max {
		d.problem(n.want, count(uint64(size), "item"))
	}
	switch {
	case c.array:
	case size == 0:
		v.Set(c.empty)
	default:
		v.SetLen(min(size, v.Len())) // fewer were read if there are too many
	}
	return nil
}

func (c *list) readElement(d *decoder, r *jsontext.Reader, v reflect.Value, i int, seen map[string]struct{}) error {
	if seen != nil {
		peek := *r
		raw, err := peek.Value()
		if err != nil {
			return err
		}
		if c.repeats(d, raw, seen) {
			*r = peek
			return nil
		}
	}
	if !c.array && i >= v.Len() {
		if i >= v.Cap() {
			more := i + max(4, i) - v.Len()
			if !d.take(uintptr(more) * v.Type().Elem().Size()) {
				_, err := r.Value()
				return err
			}
			v.Grow(more)
		}
		v.SetLen(v.Cap()) // cut down in the end
	}
	return c.element.read(d, r, v.Index(i))
}

// repeats reports whether an equal element was there before (JSON Schema
// Validation 2020-12, section 6.4.3).
func (c *list) repeats(d *decoder, raw []byte, seen map[string]struct{}) bool {
	if !d.spend(len(raw)) {
		return true
	}
	if text := c.element.unwrap(d, raw); text != nil {
		raw = text
	}
	d.key = appendCanonical(d.key[:0], raw)
	if _, ok := seen[string(d.key)]; ok {
		d.problem("items that differ from each other", quote(raw)+" again")
		return true
	}
	seen[string(d.key)] = struct{}{}
	return false
}

// A dict decodes maps.
type dict struct {
	unbound
	element *node
	setKey  func(v reflect.Value, s string) error
	keys    string // what keys must be, for the reader
}

func (c *dict) read(d *decoder, _ *node, r *jsontext.Reader, v reflect.Value) error {
	if err := r.Enter('{'); err != nil {
		return err
	}
	t := v.Type()
	m := reflect.MakeMap(t)
	v.Set(m)
	key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	each := t.Key().Size() + t.Elem().Size()
	d.enterObject()
	for first := true; ; first = false {
		raw, ok, err := r.Member(first)
		if err != nil {
			return err
		}
		if !ok {
			d.leave()
			return nil
		}
		name := d.text(raw)
		d.name(name)
		key.SetZero()
		if err := c.setKey(key, name); err != nil {
			d.problem(c.keys, quote(raw))
		}
		elem.SetZero()
		if err = c.element.read(d, r, elem); err != nil {
			return err
		}
		if !d.full() && d.take(each) {
			m.SetMapIndex(key, elem)
		}
	}
}

func setIntKey(v reflect.Value, s string) error {
	x, err := strconv.ParseInt(s, 10, v.Type().Bits())
	v.SetInt(x)
	return err
}

func setUintKey(v reflect.Value, s string) error {
	x, err := strconv.ParseUint(s, 10, v.Type().Bits())
	v.SetUint(x)
	return err
}

// count writes n things, with the plural if there is not one.
func count(n uint64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.FormatUint(n, 10) + " " + thing
}

package jsonenc

import (
	"encoding/json"
	"reflect"
)

// mostDepth is how deep a text may be nested that encoding/json reads. To write a
// value that is deeper takes stack for each level, and where a stack ends the
// process does.
const mostDepth = 10_000

// checkDepth says what is wrong with a value that is nested too deep. One that
// contains itself is not: encoding/json finds out, and has words for it.
func checkDepth(v reflect.Value) error {
	d := depths{above: make(map[reference]bool)}
	if d.walk(v, mostDepth) == tooDeep {
		return &json.UnsupportedValueError{Value: v, Str: "nested more than 10000 deep"}
	}
	return nil
}

// depths walks through a value as encoding/json does, and in the same order.
type depths struct {
	above  map[reference]bool // what the walk is in
	fields map[reflect.Type][]*Field
}

// reference is where a pointer, a map or a slice leads.
type reference struct {
	of  reflect.Type
	to  uintptr
	len int
}

// verdict is why a walk is over, 0 if it is not.
type verdict int

const (
	tooDeep verdict = iota + 1
	fails           // encoding/json comes no further
)

func (d *depths) walk(v reflect.Value, left int) verdict {
	if !v.IsValid() || writesItself(v) {
		return 0
	}
	switch v.Kind() {
	case reflect.Interface:
		return d.walk(v.Elem(), left)
	case reflect.Struct:
		return d.walkFields(v, left)
	case reflect.Array:
		return d.walkElements(v, left)
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return d.follow(v, left)
	}
	return 0
}

// writesItself reports whether v has a method that writes it, which goes its own
// way.
func writesItself(v reflect.Value) bool {
	t := v.Type()
	if t.Kind() == reflect.Interface {
		return false // what is in it may
	}
	if v.CanAddr() && t.Kind() != reflect.Pointer {
		t = reflect.PointerTo(t)
	}
	return t.Implements(marshaler) || t.Implements(textMarshaler)
}

// follow goes a level down.
func (d *depths) follow(v reflect.Value, left int) verdict {
	if v.IsNil() {
		return 0
	}
	at := reference{of: v.Type(), to: v.Pointer()}
	if v.Kind() == reflect.Slice {
		at.len = v.Len()
	}
	switch {
	case left == 0:
		return tooDeep
	case d.above[at]:
		return fails
	}
	d.above[at] = true
	defer delete(d.above, at)
	switch v.Kind() {
	case reflect.Pointer:
		return d.walk(v.Elem(), left-1)
	case reflect.Slice:
		return d.walkElements(v, left-1)
	}
	return d.walkEntries(v, left-1)
}

func (d *depths) walkEntries(v reflect.Value, left int) (over verdict) {
	entries, err := entriesOf(v)
	if err != nil {
		return fails
	}
	for i := 0; over == 0 && i < len(entries); i++ {
		over = d.walk(entries[i].value, left)
	}
	return over
}

func (d *depths) walkElements(v reflect.Value, left int) (over verdict) {
	if k := v.Type().Elem().Kind(); k < reflect.Array || k == reflect.String { // nothing leads on
		return 0
	}
	for i := 0; over == 0 && i < v.Len(); i++ {
		over = d.walk(v.Index(i), left)
	}
	return over
}

func (d *depths) walkFields(v reflect.Value, left int) (over verdict) {
	t := v.Type()
	fields, ok := d.fields[t]
	if !ok {
		if d.fields == nil {
			d.fields = make(map[reflect.Type][]*Field)
		}
		fields = Fields(t)
		d.fields[t] = fields
	}
	for i := 0; over == 0 && i < len(fields); i++ {
		over = d.walk(promoted(v, fields[i].Path), left)
	}
	return over
}

package jsonenc

import (
	"encoding"
	"reflect"
	"sort"
	"strconv"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

func writeInterface(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	v = v.Elem()
	return For(v.Type()).write(b, v, depth)
}

func pointerWriter(element *Encoder) writer {
	return func(b []byte, v reflect.Value, depth int) ([]byte, error) {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		if depth >= maxDepth {
			return b, errDeep
		}
		return element.write(b, v.Elem(), depth+1)
	}
}

func sliceWriter(element *Encoder) writer {
	write := arrayWriter(element)
	return func(b []byte, v reflect.Value, depth int) ([]byte, error) {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		if depth >= maxDepth {
			return b, errDeep
		}
		return write(b, v, depth+1)
	}
}

func arrayWriter(element *Encoder) writer {
	return func(b []byte, v reflect.Value, depth int) ([]byte, error) {
		b = append(b, '[')
		for i := range v.Len() {
			b = room(b, 64)
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = element.write(b, v.Index(i), depth); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	}
}

// An entry is one of a map's.
type entry struct {
	key   string
	value reflect.Value
}

func (p planner) mapWriter(t reflect.Type) writer {
	k := t.Key().Kind()
	if k != reflect.String && (k < reflect.Int || k > reflect.Uintptr) && !t.Key().Implements(textMarshaler) {
		return writeNothing
	}
	element := p.encoder(t.Elem())
	return func(b []byte, v reflect.Value, depth int) ([]byte, error) {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		if depth >= maxDepth {
			return b, errDeep
		}
		entries, err := entriesOf(v)
		if err != nil {
			return b, err
		}
		b = append(b, '{')
		for i := range entries {
			b = room(b, 64)
			if i > 0 {
				b = append(b, ',')
			}
			b = append(jsontext.AppendString(b, entries[i].key), ':')
			if b, err = element.write(b, entries[i].value, depth+1); err != nil {
				return b, err
			}
		}
		return append(b, '}'), nil
	}
}

// entriesOf returns those of a map, in order.
func entriesOf(v reflect.Value) ([]entry, error) {
	entries := make([]entry, 0, v.Len())
	for all := v.MapRange(); all.Next(); {
		name, err := keyText(all.Key())
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{name, all.Value()})
	}
	sort.Sort(byKey(entries))
	return entries, nil
}

// byKey sorts entries. A function of package slices would be compiled once more for
// them.
type byKey []entry

func (e byKey) Len() int           { return len(e) }
func (e byKey) Less(i, j int) bool { return e[i].key < e[j].key }
func (e byKey) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }

// keyText is the name that a key has. Strings come before their methods.
func keyText(key reflect.Value) (string, error) {
	if key.Kind() == reflect.String {
		return key.String(), nil
	}
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](key); ok {
		if key.Kind() == reflect.Pointer && key.IsNil() {
			return "", nil
		}
		text, err := m.MarshalText()
		return string(text), err
	}
	switch {
	case key.CanInt():
		return strconv.FormatInt(key.Int(), 10), nil
	case key.CanUint():
		return strconv.FormatUint(key.Uint(), 10), nil
	}
	return "", errOther
}

// A member is a field to be written.
type member struct {
	name  string                   // as ,"name":
	index int                      // of a field of the struct itself
	path  []int                    // of one of an embedded struct, nil otherwise
	empty func(reflect.Value) bool // of a value that is left out; nil if none is
	value *Encoder
}

func (p planner) structWriter(t reflect.Type) writer {
	fields := Fields(t)
	members := make([]member, len(fields))
	for i, f := range fields {
		m := &members[i]
		m.name, m.index, m.empty = `,"`+f.Key+`":`, f.Path[0], emptyOf(f)
		if len(f.Path) > 1 {
			m.path = f.Path
		}
		if f.Quoted {
			m.value = &Encoder{p.writer(f.StructField.Type, true, true)}
		} else {
			m.value = p.encoder(f.StructField.Type)
		}
	}
	return func(b []byte, v reflect.Value, depth int) ([]byte, error) {
		start := len(b)
		for i := range members {
			m := &members[i]
			var field reflect.Value
			if m.path == nil {
				field = v.Field(m.index)
			} else if field = promoted(v, m.path); !field.IsValid() {
				continue
			}
			if m.empty != nil && m.empty(field) {
				continue
			}
			var err error
			if b, err = m.value.write(append(b, m.name...), field, depth); err != nil {
				return b, err
			}
		}
		if len(b) == start {
			return append(b, "{}"...), nil
		}
		b[start] = '{' // for the first comma
		return append(b, '}'), nil
	}
}

// promoted returns a field of an embedded struct, or none if a pointer on the way
// is nil.
func promoted(v reflect.Value, path []int) reflect.Value {
	for _, x := range path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

// emptyOf returns what omitempty and omitzero ask of a value.
func emptyOf(f *Field) func(reflect.Value) bool {
	empty, zero := isEmpty, isZeroOf(f.StructField.Type)
	switch {
	case f.OmitEmpty && f.OmitZero:
		return func(v reflect.Value) bool { return empty(v) || zero(v) }
	case f.OmitEmpty:
		return empty
	case f.OmitZero:
		return zero
	}
	return nil
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return v.IsZero()
}

type zeroer interface{ IsZero() bool }

var zeroerType = reflect.TypeFor[zeroer]()

// isZeroOf asks the type's own IsZero, if it has one.
func isZeroOf(t reflect.Type) func(reflect.Value) bool {
	own := func(v reflect.Value) bool { return v.Interface().(zeroer).IsZero() }
	switch {
	case t.Kind() == reflect.Interface && t.Implements(zeroerType):
		return func(v reflect.Value) bool {
			return v.IsNil() || v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil() || own(v)
		}
	case t.Kind() == reflect.Pointer && t.Implements(zeroerType):
		return func(v reflect.Value) bool { return v.IsNil() || own(v) }
	case t.Implements(zeroerType):
		return own
	case reflect.PointerTo(t).Implements(zeroerType):
		return func(v reflect.Value) bool {
			if !v.CanAddr() {
				boxed := reflect.New(v.Type()).Elem()
				boxed.Set(v)
				v = boxed
			}
			return own(v.Addr())
		}
	}
	return reflect.Value.IsZero
}

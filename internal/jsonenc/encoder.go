package jsonenc

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"time"
)

// An Encoder writes values of one type. It does not change and is safe for
// concurrent use.
type Encoder struct {
	write writer
}

// A writer appends the JSON text of v, which is behind that many pointers, maps
// and slices. An error says no more than that encoding/json is to try.
type writer func(b []byte, v reflect.Value, depth int) ([]byte, error)

// maxDepth is where encoding/json begins to look for cycles.
const maxDepth = 1000

var (
	errOther = errors.New("left to encoding/json")
	errDeep  = errors.New("behind too many pointers")
)

// encoders are the finished ones, by type. There are as many as types, of which
// a program does not make new ones for ever.
var encoders sync.Map

// For returns the Encoder of t.
func For(t reflect.Type) *Encoder {
	if e, ok := encoders.Load(t); ok {
		return e.(*Encoder)
	}
	p := planner{}
	e := p.encoder(t)
	for t, e := range p {
		encoders.LoadOrStore(t, e)
	}
	return e
}

// Append appends the JSON text of v, a value of the Encoder's type. With an error
// it returns dst as it was.
func (e *Encoder) Append(dst []byte, v reflect.Value) ([]byte, error) {
	out, err := e.write(dst, v, 0)
	if err == nil {
		return out, nil
	}
	if err == errDeep { // encoding/json finds a cycle; without one it goes on until the stack ends
		if err := checkDepth(v); err != nil {
			return dst, err
		}
	}
	return appendStandard(dst, v)
}

// appendStandard is Append by encoding/json.
func appendStandard(dst []byte, v reflect.Value) ([]byte, error) {
	if v.CanAddr() {
		v = v.Addr() // or methods of the pointer would not be found
	}
	b := bytes.NewBuffer(dst)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v.Interface()); err != nil {
		return dst, err
	}
	return b.Bytes()[:b.Len()-1], nil // without Encode's newline
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	numberType    = reflect.TypeFor[json.Number]()
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// A planner holds the Encoders being made, which those of types in a cycle refer
// to before they are finished.
type planner map[reflect.Type]*Encoder

func (p planner) encoder(t reflect.Type) *Encoder {
	if e, ok := p[t]; ok {
		return e
	}
	if e, ok := encoders.Load(t); ok {
		return e.(*Encoder)
	}
	e := &Encoder{}
	p[t] = e
	e.write = p.writer(t, true, false)
	return e
}

// writer decides how a t is written. As in encoding/json, methods are found on a
// *t only where the value can be addressed, which is known when there is one.
func (p planner) writer(t reflect.Type, addressable, quoted bool) writer {
	pointer := reflect.PointerTo(t)
	addressable = addressable && t.Kind() != reflect.Pointer
	switch {
	case t == timeType:
		return writeTime
	case addressable && pointer.Implements(marshaler):
		return eitherWriter(writeAddressed(writeMarshaler), p.writer(t, false, quoted))
	case t.Implements(marshaler):
		return writeMarshaler
	case addressable && pointer.Implements(textMarshaler):
		return eitherWriter(writeAddressed(writeText), p.writer(t, false, quoted))
	case t.Implements(textMarshaler):
		return writeText
	}
	if quoted {
		return p.quotedWriter(t)
	}
	return p.kindWriter(t)
}

func (p planner) kindWriter(t reflect.Type) writer {
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return writeBool
	case k >= reflect.Int && k <= reflect.Int64:
		return writeInt
	case k >= reflect.Uint && k <= reflect.Uintptr:
		return writeUint
	case k == reflect.Float64:
		return writeFloat64
	case k == reflect.Float32:
		return writeFloat32
	case t == numberType:
		return writeNumber
	case k == reflect.String:
		return writeString
	case k == reflect.Interface:
		return writeInterface
	case k == reflect.Struct:
		return p.structWriter(t)
	case k == reflect.Map:
		return p.mapWriter(t)
	case k == reflect.Slice && isByte(t.Elem()):
		return writeBytes
	case k == reflect.Slice:
		return sliceWriter(p.encoder(t.Elem()))
	case k == reflect.Array:
		return arrayWriter(p.encoder(t.Elem()))
	case k == reflect.Pointer:
		return pointerWriter(p.encoder(t.Elem()))
	}
	return writeNothing
}

// quotedWriter is for the string option of a json tag.
func (p planner) quotedWriter(t reflect.Type) writer {
	switch {
	case t.Kind() == reflect.Pointer:
		return pointerWriter(&Encoder{p.writer(t.Elem(), true, true)})
	case t.Kind() == reflect.String && t != numberType:
		return writeQuotedString
	}
	write := p.kindWriter(t)
	return func(b []byte, v reflect.Value, depth int) ([]byte, error) {
		b, err := write(append(b, '"'), v, depth)
		return append(b, '"'), err
	}
}

// isByte reports whether a slice of t is written as base64.
func isByte(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() == reflect.Uint8 && !p.Implements(marshaler) && !p.Implements(textMarshaler)
}

// eitherWriter decides by whether the value can be addressed.
func eitherWriter(addressed, other writer) writer {
	return func(b []byte, v reflect.Value, depth int) ([]byte, error) {
		if v.CanAddr() {
			return addressed(b, v, depth)
		}
		return other(b, v, depth)
	}
}

func writeAddressed(write writer) writer {
	return func(b []byte, v reflect.Value, depth int) ([]byte, error) { return write(b, v.Addr(), depth) }
}

// room makes sure that a few more bytes fit. It doubles, where append would copy
// a large result several times as often.
func room(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		b = append(make([]byte, 0, cap(b)+max(n, cap(b), 256)), b...)
	}
	return b
}

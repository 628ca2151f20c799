package tool

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bind decodes the arguments into the struct that dst points to.
//
// A field takes the argument named by its tag `arg:"name"`, or else by its own
// name in snake_case; `arg:"-"` leaves it out. `arg:"name,required"` makes a
// missing argument an error and `default:"text"` replaces it. Fields are
// strings, booleans (an empty value is true, as in ?verbose), integers, floats,
// [time.Duration] ("1m30s"), [Secret], types with UnmarshalText, pointers to
// those (nil when missing), and slices of those, which take every value. Fields
// of embedded structs count as the struct's own.
//
// The error names every argument that is missing or does not fit, and never a
// value. A dst that is not such a struct is an error too: see [CheckArgs].
func (a Args) Bind(dst any) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("tool: Bind needs a pointer to a struct, not %T", dst)
	}
	plan, err := binder(v.Elem().Type())
	if err != nil {
		return err
	}
	var problems []string
	for _, f := range plan {
		if what := f.bind(a, v.Elem()); what != "" {
			problems = append(problems, f.name+": "+what)
		}
	}
	if problems != nil {
		return errors.New("connection arguments: " + strings.Join(problems, "; "))
	}
	return nil
}

// CheckArgs reports whether [Args.Bind] can fill prototype, a struct or a
// pointer to one. The error names the field that it cannot.
func CheckArgs(prototype any) error {
	t := reflect.TypeOf(prototype)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return fmt.Errorf("tool: connection arguments bind to a struct, not %T", prototype)
	}
	_, err := binder(t)
	return err
}

// argField binds one argument to one field.
type argField struct {
	index    []int
	name     string
	required bool
	fallback []string
	set      setter
}

// A setter sets v from values, of which there is at least one, or says what it
// expected.
type setter func(v reflect.Value, values []string) (expected string)

func (f *argField) bind(a Args, v reflect.Value) (problem string) {
	values := a.All(f.name)
	if len(values) == 0 {
		if f.required {
			return "missing"
		}
		values = f.fallback
	}
	if len(values) == 0 {
		return ""
	}
	if expected := f.set(v.FieldByIndex(f.index), values); expected != "" {
		return "expected " + expected
	}
	return ""
}

var binders sync.Map // reflect.Type → []argField; a type is walked once

func binder(t reflect.Type) ([]argField, error) {
	if plan, ok := binders.Load(t); ok {
		return plan.([]argField), nil
	}
	plan, err := appendFields(nil, t, nil)
	if err != nil {
		return nil, err
	}
	binders.Store(t, plan)
	return plan, nil
}

func appendFields(plan []argField, t reflect.Type, index []int) ([]argField, error) {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(slices.Clip(index), i)
		tag, tagged := sf.Tag.Lookup("arg")
		if tag == "-" {
			continue
		}
		if sf.Anonymous && !tagged && sf.Type.Kind() == reflect.Struct && setterOf(sf.Type) == nil {
			var err error
			if plan, err = appendFields(plan, sf.Type, at); err != nil {
				return nil, err
			}
			continue
		}
		if !sf.IsExported() && !tagged && !sf.Anonymous {
			continue
		}
		f, err := newField(sf)
		if err != nil {
			return nil, fmt.Errorf("tool: %s.%s: %w", t, sf.Name, err)
		}
		f.index = at
		plan = append(plan, f)
	}
	return plan, nil
}

func newField(sf reflect.StructField) (f argField, err error) {
	tag := sf.Tag.Get("arg")
	name, option, _ := strings.Cut(tag, ",")
	f = argField{name: name, required: option == "required", set: setterOf(sf.Type)}
	if f.name == "" {
		f.name = snake(sf.Name)
	}
	text, fallback := sf.Tag.Lookup("default")
	switch {
	case !sf.IsExported():
		return f, errors.New(`the field is not exported and cannot be set: export it, or leave it out with the tag arg:"-"`)
	case f.set == nil:
		return f, fmt.Errorf("an argument cannot fill a %s", sf.Type)
	case option != "" && !f.required:
		return f, fmt.Errorf(`unknown option %q in tag arg, want "required"`, option)
	case f.required && fallback:
		return f, errors.New("a required argument needs no default")
	case fallback:
		f.fallback = []string{text}
		if expected := f.set(reflect.New(sf.Type).Elem(), f.fallback); expected != "" {
			return f, fmt.Errorf("default %q: expected %s", text, expected)
		}
	}
	return f, nil
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// setterOf returns the setter of a type, nil if there is none.
func setterOf(t reflect.Type) setter {
	if t.Kind() == reflect.Slice && !reflect.PointerTo(t).Implements(textUnmarshaler) {
		return setSlice(oneOf(t.Elem()))
	}
	return oneOf(t)
}

// oneOf returns the setter of a type that takes one value. It follows one
// pointer: a type may consist of nothing but pointers to itself.
func oneOf(t reflect.Type) setter {
	if t.Kind() == reflect.Pointer {
		return setPointer(scalar(t.Elem()))
	}
	return scalar(t)
}

func scalar(t reflect.Type) setter {
	switch {
	case t == durationType:
		return setDuration
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		return setText
	}
	switch t.Kind() {
	case reflect.String:
		return func(v reflect.Value, values []string) string { v.SetString(values[0]); return "" }
	case reflect.Bool:
		return setBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return setUint
	case reflect.Float32, reflect.Float64:
		return setFloat
	}
	return nil
}

func setDuration(v reflect.Value, values []string) string {
	d, err := time.ParseDuration(values[0])
	if err != nil {
		return `a duration such as "1m30s"`
	}
	v.SetInt(int64(d))
	return ""
}

func setText(v reflect.Value, values []string) string {
	if v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(values[0])) != nil {
		return "the format of a " + v.Type().String()
	}
	return ""
}

func setBool(v reflect.Value, values []string) string {
	b, err := strconv.ParseBool(values[0])
	if err != nil && values[0] != "" {
		return "true or false"
	}
	v.SetBool(b || values[0] == "")
	return ""
}

func setInt(v reflect.Value, values []string) string {
	n, err := strconv.ParseInt(values[0], 10, v.Type().Bits())
	if err != nil {
		return integer(v.Type(), err)
	}
	v.SetInt(n)
	return ""
}

func integer(t reflect.Type, err error) string {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Sprintf("an integer of %d bits", t.Bits())
	}
	return "an integer"
}

func setUint(v reflect.Value, values []string) string {
	n, err := strconv.ParseUint(values[0], 10, v.Type().Bits())
	if err != nil {
		return integer(v.Type(), err) + " that is not negative"
	}
	v.SetUint(n)
	return ""
}

func setFloat(v reflect.Value, values []string) string {
	x, err := strconv.ParseFloat(values[0], v.Type().Bits())
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) { // those defeat every later comparison
		return "a number"
	}
	v.SetFloat(x)
	return ""
}

func setPointer(elem setter) setter {
	if elem == nil {
		return nil
	}
	return func(v reflect.Value, values []string) string {
		p := reflect.New(v.Type().Elem())
		if expected := elem(p.Elem(), values); expected != "" {
			return expected
		}
		v.Set(p)
		return ""
	}
}

func setSlice(elem setter) setter {
	if elem == nil {
		return nil
	}
	return func(v reflect.Value, values []string) string {
		s := reflect.MakeSlice(v.Type(), len(values), len(values))
		for i := range values {
			if expected := elem(s.Index(i), values[i:i+1]); expected != "" {
				return expected
			}
		}
		v.Set(s)
		return ""
	}
}

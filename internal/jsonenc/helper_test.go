package jsonenc

//lint:file-ignore SA5008,U1000 tags that are wrong, and fields that are not written, are what is tested

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strconv"
	"time"
)

type (
	inner struct {
		A string `json:"a"`
		B int    `json:"b,omitempty"`
	}
	hidden struct { // embedded without an exported name
		Shown  string
		Shadow int
	}
	Deep struct {
		inner
		*hidden
		Shadow bool
	}
	Left  struct{ Both, OnlyLeft int }
	Right struct {
		Both      int
		OnlyRight int `json:"tagged"`
	}

	valueJSON   struct{ N int }
	pointerJSON struct{ N int }
	valueText   struct{ N int }
	pointerText struct{ N int }
	mapJSON     map[string]int
	keyText2    struct{ N int8 }
	keyString   string
	zeroable    struct{ N int }
	zeroPointer struct{ N int }
	byteText    uint8
	plainByte   uint8
	number      float32
)

func (v valueJSON) MarshalJSON() ([]byte, error) {
	switch v.N % 4 {
	case 1:
		return []byte(" { \"a\" : \"<\u2028>\" } "), nil
	case 2:
		return []byte(`{`), nil
	case 3:
		return nil, errors.New("not today")
	}
	return []byte("null"), nil
}
func (v *pointerJSON) MarshalJSON() ([]byte, error) { return []byte(`[1, 2 ]`), nil }
func (v valueText) MarshalText() ([]byte, error) {
	if v.N == 3 {
		return nil, errors.New("no text")
	}
	return []byte("<\"\xff\u2029>"), nil
}
func (v *pointerText) MarshalText() ([]byte, error) { return []byte("pointer"), nil }
func (m mapJSON) MarshalJSON() ([]byte, error)      { return []byte(`"map"`), nil }
func (k keyText2) MarshalText() ([]byte, error) {
	if k.N == 3 {
		return nil, errors.New("no key")
	}
	return strconv.AppendInt([]byte("k"), int64(k.N), 10), nil
}
func (k keyString) MarshalText() ([]byte, error) { return []byte("never"), nil }
func (z zeroable) IsZero() bool                  { return z.N == 1 }
func (z *zeroPointer) IsZero() bool              { return z.N == 1 }
func (b byteText) MarshalText() ([]byte, error)  { return []byte{'b', 'a' + byte(b)&7}, nil }

type tree struct {
	Name string           `json:"name"`
	Next *tree            `json:"next,omitempty"`
	Kids []tree           `json:"kids"`
	More map[string]*tree `json:"more,omitempty"`
	Any  any              `json:"any,omitempty"`
}

type scalars struct {
	B    bool
	I    int
	I8   int8 `json:"i8,omitempty"`
	I64  int64
	U    uint
	U16  uint16 `json:",omitzero"`
	U64  uint64
	Ptr  uintptr
	F32  float32
	F64  float64 `json:"f64,omitempty"`
	S    string
	S2   string `json:"s-2 <é>,omitempty"`
	Skip int    `json:"-"`
	Dash int    `json:"-,"`
	Bad  int    `json:"a\"b"`
	low  int
	N    number
}

type quoted struct {
	B  bool          `json:",string"`
	I  int           `json:"i,string,omitempty"`
	U  *uint8        `json:",string"`
	F  float64       `json:",string"`
	S  string        `json:",string"`
	N  json.Number   `json:",string"`
	P  *json.Number  `json:",string,omitempty"`
	T  time.Duration `json:",string"`
	L  []int         `json:",string"`
	PP **int         `json:",string"`
	X  byteText      `json:",string"`
	V  *string       `json:",string"`
}

type composites struct {
	Deep
	Left
	*Right
	Strings []string
	Bytes   []byte
	Named   []plainByte
	Texts   []byteText
	Array   [3]int8
	Four    [4]byte
	Empty   [0]int      `json:",omitempty"`
	Grid    [][]float32 `json:"grid,omitempty"`
	Map     map[string]string
	Ints    map[int8]*inner `json:",omitempty"`
	Uints   map[uint16]bool
	Keys    map[keyText2]int
	Own     map[keyString]int
	Pointer *inner
	PP      **string
	Struct  struct{ X, Y *int }
	Opt     *inner `json:",omitempty"`
}

type foreign struct {
	V  valueJSON
	P  pointerJSON
	PP *pointerJSON
	T  valueText
	U  pointerText
	UP *valueText
	M  mapJSON
	R  json.RawMessage
	N  json.Number
	W  time.Time `json:",omitzero"`
	WP *time.Time
	D  time.Duration
	A  any
	I  interface{ MarshalJSON() ([]byte, error) }
	L  []pointerJSON
	E  map[string]pointerJSON
	K  map[netip.Addr]int
	G  *big.Int
}

type zeros struct {
	A zeroable                   `json:",omitzero"`
	B *zeroable                  `json:",omitzero"`
	C zeroPointer                `json:",omitzero"`
	D *zeroPointer               `json:",omitzero"`
	E interface{ IsZero() bool } `json:",omitzero"`
	F [2]int                     `json:",omitzero,omitempty"`
	G inner                      `json:",omitzero"`
	H any                        `json:",omitempty,omitzero"`
}

type impossible struct {
	C chan int     `json:",omitempty"`
	F func()       `json:",omitempty"`
	M map[bool]int `json:",omitempty"`
	Z complex64    `json:",omitempty"`
	A any
}

var richTypes = []reflect.Type{
	reflect.TypeFor[scalars](), reflect.TypeFor[quoted](), reflect.TypeFor[composites](), reflect.TypeFor[foreign](),
	reflect.TypeFor[zeros](), reflect.TypeFor[tree](), reflect.TypeFor[impossible](), reflect.TypeFor[any](),
	reflect.TypeFor[[]any](), reflect.TypeFor[map[string]any](), reflect.TypeFor[*composites](), reflect.TypeFor[*foreign](),
	reflect.TypeFor[[]zeros](), reflect.TypeFor[map[string]zeros](), reflect.TypeFor[[]float64](), reflect.TypeFor[[]float32](),
	reflect.TypeFor[[]string](), reflect.TypeFor[[2]tree](), reflect.TypeFor[time.Time](), reflect.TypeFor[valueJSON](),
}

// A source makes values out of bytes.
type source struct{ b []byte }

func (s *source) next() byte {
	if len(s.b) == 0 {
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return c
}

func (s *source) bits() uint64 {
	var x uint64
	for range 1 + s.next()&7 {
		x = x<<8 | uint64(s.next())
	}
	return x
}

func (s *source) float() float64 {
	switch s.next() % 8 {
	case 0:
		return math.Float64frombits(s.bits()<<32 | s.bits()) // NaN and infinities among them
	case 1:
		return float64(int64(s.bits()))
	case 2:
		return float64(int32(s.bits())) / 10
	case 3:
		return math.Copysign(0, -1)
	case 4:
		return math.Pow10(int(s.next())-128) * float64(1+s.next())
	}
	return float64(int16(s.bits())) / 100
}

var texts = []string{"", "a", "<&>\u2028\u2029", "é😀", "\xff\xc0a", "\"\\\b\f\n\r\t\x00\x7f", "{\"a\": 1}", "12", "-0.5e+7", " 1", "1 ", "01", "+1", "NaN", "null"}

func (s *source) text() string {
	n := int(s.next())
	if n < 2*len(texts) {
		return texts[n%len(texts)]
	}
	n = min(n%40, len(s.b))
	text := string(s.b[:n])
	s.b = s.b[n:]
	return text
}

// fill gives v a value. Exported fields of embedded structs are set as well.
func (s *source) fill(v reflect.Value, depth int) {
	if !v.CanSet() {
		return
	}
	if v.Type() == timeType {
		zone := time.FixedZone("", int(int16(s.bits()))*3)
		v.Set(reflect.ValueOf(time.Unix(int64(s.bits())>>(s.next()&31), int64(s.next())*1e6).In(zone)))
		return
	}
	switch k := v.Kind(); {
	case k == reflect.Bool:
		v.SetBool(s.next()&1 == 1)
	case v.CanInt():
		v.SetInt(int64(s.bits()) >> (s.next() & 1 * 56) << (64 - v.Type().Bits()) >> (64 - v.Type().Bits()))
	case v.CanUint():
		v.SetUint(s.bits() << (64 - v.Type().Bits()) >> (64 - v.Type().Bits()))
	case v.CanFloat():
		v.SetFloat(s.float())
	case k == reflect.String:
		v.SetString(s.text())
	case depth == 0 || s.next() < 20: // zero
	case k == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		s.fill(v.Elem(), depth-1)
	case k == reflect.Interface && v.NumMethod() == 0:
		types := append(richTypes, reflect.TypeFor[int](), reflect.TypeFor[string](), reflect.TypeFor[chan int](), reflect.TypeFor[json.Number]())
		x := reflect.New(types[int(s.next())%len(types)])
		s.fill(x.Elem(), depth-1)
		v.Set(x.Elem())
	case k == reflect.Interface:
		x := []any{zeroable{1}, &zeroPointer{1}, (*zeroPointer)(nil), valueJSON{int(s.next())}, (*pointerJSON)(nil)}[s.next()%5]
		if reflect.TypeOf(x).Implements(v.Type()) {
			v.Set(reflect.ValueOf(x))
		}
	default:
		s.fillParts(v, depth-1)
	}
}

func (s *source) fillParts(v reflect.Value, depth int) {
	n := int(s.next() % 5)
	switch v.Kind() {
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			s.fill(v.Index(i), depth)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range n {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			s.fill(key, 2)
			s.fill(value, depth)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			if v.Type().Field(i).Anonymous && field.Kind() == reflect.Struct {
				s.fillParts(field, depth)
			} else {
				s.fill(field, depth)
			}
		}
	}
}

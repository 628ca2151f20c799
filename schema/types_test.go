package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// The types that the tests share.

type scalars struct {
	Bool    bool        `json:"bool"`
	Int     int         `json:"int"`
	Int8    int8        `json:"int8"`
	Int16   int16       `json:"int16"`
	Int32   int32       `json:"int32"`
	Int64   int64       `json:"int64"`
	Uint    uint        `json:"uint"`
	Uint8   uint8       `json:"uint8"`
	Uint16  uint16      `json:"uint16"`
	Uint32  uint32      `json:"uint32"`
	Uint64  uint64      `json:"uint64"`
	Float32 float32     `json:"float32"`
	Float64 float64     `json:"float64"`
	String  string      `json:"string"`
	Number  json.Number `json:"number"`
}

type composites struct {
	Strings []string              `json:"strings"`
	Matrix  [][]float64           `json:"matrix"`
	Pair    [2]int                `json:"pair"`
	Bytes   []byte                `json:"bytes"`
	Named   digest                `json:"named"`
	Array   [3]byte               `json:"array"`
	Map     map[string]int        `json:"map"`
	IntKeys map[int8]string       `json:"int_keys"`
	Uints   map[uint16]bool       `json:"uints"`
	Texts   map[netip.Addr]string `json:"texts"`
	Any     any                   `json:"any"`
	Anys    []any                 `json:"anys"`
	AnyMap  map[string]any        `json:"any_map"`
	Inner   inner                 `json:"inner"`
	Inners  []inner               `json:"inners"`
	Anon    struct{ X int }       `json:"anon"`
	Empty   struct{}              `json:"empty"`
}

type (
	digest []byte
	inner  struct {
		A string `json:"a"`
		B int    `json:"b,omitempty"`
	}
)

type optionals struct {
	Pointer   *int           `json:"pointer"`
	Twice     **string       `json:"twice"`
	Forced    *int           `json:"forced" jsonschema:"required"`
	OmitEmpty string         `json:"omit_empty,omitempty"`
	OmitZero  time.Time      `json:"omit_zero,omitzero"`
	Default   int            `json:"default" jsonschema:"default=4"`
	Struct    *inner         `json:"struct,omitempty"`
	Slice     []string       `json:"slice,omitempty"`
	ToSlice   *[]string      `json:"to_slice,omitempty"`
	Map       map[string]int `json:"map,omitzero"`
	Plain     string         `json:"plain"`
	Nullable  int            `json:"nullable" jsonschema:"nullable,description=may be null"`
	PtrSlice  []*int         `json:"ptr_slice"`
}

type standard1 struct {
	Time     time.Time       `json:"time"`
	Duration time.Duration   `json:"duration"`
	Number   json.Number     `json:"number"`
	Raw      json.RawMessage `json:"raw"`
	Addr     netip.Addr      `json:"addr"`
	Big      *big.Int        `json:"big"`
	Float    *big.Float      `json:"float"`
}

type quotedFields struct {
	Int    int           `json:"int,string"`
	Uint   *uint8        `json:"uint,string"`
	Float  float64       `json:"float,string"`
	Bool   bool          `json:"bool,string"`
	String string        `json:"string,string"`
	Dur    time.Duration `json:"dur,string"`
}

// Embedding, with everything encoding/json decides.
type (
	Base struct {
		ID     int `json:"id"`
		Shared string
		Deep
	}
	Deep struct {
		Shared string
		Depth  int `json:"depth"`
	}
	Other struct {
		Clash int `json:"clash"`
		Won   int `json:"won"`
	}
	Another struct {
		Clash int `json:"clash"`
		Won   int
		Lost  int `json:"Won2"`
	}
	hidden struct {
		FromHidden int `json:"from_hidden"`
		private    int
	}
	Label  string
	Extra  struct{ E int }
	shapes struct {
		Base
		*Other
		Another
		hidden
		Label
		Extra   `json:"extra"`
		Skipped int `json:"-"`
		NoTag   int
	}
)

type (
	tagWins struct {
		A int `json:"B"`
	}
	tagLoses struct{ B, C int }
)

type selfish struct {
	*selfish
	X int
}

// Fields that are not exported are no properties.
var _ = hidden{private: 1}

// oddTags are tags that linters would not let stand in a struct.
var oddTags = reflect.StructOf([]reflect.StructField{
	{Name: "Dash", Type: reflect.TypeFor[int](), Tag: `json:"-,"`},
	{Name: "BadName", Type: reflect.TypeFor[int](), Tag: `json:"a\"b"`},
	{Name: "Backslash", Type: reflect.TypeFor[int](), Tag: `json:"a\\b"`},
	{Name: "NotQuoted", Type: reflect.TypeFor[[]int](), Tag: `json:"not_quoted,string"`},
	{Name: "Twin1", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
	{Name: "Twin2", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
	{Name: "Options", Type: reflect.TypeFor[int](), Tag: `json:",string,bogus"`},
})

type constrained struct {
	City    string   `json:"city" jsonschema:"minLength=1,maxLength=10,pattern=^[a-z]{1\\,}$,example=rome,title=City,description=a\\, b"`
	Verbat  string   `json:"verbat" jsonschema_description:"one, two, \"three\""`
	Units   string   `json:"units" jsonschema:"enum=metric,enum=imperial,default=metric,format=unit"`
	Days    int      `json:"days" jsonschema:"minimum=1,maximum=7"`
	Small   int8     `json:"small" jsonschema:"minimum=0,exclusiveMaximum=100"`
	Step    float64  `json:"step" jsonschema:"multipleOf=0.1,exclusiveMinimum=0"`
	Level   int      `json:"level" jsonschema:"enum=1,enum=2,enum=3"`
	On      bool     `json:"on" jsonschema:"default=true"`
	Tags    []string `json:"tags" jsonschema:"minItems=1,maxItems=3,uniqueItems=true,enum=a,enum=b,enum=c,default=a,default=b"`
	Numbers []int    `json:"numbers" jsonschema:"default=1,default=2,minimum=0"`
	Flags   []bool   `json:"flags" jsonschema:"default=true"`
	Extra   string   `json:"extra" jsonschema_extras:"x-order=1,markdownDescription=**b**"`
	Either  any      `json:"either" jsonschema:"oneof_type=string;integer"`
	Object  any      `json:"object" jsonschema:"type=object"`
}

type groups struct {
	Path string `json:"path,omitempty" jsonschema:"oneof_required=file"`
	URL  string `json:"url,omitempty" jsonschema:"oneof_required=web"`
}

// Cycles.
type (
	Node struct {
		Value int     `json:"value"`
		Next  *Node   `json:"next,omitempty"`
		Kids  []Node  `json:"kids,omitempty"`
		Other *Mutual `json:"other,omitempty"`
	}
	Mutual struct {
		Back *Node `json:"back,omitempty"`
	}
	Nested []Nested
	Tree   map[string]Tree
	holder struct {
		A Node          `json:"a"`
		B Generic[Node] `json:"b"`
		N Nested        `json:"n"`
		T Tree          `json:"t"`
	}
	Generic[T any] struct {
		Item T           `json:"item"`
		Self *Generic[T] `json:"self,omitempty"`
	}
	PlainGeneric[K comparable, V any] struct {
		Map map[K]V `json:"map"`
	}
)

// twins are two types of one name, each in a cycle.
func twins() reflect.Type {
	type Node struct {
		Twin *Node `json:"twin,omitempty"`
	}
	return reflect.TypeFor[struct {
		Mine  Node    `json:"mine"`
		Yours *holder `json:"yours"`
	}]()
}

// Types with a document of their own.
type (
	color    struct{ name string }
	point    struct{ X, Y int }
	even     int
	stringer struct{ alias string }
	loose    struct{ v any }
	upper    string
	UUID     [16]byte
	custom   struct {
		Color  color            `json:"color"`
		Colors map[string]color `json:"colors"`
		Point  point            `json:"point"`
		Even   even             `json:"even"`
		Alias  stringer         `json:"alias"`
		Loose  loose            `json:"loose"`
		Upper  upper            `json:"upper"`
		ID     UUID             `json:"id"`
		Opt    *color           `json:"opt,omitempty" jsonschema:"description=optional"`
	}
)

var colors = &jsonschema.Schema{Type: "string", Enum: []any{"red", "green"}}

func (color) JSONSchema() *jsonschema.Schema { return colors }

func (c *color) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &c.name) }
func (c color) MarshalJSON() ([]byte, error)  { return json.Marshal(c.name) }

// JSONSchema returns what Reflect makes: a reference into definitions.
func (*point) JSONSchema() *jsonschema.Schema {
	type Point struct {
		X int `json:"X" jsonschema:"minimum=0"`
		Y int `json:"Y"`
	}
	return jsonschema.Reflect(Point{})
}

func (even) JSONSchemaExtend(s *jsonschema.Schema) {
	s.MultipleOf = "2"
	s.Not = &jsonschema.Schema{Const: 4}
}

func (stringer) JSONSchemaAlias() any { return "" }

func (s *stringer) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &s.alias) }
func (s stringer) MarshalJSON() ([]byte, error)  { return json.Marshal(s.alias) }

func (l *loose) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &l.v) }
func (l loose) MarshalJSON() ([]byte, error)  { return json.Marshal(l.v) }

func (u *upper) UnmarshalText(b []byte) error {
	if s := string(b); s != strings.ToUpper(s) {
		return errors.New("not in capitals")
	}
	*u = upper(b)
	return nil
}

func (u upper) MarshalText() ([]byte, error) { return []byte(u), nil }

func (u *UUID) UnmarshalText(b []byte) error {
	if n, err := fmt.Sscanf(string(b), "%32x", new([]byte)); n != 1 || err != nil || len(b) != 32 {
		return errors.New("not 32 digits")
	}
	return nil
}

func (u UUID) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%032x", u[:]), nil }

// described gets its descriptions from doc comments.
type described struct {
	A int           `json:"a" jsonschema:"description=from the tag"`
	B int           `json:"b"`
	C inner         `json:"c"`
	D time.Duration `json:"d"`
	E int           `jsonschema:"-"` // not for the client
}

func docComments(t reflect.Type, field string) string {
	switch field {
	case "A", "B":
		return "from the comment on " + field
	case "":
		if t.Name() == "inner" {
			return "an inner value"
		}
	}
	return ""
}

// documents lists the types whose documents are golden.
var documents = []struct {
	name string
	t    reflect.Type
	o    Options
}{
	{"scalars", reflect.TypeFor[scalars](), Options{}},
	{"composites", reflect.TypeFor[composites](), Options{}},
	{"optionals", reflect.TypeFor[optionals](), Options{}},
	{"standard", reflect.TypeFor[standard1](), Options{}},
	{"quoted", reflect.TypeFor[quotedFields](), Options{}},
	{"embedding", reflect.TypeFor[*shapes](), Options{}},
	{"odd", oddTags, Options{}},
	{"tags", reflect.TypeFor[constrained](), Options{}},
	{"groups", reflect.TypeFor[groups](), Options{}},
	{"recursive", reflect.TypeFor[Node](), Options{}},
	{"cycles", reflect.TypeFor[holder](), Options{}},
	{"twins", twins(), Options{}},
	{"generic", reflect.TypeFor[PlainGeneric[string, []Generic[int]]](), Options{}},
	{"custom", reflect.TypeFor[custom](), Options{}},
	{"described", reflect.TypeFor[described](), Options{Describe: docComments}},
	{"open", reflect.TypeFor[inner](), Options{AllowUnknown: true}},
	{"list", reflect.TypeFor[[]inner](), Options{}},
	{"unnamed", reflect.StructOf([]reflect.StructField{
		{Name: "Query", Type: reflect.TypeFor[string](), Tag: `json:"query" jsonschema:"minLength=1"`},
		{Name: "Limit", Type: reflect.TypeFor[*int](), Tag: `json:"limit,omitempty"`},
	}), Options{}},
}

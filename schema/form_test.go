package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/invopop/jsonschema"
)

type (
	season  string
	colours string
	paired  struct{ B int }

	// everyField has every kind of field that a form of 2025-06-18 can have too.
	everyField struct {
		Name    string        `json:"name" jsonschema:"title=Your name,minLength=1,maxLength=20,pattern=^[^0-9]*$" jsonschema_description:"As in <passport> & visa"`
		Mail    string        `json:"mail" jsonschema:"format=email"`
		Site    *string       `json:"site" jsonschema:"format=uri,default=https://example.com/"`
		Born    string        `json:"born,omitempty" jsonschema:"format=date,example=2000-01-01"`
		Alarm   string        `json:"alarm,omitempty" jsonschema:"format=date-time"`
		At      time.Time     `json:"at,omitzero"`
		Wait    time.Duration `json:"wait" jsonschema:"default=1m30s"`
		ID      *UUID         `json:"id"`
		Addr    netip.Addr    `json:"addr,omitzero"`
		Days    int           `json:"days" jsonschema:"minimum=1,maximum=7,default=3"`
		Level   int8          `json:"level,omitempty" jsonschema:"exclusiveMinimum=0"`
		Score   float64       `json:"score" jsonschema:"minimum=0.5,multipleOf=0.5,default=95.5"`
		Sure    bool          `json:"sure" jsonschema:"title=Are you?"`
		Loud    bool          `json:"loud" jsonschema:"default=false"`
		Unit    string        `json:"unit" jsonschema:"enum=metric,enum=imperial,default=metric"`
		Season  season        `json:"season" jsonschema:"title=Season,enum=w,enum=s,default=s" titles:"Winter, cold|Summer"`
		Legacy  string        `json:"legacy,omitempty" jsonschema:"enum=1,enum=2,default=2" jsonschema_extras:"enumNames=One,enumNames=true"`
		Tinted  colours       `json:"tinted,omitempty" titles:"Red|Blue"`
		Hidden  string        `json:"-"`
		Skipped []int         `jsonschema:"-"`
		paired
	}

	// everyForm adds what only later revisions have.
	everyForm struct {
		everyField
		Tags    []string  `json:"tags,omitempty" jsonschema:"enum=a,enum=b,enum=c,minItems=1,maxItems=2,uniqueItems=true,default=a,default=c"`
		Seasons *[]season `json:"seasons" jsonschema:"title=Seasons,enum=w,enum=s" titles:"Winter|Summer"`
	}
)

func (colours) JSONSchemaExtend(s *jsonschema.Schema) { s.Enum = []any{colours("red"), "blue"} }

func mustForm(t testing.TB, typ reflect.Type, o Options) *Form {
	t.Helper()
	f, err := NewForm(typ, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// golden compares a document with the one in testdata.
func golden(t *testing.T, name string, doc json.RawMessage) {
	t.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, doc, "", "\t"); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the document is\n%s\nwant\n%s", got.Bytes(), want)
	}
}

func TestFormDocuments(t *testing.T) {
	f := mustForm(t, reflect.TypeFor[*everyForm](), Options{})
	golden(t, "form.json", f.Document())
	want := "schema: everyForm.Tags: revision 2025-06-18 has no form that takes several values: use a bool for each"
	if doc, err := f.Plain(); err == nil || err.Error() != want || doc != nil {
		t.Errorf("a form with several values is plain: %s, %v", doc, err)
	}
	f = mustForm(t, reflect.TypeFor[everyField](), Options{})
	doc, err := f.Plain()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "form.plain.json", doc)

	f = mustForm(t, reflect.TypeFor[struct{}](), Options{})
	if got := string(f.Document()); got != `{"type":"object","properties":{}}` {
		t.Errorf("the document of nothing is %s", got)
	}
}

// TestFormDescribes: descriptions come from where those of a Plan do.
func TestFormDescribes(t *testing.T) {
	o := Options{Describe: func(t reflect.Type, field string) string { return t.Name() + "." + field }}
	f := mustForm(t, reflect.TypeFor[paired](), o)
	want := `{"type":"object","properties":{"B":{"type":"integer","description":"paired.B"}},"required":["B"]}`
	if got := string(f.Document()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type (
	formed    struct{ A int }
	aliasForm struct{ A int }
	strangest string
	selfForm  struct{ Next *selfForm }
)

func (formed) JSONSchema() *jsonschema.Schema { return &jsonschema.Schema{Type: "object"} }
func (aliasForm) JSONSchemaAlias() any        { return paired{} }

func (strangest) JSONSchemaExtend(s *jsonschema.Schema) {
	s.Not, s.Enum = &jsonschema.Schema{Const: "x"}, []any{"a"}
}

// TestFormErrors: what is no form is refused with the Go field and a remedy.
func TestFormErrors(t *testing.T) {
	str, strs := reflect.TypeFor[string](), reflect.TypeFor[[]string]()
	const kinds = ": use a string, a number, a bool, a time.Time, or a slice of strings with an enum"
	for _, tt := range []struct {
		t    reflect.Type
		want string
	}{
		{nil, "no type"},
		{str, "string: a form is a struct, and not one that reads or documents itself: put the value into a field of one"},
		{reflect.TypeFor[map[string]string](), "map[string]string: a form is a struct"},
		{reflect.TypeFor[time.Time](), "time.Time: a form is a struct"},
		{reflect.TypeFor[formed](), "schema.formed: a form is a struct"},
		{reflect.TypeFor[aliasForm](), "schema.aliasForm: a form is a struct"},
		{reflect.TypeFor[struct{ F func() }](), `F: JSON has no func(): leave the field out with the tag json:"-"`},
		{reflect.TypeFor[struct{ F paired }](), "F: a form has no schema.paired" + kinds},
		{reflect.TypeFor[struct{ F *struct{ X int } }](), "F: a form has no *struct { X int }" + kinds},
		{reflect.TypeFor[selfForm](), "selfForm.Next: a form has no *schema.selfForm" + kinds},
		{reflect.TypeFor[struct{ F formed }](), "F: a form has no schema.formed" + kinds},
		{reflect.TypeFor[struct{ F map[string]string }](), "F: a form has no map[string]string" + kinds},
		{reflect.TypeFor[struct{ F any }](), "F: a form has no interface {}" + kinds},
		{reflect.TypeFor[struct{ F json.RawMessage }](), "F: a form has no json.RawMessage" + kinds},
		{reflect.TypeFor[struct{ F []byte }](), "F: a form has no []uint8" + kinds},
		{reflect.TypeFor[struct{ F []int }](), "F: a form has no []int" + kinds},
		{reflect.TypeFor[struct{ F [][]string }](), "F: a form has no [][]string" + kinds},
		{reflect.TypeFor[struct{ F [][]byte }](), "F: a form has no [][]uint8" + kinds},
		{oneField(reflect.TypeFor[[2]string](), `jsonschema:"enum=a"`), "F: a form has no [2]string" + kinds},
		{oneField(reflect.TypeFor[[]*string](), `jsonschema:"enum=a"`), "F: a form has no []*string" + kinds},
		{reflect.TypeFor[struct{ F []string }](), `F: a form takes several values only out of a list: write them into the tag, as jsonschema:"enum=a,enum=b"`},
		{oneField(reflect.TypeFor[int](), `jsonschema:"enum=1,enum=2"`), "F: enum: the choices of a form are strings: use a string type"},
		{oneField(str, `jsonschema:"nullable"`), "F: nullable: a form has no null: use a pointer, or omitempty, for what may be left out"},
		{oneField(reflect.TypeFor[int](), `json:"f,string"`), "F: the string option of the json tag: a form shows the value as it is sent: remove the option"},
		{oneField(str, `jsonschema:"oneof_required=x"`), "a form has no oneOf, it cannot say which fields go together: check that in the function"},
		{reflect.TypeFor[struct{ F strangest }](), "F: a form has no not: remove it"},
		{reflect.TypeFor[struct{ F []strangest }](), "F: a form has no not: remove it"},
		{oneField(str, `jsonschema:"format=ipv4"`), "F: format=ipv4: a form has email, uri, date and date-time: use one of those"},
		{oneField(str, `jsonschema:"format=uuid"`), "F: format=uuid: a form has email"},
		{oneField(timeType, `jsonschema:"format=date"`), "F: format=date: a time.Time is a date-time: use a string"},
		{oneField(durationType, `jsonschema:"format=date"`), "F: format=date: a time.Duration has none: remove it"},
		{oneField(str, `jsonschema:"format=email,default=nobody"`), `F: default="nobody" does not fit: expected an email address`},
		{oneField(str, `jsonschema:"enum=a,enum=a"`), "F: enum=a is there twice: remove one"},
		{oneField(str, `jsonschema:"enum=a,enum=b" titles:"A"`), "F: titles: 1 title for 2 enum values: write one for each, in the same order"},
		{oneField(strs, `jsonschema:"enum=a" titles:"A|B"`), "F: titles: 2 titles for 1 enum value: write one for each, in the same order"},
		{oneField(str, `jsonschema:"enum=a,enum=b" titles:"A|"`), "F: titles: one of them is empty: write a title for each value"},
		{oneField(str, `titles:"A"`), `F: titles: there are no values to name: write them into the tag, as jsonschema:"enum=a,enum=b"`},
		{oneField(str, `jsonschema_extras:"enumNames=A"`), "F: enumNames: there are no values to name"},
		{oneField(str, `jsonschema:"enum=a,enum=b" jsonschema_extras:"enumNames=A"`), "F: enumNames: 1 title for 2 enum values"},
		{oneField(str, `jsonschema:"enum=a" jsonschema_extras:"enumNames=A" titles:"A"`), "F: enumNames: they are for one of several strings, and not beside titles: use the titles tag alone"},
		{oneField(strs, `jsonschema:"enum=a" jsonschema_extras:"enumNames=A"`), "F: enumNames: they are for one of several strings"},
		{oneField(str, `jsonschema_extras:"x-order=1"`), `F: "x-order=1" in the jsonschema_extras tag: of those keywords a form has enumNames alone: remove it`},
	} {
		f, err := NewForm(tt.t, Options{})
		if err == nil || f != nil {
			t.Errorf("no error, want %s", tt.want)
			continue
		}
		if got := err.Error(); !strings.HasPrefix(got, "schema: ") || !strings.Contains(got, tt.want) {
			t.Errorf("the error is\n%s\nwant\n%s", got, tt.want)
		}
	}
}

// answered is a right answer to everyForm but for the property under test.
const answered = `"name":"Ada","mail":"ada@example.com","sure":true,"B":1`

func TestFormDecode(t *testing.T) {
	f := mustForm(t, reflect.TypeFor[everyForm](), Options{})
	got := everyForm{Tags: []string{"left over"}}
	if err := f.Decode([]byte("{"+answered+"}"), reflect.ValueOf(&got).Elem()); err != nil {
		t.Fatal(err)
	}
	want := everyForm{everyField: everyField{
		Name: "Ada", Mail: "ada@example.com", Sure: true, Site: new("https://example.com/"), Wait: 90 * time.Second, Days: 3,
		Score: 95.5, Unit: "metric", Season: "s", Legacy: "2", paired: paired{1},
	}, Tags: []string{"a", "c"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}

	all := `{` + answered + `,"site":"mailto:a@b","born":"2024-02-29","alarm":"2024-02-29T01:02:03+01:00","at":"2024-02-29T01:02:03Z","wait":"2s","id":"0123456789abcdef0123456789abcdef",
		"addr":"::1","days":7.0,"level":1,"score":1,"loud":true,"unit":"imperial","season":"w","legacy":"1","tinted":"blue","tags":["b"],"seasons":["s","s"]}`
	if err := f.Decode([]byte(all), reflect.ValueOf(&got).Elem()); err != nil {
		t.Fatal(err)
	}
	if got.Site == nil || *got.Site != "mailto:a@b" || got.At.Year() != 2024 || got.ID == nil || got.Days != 7 ||
		got.Tinted != "blue" || !reflect.DeepEqual(*got.Seasons, []season{"s", "s"}) {
		t.Errorf("got %+v", got)
	}
}

func TestFormRefuses(t *testing.T) {
	f := mustForm(t, reflect.TypeFor[everyForm](), Options{})
	for in, want := range map[string]string{
		`{` + answered + `,"days":"3"}`:           `days: expected an integer from 1 to 7, got "3"`,
		`{` + answered + `,"days":null}`:          `days: expected an integer from 1 to 7, got null`,
		`{` + answered + `,"days":8}`:             `days: expected an integer from 1 to 7, got 8`,
		`{` + answered + `,"days":1.5}`:           `days: expected an integer from 1 to 7, got 1.5`,
		`{` + answered + `,"level":0}`:            `level: expected an integer of at most 127 above 0, got 0`,
		`{` + answered + `,"score":0.7}`:          `score: expected a number of at least 0.5 that is a multiple of 0.5, got 0.7`,
		`{` + answered + `,"sure":"true"}`:        `sure: expected a boolean, got "true"`,
		`{` + answered + `,"unit":"nautical"}`:    `unit: expected one of "metric", "imperial", got "nautical"`,
		`{` + answered + `,"season":"Winter"}`:    `season: expected one of "w", "s", got "Winter"`,
		`{` + answered + `,"tinted":"green"}`:     `tinted: expected one of "red", "blue", got "green"`,
		`{` + answered + `,"tags":[]}`:            `tags: expected an array of 1 to 2 items, got 0 items`,
		`{` + answered + `,"tags":["a","a"]}`:     `tags[1]: expected items that differ from each other, got "a" again`,
		`{` + answered + `,"tags":["d"]}`:         `tags[0]: expected one of "a", "b", "c", got "d"`,
		`{` + answered + `,"tags":"a"}`:           `tags: expected an array of 1 to 2 items, got "a"`,
		`{` + answered + `,"site":"example.com"}`: `site: expected a URI such as https://example.com/, got "example.com"`,
		`{` + answered + `,"born":"29.2.2024"}`:   `born: expected a date such as 2006-01-02, got "29.2.2024"`,
		`{` + answered + `,"alarm":"2024-02-29"}`: `alarm: expected a date-time such as 2006-01-02T15:04:05Z, got "2024-02-29"`,
		`{` + answered + `,"at":"noon"}`:          `at: expected a date-time such as 2006-01-02T15:04:05Z, got "noon"`,
		`{` + answered + `,"wait":"soon"}`:        `wait: expected a duration such as "1m30s", got "soon"`,
		`{` + answered + `,"id":"xx"}`:            `id: expected a UUID string, got "xx" (not 32 digits)`,
		`{` + answered + `,"name":"R2"}`:          `name: expected a string of 1 to 20 characters matching ^[^0-9]*$, got "R2"`,
		`{}`:                                      `name: missing, expected a string of 1 to 20 characters matching ^[^0-9]*$; mail: missing, expected an email address; sure: missing, expected a boolean; B: missing, expected an integer`,
		``:                                        `name: missing`,
		` null `:                                  `name: missing`,
		`[]`:                                      `content: expected an object, got []`,
		` "name"`:                                 `content: expected an object, got "name"`,
	} {
		var v everyForm
		err := f.Decode([]byte(in), reflect.ValueOf(&v).Elem())
		e, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(e.Error(), want) {
			t.Errorf("%s: the error is\n%v\nwant\n%s", in, err, want)
		}
	}
	var v everyForm
	err := f.Decode([]byte(`{"name":`), reflect.ValueOf(&v).Elem())
	if _, ok := errors.AsType[*Error](err); ok || err == nil {
		t.Errorf("what is not JSON: %v", err)
	}
	if err := mustForm(t, reflect.TypeFor[paired](), Options{}).Decode([]byte(`{"B":1,"C":2}`), reflect.New(reflect.TypeFor[paired]()).Elem()); err != nil {
		t.Errorf("a property that is no field: %v", err)
	}
}

func TestFormats(t *testing.T) {
	for name, tt := range map[string]struct{ good, bad []string }{
		"email": {
			[]string{"a@b", "ada.lovelace+x@example.co.uk", "é@example.com"},
			[]string{"", "a", "@b", "a@", "a@b@c", "Ada <ada@example.com>", "<a@b>", "a@b (home)", " a@b", "a@b, c@d", "a b@c", `"a b"@c`},
		},
		"uri": {
			[]string{"https://example.com/?q=%20#x", "mailto:a@b", "urn:isbn:1", "file:///etc/hosts", "http://[::1]:80/"},
			[]string{"", "example.com", "/path", "//host", "http://a b", "http://é/", "http://a/\n", "http://[::1", "ht^tp:x", ":x", "http://a/<b>"},
		},
		"date": {
			[]string{"2024-02-29", "0001-01-01"},
			[]string{"", "2023-02-29", "2024-2-29", "24-02-29", "2024-02-29T00:00:00Z", "2024-02-29 "},
		},
		"date-time": {
			[]string{"2024-02-29T23:59:59Z", "2024-02-29T23:59:59.123456789-12:00"},
			[]string{"", "2024-02-29", "2024-02-29T23:59:59", "2024-02-29 23:59:59Z", "2024-02-29T24:00:00Z", "2024-02-29T1:00:00Z", "2024-02-29T01:00:00+1:00", "2024-02-29t01:00:00z", "2023-02-29T01:00:00Z", "2024-02-29T23:59:59,5Z"},
		},
	} {
		f := mustForm(t, oneField(reflect.TypeFor[string](), `json:"f" jsonschema:"format=`+name+`"`), Options{})
		for want, all := range map[bool][]string{true: tt.good, false: tt.bad} {
			for _, s := range all {
				in, _ := json.Marshal(map[string]string{"f": s})
				v := reflect.New(f.plan.root.typ).Elem()
				if err := f.Decode(in, v); (err == nil) != want {
					t.Errorf("%s %q: %v", name, s, err)
				} else if want && v.Field(0).String() != s {
					t.Errorf("%s %q became %q", name, s, v.Field(0))
				}
			}
		}
	}
}

// TestFormatBesideOthers: the words for a format go with those for length and
// pattern, and all are enforced.
func TestFormatBesideOthers(t *testing.T) {
	f := mustForm(t, oneField(reflect.TypeFor[*string](), `json:"f" jsonschema:"required,format=email,maxLength=12,pattern=@b[.]c$"`), Options{})
	v := reflect.New(f.plan.root.typ).Elem()
	if err := f.Decode([]byte(`{"f":"ada@b.c"}`), v); err != nil {
		t.Error(err)
	}
	for _, s := range []string{"ada@b.cd", "long-ada@b.c.b.c", "@b.c"} {
		err := f.Decode([]byte(`{"f":"`+s+`"}`), v)
		if err == nil || !strings.Contains(err.Error(), "f: expected an email address of at most 12 characters matching @b[.]c$, got") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// FuzzForm: what Decode takes fits the documents that clients were sent, and
// nothing makes it panic.
func FuzzForm(f *testing.F) {
	form := mustForm(f, reflect.TypeFor[everyForm](), Options{})
	doc, err := Compile(form.Document())
	if err != nil {
		f.Fatal(err)
	}
	simple := mustForm(f, reflect.TypeFor[everyField](), Options{})
	plain, err := simple.Plain()
	if err != nil {
		f.Fatal(err)
	}
	old, err := Compile(plain)
	if err != nil {
		f.Fatal(err)
	}
	for _, in := range []string{
		"", "null", "[]", "{", "{" + answered + "}", "{" + answered + `,"tags":["a"],"seasons":["w"],"unit":"imperial","days":7.0}`,
		"{" + answered + `,"born":"2024-02-29","at":"2024-02-29T01:02:03Z","site":"a:b","score":0.5,"level":1}`,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := form.Decode(data, reflect.New(reflect.TypeFor[everyForm]()).Elem())
		if e, ok := errors.AsType[*Error](err); ok && len(e.Problems) == 0 {
			t.Fatalf("%q: an error without a problem", data)
		}
		if err == nil && !beyond(data) {
			if err := doc.Validate(data); err != nil {
				t.Fatalf("%q is taken, but %v", data, err)
			}
		}
		if simple.Decode(data, reflect.New(reflect.TypeFor[everyField]()).Elem()) == nil && !beyond(data) {
			if err := old.Validate(data); err != nil {
				t.Fatalf("%q is taken, but not by 2025-06-18: %v", data, err)
			}
		}
	})
}

// A form takes less than its type says elsewhere, and changes nothing there.
func TestFormLeavesItsTypeAlone(t *testing.T) {
	type address struct {
		Mail string `json:"mail" jsonschema:"format=email"`
	}
	typ := reflect.TypeFor[address]()
	before, err := Input(typ, Options{AllowUnknown: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewForm(typ, Options{}); err != nil {
		t.Fatal(err)
	}
	after, err := Input(typ, Options{AllowUnknown: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Plan{before, after} {
		if err := p.Decode([]byte(`{"mail":"none"}`), reflect.New(typ).Elem(), true); err != nil {
			t.Errorf("outside of the form: %v", err)
		}
	}
}

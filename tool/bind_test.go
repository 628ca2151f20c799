package tool_test

import (
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

type level string

type common struct {
	ClientID string
	Trace    bool `arg:"trace"`
}

// kinds has a field of each kind that Bind documents.
type kinds struct {
	Text    string
	Named   level
	Yes     bool
	Int     int
	Int8    int8
	Int16   int16
	Int32   int32
	Int64   int64
	Uint    uint
	Uint8   uint8
	Uint16  uint16
	Uint32  uint32
	Uint64  uint64
	Float32 float32
	Float64 float64
	Wait    time.Duration
	Auth    tool.Secret
	Addr    netip.Addr
	At      time.Time

	TextPtr *string
	IntPtr  *int
	AddrPtr *netip.Addr

	Texts   []string
	Ints    []int
	Waits   []time.Duration
	Addrs   []netip.Addr
	Tokens  []tool.Secret
	IntPtrs []*int

	common
	Left   func() `arg:"-"`
	hidden chan int
}

func TestBindEveryKind(t *testing.T) {
	query := "text=a&text=b&named=n&yes=true&int=-1&int8=-128&int16=-3&int32=-4&int64=-9223372036854775808" +
		"&uint=1&uint8=255&uint16=3&uint32=4&uint64=18446744073709551615&float32=1.5&float64=-2e3&wait=1m30s&auth=hunter2" +
		"&addr=::1&at=2024-02-03T04:05:06Z&text_ptr=p&int_ptr=0&addr_ptr=127.0.0.1" +
		"&texts=x&texts=&texts=y&ints=1&ints=2&waits=1s&addrs=::1&addrs=::2&tokens=s3cret&int_ptrs=8" +
		"&client_id=me&trace&left=1&hidden=2&unknown=3"
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	got := kinds{hidden: nil}
	if err := tool.NewArgs(values).Bind(&got); err != nil {
		t.Fatal(err)
	}
	if got.Auth.Reveal() != "hunter2" || len(got.Tokens) != 1 || got.Tokens[0].Reveal() != "s3cret" {
		t.Error("the secrets did not arrive")
	}
	got.Auth, got.Tokens = tool.Secret{}, nil // functions do not compare
	want := kinds{
		Text: "a", Named: "n", Yes: true,
		Int: -1, Int8: -128, Int16: -3, Int32: -4, Int64: -9223372036854775808,
		Uint: 1, Uint8: 255, Uint16: 3, Uint32: 4, Uint64: 18446744073709551615,
		Float32: 1.5, Float64: -2000, Wait: 90 * time.Second,
		Addr: netip.MustParseAddr("::1"), At: time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC),
		TextPtr: new("p"), IntPtr: new(0), AddrPtr: new(netip.MustParseAddr("127.0.0.1")),
		Texts: []string{"x", "", "y"}, Ints: []int{1, 2}, Waits: []time.Duration{time.Second},
		Addrs: []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("::2")}, IntPtrs: []*int{new(8)},
		common: common{ClientID: "me", Trace: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestBindWithoutArguments(t *testing.T) {
	var got kinds
	if err := (tool.Args{}).Bind(&got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, kinds{}) {
		t.Errorf("got %+v", got)
	}
	kept := common{ClientID: "before"}
	if err := (tool.Args{}).Bind(&kept); err != nil || kept.ClientID != "before" {
		t.Errorf("a missing argument changed the field: %+v, %v", kept, err)
	}
}

func TestBindBooleans(t *testing.T) {
	for value, want := range map[string]bool{"": true, "true": true, "1": true, "T": true, "false": false, "0": false} {
		got := struct{ On bool }{On: !want}
		if err := tool.NewArgs(url.Values{"on": {value}}).Bind(&got); err != nil || got.On != want {
			t.Errorf("%q: got %v, %v", value, got.On, err)
		}
	}
}

func TestBindDefaults(t *testing.T) {
	type defaults struct {
		Units string        `arg:"units" default:"metric"`
		Limit int           `default:"10"`
		Wait  time.Duration `default:"5s"`
		Tags  []string      `default:"one"`
		Days  *int          `default:"3"`
	}
	var got defaults
	if err := (tool.Args{}).Bind(&got); err != nil {
		t.Fatal(err)
	}
	if want := (defaults{"metric", 10, 5 * time.Second, []string{"one"}, new(3)}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := tool.NewArgs(url.Values{"units": {""}, "limit": {"2"}}).Bind(&got); err != nil || got.Units != "" || got.Limit != 2 {
		t.Errorf("what is given wins, though empty: %+v, %v", got, err)
	}
}

func TestBindTellsEveryProblemAndNoValue(t *testing.T) {
	type strict struct {
		Auth  tool.Secret `arg:"auth,required"`
		Limit int8        `arg:"max-limit"`
		Count uint
		Ratio float64
		Wait  time.Duration
		On    bool
		Addr  netip.Addr
		IDs   []int `arg:"id"`
		Day   *int
	}
	values := url.Values{}
	for _, name := range []string{"max-limit", "count", "ratio", "wait", "on", "addr", "id", "day"} {
		values[name] = []string{"hunter2"}
	}
	values["id"] = []string{"1", "hunter2"}
	values["ratio"] = []string{"NaN"}
	values["max-limit"] = []string{"300"}
	var got strict
	err := tool.NewArgs(values).Bind(&got)
	wantError(t, err, "connection arguments: ",
		"auth: missing",
		"max-limit: expected an integer of 8 bits",
		"count: expected an integer that is not negative",
		"ratio: expected a number",
		`wait: expected a duration such as "1m30s"`,
		"on: expected true or false",
		"addr: expected the format of a netip.Addr",
		"id: expected an integer",
		"day: expected an integer",
	)
	if n := strings.Count(err.Error(), ";"); n != 8 {
		t.Errorf("%d problems, want 9: %v", n+1, err)
	}
	for _, value := range []string{"hunter2", "300", "NaN"} {
		if strings.Contains(err.Error(), value) {
			t.Errorf("the error tells the value %s: %v", value, err)
		}
	}
	if got.Day != nil || got.IDs != nil {
		t.Errorf("what does not fit left a trace: %+v", got)
	}
}

func TestBindRequired(t *testing.T) {
	var got struct {
		Auth string `arg:",required"`
	}
	wantError(t, (tool.Args{}).Bind(&got), "auth: missing")
	wantError(t, tool.NewArgs(url.Values{"auth": {}}).Bind(&got), "auth: missing")
	if err := tool.NewArgs(url.Values{"auth": {""}}).Bind(&got); err != nil {
		t.Errorf("it is there, though empty: %v", err)
	}
}

type (
	onlyPointers  *onlyPointers
	onlySlices    []onlySlices
	privateString string
)

func TestStructsThatCannotBeBound(t *testing.T) {
	type tooDeep struct{ common }
	for name, test := range map[string]struct {
		prototype any
		want      string
	}{
		"a function":             {struct{ F func() }{}, "F: an argument cannot fill a func()"},
		"a struct":               {struct{ In place }{}, "In: an argument cannot fill a tool_test.place"},
		"a map":                  {struct{ M map[string]string }{}, "M: an argument cannot fill a map"},
		"an interface":           {struct{ A any }{}, "A: an argument cannot fill a interface"},
		"a complex number":       {struct{ C complex128 }{}, "C: an argument cannot fill a complex128"},
		"a slice of slices":      {struct{ S [][]string }{}, "S: an argument cannot fill a [][]string"},
		"a pointer to a pointer": {struct{ P **int }{}, "P: an argument cannot fill a **int"},
		"a pointer to a slice":   {struct{ P *[]int }{}, "P: an argument cannot fill a *[]int"},
		"pointers for ever":      {struct{ P onlyPointers }{}, "P: an argument cannot fill a tool_test.onlyPointers"},
		"slices for ever":        {struct{ S onlySlices }{}, "S: an argument cannot fill a tool_test.onlySlices"},
		"an embedded pointer":    {struct{ *Base }{}, "Base: an argument cannot fill a *tool_test.Base"},
		"an embedded one inside": {struct {
			Deep struct{} `arg:"-"`
			tooDeepOf
		}{}, "F: an argument cannot fill a func()"},
		"a private field tagged": {struct {
			auth string `arg:"auth"`
		}{}, "auth: the field is not exported"},
		"a private type embedded":    {struct{ privateString }{}, "privateString: the field is not exported"},
		"a private pointer embedded": {struct{ *common }{}, "common: the field is not exported"},
		"an option nobody knows": {struct {
			A string `arg:"a,optional"`
		}{}, `A: unknown option "optional"`},
		"a default that does not fit": {struct {
			N int `default:"ten"`
		}{}, `N: default "ten": expected an integer`},
		"required, and yet a default": {struct {
			N int `arg:",required" default:"1"`
		}{}, "N: a required argument needs no default"},
		"no struct":                   {42, "bind to a struct, not int"},
		"nil":                         {nil, "bind to a struct, not <nil>"},
		"a pointer to no struct":      {new(42), "bind to a struct, not *int"},
		"a pointer to such a pointer": {new(new(common)), "bind to a struct, not **tool_test.common"},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, tool.CheckArgs(test.prototype), "tool: ", test.want)
			if reflect.ValueOf(test.prototype).Kind() == reflect.Struct {
				dst := reflect.New(reflect.TypeOf(test.prototype)).Interface()
				wantError(t, (tool.Args{}).Bind(dst), "tool: ", test.want)
			}
		})
	}
	for name, prototype := range map[string]any{
		"struct": kinds{}, "pointer": &kinds{}, "nil pointer": (*kinds)(nil), "empty": struct{}{}, "deep": tooDeep{},
	} {
		if err := tool.CheckArgs(prototype); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type tooDeepOf struct{ F func() }

func TestBindNeedsAPointerToAStruct(t *testing.T) {
	for _, dst := range []any{nil, kinds{}, (*kinds)(nil), new(1), new(new(kinds)), map[string]string{}} {
		wantError(t, (tool.Args{}).Bind(dst), "tool: Bind needs a pointer to a struct")
	}
}

func TestBindEmbeddedValueTypes(t *testing.T) {
	var got struct {
		time.Time
		tool.Secret `arg:"auth"`
	}
	if err := tool.NewArgs(url.Values{"time": {"2024-02-03T04:05:06Z"}, "auth": {"hunter2"}}).Bind(&got); err != nil {
		t.Fatal(err)
	}
	if got.Year() != 2024 || got.Reveal() != "hunter2" {
		t.Errorf("got %v", got.Time)
	}
}

package schema

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func randomNumber(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(2) == 0 {
		b.WriteByte('-')
	}
	fmt.Fprint(&b, r.IntN(1000))
	if r.IntN(2) == 0 {
		fmt.Fprintf(&b, ".%0*d", 1+r.IntN(4), r.IntN(10))
	}
	if r.IntN(2) == 0 {
		fmt.Fprintf(&b, "e%+d", r.IntN(9)-4)
	}
	return b.String()
}

// TestDecimal holds decimals against big.Rat.
func TestDecimal(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		s, u := randomNumber(r), randomNumber(r)
		x, y := parseDecimal([]byte(s), nil), parseDecimal([]byte(u), nil)
		a, _ := new(big.Rat).SetString(s)
		b, _ := new(big.Rat).SetString(u)
		if got, want := x.cmp(y), a.Cmp(b); got != want {
			t.Fatalf("%s compared with %s: %d, want %d", s, u, got, want)
		}
		if got, want := x.integral(), a.IsInt(); got != want {
			t.Fatalf("%s is an integer: %v, want %v", s, got, want)
		}
		if got, want := string(appendCanonical(nil, []byte(s))) == string(appendCanonical(nil, []byte(u))), a.Cmp(b) == 0; got != want {
			t.Fatalf("%s and %s have the same canonical form: %v", s, u, got)
		}
		if x.integral() && a.Num().IsInt64() {
			v := reflect.New(reflect.TypeFor[int64]()).Elem()
			if setInteger(v, x); v.Int() != a.Num().Int64() {
				t.Fatalf("%s is stored as %d", s, v.Int())
			}
		}
		if b.Sign() <= 0 {
			continue
		}
		if got, want := x.multipleOf(y), new(big.Rat).Quo(a, b).IsInt(); got != want {
			t.Fatalf("%s is a multiple of %s: %v, want %v", s, u, got, want)
		}
	}
}

// TestMultiples: exact where floats are not, and quick where big numbers are not.
func TestMultiples(t *testing.T) {
	for _, tt := range []struct {
		x, y string
		want bool
	}{
		{"0.3", "0.1", true}, {"0.35", "0.1", false}, {"1e1000000", "7", false}, {"7e1000000", "7", true}, {"0e5", "3", true},
		{"1e-1000000", "1", false}, {strings.Repeat("9", 100_000), "9", true}, {strings.Repeat("9", 100_000) + "1", "9", false},
		{"9999999999999999999", "9999999999999999999", true}, {"99999999999999999990", "9999999999999999999", true},
		{"9999999999999999998", "9999999999999999999", false}, {"1e18", "1000000007", false},
	} {
		if got := parseDecimal([]byte(tt.x), nil).multipleOf(parseDecimal([]byte(tt.y), nil)); got != tt.want {
			t.Errorf("%.30s is a multiple of %s: %v", tt.x, tt.y, got)
		}
	}
}

// TestCanonical: equal values look alike, and others do not.
func TestCanonical(t *testing.T) {
	groups := [][]string{
		{`1`, `1.0`, `10e-1`, `0.1e1`}, {`-1`, `-1.0`}, {`0`, `-0`, `0e9`}, {`"1"`, `"\u0031"`}, {"\"\xff\"", `"\ufffd"`},
		{`{"a":1,"b":[2]}`, `{ "b" : [2.0] , "a" : 1 }`, `{"a":7,"b":[2],"a":1}`}, {`{"a":1,"b":[3]}`}, {`{}`}, {`[]`}, {`[[]]`}, {`[{}]`},
		{`["a","b"]`}, {`["a,b"]`}, {`["a\",\"b"]`}, {`["b","a"]`}, {`null`}, {`true`}, {`false`}, {`"true"`}, {`[1,2]`}, {`[12]`}, {`{"a":"1"}`}, {`""`},
	}
	seen := map[string]int{}
	for i, group := range groups {
		for _, s := range group {
			key := string(appendCanonical(nil, []byte(s)))
			if j, ok := seen[key]; ok && j != i {
				t.Errorf("%s looks like %s", s, groups[j][0])
			} else if !ok && s != group[0] {
				t.Errorf("%s does not look like %s", s, group[0])
			}
			seen[key] = i
		}
	}
}

// TestBounds: each bound at its edge.
func TestBounds(t *testing.T) {
	for _, tt := range []struct{ tag, ok, bad string }{
		{"minimum=1", "1", "0.999999999999999999999"},
		{"maximum=1", "1", "1.000000000000000000001"},
		{"exclusiveMinimum=1", "1.000000000000000000001", "1.0"},
		{"exclusiveMaximum=1", "0.999999999999999999999", "1.0"},
		{"minimum=-1e2", "-100", "-100.1"},
		{"multipleOf=2.5", "-7.5", "7.4"},
		{"enum=1,enum=2.50", "2.5", "2.51"},
	} {
		p := mustInput(t, oneField(reflect.TypeFor[float64](), `json:"f" jsonschema:"`+tt.tag+`"`), Options{})
		decode := func(number string) error {
			v := reflect.New(p.root.typ).Elem()
			return p.Decode([]byte(`{"f":`+number+`}`), v, true)
		}
		if err := decode(tt.ok); err != nil {
			t.Errorf("%s: %v", tt.tag, err)
		}
		if err := decode(tt.bad); err == nil {
			t.Errorf("%s: %s is taken", tt.tag, tt.bad)
		}
	}
}

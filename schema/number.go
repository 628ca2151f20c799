package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/bits"
	"reflect"
	"strconv"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// A decimal is a JSON number, exactly: ±digits × 10^exp. Numbers are compared
// in this form because 1e1000000000 is valid JSON, and expanding it would take
// the process down.
type decimal struct {
	neg    bool
	digits []byte // without leading and trailing zeros; none for zero
	exp    int
}

// maxExponent stands for every larger exponent: no Go number comes near it.
const maxExponent = 1 << 29

// parseDecimal reads a valid JSON number. The digits are those of raw if they
// stand there in one piece, and otherwise of buf.
func parseDecimal(raw, buf []byte) decimal {
	var x decimal
	if raw[0] == '-' {
		x.neg = true
		raw = raw[1:]
	}
	point := -1
	for i, c := range raw {
		if c == '.' {
			point = i
		} else if c == 'e' || c == 'E' {
			x.exp = exponent(raw[i+1:])
			raw = raw[:i]
			break
		}
	}
	x.digits = raw
	if point >= 0 {
		x.exp -= len(raw) - point - 1
		x.digits = append(append(buf[:0], raw[:point]...), raw[point+1:]...)
	}
	n := len(x.digits)
	x.digits = bytes.TrimRight(x.digits, "0")
	x.exp += n - len(x.digits)
	x.digits = bytes.TrimLeft(x.digits, "0")
	if len(x.digits) == 0 {
		return decimal{}
	}
	return x
}

func exponent(raw []byte) int {
	neg := raw[0] == '-'
	n := 0
	for _, c := range bytes.TrimLeft(raw, "+-") {
		if n = 10*n + int(c-'0'); n > maxExponent {
			n = maxExponent
			break
		}
	}
	if neg {
		return -n
	}
	return n
}

// cmp compares two numbers: negative if x is the smaller one.
func (x decimal) cmp(y decimal) int {
	switch {
	case len(x.digits) == 0 && len(y.digits) == 0:
		return 0
	case len(x.digits) == 0:
		return y.sign(-1)
	case len(y.digits) == 0 || x.neg != y.neg:
		return x.sign(1)
	}
	// The place of the first digit decides, then the digits do: neither has
	// leading zeros, and a prefix is the smaller one.
	if a, b := len(x.digits)+x.exp, len(y.digits)+y.exp; a != b {
		if a > b {
			return x.sign(1)
		}
		return x.sign(-1)
	}
	return x.sign(bytes.Compare(x.digits, y.digits))
}

func (x decimal) sign(n int) int {
	if x.neg {
		return -n
	}
	return n
}

func (x decimal) integral() bool { return x.exp >= 0 }

// uint64 returns the magnitude of x, which must be an integer that fits.
func (x decimal) uint64() uint64 {
	var n uint64
	for _, c := range x.digits {
		n = 10*n + uint64(c-'0')
	}
	for range x.exp {
		n *= 10
	}
	return n
}

// multipleOf reports whether x is an integer times y, which must not be zero nor
// have more than 19 digits. It takes one pass over the digits of x.
func (x decimal) multipleOf(y decimal) bool {
	if len(x.digits) == 0 {
		return true
	}
	if x.exp < y.exp {
		return false // the last digit of x, which is not 0, would have to be
	}
	m := decimal{digits: y.digits}.uint64()
	mul := func(a, b uint64) uint64 {
		hi, lo := bits.Mul64(a, b)
		return bits.Rem64(hi, lo, m)
	}
	var rest uint64
	for _, c := range x.digits {
		sum, carry := bits.Add64(mul(rest, 10%m), uint64(c-'0'), 0)
		rest = bits.Rem64(carry, sum, m)
	}
	power := 10 % m
	for n := x.exp - y.exp; n > 0; n >>= 1 {
		if n&1 == 1 {
			rest = mul(rest, power)
		}
		power = mul(power, power)
	}
	return rest == 0
}

// A number decodes integers, floats and json.Number.
type number struct {
	integer  bool
	lo, hi   decimal // what the Go type holds, for integers
	lowHigh  string  // the same, in words
	min, max *decimal
	xmin     *decimal // exclusive
	xmax     *decimal
	multiple *decimal
	quick    quickRange
}

// newNumber returns the decoder for t, a type of numbers, and puts its type and
// the bounds a reader should know into the document: those of 64-bit types are
// further than most can count, so only their sign matters.
func newNumber(t reflect.Type, n *node) *number {
	var lo, hi string
	width := 8 * int(t.Size())
	switch k := t.Kind(); {
	case k >= reflect.Int && k <= reflect.Int64:
		lo = strconv.FormatInt(-1<<(width-1), 10)
		hi = strconv.FormatUint(1<<(width-1)-1, 10)
	case k >= reflect.Uint && k <= reflect.Uintptr:
		lo, hi = "0", strconv.FormatUint(1<<(width-1)*2-1, 10)
		n.schema.Minimum = json.Number(lo)
	default:
		n.schema.Type = "number"
		return &number{}
	}
	n.schema.Type = "integer"
	if width < 64 && t.Kind() != reflect.Int && t.Kind() != reflect.Uint && t.Kind() != reflect.Uintptr {
		n.schema.Minimum, n.schema.Maximum = json.Number(lo), json.Number(hi)
	}
	return &number{
		integer: true,
		lo:      parseDecimal([]byte(lo), nil),
		hi:      parseDecimal([]byte(hi), nil),
		lowHigh: "an integer from " + lo + " to " + hi,
	}
}

func (c *number) bind(n *node) error {
	s := n.schema
	for _, k := range []struct {
		name string
		text json.Number
		to   **decimal
	}{
		{"minimum", s.Minimum, &c.min},
		{"maximum", s.Maximum, &c.max},
		{"exclusiveMinimum", s.ExclusiveMinimum, &c.xmin},
		{"exclusiveMaximum", s.ExclusiveMaximum, &c.xmax},
		{"multipleOf", s.MultipleOf, &c.multiple},
	} {
		if k.text == "" {
			continue
		}
		if kindOf(k.text) != '0' {
			return fmt.Errorf("%s=%s: write a JSON number", k.name, k.text)
		}
		x := parseDecimal([]byte(k.text), nil)
		*k.to = &x
		if c.integer && k.to != &c.multiple && (x.cmp(c.lo) < 0 || x.cmp(c.hi) > 0) {
			return fmt.Errorf("%s=%s: the field holds %s: narrow that range or change the type", k.name, k.text, c.lowHigh[len("an integer "):])
		}
	}
	if m := c.multiple; m != nil && (m.neg || len(m.digits) == 0 || len(m.digits) > 19) {
		return fmt.Errorf("multipleOf=%s: write a number above 0 of at most 19 digits", s.MultipleOf)
	}
	if c.empty() {
		return fmt.Errorf("no number is within these bounds (%s): correct them", n.want)
	}
	c.quick = c.quickRange(n.typ)
	return nil
}

// empty reports bounds that exclude each other.
func (c *number) empty() bool {
	over := func(lo, hi *decimal, limit int) bool { return lo != nil && hi != nil && lo.cmp(*hi) > limit }
	return over(c.min, c.max, 0) || over(c.xmin, c.max, -1) || over(c.min, c.xmax, -1) || over(c.xmin, c.xmax, -1)
}

func (c *number) read(d *decoder, n *node, r *jsontext.Reader, v reflect.Value) error {
	raw, err := r.Value()
	if err != nil {
		return err
	}
	if c.quick.set(raw, v) {
		return nil
	}
	var buf [64]byte
	x := parseDecimal(raw, buf[:0])
	if !c.fits(x) {
		d.problem(n.want, quote(raw))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(string(raw))
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(string(raw), v.Type().Bits())
		if err != nil {
			d.problem(n.want+" of an ordinary size", quote(raw))
			return nil
		}
		v.SetFloat(f)
	default:
		if x.cmp(c.lo) < 0 || x.cmp(c.hi) > 0 {
			d.problem(c.lowHigh, quote(raw))
			return nil
		}
		setInteger(v, x)
	}
	return nil
}

// fits reports whether x is as the document wants it.
func (c *number) fits(x decimal) bool {
	return (!c.integer || x.integral()) &&
		(c.min == nil || x.cmp(*c.min) >= 0) &&
		(c.max == nil || x.cmp(*c.max) <= 0) &&
		(c.xmin == nil || x.cmp(*c.xmin) > 0) &&
		(c.xmax == nil || x.cmp(*c.xmax) < 0) &&
		(c.multiple == nil || x.multipleOf(*c.multiple))
}

// setInteger stores x, known to be in the range of v's type.
func setInteger(v reflect.Value, x decimal) {
	switch {
	case v.CanUint():
		v.SetUint(x.uint64())
	case x.neg:
		v.SetInt(-int64(x.uint64())) // right for the lowest one too: it wraps onto itself
	default:
		v.SetInt(int64(x.uint64()))
	}
}

// kindOf returns the kind of JSON value that s is, and 0 if it is none.
func kindOf[S ~string | ~[]byte](s S) jsontext.Kind {
	r := jsontext.Read([]byte(s))
	kind := r.Kind()
	if _, err := r.Value(); err != nil || r.End() != nil {
		return 0
	}
	return kind
}

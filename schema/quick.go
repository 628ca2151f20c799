package schema

import (
	"math"
	"reflect"
	"strconv"
)

// A quickRange is where numbers are certainly right, found without decimals. What
// is outside may be right too.
type quickRange struct {
	kind      quickKind
	bits      int     // of floats
	low, high int64   // of integers
	above     float64 // of floats: where these begin and end
	below     float64
}

type quickKind uint8

const (
	never quickKind = iota
	quickInt
	quickUint
	quickFloat
)

// quickRange returns that of c, whose bounds are known.
func (c *number) quickRange(t reflect.Type) quickRange {
	q := quickRange{low: math.MinInt64, high: math.MaxInt64, above: math.Inf(-1), below: math.Inf(1)}
	switch k := t.Kind(); {
	case c.multiple != nil || k == reflect.String:
		return q
	case !c.integer:
		q.kind, q.bits = quickFloat, t.Bits()
		return q.limit(c)
	case k >= reflect.Int && k <= reflect.Int64:
		q.kind = quickInt
		q.low, q.high = math.MinInt64>>(64-t.Bits()), math.MaxInt64>>(64-t.Bits())
	default:
		q.kind, q.low = quickUint, 0
		if t.Bits() < 64 {
			q.high = 1<<t.Bits() - 1
		}
	}
	return q.limit(c)
}

// limit narrows q to the bounds of c.
func (q quickRange) limit(c *number) quickRange {
	for _, bound := range []struct {
		at         *decimal
		upper, out bool
	}{{c.min, false, false}, {c.xmin, false, true}, {c.max, true, false}, {c.xmax, true, true}} {
		if bound.at == nil {
			continue
		}
		if q.kind == quickFloat {
			// What is rounded to the other side of the rounded bound was there before. That
			// of the same value may have been on either side.
			f, _ := strconv.ParseFloat(bound.at.String(), q.bits)
			if bound.upper {
				q.below = min(q.below, f)
			} else {
				q.above = max(q.above, f)
			}
			continue
		}
		if !bound.at.integral() || len(bound.at.digits)+bound.at.exp > 18 {
			return quickRange{}
		}
		n := int64(bound.at.uint64())
		if bound.at.neg {
			n = -n
		}
		switch {
		case bound.upper && bound.out:
			n--
			fallthrough
		case bound.upper:
			q.high = min(q.high, n)
		case bound.out:
			n++
			fallthrough
		default:
			q.low = max(q.low, n)
		}
	}
	return q
}

// set stores the number raw in v if it is certainly right.
func (q *quickRange) set(raw []byte, v reflect.Value) bool {
	switch q.kind {
	case never:
		return false
	case quickFloat:
		f, ok := plainFloat(raw, q.bits)
		if !ok || f <= q.above || f >= q.below {
			return false
		}
		v.SetFloat(f)
		return true
	}
	n, ok := plainInteger(raw)
	switch {
	case !ok || n < q.low || n > q.high:
		return false
	case q.kind == quickInt:
		v.SetInt(n)
	default:
		v.SetUint(uint64(n))
	}
	return true
}

// plainInteger reads a JSON number that is digits alone, and not too many.
func plainInteger(raw []byte) (n int64, ok bool) {
	digits := raw
	if raw[0] == '-' {
		digits = raw[1:]
	}
	if len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = 10*n + int64(c)
	}
	if raw[0] == '-' {
		n = -n
	}
	return n, true
}

// plainFloat reads a JSON number as encoding/json does.
func plainFloat(raw []byte, bits int) (float64, bool) {
	// So few digits are exact, and zero may have a sign.
	if len(raw) <= 7 {
		if n, ok := plainInteger(raw); ok && n != 0 {
			return float64(n), true
		}
	}
	f, err := strconv.ParseFloat(string(raw), bits)
	return f, err == nil
}

// String returns x as a JSON number.
func (x decimal) String() string {
	sign := ""
	if x.neg {
		sign = "-"
	}
	if len(x.digits) == 0 {
		return "0"
	}
	return sign + string(x.digits) + "e" + strconv.Itoa(x.exp)
}

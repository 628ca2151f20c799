package schema

import (
	"encoding/binary"
	"hash/maphash"
	"math/big"
	"slices"
)

// maxAlike is how many items of a list may look alike to the validator.
const maxAlike = 100

// An alikeness finds lists whose items the validator could tell apart only by
// comparing each with each other: for uniqueItems it hashes what is in them, text
// behind text, and ["ab",""] looks like ["a","b"].
type alikeness struct {
	loose  maphash.Hash // of what the validator hashes
	strict maphash.Hash // that is equal for equal values alone
	budget int          // bytes that may still be read: where lists nest each is read again
}

// in reports whether there is such a list in a value, or it takes too long to say.
func (a *alikeness) in(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, part := range v {
			if a.in(part) {
				return true
			}
		}
	case []any:
		if len(v) > maxAlike && a.among(v) {
			return true
		}
		return slices.ContainsFunc(v, a.in)
	}
	return false
}

// among reports whether too many of the items look alike, and are not equal. Texts,
// numbers and the like never do.
func (a *alikeness) among(items []any) bool {
	looks, seen := make(map[uint64]int), make(map[uint64]bool)
	for _, item := range items {
		switch item.(type) {
		case []any, map[string]any:
		default:
			continue
		}
		a.loose.Reset()
		a.strict.Reset()
		a.add(item)
		if a.budget < 0 {
			return true
		}
		if strict := a.strict.Sum64(); !seen[strict] {
			seen[strict] = true
			loose := a.loose.Sum64()
			if looks[loose]++; looks[loose] > maxAlike {
				return true
			}
		}
	}
	return false
}

// add hashes a value, as generic has decoded it.
func (a *alikeness) add(v any) {
	switch v := v.(type) {
	case nil:
		a.tag('n', 1)
		a.loose.WriteByte(0)
	case bool:
		a.tag('b', 1)
		b := byte(0)
		if v {
			b = 1
		}
		a.loose.WriteByte(b)
		a.strict.WriteByte(b)
	case string:
		a.tag('s', len(v))
		a.loose.WriteString(v)
		a.strict.WriteString(v)
	case int64:
		a.number(new(big.Rat).SetInt64(v))
	case uint64:
		a.number(new(big.Rat).SetFrac(new(big.Int).SetUint64(v), big.NewInt(1)))
	case float64:
		a.number(new(big.Rat).SetFloat64(v))
	case []any:
		a.tag('a', len(v))
		a.length(len(v))
		for _, item := range v {
			a.add(item)
		}
	case map[string]any:
		a.tag('o', len(v))
		a.length(len(v))
		for _, name := range sortedKeys(v) {
			a.add(name)
			a.add(v[name])
		}
	}
}

func (a *alikeness) number(r *big.Rat) {
	num, denom := r.Num().Bytes(), r.Denom().Bytes()
	a.length(r.Sign() + 1)
	a.loose.Write(num)
	a.loose.Write(denom)
	a.tag('d', r.Sign()+1)
	a.tag('/', len(num))
	a.strict.Write(num)
	a.tag('/', len(denom))
	a.strict.Write(denom)
}

func (a *alikeness) length(n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	a.loose.Write(b[:])
}

// tag says what is hashed next and how much of it there is.
func (a *alikeness) tag(kind byte, n int) {
	var b [9]byte
	b[0] = kind
	binary.BigEndian.PutUint64(b[1:], uint64(n))
	a.strict.Write(b[:])
	a.budget -= n + 1
}

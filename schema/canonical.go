package schema

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// appendCanonical appends a form of the JSON value raw, known to be valid, that
// is the same for equal values only (JSON Schema Core 2020-12, section 4.2.2): 1
// equals 1.0, and the order of properties does not matter. An object or an array
// takes a fixed size, so the time is linear however deep they nest.
func appendCanonical(dst, raw []byte) []byte {
	r := jsontext.Read(raw)
	return canonical(dst, &r)
}

func canonical(dst []byte, r *jsontext.Reader) []byte {
	switch r.Kind() {
	case '{':
		return canonicalObject(dst, r)
	case '[':
		_ = r.Enter('[')
		var all []byte
		for first := true; ; first = false {
			if ok, _ := r.Element(first); !ok {
				break
			}
			all = append(canonical(all, r), ',')
		}
		sum := sha256.Sum256(all)
		return append(append(dst, '['), sum[:]...)
	case '"':
		raw, _ := r.Value()
		return appendText(dst, raw)
	case '0':
		raw, _ := r.Value()
		return appendNumber(dst, raw)
	}
	raw, _ := r.Value()
	return append(dst, raw...)
}

func canonicalObject(dst []byte, r *jsontext.Reader) []byte {
	type member struct {
		name  string
		value []byte
	}
	var members []member
	_ = r.Enter('{')
	for first := true; ; first = false {
		key, ok, _ := r.Member(first)
		if !ok {
			break
		}
		members = append(members, member{jsontext.Text(key), canonical(nil, r)})
	}
	slices.SortStableFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	var all []byte
	for i, m := range members {
		if i+1 < len(members) && members[i+1].name == m.name {
			continue // the last of equal keys wins
		}
		all = append(append(appendText(all, jsontext.AppendString(nil, m.name)), m.value...), ',')
	}
	sum := sha256.Sum256(all)
	return append(append(dst, '{'), sum[:]...)
}

func appendText(dst, raw []byte) []byte {
	s := raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') >= 0 || !utf8.Valid(raw) {
		s = []byte(jsontext.Text(raw))
	}
	// The length goes first, or two strings could look like one.
	dst = strconv.AppendInt(append(dst, '"'), int64(len(s)), 10)
	return append(append(dst, ':'), s...)
}

func appendNumber(dst, raw []byte) []byte {
	var buf [64]byte
	x := parseDecimal(raw, buf[:0])
	if x.neg {
		dst = append(dst, '-')
	}
	dst = append(append(dst, '0'), x.digits...)
	return strconv.AppendInt(append(dst, 'e'), int64(x.exp), 10)
}

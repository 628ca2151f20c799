package jsonrpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"
)

// deep reports whether a text may nest deeper than is read here, which
// encoding/json accepts.
func deep(b []byte) bool {
	return bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) >= 1000
}

// FuzzParse: what is refused as no JSON is none, and what parses is written as a
// message that parses to the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}`,
		`{"jsonrpc":"2.0","method":"n\u0000\ud800"}`,
		`{"jsonrpc":"2.0","id":"\u0041","result":null}`,
		`{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"` + "\xff" + `","data":null}}`,
		`{"jsonrpc":"2.0","id":1.5,"error":{}}`,
		`{"jsonrpc":[2.0],"id":1,"method":"m"}`, `1 2`, `[]`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if deep(b) {
			return
		}
		m, err := Parse(b)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%q: %v is no *Error", b, err)
			}
			if valid := json.Valid(b) && utf8.Valid(b); (e.Code == CodeParseError) == valid {
				t.Fatalf("%q: %v, encoding/json and unicode/utf8 say valid is %v", b, err, valid)
			}
			return
		}
		if !json.Valid(b) || !utf8.Valid(b) {
			t.Fatalf("%q is not JSON in UTF-8 and parses", b)
		}
		text := m.Append(nil)
		again, err := Parse(text)
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%q: wrote %q, read %+v (%v), want %+v", b, text, again, err, m)
		}
	})
}

// FuzzSplit: the elements are those that encoding/json finds.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{`[1,{"a":[]},"x"]`, ` [ ] `, `[1,]`, `[1]2`, `{}`, `[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if deep(b) {
			return
		}
		elems, err := Split(b)
		var want []json.RawMessage
		ok := json.Unmarshal(b, &want) == nil && len(want) > 0 && len(want) <= maxBatch
		if (err == nil) != ok {
			t.Fatalf("%q: %v, encoding/json says %v", b, err, ok)
		}
		if err != nil {
			return
		}
		if len(elems) != len(want) || !IsBatch(b) {
			t.Fatalf("%q: %d elements, want %d; a batch: %v", b, len(elems), len(want), IsBatch(b))
		}
		for i := range elems {
			if !bytes.Equal(elems[i], want[i]) {
				t.Fatalf("%q: element %d is %q, want %q", b, i, elems[i], want[i])
			}
		}
	})
}

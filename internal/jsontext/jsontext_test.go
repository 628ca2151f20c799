package jsontext

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// valid reads one whole text, as every user of a Reader does.
func valid(b []byte) bool {
	r := Read(b)
	_, err := r.Value()
	return err == nil && r.End() == nil
}

func TestValue(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want string // the error, "" for none
	}{
		{`{"a":[1,-0.5e+10,"x\u00e9\n",true,false,null],"b":{}}`, ""},
		{` [ ] `, ""},
		{`"` + "\xff" + `"`, ""},
		{``, "invalid JSON at byte 0: unexpected end, want a value"},
		{`{"a":1,}`, `invalid JSON at byte 7: unexpected '}', want a string`},
		{`{"a" 1}`, `invalid JSON at byte 5: unexpected '1', want ':'`},
		{`[1 2]`, `invalid JSON at byte 3: unexpected '2', want ',' or ']'`},
		{`01`, `invalid JSON at byte 1: unexpected '1', want the end`},
		{`1.`, `invalid JSON at byte 2: unexpected end, want a digit`},
		{`"\x"`, `invalid JSON at byte 2: unexpected 'x', want an escape`},
		{`"\u12g4"`, `invalid JSON at byte 5: unexpected 'g', want a hexadecimal digit`},
		{"\"a\nb\"", `invalid JSON at byte 2: unexpected '\n', want no control character in a string`},
		{`tru`, `invalid JSON at byte 0: unexpected 't', want true`},
		{strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), ""},
		{strings.Repeat("[", MaxDepth+1), "invalid JSON at byte 1000: more than 1000 levels of nesting"},
	} {
		r := Read([]byte(tt.in))
		_, err := r.Value()
		if err == nil {
			err = r.End()
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%.40s: %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestMembers(t *testing.T) {
	r := Read([]byte(` { "a" : [ 1 , 2 ] , "\u0062" : "x" } `))
	var got []string
	if err := r.Enter('{'); err != nil {
		t.Fatal(err)
	}
	for first := true; ; first = false {
		key, ok, err := r.Member(first)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		val, err := r.Value()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, Text(key)+"="+string(val))
		if Text(key) == "b" && !Is(key, "b") {
			t.Error("an escaped key does not equal its name")
		}
	}
	if s := strings.Join(got, ";"); s != `a=[ 1 , 2 ];b="x"` {
		t.Error(s)
	}
	if err := r.End(); err != nil {
		t.Error(err)
	}
}

func TestValueAllocs(t *testing.T) {
	b := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":[1,2]}}}`)
	if n := testing.AllocsPerRun(100, func() {
		if !valid(b) {
			t.Fatal("not valid")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzValue holds the reader against encoding/json: they accept the same texts
// and read the same strings.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":null}]}`, `"\ud83d\ude00"`, `-1.5E-3`, `[tru]`, "\"\xff\"", ` 0 `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if nesting(b) >= MaxDepth {
			return
		}
		if got, want := valid(b), json.Valid(b); got != want {
			t.Fatalf("%q: valid %v, encoding/json says %v", b, got, want)
		}
		var want string
		if r := Read(b); r.Kind() == '"' && json.Unmarshal(b, &want) == nil {
			raw, _ := r.Value()
			if got := Text(raw); got != want {
				t.Fatalf("%q: %q, want %q", b, got, want)
			}
		}
	})
}

func nesting(b []byte) int { return bytes.Count(b, []byte("[")) + bytes.Count(b, []byte("{")) }

// FuzzAppendString: what is written reads back as encoding/json reads it.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a\"\\\b\f\n\r\t\x00\x1f", "é\u2028\u2029😀", "\xff\xc0x", "\xe2\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		enc, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(enc, &want); err != nil {
			t.Fatal(err)
		}
		out := AppendString(nil, s)
		if err := json.Unmarshal(out, &got); err != nil || got != want {
			t.Fatalf("%q: wrote %s, read %q (%v), want %q", s, out, got, err, want)
		}
		if !bytes.Equal(out, AppendString(nil, []byte(s))) {
			t.Fatalf("%q: bytes and string differ", s)
		}
	})
}

// TestPlain looks for every byte at every place in a word, behind every other.
func TestPlain(t *testing.T) {
	for place := range 17 {
		for c := range 256 {
			for _, fill := range []string{"a", "\x7f", "\x80", "\xff", "!", "#", "[", "]", " "} {
				b := []byte(strings.Repeat(fill, 24))
				b[place] = byte(c)
				want := len(b)
				if c < ' ' || c == '"' || c == '\\' {
					want = place
				}
				if got := plain(b); got != want {
					t.Fatalf("%q: %d plain bytes, want %d", b, got, want)
				}
			}
		}
	}
}

func TestKey(t *testing.T) {
	for raw, want := range map[string]string{`"name"`: "name", `""`: "", `"n\u0061me"`: "name", `"\\"`: `\`, `"`: "", ``: ""} {
		if got := string(Key([]byte(raw))); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

// FuzzAll holds the reading of what is known to be JSON against the reading of
// what is not. Of anything else it ends.
func FuzzAll(f *testing.F) {
	for _, s := range []string{`{}`, ` { "a" : [1,"]}"] , "b\"":{"c":{}},"d":-1e3 , "e":null}`, `{"a":"\\"}`, `{"a":"\\\""}`, `[1]`, `{"a`, `{"a":`, `{"a":1`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got [][2]string
		for key, val := range All(b) {
			got = append(got, [2]string{string(key), string(val)})
		}
		if !valid(b) {
			return
		}
		var want [][2]string
		_ = Members(b, func(key, val []byte) error { // fails of what is no object
			want = append(want, [2]string{string(key), string(val)})
			return nil
		})
		if !slices.Equal(got, want) {
			t.Fatalf("%q has the members %q, want %q", b, got, want)
		}
	})
}

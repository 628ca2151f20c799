package bridge

import (
	"bytes"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// member is one that an object is to have: its name, and its value as JSON.
type member struct {
	name  string
	value []byte
}

// edit says what becomes of an object's members. What it does not name stays as
// it came, byte for byte.
type edit struct {
	// change is given each member, a key with its quotes and a value, and returns the
	// value that it is to have, nil for none. A nil change changes nothing.
	change func(key, val []byte) []byte

	add     []member // at the end, instead of what means these names
	missing []member // at the end, if there is none of the name
}

// apply returns the object changed, and the object itself where nothing is to
// change. No bytes are an object without members. What is no object stays.
func (e *edit) apply(object []byte) []byte {
	if len(object) > 0 && object[0] != '{' {
		return object
	}
	changed := len(e.add) > 0
	seen := make(map[string]bool)
	out := []byte{'{'}
	put := func(key, val []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), val...)
	}
	err := jsontext.Members(object, func(key, val []byte) error {
		if e.replaces(key) {
			return nil
		}
		now := val
		if e.change != nil {
			now = e.change(key, val)
		}
		if now == nil || !bytes.Equal(now, val) {
			changed = true
		}
		if now != nil {
			seen[jsontext.Text(key)] = true
			put(key, now)
		}
		return nil
	})
	if err != nil {
		return object
	}
	for _, m := range e.add {
		put(jsontext.AppendString(nil, m.name), m.value)
	}
	for _, m := range e.missing {
		if !seen[m.name] {
			changed = true
			put(jsontext.AppendString(nil, m.name), m.value)
		}
	}
	if !changed {
		return object
	}
	return append(out, '}')
}

func (e *edit) replaces(key []byte) bool {
	for _, m := range e.add {
		if means(key, m.name) {
			return true
		}
	}
	return false
}

// means reports whether some reader takes a key for this name: to encoding/json
// NAME is name. What the bridge says must not be contradicted so.
func means(key []byte, name string) bool {
	return jsontext.Is(key, name) || strings.EqualFold(jsontext.Text(key), name)
}

// without returns the object without the members of these names.
func without(object []byte, names ...string) []byte {
	e := edit{change: func(key, val []byte) []byte {
		for _, name := range names {
			if jsontext.Is(key, name) {
				return nil
			}
		}
		return val
	}}
	return e.apply(object)
}

// get returns the value of a member, the last of equal ones; nil for none.
func get(object []byte, name string) []byte {
	var found []byte
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	_ = jsontext.Members(object, func(key, val []byte) error { // has been read before
		if jsontext.Is(key, name) {
			found = val
		}
		return nil
	})
	return found
}

// inMeta applies an edit to the _meta of an object. An object without one gets one
// if the edit adds to it.
func inMeta(object []byte, e *edit) []byte { return within(object, "_meta", e) }

// within applies an edit to the member of an object, to each that means it. One that
// is missing, or no object, is made one if the edit adds to it.
func within(object []byte, name string, e *edit) []byte {
	adds := len(e.add)+len(e.missing) > 0
	outer := edit{change: func(key, val []byte) []byte {
		switch {
		case !means(key, name):
			return val
		case adds && val[0] != '{':
			return e.apply(nil)
		}
		return e.apply(val)
	}}
	if adds {
		outer.missing = []member{{name, e.apply(nil)}}
	}
	return outer.apply(object)
}

// list returns JSON values as an array.
func list(values [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(values, []byte{','})...), ']')
}

func quote(s string) []byte { return jsontext.AppendString(nil, s) }

package cliargs

import (
	"fmt"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// object is a JSON object that is being put together. Its members keep the order
// in which they came.
type object struct{ members []member }

// member has one of a value as JSON, the elements of an array, or an object.
type member struct {
	name   string
	raw    []byte
	list   [][]byte
	object *object
}

func (o *object) at(name string) *member {
	for i := range o.members {
		if o.members[i].name == name {
			return &o.members[i]
		}
	}
	return nil
}

// replace gives a member its value, whether or not it had one.
func (o *object) replace(name string, raw []byte) {
	if m := o.at(name); m != nil {
		*m = member{name: name, raw: raw}
		return
	}
	o.members = append(o.members, member{name: name, raw: raw})
}

// put gives the value at a path, which is new, or one more element of the array
// that is there.
func (o *object) put(path []string, raw []byte, element bool) error {
	within := o
	for i, name := range path {
		m := within.at(name)
		last := i == len(path)-1
		if m == nil {
			within.members = append(within.members, member{name: name})
			m = &within.members[len(within.members)-1]
			switch {
			case !last:
				m.object = &object{}
			case element:
				m.list = [][]byte{raw}
			default:
				m.raw = raw
			}
		} else if last && element && m.list != nil {
			m.list = append(m.list, raw)
		} else if last || m.object == nil {
			return fmt.Errorf("%s is given twice", strings.Join(path[:i+1], "."))
		}
		within = m.object
	}
	return nil
}

func (o *object) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range o.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, m.name), ':')
		switch {
		case m.object != nil:
			dst = m.object.append(dst)
		case m.list != nil:
			dst = append(dst, '[')
			for i, raw := range m.list {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = append(dst, raw...)
			}
			dst = append(dst, ']')
		default:
			dst = append(dst, m.raw...)
		}
	}
	return append(dst, '}')
}

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// configText is a client's configuration, which is edited where it is to change
// and nowhere else: the order, the spacing and the comments of its owner stay.
type configText struct {
	text  []byte // as it is
	plain []byte // of the same length, without comments and commas too many
}

// byteOrderMark may stand at the beginning of a file that was written on Windows.
const byteOrderMark = "\ufeff"

// errTaken says that there is an entry of that name.
var errTaken = errors.New("there is an entry of that name")

// setEntry returns text with object.name set to entry; object is made if it is not
// there. An entry that is there is replaced only if force is set. text is JSON, in
// which there may be comments and trailing commas; empty text is an empty object.
func setEntry(text []byte, object, name string, entry any, force bool) ([]byte, error) {
	mark := ""
	if bytes.HasPrefix(text, []byte(byteOrderMark)) {
		mark, text = byteOrderMark, text[len(byteOrderMark):]
	}
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}\n")
	}
	c := &configText{text, plainJSON(text)}
	r := jsontext.Read(c.plain)
	if _, err := r.Value(); err != nil {
		return nil, err
	}
	if err := r.End(); err != nil {
		return nil, err
	}
	root, err := c.objectAt(0)
	if err != nil {
		return nil, errors.New("it is no JSON object")
	}
	edited, err := c.set(root, object, name, entry, force)
	if err != nil {
		return nil, err
	}
	if !json.Valid(plainJSON(edited)) { // never a configuration that cannot be read
		return nil, errors.New("it cannot be edited")
	}
	return append([]byte(mark), edited...), nil
}

func (c *configText) set(root *span, object, name string, entry any, force bool) ([]byte, error) {
	unit := c.indent(root)
	servers := root.find(object)
	if servers == nil {
		text, err := entryText(map[string]any{name: entry}, unit, unit)
		if err != nil {
			return nil, err
		}
		return c.insert(root, object, text, "", unit), nil
	}
	within, err := c.objectAt(servers.from)
	if err != nil {
		return nil, fmt.Errorf("its member %s is no object", object)
	}
	text, err := entryText(entry, unit+unit, unit)
	if err != nil {
		return nil, err
	}
	old := within.find(name)
	switch {
	case old == nil:
		return c.insert(within, name, text, unit, unit), nil
	case !force:
		return nil, errTaken
	}
	return c.splice(old.from, old.to, c.lines(text)), nil
}

// span is an object and where it stands: from its brace to behind the other.
type span struct {
	from, to int
	members  []memberSpan
}

// memberSpan is a member and where its value stands.
type memberSpan struct {
	name     string
	key      int // where the key begins
	from, to int
}

// find returns the member of that name, the last one, which is the one that counts.
func (s *span) find(name string) *memberSpan {
	for i := len(s.members) - 1; i >= 0; i-- {
		if s.members[i].name == name {
			return &s.members[i]
		}
	}
	return nil
}

// objectAt returns the object that begins at an offset, or behind the white space
// there.
func (c *configText) objectAt(at int) (*span, error) {
	r := jsontext.Read(c.plain[at:])
	if err := r.Enter('{'); err != nil {
		return nil, err
	}
	s := &span{from: at + r.Offset() - 1}
	for first := true; ; first = false {
		key, ok, err := r.Member(first)
		if err != nil {
			return nil, err
		}
		if !ok {
			s.to = at + r.Offset()
			return s, nil
		}
		m := memberSpan{name: jsontext.Text(key), key: at + bytes.LastIndex(c.plain[at:at+r.Offset()], key) - at}
		r.Kind() // skips the space in front of the value
		m.from = at + r.Offset()
		if _, err := r.Value(); err != nil {
			return nil, err
		}
		m.to = at + r.Offset()
		s.members = append(s.members, m)
	}
}

// insert adds a member behind all others of an object that stands at a depth.
func (c *configText) insert(s *span, name, text, depth, unit string) []byte {
	brace := s.to - 1
	end := len(bytes.TrimRight(c.text[:brace], " \t\r\n")) // behind a comment, if there is one
	key := string(jsontext.AppendString(nil, name))
	line := c.lines("\n" + depth + unit + key + ": " + text)
	edited := c.splice(end, brace, line+c.lines("\n"+depth))
	if len(s.members) == 0 {
		return edited
	}
	last := s.members[len(s.members)-1].to
	if bytes.IndexByte(withoutComments(c.text)[last:brace], ',') >= 0 {
		return edited // there was one too many, which is not any more
	}
	return append(edited[:last:last], append([]byte(","), edited[last:]...)...)
}

func (c *configText) splice(from, to int, text string) []byte {
	out := append([]byte(nil), c.text[:from]...)
	return append(append(out, text...), c.text[to:]...)
}

// lines ends lines as the configuration does.
func (c *configText) lines(text string) string {
	if bytes.Contains(c.text, []byte("\r\n")) {
		return strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// indent returns what a level of the configuration is indented by.
func (c *configText) indent(root *span) string {
	if len(root.members) > 0 {
		before := c.text[:root.members[0].key]
		space := before[len(bytes.TrimRight(before, " \t")):]
		if line := len(before) - len(space); len(space) > 0 && line > 0 && before[line-1] == '\n' {
			return string(space)
		}
	}
	return "  "
}

// entryText writes a value behind an indentation of its first line.
func entryText(v any, prefix, unit string) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // URLs have an & in them
	enc.SetIndent(prefix, unit)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}

// plainJSON blanks what JSON does not have, in a text of the same length.
func plainJSON(text []byte) []byte {
	plain := withoutComments(text)
	comma := -1 // behind which there has been white space alone
	for i := 0; i < len(plain); i++ {
		switch plain[i] {
		case '"':
			i = stringEnd(plain, i)
			comma = -1
		case ',':
			comma = i
		case '}', ']':
			if comma > 0 {
				plain[comma] = ' '
			}
			comma = -1
		case ' ', '\t', '\r', '\n':
		default:
			comma = -1
		}
	}
	return plain
}

// withoutComments blanks comments, to the end of a line and between /* and */.
func withoutComments(text []byte) []byte {
	plain := bytes.Clone(text)
	for i := 0; i < len(plain); i++ {
		if plain[i] == '"' {
			i = stringEnd(plain, i)
			continue
		}
		var length int
		switch rest := plain[i:]; {
		case bytes.HasPrefix(rest, []byte("//")):
			if length = bytes.IndexByte(rest, '\n'); length < 0 {
				length = len(rest)
			}
		case bytes.HasPrefix(rest, []byte("/*")):
			if length = bytes.Index(rest[2:], []byte("*/")) + 4; length < 4 {
				return plain // is found to be no JSON
			}
		default:
			continue
		}
		for j := i; j < i+length; j++ {
			if plain[j] != '\n' && plain[j] != '\r' {
				plain[j] = ' '
			}
		}
		i += length - 1
	}
	return plain
}

// stringEnd returns the offset of the quote that ends a string, or the last one.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return min(i, len(text)-1)
}

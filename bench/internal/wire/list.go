package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// List is tools/list.
func List() Request { return Request{Name: "list", Method: "tools/list"} }

// Lister walks through the pages of tools/list.
type Lister struct {
	Client Client
	wire   Wire
	tools  int
	id     int64
	out    []byte
	known  bool // a whole list was decoded
	names  map[string]bool
}

// NewLister returns one that expects so many tools.
func NewLister(c Client, w Wire, tools int, id int64) *Lister {
	return &Lister{Client: c, wire: w, tools: tools, id: id}
}

// Call reads the whole list. The first is decoded; of the others the tools are
// counted.
func (l *Lister) Call() error {
	var cursor []byte
	count := 0
	l.names = make(map[string]bool)
	for {
		page, err := l.page(cursor)
		if err != nil {
			return fmt.Errorf("tools/list: %w", err)
		}
		count += bytes.Count(page, []byte(`"inputSchema"`))
		if cursor = nextCursor(cursor, page); len(cursor) == 0 {
			break
		}
	}
	if count != l.tools || !l.known && len(l.names) != l.tools {
		return fmt.Errorf("tools/list has %d tools, want %d", count, l.tools)
	}
	l.known = true
	return nil
}

func (l *Lister) page(cursor []byte) ([]byte, error) {
	l.id++
	l.out = strconv.AppendInt(append(l.out[:0], `{"jsonrpc":"2.0","id":`...), l.id, 10)
	l.out = append(l.out, `,"method":"tools/list","params":{`...)
	if len(cursor) > 0 {
		l.out = append(append(append(l.out, `"cursor":"`...), cursor...), '"')
	}
	if l.wire == Modern {
		if len(cursor) > 0 {
			l.out = append(l.out, ',')
		}
		l.out = append(l.out, meta...)
	}
	l.out = append(l.out, "}}"...)
	page, err := l.Client.Call(l.out)
	if err != nil {
		return nil, err
	}
	var id [32]byte
	if !bytes.Contains(page, strconv.AppendInt(append(id[:0], `"id":`...), l.id, 10)) {
		return nil, fmt.Errorf("request %d was answered %q", l.id, clip(page))
	}
	if l.known {
		return page, nil
	}
	var m struct {
		Result struct {
			Tools []struct {
				Name        string
				InputSchema struct{ Type string }
			}
		}
	}
	if err := json.Unmarshal(page, &m); err != nil {
		return nil, err
	}
	for _, t := range m.Result.Tools {
		if t.InputSchema.Type != "object" {
			return nil, fmt.Errorf("the input of %s is of type %q", t.Name, t.InputSchema.Type)
		}
		l.names[t.Name] = true
	}
	return page, nil
}

// nextCursor returns it as it is written, without escapes that it may have.
func nextCursor(into, page []byte) []byte {
	_, rest, ok := bytes.Cut(page, []byte(`"nextCursor":"`))
	if !ok {
		return nil
	}
	return append(into[:0], rest[:bytes.IndexByte(rest, '"')]...)
}

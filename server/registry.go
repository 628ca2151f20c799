package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

// registry is the tools of a server. Calls read a snapshot, without a lock;
// changes drop it, and the next reader makes another.
type registry struct {
	mu    sync.Mutex
	tools []*entry // in the order of registration
	last  uint64   // the sequence number given out last
	now   atomic.Pointer[snapshot]
}

// entry is a tool and its place. The sequence numbers only grow, so a cursor
// that holds one keeps its place whatever is added or removed.
type entry struct {
	tool *tool.Tool
	seq  uint64
}

// snapshot is what the registry held at one moment. It does not change, but for
// pages that are rendered when first asked for.
type snapshot struct {
	tools  []*entry
	byName map[string]*tool.Tool

	mu       sync.Mutex
	rendered [][][]byte // by revision, then by tool: the JSON of tools/list
}

func (r *registry) add(t *tool.Tool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.tools, func(e *entry) bool { return e.tool.Name() == t.Name() }) {
		return fmt.Errorf("server: there is a tool %q already: give one of them another tool.Name", t.Name())
	}
	r.last++
	r.tools = append(r.tools, &entry{tool: t, seq: r.last})
	r.now.Store(nil)
	return nil
}

func (r *registry) remove(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.tools, func(e *entry) bool { return e.tool.Name() == name })
	if i < 0 {
		return false
	}
	r.tools = slices.Delete(slices.Clone(r.tools), i, i+1)
	r.now.Store(nil)
	return true
}

func (r *registry) snapshot() *snapshot {
	if s := r.now.Load(); s != nil {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.now.Load(); s != nil {
		return s
	}
	s := &snapshot{
		tools:    slices.Clone(r.tools),
		byName:   make(map[string]*tool.Tool, len(r.tools)),
		rendered: make([][][]byte, len(revisions)),
	}
	for _, e := range s.tools {
		s.byName[e.tool.Name()] = e.tool
	}
	r.now.Store(s)
	return s
}

// find returns the tool whose name the raw JSON string spells, or nil.
func (r *registry) find(raw []byte) *tool.Tool {
	byName := r.snapshot().byName
	if t := byName[string(raw[1:len(raw)-1])]; t != nil {
		return t
	}
	return byName[jsontext.Text(raw)] // a name spelt with escapes
}

// appendPage appends the result of tools/list: at most size tools behind cursor.
func (r *registry) appendPage(dst []byte, rev *revision, cursor string, size int) ([]byte, error) {
	s := r.snapshot()
	start := 0
	if cursor != "" {
		seq, ok := parseCursor(cursor)
		if !ok {
			return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.cursor is not one that tools/list gave")
		}
		start, _ = slices.BinarySearchFunc(s.tools, seq+1, func(e *entry, seq uint64) int {
			return int(e.seq) - int(seq)
		})
	}
	end := min(start+size, len(s.tools))
	rendered, err := s.render(rev)
	if err != nil {
		return nil, err
	}
	dst = append(dst, `{"tools":[`...)
	for i := start; i < end; i++ {
		if i > start {
			dst = append(dst, ',')
		}
		dst = append(dst, rendered[i]...)
	}
	dst = append(dst, ']')
	if end < len(s.tools) {
		dst = append(append(dst, `,"nextCursor":"`...), formatCursor(s.tools[end-1].seq)...)
		dst = append(dst, '"')
	}
	return append(dst, '}'), nil
}

// render returns the JSON of every tool as the revision has it.
func (s *snapshot) render(rev *revision) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.rendered[rev.index]; all != nil {
		return all, nil
	}
	all := make([][]byte, len(s.tools))
	for i, e := range s.tools {
		b, err := appendTool(nil, rev, e.tool.Spec())
		if err != nil {
			return nil, fmt.Errorf("tool %s: %w", e.tool.Name(), err)
		}
		all[i] = b
	}
	s.rendered[rev.index] = all
	return all, nil
}

const cursorPrefix = "tools:"

func formatCursor(seq uint64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + strconv.FormatUint(seq, 36)))
}

func parseCursor(cursor string) (seq uint64, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(b), cursorPrefix)
	seq, err = strconv.ParseUint(digits, 36, 63)
	return seq, ok && err == nil
}

// wireTool is a tool in tools/list.
type wireTool struct {
	Name         string          `json:"name"`
	Title        string          `json:"title,omitempty"`
	Description  string          `json:"description,omitempty"`
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema,omitempty"`
	Annotations  *tool.Hints     `json:"annotations,omitempty"`
	Icons        []tool.Icon     `json:"icons,omitempty"`
	Meta         map[string]any  `json:"_meta,omitempty"`
}

func appendTool(dst []byte, rev *revision, spec tool.Spec) ([]byte, error) {
	w := wireTool{Name: spec.Name, Description: spec.Description, InputSchema: spec.Input}
	if rev.hints && spec.Hints != (tool.Hints{}) {
		w.Annotations = &spec.Hints
	}
	if rev.titles {
		w.Title, w.Meta = spec.Title, spec.Meta
	}
	if rev.icons {
		w.Icons = spec.Icons
	}
	if rev.structured && spec.Output != nil {
		w.OutputSchema = spec.Output
		if !spec.OutputObject {
			var err error
			if w.OutputSchema, err = wrappedSchema(spec.Output); err != nil {
				return dst, err
			}
		}
	}
	return appendJSON(dst, w)
}

// wrappedSchema describes what appendWrapped makes of a result whose schema is
// not that of an object. Its $defs move up: references find them at the root.
func wrappedSchema(schema json.RawMessage) (json.RawMessage, error) {
	var inner map[string]json.RawMessage
	if err := json.Unmarshal(schema, &inner); err != nil {
		return nil, err
	}
	outer := struct {
		Type       string                     `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
		Defs       json.RawMessage            `json:"$defs,omitempty"`
	}{Type: "object", Required: []string{"result"}, Defs: inner["$defs"]}
	if outer.Defs != nil {
		delete(inner, "$defs")
		var err error
		if schema, err = json.Marshal(inner); err != nil {
			return nil, err
		}
	}
	outer.Properties = map[string]json.RawMessage{"result": schema}
	return json.Marshal(outer)
}

package server

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// registry is one list of a server: its tools, prompts, resources or resource
// templates. Calls read a snapshot, without a lock; changes drop it, and the
// next reader makes another.
type registry[T any] struct {
	kind[T]
	mu    sync.Mutex
	items []*entry[T]          // in the order of registration
	byKey map[string]*entry[T] // the same, so that to add one takes no look at all the others
	last  uint64               // the sequence number given out last
	now   atomic.Pointer[snapshot[T]]
}

// kind is what a registry has to know of its items.
type kind[T any] struct {
	list   string // as the result of its list method calls it
	one    string // for errors
	remedy string // for an error that says that a key is taken
	key    func(T) string
	append func(dst []byte, rev *revision, item T) ([]byte, error)
}

// entry is an item and its place. The sequence numbers only grow, so a cursor
// that holds one keeps its place whatever is added or removed.
type entry[T any] struct {
	item T
	seq  uint64
}

// snapshot is what the registry held at one moment. It does not change, but for
// pages that are rendered when first asked for.
type snapshot[T any] struct {
	items []*entry[T]
	byKey map[string]T

	mu       sync.Mutex
	rendered []*rendered // by revision
}

func (r *registry[T]) add(item T) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := r.key(item)
	if _, taken := r.byKey[key]; taken {
		return fmt.Errorf("server: there is a %s %q already: %s", r.one, key, r.remedy)
	}
	if r.byKey == nil {
		r.byKey = make(map[string]*entry[T])
	}
	r.last++
	e := &entry[T]{item: item, seq: r.last}
	r.items, r.byKey[key] = append(r.items, e), e
	r.now.Store(nil)
	return nil
}

func (r *registry[T]) remove(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.byKey[key]
	if !ok {
		return false
	}
	delete(r.byKey, key)
	i, _ := slices.BinarySearchFunc(r.items, e.seq, bySeq)
	r.items = slices.Delete(r.items, i, i+1) // snapshots have their own
	r.now.Store(nil)
	return true
}

func bySeq[T any](e *entry[T], seq uint64) int { return cmp.Compare(e.seq, seq) }

func (r *registry[T]) snapshot() *snapshot[T] {
	if s := r.now.Load(); s != nil {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.now.Load(); s != nil {
		return s
	}
	s := &snapshot[T]{
		items:    slices.Clone(r.items),
		byKey:    make(map[string]T, len(r.items)),
		rendered: make([]*rendered, len(revisions)),
	}
	for _, e := range s.items {
		s.byKey[r.key(e.item)] = e.item
	}
	r.now.Store(s)
	return s
}

// used reports whether there is something in the list, or has been.
func (r *registry[T]) used() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last > 0
}

// find returns the item of a key.
func (r *registry[T]) find(key string) (item T, ok bool) {
	item, ok = r.snapshot().byKey[key]
	return item, ok
}

// findRaw returns the item whose key the raw JSON string spells.
func (r *registry[T]) findRaw(raw []byte) (item T, ok bool) {
	byKey := r.snapshot().byKey
	if item, ok = byKey[string(raw[1:len(raw)-1])]; ok {
		return item, true
	}
	item, ok = byKey[jsontext.Text(raw)] // a key spelt with escapes
	return item, ok
}

// serve serves the list's method.
func (r *registry[T]) serve(c *call, dst []byte) ([]byte, error) {
	var p mcp.ListParams
	if err := decodeParams(c, &p); err != nil {
		return nil, err
	}
	items, next, err := r.page(c.revision, p.Cursor, c.session.server.o.PageSize)
	if err != nil {
		return nil, err
	}
	dst = append(append(append(dst, `{"`...), r.list...), `":[`...)
	dst = append(c.splice(dst, items), ']')
	if next != "" {
		dst = append(append(append(dst, `,"nextCursor":"`...), next...), '"')
	}
	return c.finish(dst, nil, &c.session.server.o.ListCache)
}

// page returns at most size items behind cursor, with commas between them, and the
// cursor of the next page, "" for none.
func (r *registry[T]) page(rev *revision, cursor string, size int) (items []byte, next string, err error) {
	s := r.snapshot()
	start := 0
	if cursor != "" {
		seq, ok := r.parseCursor(cursor)
		if !ok {
			return nil, "", jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.cursor is not one that this list gave")
		}
		start, _ = slices.BinarySearchFunc(s.items, seq+1, bySeq)
	}
	end := min(start+size, len(s.items))
	list, err := s.render(&r.kind, rev)
	if err != nil {
		return nil, "", err
	}
	if end < len(s.items) {
		next = r.formatCursor(s.items[end-1].seq)
	}
	return list.items(start, end), next, nil
}

// rendered is the JSON of a list: its items with commas between them, on one line,
// as an encoder writes also what was written by hand.
type rendered struct {
	text []byte
	ends []int // where each item ends
}

// items returns the text of those from start up to end.
func (r *rendered) items(start, end int) []byte {
	if start >= end {
		return nil
	}
	from := 0
	if start > 0 {
		from = r.ends[start-1] + len(",")
	}
	return r.text[from:r.ends[end-1]]
}

// render returns the JSON of the list as the revision has it.
func (s *snapshot[T]) render(k *kind[T], rev *revision) (*rendered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list := s.rendered[rev.index]; list != nil {
		return list, nil
	}
	list := &rendered{ends: make([]int, 0, len(s.items))}
	var err error
	for i, e := range s.items {
		if i > 0 {
			list.text = append(list.text, ',')
		}
		if list.text, err = k.append(list.text, rev, e.item); err != nil {
			return nil, fmt.Errorf("%s %s: %w", k.one, k.key(e.item), err)
		}
		list.ends = append(list.ends, len(list.text))
	}
	list.text = slices.Clip(list.text)
	s.rendered[rev.index] = list
	return list, nil
}

func (k *kind[T]) formatCursor(seq uint64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(k.list + ":" + strconv.FormatUint(seq, 36)))
}

func (k *kind[T]) parseCursor(cursor string) (seq uint64, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(b), k.list+":")
	seq, err = strconv.ParseUint(digits, 36, 63)
	return seq, ok && err == nil
}

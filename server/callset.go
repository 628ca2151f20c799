package server

import (
	"slices"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// callSet is the calls of a session that are under way. Mostly there are few, or
// none for hours, so that they stand in a list; a client that has many at once gets
// a map. The zero value is ready.
type callSet struct {
	few  []*call
	many map[jsonrpc.ID]*call // instead of few; nil while those suffice
}

// maxFew is up to how many calls a list is not slower than a map.
const maxFew = 16

func (s *callSet) len() int { return len(s.few) + len(s.many) }

// get returns the call with an id, nil for none.
func (s *callSet) get(id jsonrpc.ID) *call {
	for _, c := range s.few {
		if c.id == id {
			return c
		}
	}
	return s.many[id]
}

// add adds a call whose id no other has.
func (s *callSet) add(c *call) {
	if s.many == nil && len(s.few) < maxFew {
		s.few = append(s.few, c)
		return
	}
	if s.many == nil {
		s.many = make(map[jsonrpc.ID]*call, 2*maxFew)
		for _, c := range s.few {
			s.many[c.id] = c
		}
		s.few = nil
	}
	s.many[c.id] = c
}

// remove removes a call, if it is there: another may have its id by now.
func (s *callSet) remove(c *call) {
	if i := slices.Index(s.few, c); i >= 0 {
		last := len(s.few) - 1
		s.few[i], s.few[last] = s.few[last], nil
		s.few = s.few[:last]
		return
	}
	if s.many[c.id] != c {
		return
	}
	if delete(s.many, c.id); len(s.many) == 0 {
		s.many = nil
	}
}

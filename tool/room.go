package tool

import (
	"encoding/json"
	"reflect"
	"sync"
)

// A room is where arguments are decoded. The function gets a copy of what is in
// it, so that calls can take turns.
type room struct{ v reflect.Value }

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// roomsOf are the pools of rooms, by type, of which tools may share one. One that is
// nil is for a type whose methods could keep a pointer into a room.
var roomsOf sync.Map

// prepareRooms lets calls take turns, unless the function gets such a pointer.
func (p *plan) prepareRooms() {
	if p.form == takesPointer || p.form == takesNone {
		return
	}
	pool, ok := roomsOf.Load(p.arg)
	if !ok {
		var own *sync.Pool
		if t := p.arg; copies(t) {
			own = &sync.Pool{New: func() any { return &room{reflect.New(t).Elem()} }}
		}
		pool, _ = roomsOf.LoadOrStore(p.arg, own)
	}
	p.rooms = pool.(*sync.Pool)
}

// copies reports whether no method of a part of t sees where it lies. What is
// behind pointers, in slices and in maps is made anew for each call.
func copies(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	if t == timeType || t == rawType {
		return true
	}
	if pointer.Implements(unmarshaler) || pointer.Implements(textUnmarshaler) {
		return false
	}
	switch t.Kind() {
	case reflect.Array:
		return copies(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !copies(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

// borrow returns a room, nil if calls do not take turns.
func (p *plan) borrow() *room {
	if p.rooms == nil {
		return nil
	}
	return p.rooms.Get().(*room)
}

// giveBack is for a room that nobody is in any more. One that a panic passed
// through does not come back.
func (p *plan) giveBack(r *room) {
	if r != nil {
		r.v.SetZero() // what the arguments were is not to stay in memory
		p.rooms.Put(r)
	}
}

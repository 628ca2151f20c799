package wire

import (
	"fmt"
	"time"
)

// Flight keeps several calls on stdio in flight. They are answered in any order.
type Flight struct {
	lines  *Lines
	caller *Caller
	since  map[int64]time.Time // by id, of those in flight
}

// NewFlight returns one whose calls are those of the caller.
func NewFlight(l *Lines, c *Caller) *Flight {
	return &Flight{lines: l, caller: c, since: make(map[int64]time.Time)}
}

// Run keeps depth calls in flight as long as more says so, and waits for the
// last. took, if it is not nil, is told how long each one took.
func (f *Flight) Run(depth int, more func() bool, took func(time.Duration)) error {
	for len(f.since) < depth && more() {
		f.send()
	}
	for len(f.since) > 0 {
		if !f.lines.Waiting() {
			if err := f.lines.Flush(); err != nil {
				return err
			}
		}
		text, err := f.lines.Next()
		if err != nil {
			return err
		}
		id, err := f.caller.Check(text)
		if err != nil {
			return err
		}
		begun, ok := f.since[id]
		if !ok {
			return fmt.Errorf("request %d was answered twice, or never made", id)
		}
		delete(f.since, id)
		if took != nil {
			took(time.Since(begun))
		}
		if more() {
			f.send()
		}
	}
	return nil
}

func (f *Flight) send() {
	text, id := f.caller.Message()
	f.lines.Add(text)
	f.since[id] = time.Now()
}

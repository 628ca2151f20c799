package tool

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Once runs fn once in the call of a tool, however often the function of that
// tool runs, and returns what it returned: for what must not happen again when
// the answer to a question has the function run again (see [ErrInputRequired]).
//
//	id, err := tool.Once(ctx, "order", func() (string, error) { return shop.Order(in) })
//
// The name tells apart what happens once in the same call; the same name again is
// the same result again. The result is kept as JSON and read from there each
// time, also the first: T must survive that. From 2026-07-28 on it travels
// through the client, sealed: keep it small. It is not kept where fn returns an
// error, nor if it cannot be encoded.
//
// While a question of this call has no answer, fn is not run and the error is
// [ErrInputRequired], so that a question whose error got lost cannot have it run
// too early. Without an [Outlet], in the test of a tool, fn is run each time.
func Once[T any](ctx *Context, name string, fn func() (T, error)) (T, error) {
	var result, none T
	if err := keepable(name, none); err != nil {
		return none, err
	}
	raw, err := ctx.once(name, func() ([]byte, error) {
		fresh, err := fn()
		if err != nil {
			return nil, err
		}
		raw, err := json.Marshal(fresh)
		if err != nil {
			return nil, fmt.Errorf("tool.Once %q: the result cannot be kept: %w", name, err)
		}
		return raw, nil
	})
	if err != nil {
		return none, err
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return none, fmt.Errorf("tool.Once %q: the result did not survive encoding/json, return a type that does: %w", name, err)
	}
	return result, nil
}

func (c *Context) once(name string, run func() ([]byte, error)) ([]byte, error) {
	if c.call().Outlet == nil {
		return run()
	}
	return c.call().Outlet.Once(name, run)
}

// keepable finds, before anything has happened, the types that JSON has nothing
// for: a channel, a func, a struct with one.
func keepable(name string, zero any) error {
	if name == "" {
		return errors.New("tool.Once: no name: give what happens once a name of its own in the function")
	}
	_, err := json.Marshal(zero)
	if unsupported, ok := errors.AsType[*json.UnsupportedTypeError](err); ok {
		return fmt.Errorf("tool.Once %q: JSON has no %s: return another type", name, unsupported.Type)
	}
	return nil
}

package tool

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Root is a folder or file that the client lets the server work in.
type Root struct {
	URI  string `json:"uri"` // file:
	Name string `json:"name,omitempty"`
}

// Roots asks the client which folders and files it lets the server work in
// (2025-11-25 and 2026-07-28, roots; deprecated in the latter). They are what the
// client finds relevant, and nothing that anybody enforces.
//
// The function that asks may run again from its beginning for each answer, with
// the same arguments. Return the error that is [ErrInputRequired], which explains
// this, and put what may happen only once into [Once].
//
// The other error is a [*CapabilityError]. Without [Key], the question is named
// roots.
func Roots(ctx *Context, options ...AskOption) ([]Root, error) {
	var roots []Root
	q := &Question{Kind: AskRoots, Read: func(result []byte) (err error) {
		roots, err = readRoots(result)
		return err
	}}
	if err := ctx.ask(q, "roots", options); err != nil {
		return nil, err
	}
	return roots, nil
}

// readRoots reads a ListRootsResult (2025-11-25 schema).
func readRoots(result []byte) ([]Root, error) {
	var r struct {
		Roots []Root `json:"roots"`
	}
	if err := json.Unmarshal(result, &r); err != nil || r.Roots == nil {
		return nil, errors.New("the answer is no result of roots/list")
	}
	for i, root := range r.Roots {
		const scheme = "file://"
		if len(root.URI) < len(scheme) || !strings.EqualFold(root.URI[:len(scheme)], scheme) {
			return nil, fmt.Errorf("roots[%d].uri: expected a URI that begins with file://", i)
		}
	}
	return r.Roots, nil
}

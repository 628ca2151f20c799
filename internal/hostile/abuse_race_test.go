//go:build race

package hostile

// raced is whether the race detector watches, which takes memory of its own.
const raced = true

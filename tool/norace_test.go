//go:build !race

package tool_test

// dropped is how many allocations a call may repeat because a sync.Pool lost
// what it was given.
const dropped = 0

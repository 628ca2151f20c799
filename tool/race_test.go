//go:build race

package tool_test

// dropped is as without the race detector, which makes every sync.Pool forget at
// random.
const dropped = 2

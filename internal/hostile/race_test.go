//go:build race

package hostile

// raced is that the race detector is on, which takes several times the memory.
const raced = true

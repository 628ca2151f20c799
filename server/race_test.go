//go:build race

package server_test

// poolsDrop: under the race detector a sync.Pool forgets a quarter of what it is
// given, on purpose, and what is forgotten is allocated again.
const poolsDrop = true

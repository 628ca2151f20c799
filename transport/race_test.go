//go:build race

package transport

// poolsDrop says that a sync.Pool forgets things at random, as it does under the
// race detector.
const poolsDrop = true

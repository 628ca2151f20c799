//go:build !race

package hostile

// crowdSize is how many sessions TestIsolation has.
const crowdSize = 500

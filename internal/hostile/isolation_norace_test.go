//go:build !race

package hostile

// crowdSize is how many sessions TestIsolation has.
const crowdSize = 500

// raceFlag has the go command build a program as usual.
const raceFlag = "-race=false"

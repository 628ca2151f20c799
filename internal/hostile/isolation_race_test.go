//go:build race

package hostile

// crowdSize is what the race detector, which bounds goroutines as well, leaves time
// for.
const crowdSize = 104

// raceFlag has the go command build a program with the race detector.
const raceFlag = "-race"

package cliargs

import (
	"fmt"
	"strings"
)

// DidYouMean returns ", did you mean NAME?" with the name nearest to one that is
// unknown, and "" if none is near.
func DidYouMean(unknown string, names []string) string {
	const longest = 100 // bytes; the time goes with the square
	if len(unknown) > longest {
		return ""
	}
	best, bestDistance := "", len(unknown)+1
	folded := fold(unknown)
	for _, name := range names {
		if len(name) > longest {
			continue
		}
		f := fold(name)
		n := distance(folded, f)
		// A short name is within two edits of anything; a swap is two.
		near := n <= 2 && 2*n <= max(len(f), len(folded)) || len(folded) > 2 && strings.HasPrefix(f, folded)
		if near && n < bestDistance {
			best, bestDistance = name, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %s?", best)
}

var joints = strings.NewReplacer("_", "", "-", "")

// fold makes the spellings of a name alike: dryRun, dry_run and dry-run.
func fold(s string) string { return strings.ToLower(joints.Replace(s)) }

// distance is the Levenshtein distance of two names, by bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			n := diagonal
			if a[i] != b[j] {
				n = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], n
		}
	}
	return row[len(b)]
}

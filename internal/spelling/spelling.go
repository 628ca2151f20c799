// Package spelling compares names as people write them: to find the one that was
// meant.
package spelling

import "strings"

var joints = strings.NewReplacer("_", "", "-", "")

// Fold makes the spellings of a name alike: dryRun, dry_run and dry-run.
func Fold(s string) string { return strings.ToLower(joints.Replace(s)) }

// Distance is the Levenshtein distance of two names, by bytes: how many to add, to
// remove or to replace.
func Distance(a, b string) int {
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

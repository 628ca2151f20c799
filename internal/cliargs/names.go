package cliargs

import (
	"fmt"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/spelling"
)

// DidYouMean returns ", did you mean NAME?" with the name nearest to one that is
// unknown, and "" if none is near.
func DidYouMean(unknown string, names []string) string {
	const longest = 100 // bytes; the time goes with the square
	if len(unknown) > longest {
		return ""
	}
	best, bestDistance := "", len(unknown)+1
	folded := spelling.Fold(unknown)
	for _, name := range names {
		if len(name) > longest {
			continue
		}
		f := spelling.Fold(name)
		n := spelling.Distance(folded, f)
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

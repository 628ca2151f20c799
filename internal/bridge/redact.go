package bridge

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// minRedact is the length in bytes from which a value is looked for in other
// text: the letters of a shorter one occur in any sentence.
const minRedact = 4

// redactor keeps the values of a connection's arguments out of texts: all of them,
// for a proxy cannot know which of them its upstream takes for a secret.
type redactor []string

// newRedactor returns one for these arguments, in the forms in which they occur
// in text: as they are, escaped in a URL, quoted in Go or JSON.
func newRedactor(args url.Values) redactor {
	var r redactor
	for _, values := range args {
		for _, v := range values {
			if len(v) < minRedact {
				continue
			}
			quoted := strconv.Quote(v)
			inJSON, _ := json.Marshal(v) // cannot fail
			r = append(r, v, url.QueryEscape(v), url.PathEscape(v), quoted[1:len(quoted)-1], string(inJSON[1:len(inJSON)-1]))
		}
	}
	slices.Sort(r)
	return slices.Compact(r)
}

// text hides every byte that belongs to a value. They may overlap: to replace one
// after the other would leave the rest of the second.
func (r redactor) text(s string) string {
	hidden := make([]bool, len(s))
	found := false
	for _, v := range r {
		for i := 0; ; i++ {
			j := strings.Index(s[i:], v)
			if j < 0 {
				break
			}
			i, found = i+j, true
			for k := i; k < i+len(v); k++ {
				hidden[k] = true
			}
		}
	}
	if !found {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		switch {
		case !hidden[i]:
			b.WriteByte(s[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString("[redacted]")
		}
	}
	return b.String()
}

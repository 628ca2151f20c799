package gen

import (
	"strings"
	"unicode"

	"github.com/sessionmcp/sessionmcp/internal/spelling"
)

// snake turns GetHTTPForecast into get_http_forecast, as tool.New does: a test
// holds the two together.
func snake(name string) string {
	var b strings.Builder
	rs := []rune(name)
	upper := func(i int) bool { return i < len(rs) && unicode.IsUpper(rs[i]) }
	for i, r := range rs {
		if upper(i) && i > 0 && rs[i-1] != '_' {
			next := i+1 < len(rs) && unicode.IsLower(rs[i+1])
			plural := next && rs[i+1] == 's' && (i+2 == len(rs) || upper(i+2))
			if !upper(i-1) || next && !plural {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// validName reports whether name has the form that MCP asks of a tool's
// (2025-11-25, tools, tool names).
func validName(name string) bool {
	if len(name) < 1 || len(name) > 128 {
		return false
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
		default:
			return false
		}
	}
	return true
}

// nearest returns the one of names that wrong may be meant for, "" for none.
func nearest(wrong string, names []string) string {
	best, at := "", 3
	for _, name := range names {
		if d := spelling.Distance(wrong, name); d < at {
			best, at = name, d
		}
	}
	return best
}

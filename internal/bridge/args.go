package bridge

import (
	"maps"
	"net/url"
	"slices"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

const (
	sessionParams = "_session_params" // in the arguments of a tool call
	metaArgs      = "sessionmcp/args" // in the _meta of a request
)

func isSessionParams(key []byte) bool { return means(key, sessionParams) }

// encodeArgs returns connection arguments as a JSON object: those of these names,
// or all where the name is "*". One that was given more than once is an array.
func encodeArgs(args url.Values, names []string) []byte {
	out := []byte{'{'}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		values := args[name]
		if len(values) == 0 || !slices.Contains(names, name) && !slices.Contains(names, "*") {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(jsontext.AppendString(out, name), ':')
		if len(values) == 1 {
			out = jsontext.AppendString(out, values[0])
			continue
		}
		quoted := make([][]byte, len(values))
		for i, v := range values {
			quoted[i] = quote(v)
		}
		out = append(out, list(quoted)...)
	}
	return append(out, '}')
}

// objectArguments reports whether the arguments of a tool call are an object, or
// none. Servers take the text of an object for the object, too, in which nobody has
// looked for _session_params.
func objectArguments(params []byte) bool {
	ok := true
	err := jsontext.Members(params, func(key, val []byte) error {
		if jsontext.Is(key, "arguments") && val[0] != '{' && val[0] != 'n' {
			ok = false
		}
		return nil
	})
	return ok && err == nil
}

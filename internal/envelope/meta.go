package envelope

import (
	"fmt"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
)

// Member is a member of _meta to be set: its name, and its value as JSON.
type Member struct {
	Key   string
	Value []byte // nil sets nothing
	Weak  bool   // what is there already stays
}

// Add returns params, an object or nothing, with what e says in its _meta. What
// params says already stays.
func (e *Envelope) Add(params []byte) ([]byte, error) {
	return SetMeta(params,
		Member{mcp.MetaVersion, e.Version, true},
		Member{mcp.MetaClient, e.Client, true},
		Member{mcp.MetaCapabilities, e.Capabilities, true},
		Member{mcp.MetaLogLevel, e.Level, true},
	)
}

// SetMeta returns params, an object or nothing, with these members in its _meta,
// in the order given, behind those that are there. All the rest stays byte for
// byte as it is.
func SetMeta(params []byte, members ...Member) ([]byte, error) {
	object, meta, err := splitMeta(params)
	if err != nil {
		return nil, err
	}
	merged, err := setMembers(meta, members)
	if err != nil {
		return nil, fmt.Errorf("params._meta: %w", err)
	}
	if len(merged) == len("{}") && meta == nil {
		return params, nil
	}
	if len(object) > len("{") {
		object = append(object, ',')
	}
	object = append(append(object, `"_meta":`...), merged...)
	return append(object, '}'), nil
}

// splitMeta returns an object without its _meta, and without its last brace, and
// the _meta.
func splitMeta(params []byte) (object, meta []byte, err error) {
	if string(params) == "null" {
		params = nil
	}
	object = append(make([]byte, 0, len(params)+64), '{')
	err = jsontext.Members(params, func(key, val []byte) error {
		if jsontext.Is(key, "_meta") {
			meta = val
			return nil
		}
		object = appendMember(object, key, val)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("params must be an object, for its _meta: %w", err)
	}
	if string(meta) == "null" {
		meta = nil
	}
	return object, meta, nil
}

func setMembers(object []byte, members []Member) ([]byte, error) {
	out, there := []byte{'{'}, make([]bool, len(members))
	err := jsontext.Members(object, func(key, val []byte) error {
		for i := range members {
			if m := &members[i]; m.Value != nil && jsontext.Is(key, m.Key) {
				if !m.Weak {
					return nil
				}
				there[i] = true
			}
		}
		out = appendMember(out, key, val)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range members {
		if m := &members[i]; m.Value != nil && !there[i] {
			out = appendMember(out, jsontext.AppendString(nil, m.Key), m.Value)
		}
	}
	return append(out, '}'), nil
}

// appendMember appends a member to an object that has no last brace yet.
func appendMember(object, key, val []byte) []byte {
	if len(object) > len("{") {
		object = append(object, ',')
	}
	return append(append(append(object, key...), ':'), val...)
}

package tool

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const redacted = "[redacted]"

// minRedact is the length in bytes from which [Args.Redact] looks for a secret
// inside other text: the letters of a shorter one occur in any sentence.
const minRedact = 4

// secretNames are the argument names whose values are always secret.
var secretNames = []string{"auth", "token", "key", "api_key", "apikey", "access_token", "password", "secret"}

// IsSecretName reports whether an argument of this name holds a secret: auth,
// token, key, api_key, apikey, access_token, password, secret, and the names in
// more. Case and '-' for '_' make no difference.
func IsSecretName(name string, more ...string) bool {
	name = canonical(name)
	return slices.Contains(secretNames, name) || slices.ContainsFunc(more, func(s string) bool { return canonical(s) == name })
}

func canonical(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "-", "_")
}

// Secret is a string that prints, logs and encodes as "[redacted]", however
// that is done. The zero value is empty.
type Secret struct {
	reveal func() string
}

// NewSecret wraps s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return s }}
}

// Reveal returns the wrapped string.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Equal reports whether the secret is want, in a time that depends on the
// lengths alone. An empty secret equals nothing.
func (s Secret) Equal(want string) bool {
	return !s.IsZero() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(want)) == 1
}

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue is what log/slog records: "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText encodes "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText wraps text, so that a struct given to [Args.Bind] can have a
// Secret field.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// secretTexts returns the forms in which secrets occur in other text: as they
// are, escaped in a URL, quoted in Go or JSON.
func secretTexts(secrets []string) []string {
	var texts []string
	for _, s := range secrets {
		if len(s) < minRedact {
			continue
		}
		quoted := strconv.Quote(s)
		inJSON, _ := json.Marshal(s) // cannot fail
		texts = append(texts, s, url.QueryEscape(s), url.PathEscape(s), quoted[1:len(quoted)-1], string(inJSON[1:len(inJSON)-1]))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// redact hides every byte of text that belongs to one of secrets. They may
// overlap: replacing one after the other would leave the rest of the second.
func redact(text string, secrets []string) string {
	var hidden []bool
	for _, s := range secrets {
		end := 0 // of the last one
		for i := 0; ; i++ {
			j := strings.Index(text[i:], s)
			if j < 0 {
				break
			}
			if hidden == nil {
				hidden = make([]bool, len(text))
			}
			i += j
			for k := max(i, end); k < i+len(s); k++ {
				hidden[k] = true
			}
			end = i + len(s)
		}
	}
	if hidden == nil {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString(redacted)
		}
	}
	return b.String()
}

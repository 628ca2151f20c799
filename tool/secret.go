package tool

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/redact"
)

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
func (s Secret) String() string { return redact.Mark }

// Format writes "[redacted]" for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redact.Mark) }

// LogValue is what log/slog records: "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redact.Mark) }

// MarshalText encodes "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redact.Mark), nil }

// UnmarshalText wraps text, so that a struct given to [Args.Bind] can have a
// Secret field.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

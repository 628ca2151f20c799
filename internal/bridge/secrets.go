package bridge

import (
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/redact"
)

// secrets are what is not told of an upstream, to its own client either: the values
// of all connection arguments, for a proxy cannot know which of them its upstream
// takes for secrets, and what whoever runs the proxy gives to the upstream alone.
func (p *plan) secrets(f *filled) *redact.Secrets {
	all := slices.Concat(slices.Collect(maps.Values(f.args))...)
	for _, values := range f.header {
		for _, value := range values {
			_, token, _ := strings.Cut(value, " ") // behind Bearer
			all = append(all, value, token)
		}
	}
	if u, err := url.Parse(f.url); err == nil {
		password, _ := u.User.Password()
		all = append(append(all, password), slices.Concat(slices.Collect(maps.Values(u.Query()))...)...)
	}
	if p.command == nil {
		return redact.Of(all...)
	}
	env := p.command.Env
	if env == nil {
		env = os.Environ()
	}
	for _, env := range [][]string{env, f.env} {
		for _, pair := range env {
			if name, value, _ := strings.Cut(pair, "="); isSecretVariable(name) && len(value) >= leastVariable {
				all = append(all, value)
			}
		}
	}
	return redact.Of(all...)
}

// leastVariable is how long the value of a variable is that is taken for a secret
// because of its name: what is shorter is often a word, as in USE_AUTH=true.
const leastVariable = 8

// isSecretVariable reports whether an environment variable is called like those
// that hold secrets: API_KEY, GITHUB_TOKEN, PGPASSWORD.
func isSecretVariable(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "token", "key", "password", "passwd", "_pwd", "secret", "credential", "credentials"}, func(s string) bool {
		return strings.HasSuffix(name, s)
	})
}

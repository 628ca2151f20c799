package cli

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/sessionmcp/sessionmcp/transport"
)

// keyring is who may use the proxy: without keys anybody may. A key is kept as
// what it hashes to, and comparing takes the same time whatever differs.
type keyring struct{ keys []accessKey }

type accessKey struct {
	print     [sha256.Size]byte
	principal string
}

// keyPrincipal is the principal of a key that was given without one.
const keyPrincipal = "api-key"

func (k *keyring) add(key, principal string) error {
	if _, known := k.find(key); known {
		return fmt.Errorf("the key of %s was given before", principal)
	}
	k.keys = append(k.keys, accessKey{sha256.Sum256([]byte(key)), principal})
	return nil
}

// find returns whose key it is.
func (k *keyring) find(key string) (principal string, ok bool) {
	print := sha256.Sum256([]byte(key))
	for i := range k.keys { // all of them, or the time tells which
		if subtle.ConstantTimeCompare(k.keys[i].print[:], print[:]) == 1 {
			principal, ok = k.keys[i].principal, true
		}
	}
	return principal, ok
}

// newKeyring takes the keys of --api-key and of the file, or else of the
// environment.
func newKeyring(keys []string, file string, logger *slog.Logger) (*keyring, error) {
	k := new(keyring)
	if len(keys) == 0 && file == "" {
		for _, name := range []string{"SESSIONMCP_API_KEY", "MCP_PROXY_API_KEY"} {
			if key := os.Getenv(name); key != "" {
				keys = []string{key}
				break
			}
		}
	}
	for _, key := range keys {
		if strings.TrimSpace(key) == "" {
			return nil, usagef("--api-key is empty: leave it out to let anybody in")
		}
		if err := k.add(key, keyPrincipal); err != nil {
			return nil, usagef("--api-key: %w", err)
		}
	}
	if file == "" {
		return k, nil
	}
	return k, k.read(file, logger)
}

// read adds the keys of a file: lines of KEY PRINCIPAL, and comments behind #. Its
// errors name the line, and not what is in it.
func (k *keyring) read(file string, logger *slog.Logger) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("--api-keys: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && readByOthers(info) {
		logger.Warn("others can read the file of keys: chmod 600 it", "file", file)
	}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, principal := line, ""
		if i := strings.IndexAny(line, " \t"); i > 0 {
			key, principal = line[:i], strings.TrimSpace(line[i:])
		}
		if principal == "" {
			return fmt.Errorf("%s:%d: want KEY PRINCIPAL", file, n)
		}
		if err := k.add(key, principal); err != nil {
			return fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if len(k.keys) == 0 {
		return fmt.Errorf("%s has no keys: want lines of KEY PRINCIPAL", file)
	}
	return nil
}

// readByOthers reports whether a file can be read by others; Windows says nothing
// of it in the mode.
func readByOthers(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0
}

// What a request that was let in carries to the connection: the principal in its
// context, and once more as a credential, so that transport holds the requests of
// a session to the key that opened it. A client can write neither: our keys are
// taken out, and what else is in these places.
const (
	principalHeader = "X-Api-Key"
	principalArg    = "sessionmcp principal"
)

type principalKey struct{}

// principalOf returns who a connection is for; nil if anybody may come.
func principalOf(p *transport.Peer) any { return p.Context().Value(principalKey{}) }

// admit checks the key of a request: the Bearer token, X-API-Key, or api_key in the
// query. The request it returns carries no key of ours any more: what is left of a
// Bearer token and of the query is the client's own, an argument like any other.
//
// A client of HTTP+SSE posts to the URL that its stream names, without the query
// that it opened the stream with (2024-11-05, HTTP with SSE). Such a request is let
// in, and transport to tell by its session whether it may.
func (k *keyring) admit(r *http.Request) (*http.Request, bool) {
	if len(k.keys) == 0 {
		return r, true
	}
	header := r.Header.Clone()
	header.Del(principalHeader)
	inHeader := ""
	if principal, ok := k.find(r.Header.Get("X-API-Key")); ok {
		inHeader = principal
	}
	if scheme, token, _ := strings.Cut(header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		if principal, ok := k.find(strings.TrimSpace(token)); ok {
			inHeader = principal
			header.Del("Authorization")
		}
	}
	query, inQuery := k.stripQuery(r.URL.RawQuery)
	principal := cmp.Or(inHeader, inQuery)
	switch {
	case principal == "" && !isSSEPost(r):
		return nil, false
	case principal == "":
	case inHeader == "" && endpoint(r) == "sse":
		query = strings.TrimPrefix(query+"&", "&") + url.QueryEscape(principalArg) + "=" + url.QueryEscape(principal)
	default:
		header.Set(principalHeader, principal)
	}
	in := r
	if principal != "" {
		in = r.WithContext(context.WithValue(r.Context(), principalKey{}, principal))
	}
	in = new(*in)
	in.Header = header
	in.URL = new(*r.URL)
	in.URL.RawQuery = query
	in.RequestURI = in.URL.RequestURI()
	return in, true
}

// endpoint is the last part of the path, which tells transport what is wanted.
func endpoint(r *http.Request) string {
	path := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// isSSEPost reports whether a request is a message for an event stream.
func isSSEPost(r *http.Request) bool {
	return r.Method == http.MethodPost && endpoint(r) == "messages" && r.URL.Query().Get("session_id") != ""
}

// stripQuery takes our keys out of a query, and leaves the rest as it is.
func (k *keyring) stripQuery(query string) (rest, principal string) {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		switch {
		case err != nil: // is for who reads the query to refuse
		case name == principalArg:
			continue
		case name == "api_key":
			key, err := url.QueryUnescape(value)
			if whose, ok := k.find(key); ok && err == nil {
				principal = whose
				continue
			}
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, "&"), principal
}

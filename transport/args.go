package transport

import (
	"crypto/sha256"
	"crypto/subtle"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// An argSource is one place of a request that names an argument.
type argSource struct {
	name   string
	header string // "" for the path and the query
	values []string
}

// argSources calls use with what a request says, in order of precedence: the
// path's wildcards, the query, the headers. The order within each is fixed too,
// so that the same request always means the same.
func (h *HTTP) argSources(r *http.Request, query url.Values, use func(argSource)) {
	for name := range wildcards(r.Pattern) {
		if value := r.PathValue(name); value != "" {
			use(argSource{name: name, values: []string{value}})
		}
	}
	var few [8]string // a POST has one name as a rule, and is to cost nothing here
	names := few[:0]
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		use(argSource{name: name, values: query[name]})
	}
	for _, header := range h.argHeaders {
		if values := headerArg(r.Header, header); values != nil {
			use(argSource{name: h.o.ArgHeaders[header], header: header, values: values})
		}
	}
}

// connectArgs are the connection arguments of a request, for each name those of
// the first source that has it, and the credentials among all of them.
func (h *HTTP) connectArgs(r *http.Request) (args url.Values, opened []credential, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // whose text quotes the query
		return nil, nil, &Refusal{Status: http.StatusBadRequest, Reason: "the URL's query is malformed"}
	}
	args = make(url.Values, len(query))
	h.argSources(r, query, func(source argSource) {
		if _, taken := args[source.name]; !taken {
			args[source.name] = source.values
		}
		opened = h.appendCredentials(opened, source)
	})
	return args, opened, nil
}

// wildcards yields the names in a pattern of [http.ServeMux].
func wildcards(pattern string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			_, after, ok := strings.Cut(pattern, "{")
			if !ok {
				return
			}
			name, rest, _ := strings.Cut(after, "}")
			name = strings.TrimSuffix(name, "...")
			if name != "" && name != "$" && !yield(name) {
				return
			}
			pattern = rest
		}
	}
}

// headerArg returns the values of a header; of Authorization the Bearer token.
func headerArg(h http.Header, name string) []string {
	values := h.Values(name)
	if !strings.EqualFold(name, "Authorization") || len(values) == 0 {
		return values
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil
	}
	return []string{token}
}

// A fingerprint stands for a credential: it can be compared and kept, and tells
// nothing. Comparing takes the same time whatever differs.
type fingerprint [sha256.Size]byte

func fingerprintOf(credential string) fingerprint { return sha256.Sum256([]byte(credential)) }

func (f fingerprint) equal(g fingerprint) bool { return subtle.ConstantTimeCompare(f[:], g[:]) == 1 }

// credential is one thing a request says about who is calling.
type credential struct {
	arg    string // the argument's name
	header string // the header it stood in; "" for the query and the path
	print  fingerprint
}

// credentials returns everything a request with this query says about who is
// calling, whichever of it became the argument, in order of precedence.
func (h *HTTP) credentials(r *http.Request, query url.Values) (found []credential) {
	h.argSources(r, query, func(source argSource) { found = h.appendCredentials(found, source) })
	return found
}

func (h *HTTP) appendCredentials(found []credential, source argSource) []credential {
	if !h.o.IsCredential(source.name) {
		return found
	}
	for _, value := range source.values {
		found = append(found, credential{source.name, source.header, fingerprintOf(value)})
	}
	return found
}

// checkCaller holds a request on an open connection to whoever opened it: a
// credential that came in a header comes again, and no other one may come. Opened
// by URL alone, it comes again too, in whatever place; but not where idAlone says
// that clients cannot repeat it: there the connection's id is what the request has
// to know.
func checkCaller(opened, now []credential, idAlone bool) *Refusal {
	for _, c := range now {
		known := func(o credential) bool { return o.arg == c.arg && o.print.equal(c.print) }
		if !slices.ContainsFunc(opened, known) {
			return &Refusal{Status: http.StatusForbidden, Reason: "this session was opened with another credential, or with none: open one with the credential that the requests carry"}
		}
	}
	for _, o := range opened {
		again := func(c credential) bool { return (o.header == "" || c.header == o.header) && c.print.equal(o.print) }
		if o.header == "" && idAlone || slices.ContainsFunc(now, again) {
			continue
		}
		place := o.header
		if place == "" {
			place = "its URL"
		}
		return &Refusal{
			Status: http.StatusUnauthorized,
			Reason: "this session was opened with a credential in " + place + ": each request has to carry it",
			Header: http.Header{"Www-Authenticate": {"Bearer"}},
		}
	}
	return nil
}

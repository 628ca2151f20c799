package transport

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// path mounts a handler under a pattern.
func path(pattern string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		m := http.NewServeMux()
		m.Handle(pattern, h)
		return m
	}
}

func TestArgs(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, path string
		header              http.Header
		argHeaders          map[string]string
		want                url.Values
	}{
		{name: "none", path: "/sse", want: url.Values{}},
		{name: "query", path: "/sse?a=1&b=%C3%A9+x&a=2&c", want: url.Values{"a": {"1", "2"}, "b": {"é x"}, "c": {""}}},
		{name: "bearer", path: "/sse", header: http.Header{"Authorization": {"Bearer KEY"}}, want: url.Values{"auth": {"KEY"}}},
		{name: "bearer in small letters", path: "/sse", header: http.Header{"Authorization": {"bEARER  KEY "}}, want: url.Values{"auth": {"KEY"}}},
		{name: "basic", path: "/sse", header: http.Header{"Authorization": {"Basic eDp5"}}, want: url.Values{}},
		{name: "bearer of nothing", path: "/sse", header: http.Header{"Authorization": {"Bearer "}}, want: url.Values{}},
		{name: "query before header", path: "/sse?auth=Q", header: http.Header{"Authorization": {"Bearer H"}}, want: url.Values{"auth": {"Q"}}},
		{name: "empty query before header", path: "/sse?auth=", header: http.Header{"Authorization": {"Bearer H"}}, want: url.Values{"auth": {""}}},
		{
			name: "path before query before header", pattern: "/k/{auth}/", path: "/k/P/sse?auth=Q1&auth=Q2&b=Q",
			header: http.Header{"Authorization": {"Bearer H"}, "X-B": {"H"}, "X-C": {"H1", "H2"}}, argHeaders: map[string]string{"Authorization": "auth", "x-b": "b", "X-C": "c"},
			want: url.Values{"auth": {"P"}, "b": {"Q"}, "c": {"H1", "H2"}},
		},
		{name: "method and host in the pattern", pattern: "GET 127.0.0.1/k/{auth}/{$}/", path: "/sse", want: url.Values{}},
		{name: "two wildcards", pattern: "/k/{auth}/{client_id}/", path: "/k/a%2Fb/c/sse", want: url.Values{"auth": {"a/b"}, "client_id": {"c"}}},
		{name: "rest", pattern: "/k/{rest...}", path: "/k/a/sse", want: url.Values{"rest": {"a/sse"}}},
		{
			name: "header of one's own", path: "/sse", header: http.Header{"X-Api-Key": {"K"}, "Authorization": {"Bearer H"}}, argHeaders: map[string]string{"X-API-Key": "auth"},
			want: url.Values{"auth": {"K"}},
		},
		{name: "no headers", path: "/sse", header: http.Header{"Authorization": {"Bearer H"}}, argHeaders: map[string]string{}, want: url.Values{}},
		{
			name: "two headers for one name", path: "/sse", header: http.Header{"X-B": {"B"}, "X-A": {"A"}, "X-C": {"C"}},
			argHeaders: map[string]string{"X-B": "auth", "X-A": "auth", "X-C": "auth"}, want: url.Values{"auth": {"A"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			o.ArgHeaders = tt.argHeaders
			var wrap func(http.Handler) http.Handler
			if tt.pattern != "" && !strings.Contains(tt.pattern, "{$}") {
				wrap = path(tt.pattern)
			}
			w := serve(t, o, wrap)
			for range 10 { // the same every time
				w.open(tt.path, tt.header).close()
				if got := w.last().Args; !reflect.DeepEqual(got, tt.want) {
					t.Fatalf("got %v, want %v", got, tt.want)
				}
			}
		})
	}
}

func TestWildcards(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                              "",
		"/sse":                          "",
		"GET host/{a}/b/{c...}":         "a c",
		"/{a}/{$}":                      "a",
		"{host}.example.com/{a}/x{b}{c": "host a b c",
	} {
		var got []string
		for name := range wildcards(pattern) {
			got = append(got, name)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: got %q, want %q", pattern, s, want)
		}
	}
}

func TestArgsMalformedQuery(t *testing.T) {
	w := serve(t, options(), nil)
	for _, query := range []string{"auth=s3cret%zz", "auth=s3cret;x", "%=s3cret"} {
		_, err := w.get("/sse?"+query, nil)
		r := refusalOf(t, err)
		if r.StatusCode != http.StatusBadRequest || strings.Contains(r.body, "s3cret") {
			t.Error(r)
		}
	}
	if len(w.peers) != 0 {
		t.Error("it was accepted")
	}
}

// Who may POST to a session.
func TestCaller(t *testing.T) {
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	none := http.Header{}
	for _, tt := range []struct {
		name    string
		pattern string
		open    string
		header  http.Header // of the GET
		post    http.Header
		query   string // added to the POST's
		path    string // the POST's instead of the announced one, up to messages/
		status  int
	}{
		{name: "header, same", open: "/sse", header: bearer("A"), post: bearer("A"), status: 202},
		{name: "header, other", open: "/sse", header: bearer("A"), post: bearer("B"), status: 403},
		{name: "header, missing", open: "/sse", header: bearer("A"), post: none, status: 401},
		{name: "header, of another scheme", open: "/sse", header: bearer("A"), post: http.Header{"Authorization": {"Basic A"}}, status: 401},
		{name: "header, same in the query", open: "/sse", header: bearer("A"), post: none, query: "&auth=A", status: 401},
		{name: "header, another in the query", open: "/sse", header: bearer("A"), post: bearer("A"), query: "&auth=B", status: 403},
		{name: "query, none", open: "/sse?auth=A", post: none, status: 202},
		{name: "query, same", open: "/sse?auth=A", post: none, query: "&auth=A", status: 202},
		{name: "query, same in the header", open: "/sse?auth=A", post: bearer("A"), status: 202},
		{name: "query, other", open: "/sse?auth=A", post: none, query: "&auth=B", status: 403},
		{name: "query, other in the header", open: "/sse?auth=A", post: bearer("B"), status: 403},
		{name: "query, same value of another name", open: "/sse?auth=A", post: none, query: "&key=A", status: 403},
		{name: "query, two, one of them", open: "/sse?auth=A&auth=B", post: none, query: "&auth=B", status: 202},
		{name: "query and header, same", open: "/sse?auth=A", header: bearer("B"), post: bearer("B"), status: 202},
		{name: "query and header, the query's in the header", open: "/sse?auth=A", header: bearer("B"), post: bearer("A"), status: 401},
		{name: "none, none", open: "/sse?client_id=x", post: none, status: 202},
		{name: "none, one in the header", open: "/sse", post: bearer("A"), status: 403},
		{name: "none, one in the query", open: "/sse", post: none, query: "&auth=A", status: 403},
		{name: "none, no credential", open: "/sse", post: none, query: "&client_id=other", status: 202},
		{name: "path, same", pattern: "/k/{auth}/", open: "/k/A/sse", post: none, status: 202},
		{name: "path, other", pattern: "/k/{auth}/", open: "/k/A/sse", post: none, path: "/k/B/messages/", status: 403},
		{name: "path, other in the header", pattern: "/k/{auth}/", open: "/k/A/sse", post: bearer("B"), status: 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var wrap func(http.Handler) http.Handler
			if tt.pattern != "" {
				wrap = path(tt.pattern)
			}
			w := serve(t, options(), wrap)
			s := w.open(tt.open, tt.header)
			target := s.post + tt.query
			if tt.path != "" {
				target = w.url + tt.path + "?session_id=" + w.last().ID
			}
			r := w.do(http.MethodPost, target, `{"jsonrpc":"2.0","method":"note"}`, tt.post)
			if r.StatusCode != tt.status {
				t.Fatal(r)
			}
			if got := r.Header.Get("WWW-Authenticate"); (got == "Bearer") != (tt.status == 401) {
				t.Errorf("WWW-Authenticate %q with %d", got, tt.status)
			}
			if (w.noted() == "note") != (tt.status == 202) {
				t.Errorf("with %d the message was delivered: %q", tt.status, w.noted())
			}
		})
	}
}

package transport

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzEndpoint: whatever URL a stream was opened by, the endpoint that it
// announces lies beside it, under messages/.
func FuzzEndpoint(f *testing.F) {
	for _, path := range []string{"/", "/a/b/", "/a%2Fb/", "/a//", "/;p=1/", "/%E2%82%AC/", "/a:b/", "/a/../", "//host/", "/sse/", "/?/", "/%3F/"} {
		f.Add(path, false, "auth=x")
		f.Add(path, true, "")
	}
	h := NewHTTP(new(Table), nil, HTTPOptions{})
	f.Fuzz(func(t *testing.T, dir string, slash bool, query string) {
		if !strings.HasPrefix(dir, "/") || !strings.HasSuffix(dir, "/") || strings.ContainsAny(dir+query, " #\x7f") {
			return
		}
		target := "http://host" + dir + "sse"
		if slash {
			target += "/"
		}
		opened, err := url.Parse(target + "?" + query)
		if err != nil || strings.ContainsFunc(target+query, func(c rune) bool { return c < ' ' }) {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: opened.Path, RawPath: opened.RawPath, RawQuery: opened.RawQuery} // what a server sees
		if route(r) != "sse" {
			return // dir has a '?'
		}
		got, err := opened.Parse(h.endpoint(r, "the-id"))
		if err != nil {
			t.Fatal(err)
		}
		// The client's own rules for "." and ".." apply to the directory as well.
		base, err := url.Parse("http://host" + dir)
		if err != nil {
			return
		}
		want := base.ResolveReference(&url.URL{Path: "messages/"})
		if got.EscapedPath() != want.EscapedPath() || got.Host != "host" || got.Query().Get("session_id") != "the-id" {
			t.Fatalf("%s: endpoint %s, want %s", opened, got, want)
		}
		post := httptest.NewRequest("POST", "/", nil)
		post.URL = got
		if route(post) != "messages" {
			t.Fatalf("%s: a POST to %s is not understood", opened, got)
		}
	})
}

// FuzzBlankLines holds the fast way to make JSON one line to the plain one.
func FuzzBlankLines(f *testing.F) {
	for _, text := range []string{"", "\n", "a\r\nb", "{\n\n\t\"a\":\r1}", "\r\r\r"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want := strings.NewReplacer("\n", " ", "\r", " ").Replace(string(text))
		if blankLines(text); string(text) != want {
			t.Fatalf("made %q, want %q", text, want)
		}
	})
}

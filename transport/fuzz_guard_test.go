package transport

import (
	"context"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// FuzzGuard holds what a request may come with to the rules for it, as net/url and
// the grammars of the RFCs read them: a Host on a loopback address, an Origin, an
// Accept and a Content-Type. Who may come and did not would be a nuisance; who came
// and may not is an attack.
func FuzzGuard(f *testing.F) {
	f.Add("localhost:8080", "http://localhost:8080", "application/json, text/event-stream", "application/json", true)
	f.Add("[::1]", "null", "text/*;q=0.5 , */*;q=0", `application/json; charset="UTF-8"`, true)
	f.Add("127.0.0.1.evil.example", "https://127.0.0.1.evil.example", "a, application/json;q=x", "application/json;", false)
	f.Add("LOCALHOST.", "http://localhost.", "TEXT/event-stream;q=0.000", "APPLICATION/json ;charset=latin1", true)
	f.Add("[::ffff:7f00:1]:1", "http://[::ffff:7f00:1]:1", "", "application/json, text/plain", true)
	f.Add("192.0.2.1:80", "http://192.0.2.1", "*/*", "", false)
	f.Add("localhost", "http://x@localhost", "*/*;q=0.0001", "application/json;charset", true)
	f.Add("127.1", "http://127.1", "application/*;Q=0", "application/json;charset=utf8", true)
	h := NewHTTP(new(Table), nil, HTTPOptions{})
	f.Fuzz(func(t *testing.T, host, origin, accept, contentType string, loopback bool) {
		if len(host)+len(origin)+len(accept)+len(contentType) > 1000 || strings.ContainsAny(accept+contentType, "\x00\r\n\"") {
			return // the first is not HTTP, and quotes may hold what separates elsewhere
		}
		local := "192.0.2.1"
		if loopback {
			local = "127.0.0.1"
		}
		r := httptest.NewRequest("POST", "/mcp", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(local)}))
		r.Host, r.Header = host, http.Header{}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		reason := h.checkSource(r)
		name, isHost := hostOf(host)
		if isHost && (origin == "" || browserOrigin.MatchString(origin)) && (reason == "") != mayCome(name, host, origin, loopback) {
			t.Fatalf("Host %q, Origin %q, loopback %v: %q", host, origin, loopback, reason)
		}
		if strings.ContainsFunc(reason, func(c rune) bool { return c < ' ' || c > '~' }) || len(reason) > 300 {
			t.Fatalf("the reason is %q", reason)
		}
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		if want, known := acceptable(accept); known && accepted(r) != want {
			got := accepted(r)
			t.Fatalf("Accept %q is %+v, want %+v", accept, got, want)
		}
		media, params, err := mime.ParseMediaType(contentType)
		charset, given := params["charset"]
		if want := err == nil && media == "application/json" && (!given || strings.ToLower(charset) == "utf-8"); isJSON([]string{contentType}) != want {
			t.Fatalf("Content-Type %q is JSON: %v", contentType, !want)
		}
	})
}

// hostOf returns the name in a Host header, and whether it is one that a browser
// can send: the authority of a URL (RFC 9112, section 3.2).
func hostOf(host string) (name string, ok bool) {
	u, err := url.Parse("http://" + host + "/")
	if err != nil || u.Host != host || u.User != nil || strings.ContainsAny(host, "%@/?#\\ ") || strings.ContainsFunc(host, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", false
	}
	if port := u.Port(); strings.HasSuffix(host, ":") || port != "" && !regexp.MustCompile(`^\d{1,5}$`).MatchString(port) {
		return "", false
	}
	name = u.Hostname()
	if strings.Contains(name, ":") != strings.HasPrefix(host, "[") || strings.HasPrefix(host, "[") && !isAddress(name) {
		return "", false // RFC 3986, section 3.2.2: what is in brackets is an address of IPv6
	}
	return strings.TrimSuffix(name, "."), true
}

func isAddress(name string) bool { _, err := netip.ParseAddr(name); return err == nil }

// mayCome is the rule: on a loopback address the Host is a name of it; and a page is
// one of the same host, which is a name that nobody else can point here.
func mayCome(name, host, origin string, loopback bool) bool {
	addr, err := netip.ParseAddr(name)
	ours := strings.ToLower(name) == "localhost" || err == nil && (addr.IsLoopback() || addr.Is4In6() && addr.Unmap().IsLoopback())
	if loopback && !ours {
		return false
	}
	if origin == "" {
		return true
	}
	scheme, authority, _ := strings.Cut(origin, "://")
	return (scheme == "http" || scheme == "https") && strings.EqualFold(authority, host) && (ours || isAddress(name))
}

// browserOrigin is an Origin as browsers send it (RFC 6454, section 6.2), or null.
var browserOrigin = regexp.MustCompile(`^(null|[a-z][a-z0-9+.-]*://[A-Za-z0-9.:_~\[\]-]+)$`)

// mediaRange is an element of an Accept as programs write it, with a weight or
// without (RFC 9110, section 12.5.1).
var mediaRange = regexp.MustCompile(`^[ \t]*([^ \t;]*)[ \t]*(;[ \t]*[qQ]=([01](\.[0-9]{0,3})?))?[ \t]*$`)

// acceptable reads an Accept: a weight of 0 is that something is not wanted.
func acceptable(accept string) (a accepts, known bool) {
	if accept == "" {
		return accepts{true, true}, true
	}
	for _, element := range strings.Split(accept, ",") {
		parts := mediaRange.FindStringSubmatch(element)
		if parts == nil {
			return a, false
		}
		if parts[2] != "" && strings.Trim(parts[3], "0.") == "" {
			continue
		}
		switch strings.ToLower(parts[1]) {
		case "application/json", "application/*":
			a.json = true
		case "text/event-stream", "text/*":
			a.stream = true
		case "*/*":
			a.json, a.stream = true, true
		}
	}
	return a, true
}

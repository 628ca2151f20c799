package transport

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestSource(t *testing.T) {
	const loopback, public = "127.0.0.1:8080", "192.0.2.1:8080"
	for _, tt := range []struct {
		name, local, host, origin string
		hosts, origins            []string
		ok                        bool
	}{
		{name: "address", local: loopback, host: "127.0.0.1:8080", ok: true},
		{name: "another loopback address", local: loopback, host: "127.8.9.1", ok: true},
		{name: "name", local: loopback, host: "localhost:1234", ok: true},
		{name: "case and trailing dot", local: loopback, host: "LocalHost.:80", ok: true},
		{name: "IPv6", local: "[::1]:8080", host: "[::1]:8080", ok: true},
		{name: "IPv6 without port", local: "[::1]:8080", host: "[::1]", ok: true},
		{name: "IPv4 in IPv6", local: "[::ffff:127.0.0.1]:80", host: "[::ffff:127.0.0.1]:80", ok: true},
		{name: "rebound name", local: loopback, host: "evil.example:8080"},
		{name: "rebound name, IPv4 in IPv6", local: "[::ffff:127.0.0.1]:80", host: "evil.example"},
		{name: "name that starts like one", local: loopback, host: "localhost.evil.example"},
		{name: "address in a name", local: loopback, host: "127.0.0.1.evil.example"},
		{name: "address of another machine", local: loopback, host: "192.0.2.7"},
		{name: "no host", local: loopback, host: ""},
		{name: "allowed host", local: loopback, host: "mcp.example:8080", hosts: []string{"x", "MCP.example"}, ok: true},
		{name: "allowed host and port", local: loopback, host: "mcp.example:443", hosts: []string{"mcp.example:443"}, ok: true},
		{name: "another port", local: loopback, host: "mcp.example:444", hosts: []string{"mcp.example:443"}},
		{name: "any host", local: loopback, host: "evil.example", hosts: []string{"*"}, ok: true},
		{name: "public address", local: public, host: "any.example", ok: true},
		{name: "unknown address", host: "any.example", ok: true},

		{name: "same origin", local: loopback, host: "localhost:8080", origin: "http://localhost:8080", ok: true},
		{name: "same origin behind TLS", local: public, host: "mcp.example", origin: "https://MCP.example", hosts: []string{"mcp.example"}, ok: true},
		{name: "same origin by address", local: public, host: "203.0.113.7:8080", origin: "http://203.0.113.7:8080", ok: true},
		{name: "a name that points here", local: public, host: "evil.example", origin: "http://evil.example"},
		{name: "another port's origin", local: loopback, host: "localhost:8080", origin: "http://localhost:3000"},
		{name: "another origin", local: public, host: "mcp.example", origin: "https://evil.example"},
		{name: "null origin", local: public, host: "mcp.example", origin: "null"},
		{name: "no URL", local: public, host: "mcp.example", origin: "://"},
		{name: "allowed origin", local: public, host: "mcp.example", origin: "https://app.example", origins: []string{"HTTPS://app.example/"}, ok: true},
		{name: "another scheme", local: public, host: "mcp.example", origin: "http://app.example", origins: []string{"https://app.example"}},
		{name: "any origin", local: public, host: "mcp.example", origin: "https://evil.example", origins: []string{"*"}, ok: true},
		{name: "an allowed origin opens no host", local: loopback, host: "evil.example", origin: "https://app.example", origins: []string{"https://app.example"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			o.AllowedHosts, o.AllowedOrigins = tt.hosts, tt.origins
			h := NewHTTP(new(Table), newFake().accept, o)
			for _, route := range []string{"/sse", "/messages/", "/mcp"} {
				r := httptest.NewRequest(http.MethodOptions, route, nil)
				r.Host = tt.host
				if tt.origin != "" {
					r.Header.Set("Origin", tt.origin)
				}
				if tt.local != "" {
					addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tt.local))
					r = r.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(addr)))
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if ok := w.Code == http.StatusNoContent; ok != tt.ok || !ok && w.Code != http.StatusForbidden {
					t.Errorf("%s: %d %s", route, w.Code, w.Body)
				}
			}
		})
	}
}

// What a client wrote comes back short and printable.
func TestSourceText(t *testing.T) {
	if got := printable("a\nb\x1b[é" + strings.Repeat("x", 200)); got != `"a?b?[?`+strings.Repeat("x", 94)+`..."` {
		t.Error(got)
	}
}

func TestCORS(t *testing.T) {
	const app = "https://app.example"
	for _, tt := range []struct {
		name, method, origin string
		allowed              []string
		status               int
		want                 map[string]string // of all headers that CORS is about
	}{
		{name: "nobody is allowed", method: "OPTIONS", status: 204},
		{name: "no origin", method: "OPTIONS", allowed: []string{app}, status: 204, want: map[string]string{"Vary": "Origin"}},
		{name: "preflight", method: "OPTIONS", origin: app, allowed: []string{"https://b.example", app}, status: 204, want: map[string]string{
			"Vary":                          "Origin",
			"Access-Control-Allow-Origin":   app,
			"Access-Control-Allow-Methods":  "GET, POST, DELETE, OPTIONS",
			"Access-Control-Allow-Headers":  "Accept, Authorization, Content-Type, Last-Event-ID, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id",
			"Access-Control-Expose-Headers": "Mcp-Session-Id, Retry-After, WWW-Authenticate",
			"Access-Control-Max-Age":        "86400",
		}},
		{name: "request", method: "POST", origin: app, allowed: []string{app}, status: 404, want: map[string]string{
			"Vary":                          "Origin",
			"Access-Control-Allow-Origin":   app,
			"Access-Control-Expose-Headers": "Mcp-Session-Id, Retry-After, WWW-Authenticate",
		}},
		{name: "refused", method: "OPTIONS", origin: "https://evil.example", allowed: []string{app}, status: 403},
		{name: "any", method: "OPTIONS", origin: app, allowed: []string{"*"}, status: 204, want: map[string]string{"Vary": "Origin"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			o.AllowedOrigins = tt.allowed
			h := NewHTTP(new(Table), newFake().accept, o)
			r := httptest.NewRequest(tt.method, "/messages/", nil)
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := map[string]string{}
			for name, values := range w.Header() {
				if name == "Vary" || strings.HasPrefix(name, "Access-Control-") {
					got[name] = strings.Join(values, "|")
				}
			}
			if w.Code != tt.status || !maps.Equal(got, tt.want) {
				t.Errorf("%d %v, want %d %v", w.Code, got, tt.status, slices.Sorted(maps.Keys(tt.want)))
			}
		})
	}
}

// A preflight may ask for the headers that carry arguments of tools.
func TestCORSParams(t *testing.T) {
	o := options()
	o.AllowedOrigins = []string{"https://app.example"}
	h := NewHTTP(new(Table), newFake().accept, o)
	for asked, want := range map[string]string{
		"":                                    "",
		"content-type":                        "",
		"mcp-param-city":                      ", mcp-param-city",
		"Mcp-Param-A, mcp-method,mcp-param-b": ", mcp-param-a, mcp-param-b",
		"x-mcp-param-a, mcp-param-a b, mcp-param-\"é": "",
	} {
		r := httptest.NewRequest(http.MethodOptions, "/mcp", nil)
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Access-Control-Request-Headers", asked)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got, ok := strings.CutPrefix(w.Header().Get("Access-Control-Allow-Headers"), corsHeaders); !ok || got != want {
			t.Errorf("%q: %q, want %q", asked, got, want)
		}
	}
}

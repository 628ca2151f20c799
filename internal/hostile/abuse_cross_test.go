package hostile

import (
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
)

// origins are Origin headers, and whether a page of that origin may use a server
// that is called HOST; app.example is one of AllowedOrigins.
var origins = []struct {
	origin string
	same   bool // the page came from this server
	listed bool
}{
	{origin: "http://HOST", same: true},
	{origin: "https://HOST", same: true}, // TLS ends in front of us
	{origin: "https://app.example", listed: true},
	{origin: "https://APP.example", listed: true},

	{origin: "http://app.example"},
	{origin: "https://app.example:8443"},
	{origin: "https://app.example.evil.example"},
	{origin: "https://evil.app.example"},
	{origin: "https://app.example@evil.example"},
	{origin: "https://app.example/"},
	{origin: "https://app.example, https://evil.example"},
	{origin: "https://app.example https://evil.example"},
	{origin: "null"},
	{origin: "NULL"},
	{origin: "*"},
	{origin: "http://evil.example"},
	{origin: "http://localhost"},
	{origin: "http://localhost:1"},
	{origin: "http://127.0.0.1"},
	{origin: "http://127.0.0.1:1"},
	{origin: "http://[::1]:1"},
	{origin: "http://0.0.0.0:PORT"},
	{origin: "http://HOST.evil.example"},
	{origin: "http://HOST@evil.example"},
	{origin: "http://evil.example@HOST"},
	{origin: "http://evil.example:1@HOST"},
	{origin: "http://evil.example/HOST"},
	{origin: "http://evil.example#@HOST"},
	{origin: "http://evil.example?HOST"},
	{origin: "http://evil.example\\@HOST"},
	{origin: "http://HOST/evil.example"},
	{origin: "http://HOST?evil.example"},
	{origin: "http://HOST#evil.example"},
	{origin: " http://HOST ", same: true}, // HTTP takes the spaces away
	{origin: "http://HOST\tx"},
	{origin: "HOST"},
	{origin: "//HOST"},
	{origin: "http:HOST"},
	{origin: "http:///HOST"},
	{origin: "file://"},
	{origin: "file://HOST"},
	{origin: "chrome-extension://HOST"},
	{origin: "chrome-extension://abcdefghijklmnopabcdefghijklmnop"},
	{origin: "moz-extension://f00"},
	{origin: "vscode-webview://HOST"},
	{origin: "javascript://HOST"},
	{origin: "data:"},
	{origin: "blob:http://HOST"},
	{origin: "ws://HOST"},
	{origin: "http://HOST\r\nOrigin: http://evil.example"},
	{origin: "http://evil.example\r\nOrigin: http://HOST"},
	{origin: "https://app.example\r\nOrigin: https://app.example"},
}

// TestAbuseOrigins: pages of the server's own origin, where nobody else can have its
// name, and of the origins that the options name may use it, and no others, on a
// loopback address and on any other.
func TestAbuseOrigins(t *testing.T) {
	for _, public := range []bool{false, true} {
		for _, named := range []bool{false, true} {
			o := server.Options{}
			if named {
				o.AllowedOrigins, o.AllowedHosts = []string{"https://app.example"}, []string{"mcp.example"}
			}
			at := serveGuarded(t, public, o)
			port := at[strings.LastIndexByte(at, ':')+1:]
			for _, host := range []string{at, "localhost:" + port, "[::1]:" + port, "mcp.example", "evil.example"} {
				serves := public || host != "evil.example" && (named || host != "mcp.example")
				known := host != "evil.example" && (named || host != "mcp.example")
				if got := enter(t, at, "POST", "/mcp", 200, "Host: "+host); got != serves {
					t.Errorf("without an Origin, the Host %s: served is %v, want %v (public: %v, named: %v)", host, got, serves, public, named)
				}
				for _, tt := range origins {
					origin := strings.NewReplacer("HOST", host, "PORT", port).Replace(tt.origin)
					want := serves && (tt.same && known || tt.listed && named)
					for _, e := range endpoints {
						if got := enter(t, at, e.method, e.target, e.status, "Host: "+host, "Origin: "+origin); got != want {
							t.Errorf("%s %s with the Origin %q, the Host %s: served is %v, want %v (public: %v, named: %v)",
								e.method, e.target, origin, host, got, want, public, named)
						}
					}
				}
			}
		}
	}
}

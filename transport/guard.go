package transport

import (
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// checkSource refuses what a web page of another site can make a browser send
// (2024-11-05, HTTP with SSE, security warning). It returns why, or "".
func (h *HTTP) checkSource(r *http.Request) (reason string) {
	if onLoopback(r) && !loopbackName(r.Host) && !listed(h.o.AllowedHosts, r.Host) {
		return "Host " + printable(r.Host) + " is not a name of this loopback address: if a proxy sends it, add it to AllowedHosts"
	}
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(h.o.AllowedOrigins, "*") || h.allowedOrigin(origin) {
		return ""
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return ""
	}
	return "Origin " + printable(origin) + " is not allowed: add it to AllowedOrigins if its pages may connect"
}

func (h *HTTP) allowedOrigin(origin string) bool {
	return slices.ContainsFunc(h.o.AllowedOrigins, func(o string) bool {
		return strings.EqualFold(strings.TrimSuffix(o, "/"), origin)
	})
}

// printable keeps what a client wrote from breaking a log line, or filling it.
func printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
	if len(s) > 100 {
		s = s[:100] + "..."
	}
	return `"` + s + `"`
}

func onLoopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.IP.IsLoopback() // also of ::ffff:127.0.0.1
}

// hostname returns the host of a Host header, without port, brackets and final dot.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}

func loopbackName(host string) bool {
	name := hostname(host)
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(name, "localhost")
}

func listed(hosts []string, host string) bool {
	return slices.ContainsFunc(hosts, func(h string) bool {
		return h == "*" || strings.EqualFold(h, host) || strings.EqualFold(h, hostname(host))
	})
}

// cors lets the pages of a listed origin read what they get (Fetch standard,
// CORS protocol). Nothing is said to any other.
func (h *HTTP) cors(w http.ResponseWriter, r *http.Request) {
	if len(h.o.AllowedOrigins) == 0 {
		return
	}
	header := w.Header()
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !h.allowedOrigin(origin) {
		return
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", "Mcp-Session-Id, Retry-After, WWW-Authenticate")
	if r.Method == http.MethodOptions {
		header.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
		header.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Last-Event-ID, MCP-Protocol-Version, Mcp-Session-Id")
		header.Set("Access-Control-Max-Age", "86400")
	}
}

func isJSON(contentType string) bool {
	if contentType == "application/json" { // as nearly everyone writes it
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	charset, given := params["charset"]
	return err == nil && media == "application/json" && (!given || strings.EqualFold(charset, "utf-8"))
}

// acceptsStream reports whether the client takes an event stream. One that says
// nothing takes anything (RFC 9110, section 12.5.1).
func acceptsStream(r *http.Request) bool {
	accept := r.Header.Values("Accept")
	if len(accept) == 0 {
		return true
	}
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			media, params, _ := mime.ParseMediaType(strings.TrimSpace(part))
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q == 0 {
				continue // "not acceptable"
			}
			if media == "text/event-stream" || media == "text/*" || media == "*/*" {
				return true
			}
		}
	}
	return false
}

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
	if !h.knownLocal(r.Host) && !KnownHost(r, h.o.AllowedHosts) {
		return "Host " + printable(r.Host) + " is not a name of this loopback address: if a proxy sends it, add it to AllowedHosts"
	}
	origins := r.Header["Origin"]
	if len(origins) == 0 || slices.Contains(h.o.AllowedOrigins, "*") {
		return ""
	}
	if len(origins) > 1 { // of which one may be true
		return "Origin is there more than once"
	}
	origin := origins[0]
	if origin == "" || h.allowedOrigin(origin) || sameOrigin(origin, r.Host) && h.knownHost(r.Host) {
		return ""
	}
	return "Origin " + printable(origin) + " is not allowed: add it to AllowedOrigins if its pages may connect"
}

// sameOrigin reports whether an origin is that of pages of this host, whatever is
// in front of it.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, host) && origin == u.Scheme+"://"+u.Host
}

// maxFields is how many headers, and arguments in the query, a request may have.
// Small ones take twenty times their length, for as long as it is served, or the
// session that it opens lasts.
const maxFields = 200

// tooMuch says what a request has too many of; the reason is "" if nothing.
func tooMuch(r *http.Request) (status int, reason string) {
	switch {
	case len(r.Header) > maxFields:
		return http.StatusRequestHeaderFieldsTooLarge, "more than " + strconv.Itoa(maxFields) + " headers"
	case strings.Count(r.URL.RawQuery, "&") >= maxFields:
		return http.StatusRequestURITooLong, "more than " + strconv.Itoa(maxFields) + " arguments in the query"
	}
	return 0, ""
}

// knownLocal reports whether a Host header is accepted on a loopback address. The
// one that was last is remembered: there are few.
func (h *HTTP) knownLocal(host string) bool {
	if last := h.local.Load(); last != nil && *last == host {
		return true
	}
	if !loopbackName(host) && !listed(h.o.AllowedHosts, host) {
		return false
	}
	h.local.Store(&host)
	return true
}

// knownHost reports whether a Host header is a name of this server, which no
// other site can make its own name point to: an address, localhost, or one that
// the options name.
func (h *HTTP) knownHost(host string) bool {
	if _, err := netip.ParseAddr(hostname(host)); err == nil {
		return true
	}
	u, err := url.Parse(h.o.PublicURL)
	return loopbackName(host) || listed(h.o.AllowedHosts, host) || err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
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

// KnownHost reports whether a request came to an address that is not loopback, or
// names it by one of its own names, or by one that is allowed: any other may be that
// of a foreign web page, which was made to point here. For a handler beside [HTTP],
// which sees to that itself; allowed is as HTTPOptions.AllowedHosts.
func KnownHost(r *http.Request, allowed []string) bool {
	return !onLoopback(r) || loopbackName(r.Host) || listed(allowed, r.Host)
}

func onLoopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.IP.IsLoopback() // also of ::ffff:127.0.0.1
}

// hostname returns the host of a Host header, without port, brackets and final dot.
func hostname(host string) string {
	if name, port, err := net.SplitHostPort(host); err == nil && strings.Trim(port, "0123456789") == "" {
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
		header.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
		header.Set("Access-Control-Allow-Headers", corsHeaders+paramHeaders(r))
		header.Set("Access-Control-Max-Age", "86400")
	}
}

const corsHeaders = "Accept, Authorization, Content-Type, Last-Event-ID, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id"

// paramHeaders returns the headers that a preflight asks for and that carry
// arguments of tools, whose names only the tools know (2026-07-28, streamable
// HTTP, request metadata), each after a comma.
func paramHeaders(r *http.Request) string {
	var found strings.Builder
	for _, line := range r.Header.Values("Access-Control-Request-Headers") {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			if strings.HasPrefix(name, "mcp-param-") && !strings.ContainsFunc(name, notToken) {
				found.WriteString(", " + name)
			}
		}
	}
	return found.String()
}

// notToken reports whether a header's name cannot hold c (RFC 9110, section 5.6.2).
func notToken(c rune) bool {
	return c <= ' ' || c > '~' || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", c)
}

// isJSON reports whether a header names the type of a JSON text, and no other one:
// whoever looked at the request before may have read that.
func isJSON(contentType []string) bool {
	if len(contentType) != 1 {
		return false
	}
	if contentType[0] == "application/json" { // as nearly everyone writes it
		return true
	}
	media, params, err := mime.ParseMediaType(contentType[0])
	charset, given := params["charset"]
	return err == nil && media == "application/json" && (!given || strings.EqualFold(charset, "utf-8"))
}

// accepts is what a client takes for an answer.
type accepts struct{ json, stream bool }

// accepted returns what a client takes. One that says nothing takes anything
// (RFC 9110, section 12.5.1).
func accepted(r *http.Request) (a accepts) {
	accept := r.Header["Accept"]
	if len(accept) == 0 {
		return accepts{json: true, stream: true}
	}
	if accept[0] == "application/json, text/event-stream" && len(accept) == 1 { // as nearly everyone writes it
		return accepts{json: true, stream: true}
	}
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			a.add(strings.TrimSpace(part))
		}
	}
	return a
}

func (a *accepts) add(part string) {
	media, params, _ := strings.Cut(part, ";")
	if params != "" {
		_, values, _ := mime.ParseMediaType(part)
		if q, err := strconv.ParseFloat(values["q"], 64); err == nil && q == 0 {
			return // "not acceptable"
		}
	}
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/json", "application/*":
		a.json = true
	case "text/event-stream", "text/*":
		a.stream = true
	case "*/*":
		a.json, a.stream = true, true
	}
}

// isCompressed reports whether a header names an encoding that is one.
func isCompressed(contentEncoding []string) bool {
	return slices.ContainsFunc(contentEncoding, func(e string) bool {
		return e != "" && !strings.EqualFold(e, "identity")
	})
}

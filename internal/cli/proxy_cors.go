package cli

import (
	"net/http"
	"slices"
	"strings"
)

// cors is what web pages of other origins are told (Fetch standard, CORS protocol),
// beside what transport says to those of a list: of any origin, where that was
// asked for, and of more headers.
type cors struct {
	origins []string
	any     bool
	expose  string
}

func newCORS(origins, expose []string) cors {
	names := append([]string{"Mcp-Session-Id", "Retry-After", "WWW-Authenticate"}, expose...)
	return cors{origins, slices.Contains(origins, "*"), strings.Join(names, ", ")}
}

// wrap has the headers added to what is answered to a page that may connect.
func (c *cors) wrap(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	origin := r.Header.Get("Origin")
	if origin == "" || !c.allows(origin) {
		return w
	}
	return &corsWriter{ResponseWriter: w, add: func(h http.Header) { c.add(h, r, origin) }}
}

func (c *cors) allows(origin string) bool {
	return c.any || slices.ContainsFunc(c.origins, func(o string) bool {
		return strings.EqualFold(strings.TrimSuffix(o, "/"), origin)
	})
}

func (c *cors) add(h http.Header, r *http.Request, origin string) {
	if c.any {
		origin = "*"
	} else if !slices.Contains(h.Values("Vary"), "Origin") {
		h.Add("Vary", "Origin")
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", c.expose)
	if r.Method != http.MethodOptions {
		return
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
	h.Set("Access-Control-Max-Age", "86400")
	var asked []string // is what it may send: it is a page that may connect
	for _, line := range r.Header.Values("Access-Control-Request-Headers") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); isToken(name) {
				asked = append(asked, name)
			}
		}
	}
	h.Set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
}

// corsWriter adds headers before the first byte leaves: what is below sets some of
// the same.
type corsWriter struct {
	http.ResponseWriter
	add func(http.Header)
}

func (w *corsWriter) once() {
	if w.add != nil {
		w.add(w.Header())
		w.add = nil
	}
}

// WriteHeader implements [http.ResponseWriter].
func (w *corsWriter) WriteHeader(status int) {
	w.once()
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *corsWriter) Write(b []byte) (int, error) {
	w.once()
	return w.ResponseWriter.Write(b)
}

// FlushError sends what is written, and the headers before it.
func (w *corsWriter) FlushError() error {
	w.once()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for [http.ResponseController].
func (w *corsWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

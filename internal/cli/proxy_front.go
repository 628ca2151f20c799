package cli

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/bridge"
	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// front is the proxy as an [http.Handler]: the default server at the root, or
// under --path, the named ones at servers/NAME/ beside it, /status and /healthz.
type front struct {
	plan     *proxyPlan
	mux      *http.ServeMux
	cors     cors
	served   []served
	began    time.Time
	draining atomic.Bool
}

// served is one server and its front. Each has its connections for itself, so that
// a session of one is none of another.
type served struct {
	name    string
	bridge  *bridge.Bridge // nil if there is a failure
	http    *transport.HTTP
	failure error
}

// newFront makes the bridges and puts them where they belong. One that cannot be
// made leaves the others alone, unless there is no other.
func newFront(plan *proxyPlan) (*front, error) {
	f := &front{plan: plan, mux: http.NewServeMux(), began: time.Now()}
	f.cors = newCORS(plan.flags.origins, plan.flags.expose)
	prefix := strings.TrimSuffix(plan.flags.path, "/") + "/"
	f.mux.HandleFunc("GET /status", f.status)
	f.mux.HandleFunc(prefix+"servers/", notFound("there is no server of this name: the names are in /status"))
	if prefix != "/" || plan.offers[0].Name != "" { // or it is the default server's
		f.mux.HandleFunc("/", notFound("there is no server here: "+prefix+" is where they are, and their names are in /status"))
	}
	working := 0
	for _, o := range plan.offers {
		s := f.serve(o)
		f.served = append(f.served, s)
		if s.failure != nil && len(plan.offers) == 1 {
			return nil, s.failure
		}
		handler := http.Handler(s.http)
		if s.failure != nil {
			plan.logger.Error("the server cannot be offered", "server", s.name, "error", s.failure)
			handler = failed("this server is not configured as it has to be: see /status")
		} else {
			working++
		}
		f.mux.Handle(prefix+place(s.name), handler)
	}
	if working == 0 {
		return nil, f.served[0].failure
	}
	return f, nil
}

// place is where a server is: the default one, which has no name, at the root.
func place(name string) string {
	if name == "" {
		return ""
	}
	return "servers/" + url.PathEscape(name) + "/"
}

// serve makes the bridge of a server, and its front.
func (f *front) serve(o proxied) served {
	s := served{name: o.Name, failure: o.failure}
	if s.failure != nil {
		return s
	}
	if s.bridge, s.failure = o.newBridge(); s.failure != nil {
		return s
	}
	flags := f.plan.flags
	options := transport.HTTPOptions{
		AllowedHosts:   flags.hosts,
		AllowedOrigins: flags.origins,
		Alone:          envelope.StandsAlone,
		Refuse:         refuseRevision,
		NoSessions:     flags.stateless,
		Logger:         f.plan.logger,
		IsCredential: func(name string) bool {
			return name == principalArg || tool.IsSecretName(name, flags.secretArgs...)
		},
	}
	if len(f.plan.keys.keys) > 0 {
		options.ArgHeaders = map[string]string{"Authorization": "auth", principalHeader: principalArg}
	}
	s.http = transport.NewHTTP(new(transport.Table), accept(s.bridge), options)
	return s
}

// refuseRevision refuses a GET or DELETE of a revision that nobody knows; a POST is
// the bridge's to refuse.
func refuseRevision(h http.Header) *transport.Refusal {
	if date := h.Get(mcp.HeaderVersion); date != "" && mcp.ByDate(date) == nil {
		return &transport.Refusal{Status: http.StatusBadRequest, Reason: "the protocol version is not one of " + strings.Join(envelope.Supported(""), ", ")}
	}
	return nil
}

// accept gives a connection its principal, and hides from the server by what it
// was known.
func accept(b *bridge.Bridge) transport.Accept {
	return func(p *transport.Peer) (transport.Receiver, error) {
		p.Principal = principalOf(p)
		delete(p.Args, principalArg)
		return b.Accept(p)
	}
}

// ServeHTTP implements [http.Handler].
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// For what is answered here; transport sets its own. Who reads no response would
	// hold the connection for ever, as would who does not send the body of a request
	// that is refused: net/http waits for it.
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(2 * ioTime)) // the body comes first
	if r.ContentLength != 0 {
		_ = rc.SetReadDeadline(time.Now().Add(ioTime))
	}
	if r.URL.Path == "/healthz" { // whoever asks knows no key
		f.health(w)
		return
	}
	w = f.cors.wrap(w, r)
	if r.Method != http.MethodOptions { // a browser asks before it has a key to show
		in, ok := f.plan.keys.admit(r)
		if !ok {
			f.plan.logger.Warn("request refused: it carries no key of ours", "remote", r.RemoteAddr)
			w.Header().Set("WWW-Authenticate", `Bearer realm="sessionmcp"`)
			answerError(w, http.StatusUnauthorized, "this proxy wants a key: as Bearer token, as X-API-Key, or as api_key in the URL")
			return
		}
		r = in
	}
	f.mux.ServeHTTP(w, r)
}

func (f *front) health(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	text := "ok\n"
	if f.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		text = "shutting down\n"
	}
	_, _ = w.Write([]byte(text)) // a client that left will not miss it
}

// proxyStatus is what /status answers.
type proxyStatus struct {
	Version string          `json:"version"`
	Uptime  int64           `json:"uptime"` // seconds
	Servers []bridge.Status `json:"servers"`
}

func (f *front) status(w http.ResponseWriter, r *http.Request) {
	if !transport.KnownHost(r, f.plan.flags.hosts) {
		answerError(w, http.StatusForbidden, "the Host is not a name of this loopback address: if a web server in front sends it, add it with --allow-host")
		return
	}
	now := proxyStatus{Version: version(), Uptime: int64(time.Since(f.began) / time.Second)}
	for _, s := range f.served {
		if s.failure != nil {
			now.Servers = append(now.Servers, bridge.Status{Name: s.name, LastError: s.failure.Error()})
		} else {
			now.Servers = append(now.Servers, s.bridge.Status())
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = printJSON(w, now) // a client that left will not miss it
}

func notFound(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { answerError(w, http.StatusNotFound, text) }
}

func failed(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answerError(w, http.StatusServiceUnavailable, text)
	}
}

// answerError answers as transport does: with a JSON-RPC error that belongs to no
// request.
func answerError(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	body, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": nil,
		"error": map[string]any{"code": -32600, "message": text},
	})
	if err == nil {
		_, _ = w.Write(body) // a client that left will not miss it
	}
}

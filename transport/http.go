package transport

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// HTTPOptions say how [HTTP] serves. The zero value works.
type HTTPOptions struct {
	Limits Limits

	// KeepAlive is the time between comments on a silent stream, which keep
	// proxies from cutting it: 15 s if zero, never if negative.
	KeepAlive time.Duration

	// PublicURL is put before the message endpoint that a stream announces, for
	// clients that do not resolve a relative reference: "/prefix", or
	// "https://host/prefix". Empty announces a relative one, which survives any
	// prefix, also one that a proxy strips.
	PublicURL string

	// AllowedHosts are the Host headers accepted on a loopback address beside
	// its own names: "mcp.example.com", with a port to accept that port alone.
	// "*" accepts any, which gives up the protection from DNS rebinding. On any
	// address, the web pages of these hosts may connect to them.
	AllowedHosts []string

	// AllowedOrigins are the web origins, such as "https://app.example.com",
	// whose pages may connect beside pages of the same host. They get CORS
	// headers; no other origin does. "*" accepts any, without CORS headers.
	AllowedOrigins []string

	// ArgHeaders maps header names to the connection arguments they carry.
	// nil is {"Authorization": "auth"}, and of Authorization the Bearer token
	// is taken.
	ArgHeaders map[string]string

	// IsCredential reports whether an argument of this name says who is calling.
	// A POST that carries one must carry the one the stream was opened with.
	// nil is none.
	IsCredential func(name string) bool

	// Alone reports whether a message that came to the streamable HTTP endpoint
	// stands alone: it is served on a connection of its own, with the arguments of
	// the request that brought it, whatever session that names; and that
	// connection ends with the HTTP request. nil is none.
	Alone func(h http.Header, m *jsonrpc.Message) bool

	// Refuse says why a GET or DELETE of the streamable HTTP endpoint is refused
	// for its header; nil, or what returns nil, refuses none. A POST is the
	// Receiver's to refuse.
	Refuse func(h http.Header) *Refusal

	// NoSessions serves every message to the streamable HTTP endpoint on a
	// connection of its own: [Peer.Keep] does nothing, GET and DELETE are refused.
	NoSessions bool

	// Logger gets what goes wrong; nil is slog.Default.
	Logger *slog.Logger
}

// HTTP serves connections as an [http.Handler], under any prefix: requests are
// told apart by how their path ends.
//
//	POST   …/mcp          takes a message and answers it (streamable HTTP)
//	GET    …/mcp          streams what a session sends by itself, or the rest of a
//	                      stream that was cut (2025-03-26 to 2025-11-25, transports)
//	DELETE …/mcp          ends a session
//	GET    …/sse          opens an HTTP+SSE stream (2024-11-05, HTTP with SSE)
//	POST   …/messages/    takes a message for such a stream
//	GET    …/healthz      200, or 503 while shutting down
//
// A session of streamable HTTP begins when a [Receiver] calls [Peer.Keep]. Where
// it does not, a message has a connection of its own, which ends with the HTTP
// request and is cancelled when the client leaves. In a session a client that
// leaves cancels nothing: what comes on a stream is kept, and a GET with
// Last-Event-ID resumes it. An answer that has not become a stream has no event
// id to resume from, and is lost.
type HTTP struct {
	table      *Table
	accept     Accept
	o          HTTPOptions
	argHeaders []string // the keys of o.ArgHeaders, sorted
	streams    tracker  // every stream that is open or opening, and every streamable session
	runs       tracker  // every call of every connection
	budget     *budget
	bodies     atomic.Int64           // bytes of memory that the bodies have which are received, or worked on
	local      atomic.Pointer[string] // see knownLocal
}

// NewHTTP returns a handler whose connections are kept in table.
func NewHTTP(table *Table, accept Accept, o HTTPOptions) *HTTP {
	o.Limits = o.Limits.WithDefaults()
	if o.KeepAlive == 0 {
		o.KeepAlive = 15 * time.Second
	}
	if o.ArgHeaders == nil {
		o.ArgHeaders = map[string]string{"Authorization": "auth"}
	}
	if o.IsCredential == nil {
		o.IsCredential = func(string) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &HTTP{
		table:      table,
		accept:     accept,
		o:          o,
		argHeaders: slices.Sorted(maps.Keys(o.ArgHeaders)),
		budget:     newBudget(&o.Limits),
	}
}

// ServeHTTP implements [http.Handler].
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 { // net/http also waits for the body of a request that is refused
		// A deadline that a connection cannot set is one it does not need.
		_ = http.NewResponseController(w).SetReadDeadline(deadline(h.o.Limits.Read))
	}
	route := route(r)
	if route == "healthz" {
		h.health(w)
		return
	}
	if code, reason := tooMuch(r); reason != "" {
		w.Header().Set("Connection", "close")
		fail(w, code, jsonrpc.CodeInvalidRequest, reason)
		return
	}
	methods := h.methods(route)
	if methods == nil {
		fail(w, http.StatusNotFound, jsonrpc.CodeInvalidRequest, "not found: the endpoints are mcp, sse, messages/ and healthz")
		return
	}
	if reason := h.checkSource(r); reason != "" {
		h.o.Logger.Warn("request refused", "reason", reason, "remote", r.RemoteAddr)
		fail(w, http.StatusForbidden, jsonrpc.CodeInvalidRequest, reason)
		return
	}
	h.cors(w, r)
	if slices.Contains(methods, r.Method) {
		h.serve(route, w, r)
		return
	}
	takes := strings.Join(methods, ", ")
	w.Header().Set("Allow", takes+", OPTIONS")
	if r.Method == http.MethodOptions {
		status(w, http.StatusNoContent)
		return
	}
	fail(w, http.StatusMethodNotAllowed, jsonrpc.CodeInvalidRequest, route+" takes "+takes)
}

var (
	mcpMethods = []string{http.MethodPost, http.MethodGet, http.MethodDelete}
	onlyPost   = []string{http.MethodPost}
	onlyGet    = []string{http.MethodGet}
)

// methods returns what an endpoint takes; nil if there is none of that name.
func (h *HTTP) methods(route string) []string {
	switch {
	case route == "mcp" && !h.o.NoSessions:
		return mcpMethods
	case route == "mcp", route == "messages":
		return onlyPost
	case route == "sse":
		return onlyGet
	}
	return nil
}

// serve serves a request with a method that the endpoint takes.
func (h *HTTP) serve(route string, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && !h.skipBody(w, r) {
		return
	}
	switch {
	case route == "sse":
		h.openSSE(w, r)
	case route == "messages":
		h.postSSE(w, r)
	case r.Method == http.MethodPost:
		h.postMCP(w, r)
	case h.refused(w, r):
	case r.Method == http.MethodGet:
		h.getMCP(w, r)
	default:
		h.deleteMCP(w, r)
	}
}

// refused answers a request whose header is refused.
func (h *HTTP) refused(w http.ResponseWriter, r *http.Request) bool {
	if h.o.Refuse == nil {
		return false
	}
	refusal := h.o.Refuse(r.Header)
	if refusal == nil {
		return false
	}
	h.refuse(w, refusal, "")
	return true
}

// route returns the last segment of the path, as the client that resolves a
// reference against its URL understands segments: an escaped slash is none.
func route(r *http.Request) string {
	path := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

func (h *HTTP) health(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if h.runs.hasEnded() {
		status(w, http.StatusServiceUnavailable)
		io.WriteString(w, "shutting down\n")
		return
	}
	status(w, http.StatusOK)
	io.WriteString(w, "ok\n")
}

// briefly is how long a response may take that is only a status, or not much more: of
// a refusal net/http first reads the body, for which there is Limits.Read.
const briefly = time.Minute

// status begins such a response. Without a deadline, who sends requests and reads
// no responses would hold his connection, and its goroutine, for ever.
func status(w http.ResponseWriter, code int) {
	// A deadline that a connection cannot set is one it does not need.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(briefly))
	w.WriteHeader(code)
}

// fail answers with a JSON-RPC error that belongs to no request.
func fail(w http.ResponseWriter, status, code int, message string) {
	failWith(w, status, "", &jsonrpc.Error{Code: code, Message: message})
}

// failWith answers with an error, to the request with this id if it has one.
func failWith(w http.ResponseWriter, code int, id jsonrpc.ID, failure *jsonrpc.Error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	status(w, code)
	m := jsonrpc.Message{ID: id, Error: failure}
	w.Write(m.Append(nil))
}

// refuse tells why a connection, or a request on it, was not accepted. id is that
// of the request, if it can be told.
func (h *HTTP) refuse(w http.ResponseWriter, err error, id jsonrpc.ID) {
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		h.o.Logger.Error("accepting a connection failed", "error", err)
		refusal = &Refusal{Status: http.StatusInternalServerError, Reason: "internal error"}
	}
	if refusal.Status < 400 || refusal.Status > 599 {
		h.o.Logger.Error("a refusal has no status of an error", "status", refusal.Status)
		refusal = &Refusal{Status: http.StatusInternalServerError, Reason: refusal.Reason}
	}
	for name, values := range refusal.Header {
		for _, value := range values {
			w.Header().Add(name, value)
		}
	}
	code := jsonrpc.CodeInvalidRequest
	if refusal.Status >= 500 {
		code = jsonrpc.CodeServerBusy
	}
	failWith(w, refusal.Status, id, &jsonrpc.Error{Code: code, Message: refusal.Reason})
}

// inbound is the body that was received of a request, until it is put back.
type inbound struct {
	*pool.Buffer
	of *HTTP
}

func (b inbound) put() {
	b.of.bodies.Add(-int64(cap(b.B)))
	b.Put()
}

// readBody reads a body of at most the limit. On an error the request has been
// answered. inPlace says that the handler stays after that.
func (h *HTTP) readBody(w http.ResponseWriter, r *http.Request, inPlace bool) (inbound, bool) {
	if isCompressed(r.Header["Content-Encoding"]) {
		fail(w, http.StatusUnsupportedMediaType, jsonrpc.CodeInvalidRequest, "compressed bodies are not accepted")
		return inbound{}, false
	}
	if !isJSON(r.Header["Content-Type"]) {
		fail(w, http.StatusUnsupportedMediaType, jsonrpc.CodeInvalidRequest, "Content-Type must be application/json")
		return inbound{}, false
	}
	return h.receiveBody(w, r, inPlace)
}

// skipBody reads a body that nobody has asked for, before a stream begins: net/http
// would do so then, and wait for it. On false the request has been answered.
func (h *HTTP) skipBody(w http.ResponseWriter, r *http.Request) bool {
	if r.ContentLength == 0 {
		return true
	}
	body, ok := h.receiveBody(w, r, true)
	if ok {
		body.put()
	}
	return ok
}

func (h *HTTP) receiveBody(w http.ResponseWriter, r *http.Request, inPlace bool) (inbound, bool) {
	if r.ContentLength > int64(h.o.Limits.Message) {
		h.bodyTooLarge(w, r)
		return inbound{}, false
	}
	b := inbound{pool.GetSmall(), h}
	err := b.readFrom(r.Body, r.ContentLength)
	if err == nil {
		if inPlace {
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // or its passing ends the call
		}
		return b, true
	}
	b.put()
	if err == errTooLarge {
		h.bodyTooLarge(w, r)
	} else if err == errBodies {
		w.Header().Set("Connection", "close")
		h.refuse(w, busy("the messages that are under way are too large, all together: try again later"), "")
	} else {
		fail(w, http.StatusBadRequest, jsonrpc.CodeParseError, "the body could not be read")
	}
	return inbound{}, false
}

var (
	errBodies   = errors.New("the bodies are too large, all together")
	errTooLarge = errors.New("the body is too large")
)

// mostDrained is up to what size a body is read to its end that is too large.
const mostDrained = 16 << 20

// bodyTooLarge refuses a body. Who still sends finds his connection broken once it is
// closed: a proxy says then that there is no server, and not what was wrong.
func (h *HTTP) bodyTooLarge(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength <= mostDrained && r.Header.Get("Expect") == "" {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(grace))
		_, _ = io.CopyN(io.Discard, r.Body, mostDrained) // as far as it comes
	}
	w.Header().Set("Connection", "close") // the rest of the body is not worth reading
	failWith(w, http.StatusRequestEntityTooLarge, "", tooLarge(h.o.Limits.Message))
}

// deadline is d from now; a d that has no limit gives none.
func deadline(d time.Duration) time.Time {
	if d > 100*365*24*time.Hour {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// bodyRoom is how much room is made for the rest of a body of which there is so much,
// if it is as long as the client says. Whoever makes that up has to send a quarter
// of what he makes the server hold.
func bodyRoom(there int, size int64) int {
	rest := int(size) - there + 1 // the read that finds the end needs room as well
	if size < 0 || rest <= 0 {
		rest = 512
	}
	return min(rest, max(3*there, smallBody))
}

// smallBody is up to how many bytes a body is small. A quarter of what there is for
// bodies is for small ones: a few clients that send large ones keep nobody out.
const smallBody = 4 << 10

// count counts the memory that the body has now, and had before, against what all
// have together, and reports whether that is not too much.
func (b inbound) count(before int) bool {
	limit := b.of.o.Limits.Bodies
	if cap(b.B) > smallBody {
		limit -= limit / 4
	}
	return b.of.bodies.Add(int64(cap(b.B)-before)) <= int64(limit)
}

// readFrom reads all of r. size is a hint, which a client may have made up.
func (b inbound) readFrom(r io.Reader, size int64) error {
	if !b.count(0) {
		return errBodies
	}
	for {
		if before := cap(b.B); len(b.B) == before {
			b.Grow(bodyRoom(len(b.B), size))
			if !b.count(before) {
				return errBodies
			}
		}
		n, err := r.Read(b.B[len(b.B):cap(b.B)])
		b.B = b.B[:len(b.B)+n]
		if len(b.B) > b.of.o.Limits.Message {
			return errTooLarge
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Shutdown ends the service in order: no new sessions and calls; what would stay
// is told to end (see [Peer.Closing]); the calls under way have until ctx ends; then their contexts end with [ErrShutdown] and they
// have a second more to answer; then the streams are written to their end and
// close. Connections in the table that came another way are left alone. The
// error says that calls were cut, or streams whose client does not read.
func (h *HTTP) Shutdown(ctx context.Context) error {
	h.runs.end()
	h.streams.end()
	for p := range h.sessions() {
		p.closing.set()
	}
	err := h.runs.wait(ctx)
	if err != nil {
		for p := range h.sessions() {
			p.work.Cancel(ErrShutdown)
		}
		_ = waitGrace(ctx, &h.runs) // what has not ended by now is left behind
	}
	for p := range h.sessions() {
		p.Close(ErrShutdown)
	}
	if h.streams.wait(ctx) != nil {
		err = errors.Join(err, waitGrace(ctx, &h.streams))
	}
	return err
}

// sessions yields the connections that came by h.
func (h *HTTP) sessions() iter.Seq[*Peer] {
	return func(yield func(*Peer) bool) {
		for p := range h.table.All() {
			if p.http == h && !yield(p) {
				return
			}
		}
	}
}

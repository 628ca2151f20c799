package hostile

import (
	"slices"
	"strings"
)

// What docs/http.md says of a request, with no look at the code: which refusals it
// may get, of everything that is wrong with it, and whether it is answered if
// nothing is.

// opening is how a session was opened.
type opening struct {
	revision string
	key      string
	byHeader bool
}

// The eras in which a request is served.
const (
	noEra = iota
	inSession
	standingAlone
	betweenThem // neither: initialize begins a session
)

// verdict is what may come of a request.
type verdict struct {
	refusals []judged // for what is wrong with it; none is that it has to be answered
	also     []judged // for what may be looked at before
	answer   judged
	stream   bool // the answer is an event stream that goes on
	era      int
}

func (v *verdict) refuse(status, code int) { v.refusals = append(v.refusals, judged{status, code}) }

// admits reports whether the verdict allows for an judged.
func (v *verdict) admits(got judged) bool {
	if len(v.refusals) == 0 {
		return got == v.answer
	}
	return slices.Contains(v.refusals, got) || slices.Contains(v.also, got)
}

// verdict judges a request; ours is how the session was opened that it may name.
func (h *httpCase) verdict(ours opening) *verdict {
	v := new(verdict)
	path := strings.TrimSuffix(h.path, "/")
	route := path[strings.LastIndexByte(path, '/')+1:]
	takes := map[string][]string{"mcp": {"POST", "GET", "DELETE"}, "sse": {"GET"}, "messages": {"POST"}}[route]
	switch {
	case route == "healthz":
		v.answer = judged{200, 0}
		return v
	case takes == nil:
		v.refuse(404, -32600)
		return v
	}
	if strings.Contains(h.host, "evil") || h.origin != "" && h.origin != "http://"+h.host {
		v.refuse(403, -32600)
	}
	switch {
	case h.method == "OPTIONS":
		v.answer = judged{204, 0}
	case !slices.Contains(takes, h.method):
		v.refuse(405, -32600)
	case route == "sse":
		v.refuseUnless(h.takesStream(), 406, -32600)
		h.connects(v)
		v.answer, v.stream = judged{200, 0}, true
	case route == "messages":
		v.refuse(404, -32600) // it names no session
	case h.method == "POST":
		h.post(v, ours)
	default:
		h.getOrDelete(v, ours)
	}
	return v
}

func (v *verdict) refuseUnless(ok bool, status, code int) {
	if !ok {
		v.refuse(status, code)
	}
}

// takesJSON and takesStream say what the client takes for an answer.
func (h *httpCase) takesJSON() bool {
	return slices.Contains([]string{accepting[0], "", "*/*", "application/json", accepting[5]}, h.accept)
}

func (h *httpCase) takesStream() bool {
	return slices.Contains([]string{accepting[0], "", "*/*", "text/event-stream", accepting[5]}, h.accept)
}

// connects judges what a request has to bring that no session vouches for.
func (h *httpCase) connects(v *verdict) {
	v.refuseUnless(h.query == "", 400, -32600)
	key := h.auth
	if key == "" {
		key = h.bearer
	}
	v.refuseUnless(strings.HasPrefix(key, "key-"), 401, -32600)
}

// belongs judges a request that names a session.
func (h *httpCase) belongs(v *verdict, opened opening) {
	switch h.session {
	case noOne:
		v.refuse(400, -32600)
		return
	case nobody, ended:
		v.refuse(404, -32600)
		return
	}
	for _, key := range []string{h.auth, h.bearer} {
		v.refuseUnless(key == "" || key == opened.key, 403, -32600)
	}
	v.refuseUnless(h.bearer == opened.key || !opened.byHeader && h.auth == opened.key, 401, -32600)
}

func (h *httpCase) getOrDelete(v *verdict, ours opening) {
	v.refuseUnless(h.version != "2099-01-01", 400, -32600)
	h.belongs(v, ours)
	if h.method == "DELETE" {
		v.answer = judged{204, 0}
		return
	}
	v.refuseUnless(h.takesStream(), 406, -32600)
	v.refuseUnless(h.last == "" || h.last == "0-0", 400, -32600)
	v.answer, v.stream = judged{200, 0}, true
}

// era is "How a request is told".
func (h *httpCase) era() int {
	inMeta := strings.HasPrefix(h.meta.version, `"`) && (h.kind == aRequest || h.kind == aNotification)
	switch {
	case h.kind == aBatch || h.kind == badBatch: // is of sessions alone
	case inMeta || h.version == "2026-07-28" || h.version == "2099-01-01":
		return standingAlone
	}
	if h.session != noOne {
		return inSession
	}
	return betweenThem
}

func (h *httpCase) post(v *verdict, ours opening) {
	v.refuseUnless(h.takesJSON() || h.takesStream(), 406, -32600)
	v.refuseUnless(slices.Contains(contents[:2], h.contentType) && h.encoding != "gzip", 415, -32600)
	v.refuseUnless(h.kind != tooLong, 413, -32600)
	v.refuseUnless(h.kind != badJSON, 400, -32700)
	v.refuseUnless(h.kind != badMessage, 400, -32600)
	v.era = h.era()
	v.answer = judged{200, 0}
	if h.kind == aNotification || h.kind == aResponse {
		v.answer = judged{202, 0}
	}
	if h.kind == tooLong || h.kind == badJSON || h.kind == badMessage {
		return // nothing more can be known of it
	}
	switch v.era {
	case standingAlone:
		h.connects(v)
		h.alone(v)
	case inSession:
		h.belongs(v, ours)
		h.sessional(v, ours)
	default:
		h.connects(v)
		h.between(v)
	}
}

// alone judges a message that stands alone, by the rules of 2026-07-28.
func (h *httpCase) alone(v *verdict) {
	if h.kind == aNotification || h.kind == aResponse {
		v.refuseUnless(h.version != "2099-01-01", 400, -32022)
		return
	}
	v.refuseUnless(h.kind != badParams, 400, -32602)
	if h.kind == badParams || !strings.HasPrefix(h.meta.version, `"`) {
		if h.version == "2099-01-01" {
			v.refuse(400, -32022)
		} else {
			v.refuse(400, -32602)
		}
		return
	}
	v.refuseUnless(h.meta.version == `"`+h.version+`"` && !h.twice, 400, -32020)
	v.refuseUnless(h.meta.version == `"2026-07-28"`, 400, -32022)
	v.refuseUnless(h.mirrors, 400, -32020)
	for _, refused := range []judged{h.meta.refused, h.say.alone} {
		if refused != (judged{}) {
			v.refuse(refused.status, refused.code)
		}
	}
	if h.say.method == "subscriptions/listen" {
		v.refuseUnless(h.takesStream(), 406, -32600)
		v.stream = true
	}
}

// sessional judges a message of a session.
func (h *httpCase) sessional(v *verdict, ours opening) {
	switch h.kind {
	case badParams:
		v.refuse(400, -32602)
	case badBatch:
		v.refuse(400, -32600)
	case aBatch:
		if ours.revision != "2025-03-26" {
			v.refuse(400, -32600)
		} else if h.version == "2026-07-28" || h.version == "2099-01-01" {
			v.refuse(200, -32600) // each of the batch
		}
	case aRequest:
		if h.say.session != (judged{}) {
			v.refuse(h.say.session.status, h.say.session.code)
		}
	}
}

// between judges a message that belongs to no session and does not stand alone.
func (h *httpCase) between(v *verdict) {
	switch {
	case h.kind == badParams:
		v.refuse(400, -32602)
	case h.kind != aRequest:
		v.refuse(400, -32600)
	case h.say.method == "initialize":
		v.refuseUnless(strings.Contains(h.say.params, "protocolVersion"), 200, -32602)
	case h.say.method != "ping":
		v.refuse(400, -32600)
	}
}

package hostile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
)

// evil is a server that is written by hand, to say to a client whatever a test
// wants it to say.
type evil struct {
	*httptest.Server
	stateless bool              // it speaks 2026-07-28, or else 2025-11-25
	info      string            // the members of its description, as JSON
	results   map[string]string // by method, and for calls by "tools/call NAME"; a text that begins with ! is an error
	before    string            // a notification that comes before each result of a call; "" is none
	ask       string            // the params of elicitation/create in a call of the tool ask
	many      int               // how often it is asked at once, where there is no session
	endless   bool              // it asks again whatever is answered, where there is no session
	told      chan string       // how the client answered that, and that it gave a call up
}

// startEvil starts the server; it ends with the test.
func startEvil(t testing.TB, e *evil) *evil {
	t.Helper()
	e.told = make(chan string, 10)
	e.Server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(func() { e.CloseClientConnections(); e.Close() })
	return e
}

type evilMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name      string          `json:"name"`
		Responses json.RawMessage `json:"inputResponses"`
		Meta      struct {
			Token json.RawMessage `json:"progressToken"`
		} `json:"_meta"`
	} `json:"params"`
}

func (e *evil) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var m evilMessage
	switch {
	case r.Method != http.MethodPost:
		http.Error(w, "no", http.StatusMethodNotAllowed)
		return
	case err != nil || json.Unmarshal(body, &m) != nil:
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	case m.Method == "" && m.ID != nil, m.Method == "notifications/cancelled": // an answer, or none
		e.told <- string(body)
	case m.Method == "server/discover" && !e.stateless:
		http.Error(w, "what?", http.StatusBadRequest)
		return
	case m.Method == "tools/call":
		e.call(w, r, &m)
		return
	case m.ID != nil:
		e.answer(w, &m)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// answer answers in one JSON text.
func (e *evil) answer(w http.ResponseWriter, m *evilMessage) {
	result := e.results[m.Method]
	const capabilities = `"capabilities":{"tools":{},"resources":{},"prompts":{},"logging":{}},`
	switch m.Method {
	case "tools/list":
		result = cmp.Or(result, `{"tools":[]}`)
	case "server/discover":
		result = `{"supportedVersions":["2026-07-28"],` + capabilities + e.info + `,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"evil","version":"1"}}}`
	case "initialize":
		w.Header().Set("Mcp-Session-Id", "evil")
		result = `{"protocolVersion":"2025-11-25",` + capabilities + e.info + `,"serverInfo":{"name":"evil","version":"1"}}`
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, response(m.ID, result))
}

func response(id json.RawMessage, result string) string {
	kind := "result"
	if result == "" {
		result = "{}"
	} else if result[0] == '!' {
		kind, result = "error", result[1:]
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,%q:%s}`, id, kind, result)
}

// call answers on an event stream, and asks before if it is the tool for that.
func (e *evil) call(w http.ResponseWriter, r *http.Request, m *evilMessage) {
	w.Header().Set("Content-Type", "text/event-stream")
	say := func(text string) {
		fmt.Fprintf(w, "data: %s\n\n", text)
		_ = http.NewResponseController(w).Flush() // an error is that of the connection
	}
	if e.before != "" {
		say(e.before)
	}
	switch {
	case m.Params.Name == "busy":
		e.stayBusy(r, m, say)
		return
	case m.Params.Name != "ask":
	case e.stateless && (m.Params.Responses == nil || e.endless):
		say(response(m.ID, e.questions()))
		return
	case e.stateless:
		e.told <- string(m.Params.Responses)
	default:
		say(`{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":` + e.ask + `}`)
		select {
		case text := <-e.told:
			e.told <- text
		case <-r.Context().Done():
		case <-time.After(patience):
		}
	}
	say(response(m.ID, e.results["tools/call "+m.Params.Name]))
}

// stayBusy says how far it is for as long as somebody listens.
func (e *evil) stayBusy(r *http.Request, m *evilMessage, say func(string)) {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for n := 1; ; n++ {
		say(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d}}`, m.Params.Meta.Token, n))
		select {
		case <-again.C:
		case <-r.Context().Done():
			if e.stateless { // which is how that is told
				e.told <- "hung up"
			}
			return
		}
	}
}

// questions is a result that asks.
func (e *evil) questions() string {
	var all []string
	for i := range max(e.many, 1) {
		all = append(all, fmt.Sprintf(`"q%d":{"method":"elicitation/create","params":%s}`, i, e.ask))
	}
	return `{"resultType":"input_required","requestState":"s","inputRequests":{` + strings.Join(all, ",") + `}}`
}

// eras runs a test against a server of either kind.
func eras(t *testing.T, test func(t *testing.T, stateless bool)) {
	t.Run("2026-07-28", func(t *testing.T) { test(t, true) })
	t.Run("2025-11-25", func(t *testing.T) { test(t, false) })
}

// connectEvil connects to a server.
func connectEvil(t testing.TB, e *evil, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.URL(e.URL+"/mcp"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

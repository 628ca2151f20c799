package hostile

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// TestSpecSessionIDs: an id is 122 random bits in visible ASCII, of which the log
// has the beginning alone.
func TestSpecSessionIDs(t *testing.T) {
	p := startServer(t, targetOptions{Level: "debug"})
	random := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := make(map[string]bool)
	for range often(200, 5000) {
		seen[begin(t, p.host(), "")] = true
	}
	stream := openStream(t, p.host(), request("GET", "/sse", p.host(), "", "Accept: text/event-stream"))
	_, id, _ := strings.Cut(stream.next(), "session_id=")
	seen[id] = true
	if len(seen) != often(200, 5000)+1 {
		t.Errorf("%d sessions have different ids", len(seen))
	}
	raw(t, p.host(), post(p.host(), `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"panic","arguments":{"s":"x"}}}`, "Mcp-Session-Id: "+id))
	beginnings := make(map[string]bool)
	for id := range seen {
		if beginnings[id[:8]] = true; !random.MatchString(id) {
			t.Errorf("the id %q is no random UUID", id)
		}
	}
	if len(beginnings) < len(seen)-2 { // of 200 two begin alike once in 200,000 times
		t.Errorf("%d ids begin in %d ways", len(seen), len(beginnings))
	}
	if err := p.terminate(); err != nil {
		t.Error(err)
	}
	log := p.log.String()
	if !strings.Contains(log, "session="+id[:8]) {
		t.Errorf("the log names no session, which proves nothing: %.500s", log)
	}
	for id := range seen {
		if strings.Contains(log, id) {
			t.Errorf("the log has the whole id %s", id)
		}
	}
}

// eventStream is a response that is read event by event.
type eventStream struct {
	t    testing.TB
	data *bufio.Scanner
}

// openStream sends a request whose answer is an event stream.
func openStream(t testing.TB, host, text string) *eventStream {
	t.Helper()
	c := dial(t, host)
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("this is no event stream: %v, %v", res, err)
	}
	return &eventStream{t, bufio.NewScanner(res.Body)}
}

// next returns the data of the next event that has some.
func (s *eventStream) next() string {
	s.t.Helper()
	for s.data.Scan() {
		if text, ok := strings.CutPrefix(s.data.Text(), "data:"); ok && strings.TrimSpace(text) != "" {
			return strings.TrimSpace(text)
		}
	}
	s.t.Fatalf("the stream ended: %v", s.data.Err())
	return ""
}

// TestSpecOnesOwnCalls: what a client may do with the calls and questions of its
// session, to end them or to answer them, it can do with those of no other, though
// their ids are the same.
func TestSpecOnesOwnCalls(t *testing.T) {
	p := startServer(t, targetOptions{})
	host := p.host()
	ada, mallory := "Mcp-Session-Id: "+begin(t, host, "?client_id=ada"), "Mcp-Session-Id: "+begin(t, host, "?client_id=mallory")
	const call = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"confirm","arguments":{"text":"x"}}}`
	calls := openStream(t, host, post(host, call, ada))
	theirs := openStream(t, host, post(host, call, mallory)) // the same, so that the ids are
	for _, name := range []string{"first", "second"} {
		question := calls.next()
		if name == "first" {
			theirs.next()
		}
		var asked struct {
			ID json.RawMessage `json:"id"`
		}
		if err := json.Unmarshal([]byte(question), &asked); err != nil || !strings.Contains(question, name+" x") {
			t.Fatalf("asked %s, %v", question, err)
		}
		answer := func(by string) string {
			return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept","content":{"name":%q}}}`, asked.ID, by)
		}
		const cancelled = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`
		if name == "second" { // the first time mallory has a call of that id
			raw(t, host, post(host, cancelled, mallory))
			raw(t, host, post(host, answer("mallory"), mallory))
		} else {
			wantStatus(t, "an answer of another", raw(t, host, post(host, strings.Replace(answer("mallory"), string(asked.ID), `"none"`, 1), mallory)), http.StatusAccepted)
		}
		raw(t, host, post(host, cancelled))
		raw(t, host, post(host, cancelled, named("notifications/cancelled", "")...))
		raw(t, host, post(host, answer("mallory")))
		wantStatus(t, "her own answer", raw(t, host, post(host, answer("ada-"+name), ada)), http.StatusAccepted)
	}
	if got := calls.next(); !strings.Contains(got, `"text":"ada ada-first ada-second x"`) {
		t.Errorf("the call says %s", got)
	}
}

// TestSpecTasks: a server that knows no tasks runs what is to be one as what it is
// (2025-11-25, tasks, task support and handling).
func TestSpecTasks(t *testing.T) {
	p := startServer(t, targetOptions{})
	host := p.host()
	session := "Mcp-Session-Id: " + begin(t, host, "")
	got := raw(t, host, post(host, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"},"task":{"ttl":60000}}}`, session))
	if got.status != http.StatusOK || !strings.Contains(got.body, `"text":"hi"`) || strings.Contains(got.body, "taskId") {
		t.Errorf("a task: %d %s", got.status, got.body)
	}
	for _, method := range []string{"tasks/list", "tasks/get", "tasks/result", "tasks/cancel"} {
		got := raw(t, host, post(host, `{"jsonrpc":"2.0","id":2,"method":"`+method+`","params":{"taskId":"1"}}`, session))
		if !strings.Contains(got.body, `"code":-32601`) {
			t.Errorf("%s: %d %s", method, got.status, got.body)
		}
	}
}

// TestSpecDefaultAddress: a server that is told nothing is reached from its own
// machine alone.
func TestSpecDefaultAddress(t *testing.T) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	server.New("local", "1").Flags(fs)
	host, _, err := net.SplitHostPort(fs.Lookup("http").DefValue)
	if err != nil {
		t.Fatal(err)
	}
	if addr, err := netip.ParseAddr(host); err != nil || !addr.IsLoopback() {
		t.Errorf("the default address is %s, %v", host, err)
	}
}

// atMost is middleware that serves each caller so many requests: what
// docs/security-spec.md shows, without the clock.
func atMost(most int) func(server.Handler) server.Handler {
	var mu sync.Mutex
	counts := make(map[any]int)
	return func(next server.Handler) server.Handler {
		return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
			mu.Lock()
			counts[r.Principal]++
			over := counts[r.Principal] > most
			mu.Unlock()
			if over {
				return nil, jsonrpc.Errorf(jsonrpc.CodeServerBusy, "too many requests: try again later")
			}
			return next(ctx, r)
		}
	}
}

// TestSpecRateLimit: middleware can bound what a caller does, however that comes:
// in sessions, without them, and in batches.
func TestSpecRateLimit(t *testing.T) {
	const most = 10
	called := make(chan string, 1000)
	srv := server.New("limited", "1", server.Options{Logger: slog.New(slog.DiscardHandler), Authenticate: authenticate})
	srv.Tool(func(ctx *tool.Context) { called <- fmt.Sprint(ctx.Principal()) }, tool.Name("t"))
	srv.Use(atMost(most))
	h := httptest.NewServer(srv.Handler())
	defer h.Close()
	host := strings.TrimPrefix(h.URL, "http://")
	const call = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}}`
	ada := func(body string, header ...string) reply {
		return raw(t, host, request("POST", "/mcp?auth=key-ada", host, body, append(header, asJSON...)...))
	}
	old := ada(initialize("2025-03-26")).header.Get("Mcp-Session-Id") // takes batches
	session := begin(t, host, "?auth=key-ada")
	for range 5 {
		ada(call, "Mcp-Session-Id: "+session)
		ada("["+call+","+strings.Replace(call, "2,", "3,", 1)+"]", "Mcp-Session-Id: "+old)
		ada(stateless("tools/call", `"name":"t"`), named("tools/call", "t")...)
	}
	refused := ada(call, "Mcp-Session-Id: "+old)
	if !strings.Contains(refused.body, `"code":-32000`) {
		t.Errorf("one too many: %d %s", refused.status, refused.body)
	}
	other := raw(t, host, request("POST", "/mcp?auth=key-bob", host, stateless("tools/call", `"name":"t"`), append(asJSON, named("tools/call", "t")...)...))
	if !strings.Contains(other.body, `"result"`) {
		t.Errorf("somebody else: %d %s", other.status, other.body)
	}
	h.Close()
	counts := make(map[string]int)
	for len(called) > 0 {
		counts[<-called]++
	}
	if counts["ada"] != most-2 || counts["bob"] != 1 { // two began sessions
		t.Errorf("called: %v; ada may make %d requests, and bob has made one", counts, most)
	}
}

package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// fuzzed is a server that requests are made up for, in this process, and what is
// another's there.
type fuzzed struct {
	handler     http.Handler
	other, gone string // ids of sessions: of somebody else, and of one that has ended
}

const fuzzSecret = "the-other-client"

// newFuzzed makes it. It is made once, for a fuzzer asks it many times.
var newFuzzed = sync.OnceValue(func() *fuzzed {
	t := newTarget(targetOptions{Users: true, Limits: server.Limits{Message: messageLimit}}, slog.New(slog.DiscardHandler))
	t.Tool(func(in struct {
		Region string `json:"region" mcpheader:"Region"`
	}) string {
		return in.Region
	}, tool.Name("route"))
	f := &fuzzed{handler: t.Handler()}
	f.other = f.begin(fuzzSecret, opening{"2025-11-25", "key-other", false})
	f.do(request("POST", "/mcp?auth=key-other", "127.0.0.1", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}`, append(asJSON, "Mcp-Session-Id: "+f.other)...), false)
	f.gone = f.begin("one", opening{"2025-11-25", "key-ada", false})
	f.do(request("DELETE", "/mcp?auth=key-ada", "127.0.0.1", "", "Mcp-Session-Id: "+f.gone), false)
	return f
})

// begin begins a session of this client; "" is that it could not.
func (f *fuzzed) begin(client string, o opening) string {
	query, header := "?client_id="+client+"&auth="+o.key, slices.Clone(asJSON)
	if o.byHeader {
		query, header = "?client_id="+client, append(header, "Authorization: Bearer "+o.key)
	}
	res, _ := f.do(request("POST", "/mcp"+query, "127.0.0.1", initialize(o.revision), header...), false)
	if res == nil {
		return ""
	}
	return res.header.Get("Mcp-Session-Id")
}

// do has the handler serve one request, as net/http would. A stream that goes on is
// hung up on as soon as something of it has come. It returns nil for what is no
// HTTP, and what went wrong.
func (f *fuzzed) do(text string, stream bool) (res *reply, problem string) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return nil, ""
	}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}))
	defer cancel()
	w := &hangsUp{ResponseRecorder: httptest.NewRecorder()}
	if stream {
		w.hangUp = cancel
	}
	r.RemoteAddr = "127.0.0.1:1"
	served := make(chan any, 1)
	go func() {
		defer func() { served <- recover() }()
		f.handler.ServeHTTP(w, r.WithContext(ctx))
	}()
	select {
	case v := <-served:
		if v != nil {
			return nil, fmt.Sprint("a panic: ", v)
		}
	case <-time.After(patience):
		stacks := make([]byte, 1<<20)
		return nil, fmt.Sprintf("no end of the answer to\n%s\n%s", text, stacks[:runtime.Stack(stacks, true)])
	}
	got := w.Result()
	return &reply{got.StatusCode, got.Header, w.Body.String()}, ""
}

// hangsUp is the response of a client that leaves when it has read something.
type hangsUp struct {
	*httptest.ResponseRecorder
	hangUp func()
}

// Flush implements [http.Flusher].
func (w *hangsUp) Flush() {
	w.ResponseRecorder.Flush()
	if w.hangUp != nil {
		w.hangUp()
	}
}

// FuzzHTTP: whatever a request over HTTP is made of, headers and body of either era
// in every mixture, it is answered if docs/http.md says so, in the era that it says,
// and refused with what that names otherwise; the answer is well formed, and holds
// nothing of another's session; and the session that was named serves on.
func FuzzHTTP(f *testing.F) {
	for _, seed := range httpSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		target := newFuzzed()
		c := &choices{data}
		ours := opening{oneOf(c, []string{"2025-11-25", "2025-03-26", "2025-06-18"}), "key-ada", c.rarely(3)}
		id := target.begin("one", ours)
		if id == "" {
			t.Fatal("no session could be begun")
		}
		h := c.httpCase(ours)
		v := h.verdict(ours)
		text := h.text(id, target.gone)
		res, problem := target.do(text, v.stream)
		if problem != "" {
			t.Fatal(problem)
		}
		if res == nil {
			return
		}
		if problem := h.judge(v, res, id, target); problem != "" {
			t.Fatalf("%s\nto %.2000s\nthe answer is %d %v %s", problem, text, res.status, res.header, res.body)
		}
		target.cleanUp(t, h, v, res, ours, id)
	})
}

// cleanUp ends what the request has begun, and holds the session to serve on unless
// it was ended.
func (f *fuzzed) cleanUp(t *testing.T, h *httpCase, v *verdict, res *reply, ours opening, id string) {
	bearer := "Authorization: Bearer " + ours.key
	if begun := res.header.Get("Mcp-Session-Id"); begun != "" {
		header := []string{"Mcp-Session-Id: " + begun}
		if h.bearer != "" {
			header = append(header, "Authorization: Bearer "+h.bearer)
		}
		query := ""
		if h.auth != "" {
			query = "?auth=" + h.auth
		}
		if r, _ := f.do(request("DELETE", "/mcp"+query, "127.0.0.1", "", header...), false); r == nil || r.status != 204 && r.status != 403 {
			t.Fatalf("a session that was begun cannot be ended: %v", r)
		}
	}
	want := 200
	if h.method == "DELETE" && h.session == thisOne && res.status == 204 {
		want = 404
	}
	r, problem := f.do(request("POST", "/mcp", "127.0.0.1", `{"jsonrpc":"2.0","id":"after","method":"ping"}`, append(asJSON, bearer, "Mcp-Session-Id: "+id)...), false)
	if problem != "" || r.status != want || want == 200 && r.body != `{"jsonrpc":"2.0","id":"after","result":{}}` {
		t.Fatalf("the session answers a ping with %v %s", r, problem)
	}
	f.do(request("DELETE", "/mcp", "127.0.0.1", "", bearer, "Mcp-Session-Id: "+id), false)
}

// judge says what is wrong with an answer; "" is nothing.
func (h *httpCase) judge(v *verdict, res *reply, id string, f *fuzzed) string {
	all := fmt.Sprint(res.header, res.body)
	for _, secret := range []string{f.other, f.gone, fuzzSecret, "key-other"} {
		if strings.Contains(all, secret) && !(secret == f.gone && h.session == ended) {
			return "the answer holds what is another's"
		}
	}
	got, messages, problem := read(res)
	if problem != "" {
		return problem
	}
	if !v.admits(got) {
		return fmt.Sprintf("got %v, want %v if nothing is wrong, and any of %v else (or %v)", got, v.answer, v.refusals, v.also)
	}
	if problem := h.judgeHeader(v, res); problem != "" {
		return problem
	}
	if h.method == "POST" && strings.HasSuffix(strings.TrimSuffix(h.path, "/"), "/mcp") {
		return h.judgeMessages(v, got, messages)
	}
	return ""
}

func (h *httpCase) judgeHeader(v *verdict, res *reply) string {
	begins := v.era == betweenThem && h.say.method == "initialize" && len(v.refusals) == 0
	for name, want := range map[string]bool{
		"WWW-Authenticate": res.status == 401, "Allow": res.status == 405 || res.status == 204 && h.method == "OPTIONS",
		"Mcp-Session-Id": begins, "Content-Type": res.body != "" || v.stream && res.status == 200,
		"Access-Control-Allow-Origin": false, "Retry-After": res.status == 503,
	} {
		if (res.header.Get(name) != "") != want {
			return fmt.Sprintf("the header %s is %q", name, res.header.Get(name))
		}
	}
	for name, values := range res.header {
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				return fmt.Sprintf("the header %s is %q", name, value)
			}
		}
	}
	return ""
}

// responded is a message that a server sends.
type responded struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// judgeMessages holds the messages of an answer to the request: one response, with
// its id, in the words of its era, and nothing behind it.
func (h *httpCase) judgeMessages(v *verdict, got judged, messages []responded) string {
	for i, m := range messages {
		isResponse := m.Result != nil || m.Error != nil
		switch {
		case m.JSONRPC != "2.0" || m.Method == "" && !isResponse || m.Method != "" && isResponse:
			return fmt.Sprintf("message %d is none", i)
		case isResponse != (i == len(messages)-1) && !v.stream:
			return "something comes behind the response, or there is none"
		case !isResponse:
			continue
		case string(m.ID) == h.id && h.kind != aNotification && h.kind != aResponse:
		case string(m.ID) != "null" || m.Error == nil, got.status == 200:
			return fmt.Sprintf("the id is %s, and not %s", m.ID, h.id)
		}
		if m.Result == nil || h.kind != aRequest {
			continue
		}
		var result map[string]json.RawMessage
		if json.Unmarshal(m.Result, &result) != nil {
			return "the result is no object"
		}
		if alone := result["resultType"] != nil; alone != (v.era == standingAlone) {
			return fmt.Sprintf("it was served standing alone: %v", alone)
		}
	}
	if len(messages) == 0 && got.status != 202 && !v.stream {
		return "there is no response"
	}
	return ""
}

// read reads an answer: its judged, and all messages in it.
func read(res *reply) (got judged, messages []responded, problem string) {
	got.status = res.status
	texts := []string{res.body}
	switch typ := res.header.Get("Content-Type"); {
	case res.body == "" || strings.HasPrefix(typ, "text/plain"):
		return got, nil, ""
	case typ == "text/event-stream":
		if texts, problem = events(res.body); problem != "" {
			return got, nil, problem
		}
	case typ != "application/json":
		return got, nil, "a media type of none: " + typ
	}
	for _, text := range texts {
		var one []responded
		d := json.NewDecoder(strings.NewReader("[" + text + "]"))
		if bytes.HasPrefix([]byte(text), []byte("[")) {
			d = json.NewDecoder(strings.NewReader(text))
		}
		if err := d.Decode(&one); err != nil || len(one) == 0 {
			return got, nil, fmt.Sprintf("%q is no JSON: %v", text, err)
		}
		messages = append(messages, one...)
	}
	if n := len(messages); n > 0 && messages[n-1].Error != nil {
		got.code = messages[n-1].Error.Code
	}
	return got, messages, ""
}

// events returns the data of the messages in an event stream.
func events(body string) (messages []string, problem string) {
	if !strings.HasSuffix(body, "\n\n") || strings.Contains(body, "\r") {
		return nil, "the stream ends within an event, or has a line break of another kind"
	}
	for _, block := range strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		fields := map[string]string{}
		for _, line := range strings.Split(block, "\n") {
			name, value, ok := strings.Cut(line, ": ")
			if _, twice := fields[name]; !ok || twice || !slices.Contains([]string{"id", "event", "data", "retry", ""}, name) {
				return nil, fmt.Sprintf("%q is no line of an event", line)
			}
			fields[name] = value
		}
		if fields["event"] == "message" {
			messages = append(messages, fields["data"])
		}
	}
	return messages, ""
}

// httpSeeds are choices that lead to as many kinds of requests: each thing that can
// be said, in each era.
func httpSeeds() (seeds [][]byte) {
	for say := range sayings {
		seeds = append(seeds, []byte{0, 0, 0, byte(say), 0}, []byte{0, 0, 0, byte(say), 1})
	}
	return append(seeds, bytes.Repeat([]byte{1}, 40), bytes.Repeat([]byte{2, 1, 3}, 20), bytes.Repeat([]byte{7, 4, 1, 1}, 12))
}

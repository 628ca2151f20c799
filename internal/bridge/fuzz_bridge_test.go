package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/transport"
)

// patience is how long an answer is waited for: the end of a test that would hang.
const patience = 30 * time.Second

// visitor is a client of the bridge, spoken for by hand, and what is to come to it.
type visitor struct {
	name  string
	alone bool // it speaks 2026-07-28
	pipe  *transport.Pipe
	sent  []string
	want  map[string]int
	may   map[string]int    // of those, that were cancelled
	hangs []string          // ids of calls that end when they are cancelled
	calls map[string]string // the params of calls, by id
	n     int

	leaving bool // what hangs is to be cancelled
	ended   int  // how many of hangs have been

	mu    sync.Mutex
	got   map[string]int
	texts []string
	asked []string
	again []comeback // calls that ask something by their result
	wrong string
	news  chan struct{}
}

// take is what the bridge calls with each text.
func (v *visitor) take(text []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer func() {
		select {
		case v.news <- struct{}{}:
		default:
		}
	}()
	v.texts = append(v.texts, string(text))
	var m struct {
		ID            json.RawMessage
		Method        string
		Result, Error json.RawMessage
	}
	switch err := json.Unmarshal(text, &m); {
	case err != nil || bytes.ContainsAny(text, "\r\n"):
		v.wrong = "this is no message: " + string(text)
	case m.Method == "" && (m.Result == nil) == (m.Error == nil):
		v.wrong = "this is no response: " + string(text)
	case m.Method == "":
		v.got[string(m.ID)]++
		var asks struct {
			State  string                     `json:"requestState"`
			Inputs map[string]json.RawMessage `json:"inputRequests"`
		}
		if json.Unmarshal(m.Result, &asks) == nil && asks.State != "" {
			v.again = append(v.again, comeback{string(m.ID), asks.State, slices.Collect(maps.Keys(asks.Inputs))})
		}
	case m.ID != nil:
		v.asked = append(v.asked, string(m.ID))
	}
	if strings.Contains(string(text), "-of-") && !strings.Contains(string(text), "-of-"+v.name) {
		v.wrong = "this is another's: " + string(text)
	}
}

// comeback is a call that has to be made again, with answers.
type comeback struct {
	id, state string
	keys      []string
}

func (v *visitor) send(text string, ids ...string) {
	for _, id := range ids {
		v.want[id]++
	}
	v.sent = append(v.sent, text)
	_ = v.pipe.SendText([]byte(text)) // it has not ended, or answers are missing
}

// act has the client do one thing. pick decides.
func (v *visitor) act(pick func(n int) int) {
	v.n++
	id := fmt.Sprintf(`"%d"`, v.n)
	switch pick(8) {
	case 0, 1, 2, 3:
		var do []string
		for range pick(4) {
			step := pick(steps)
			do = append(do, fmt.Sprint(step))
			if step == steps-1 {
				v.hangs = append(v.hangs, id)
			}
		}
		v.request(id, "tools/call", `"name":"x","arguments":{"do":[`+strings.Join(do, ",")+`],"x":"said-of-`+v.name+`"}`, pick(2) == 1)
	case 4:
		v.request(id, []string{"tools/list", "ping", "nothing/known", "logging/setLevel", "resources/subscribe", "initialize"}[pick(6)], `"level":"debug","uri":"x:y"`, false)
	case 5:
		v.cancel(fmt.Sprintf(`"%d"`, pick(v.n)+1))
	case 6:
		v.answer(pick(5))
	default:
		v.send([]string{`{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`, `{"jsonrpc":"2.0","method":"x","params":[1]}`, `{"jsonrpc":"2.0","id":77,"result":{"x":"said-of-` + v.name + `"}}`}[pick(3)])
	}
}

func (v *visitor) cancel(id string) {
	v.may[id] = v.want[id]
	v.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`)
}

// repeat makes a call again that asked something.
func (v *visitor) repeat(c comeback) {
	v.n++
	answers := make(map[string]any)
	for i, key := range c.keys {
		answers[key] = map[string]any{"action": []string{"accept", "decline"}[i%2], "content": map[string]any{"name": "said-of-" + v.name}}
	}
	text, _ := json.Marshal(answers) // of strings
	id := fmt.Sprintf(`"%d"`, v.n)
	if slices.Contains(v.hangs, c.id) {
		v.hangs = append(v.hangs, id)
	}
	v.request(id, "tools/call", v.calls[c.id]+`,"requestState":"`+c.state+`","inputResponses":`+string(text), false)
}

func (v *visitor) request(id, method, params string, token bool) {
	v.calls[id] = params
	var meta []string
	if v.alone {
		meta = append(meta, envelopeMeta)
	}
	if token {
		meta = append(meta, `"progressToken":`+id)
	}
	v.send(`{"jsonrpc":"2.0","id":`+id+`,"method":"`+method+`","params":{`+params+`,"_meta":{`+strings.Join(meta, ",")+`}}}`, id)
}

// answer answers a question, in some way.
func (v *visitor) answer(how int) {
	v.mu.Lock()
	id := ""
	if len(v.asked) > 0 {
		id, v.asked = v.asked[0], v.asked[1:]
	}
	v.mu.Unlock()
	if id == "" {
		return
	}
	text := `{"jsonrpc":"2.0","id":` + id + []string{
		`,"result":{"action":"accept","content":{"name":"said-of-` + v.name + `"}}}`, `,"result":{"action":"decline"}}`, `,"result":7}`, `,"error":{"code":1,"message":"no"}}`, `,"result":{},"error":{}}`,
	}[how]
	if how == 4 {
		v.want["null"]++ // which is no response, and the question still waits
		v.mu.Lock()
		v.asked = append(v.asked, id)
		v.mu.Unlock()
	}
	v.send(text)
	if how < 2 {
		v.send(text) // twice
	}
}

// settled waits until each request has its answer, and says what is wrong.
func (v *visitor) settled() string {
	late := time.After(patience)
	for {
		v.mu.Lock()
		again := v.again
		v.again = nil
		v.mu.Unlock()
		for _, c := range again {
			v.repeat(c)
		}
		for ; v.leaving && v.ended < len(v.hangs); v.ended++ {
			v.cancel(v.hangs[v.ended])
		}
		v.mu.Lock()
		wrong, missing, questions := v.wrong, "", len(v.asked)
		for id, n := range v.want {
			if v.got[id] > n {
				wrong = "there are too many answers to " + id
			}
			if v.got[id] < n-v.may[id] {
				missing = id
			}
		}
		for id := range v.got {
			if v.want[id] == 0 {
				wrong = "nobody has asked " + id
			}
		}
		v.mu.Unlock()
		for range questions {
			v.answer(3)
		}
		if wrong != "" || missing == "" {
			return wrong
		}
		select {
		case <-v.news:
		case <-late:
			return "there is no answer to " + missing
		}
	}
}

// FuzzBridge: whatever two clients of either era say to the bridge, and the servers
// behind it, of either era, answer, ask and tell, in any order and badly, each
// request is answered once; no client hears of the other, and no server; and when
// the clients have left, nothing is left of their servers.
func FuzzBridge(f *testing.F) {
	for step := range byte(steps) {
		f.Add([]byte{0, 0, 1, 0, 0, 1, step, 1}, false)
		f.Add([]byte{1, 1, 0, 0, 0, 2, 7, step, 1, 1, 0, 2, step, 0, 6, 0, 0, 6, 0}, step%2 == 0)
	}
	f.Add([]byte{2, 0, 1, 0, 2, 12, 12, 1, 0, 0, 0, 1, 0, 1, 0, 0, 3, 6, 6, 6, 0}, true)
	f.Fuzz(func(t *testing.T, data []byte, known bool) {
		w := newFuzzWorld(t, data, known)
		for n := 0; n < 10 && len(w.data) > 0; n++ {
			w.visitors[w.pick(2)].act(w.pick)
		}
		for _, v := range w.visitors {
			v.leaving = true
			if wrong := v.settled(); wrong != "" {
				v.fail(t, wrong)
			}
			v.request(`"last"`, "tools/list", `"x":1`, false)
			if wrong := v.settled(); wrong != "" {
				v.fail(t, wrong)
			}
		}
		w.end(t)
	})
}

// fuzzWorld is a bridge, its clients, and the servers that have been started.
type fuzzWorld struct {
	data     []byte
	b        *Bridge
	table    transport.Table
	visitors [2]*visitor

	mu    sync.Mutex
	wrong string
}

func (w *fuzzWorld) pick(n int) int {
	if len(w.data) == 0 {
		return 0
	}
	b := w.data[0]
	w.data = w.data[1:]
	return int(b) % n
}

func newFuzzWorld(t *testing.T, data []byte, known bool) *fuzzWorld {
	w := &fuzzWorld{data: data}
	var err error
	if w.b, err = New(Options{URL: "http://in.process/mcp", Header: http.Header{"X-Client": {"{client_id}"}}, Logger: quiet, Restarts: 1000}); err != nil {
		t.Fatal(err)
	}
	w.b.firstWait = time.Nanosecond
	eras := [2]string{handshake, stateless}
	up := eras[w.pick(2)]
	real := w.b.connect
	w.b.connect = func(ctx context.Context, _ client.Target, o client.Options) (conn, error) {
		u := &scripted{name: o.Header.Get("X-Client"), era: up, wrong: func(what string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.wrong = what
		}}
		o.Memory = nil
		if up == handshake && len(o.Initialize) == 0 && known { // which era it is of
			o.Revision = handshake
		}
		return real(ctx, client.InProcess(u), o)
	}
	for i, name := range []string{"ann", "bob"} {
		v := &visitor{name: name, alone: w.pick(2) == 1, want: map[string]int{}, may: map[string]int{}, calls: map[string]string{}, got: map[string]int{}, news: make(chan struct{}, 1)}
		if v.pipe, err = transport.OpenPipe(context.Background(), &w.table, w.b.Accept, v.take, transport.PipeOptions{Args: url.Values{"client_id": {name}}}); err != nil {
			t.Fatal(err)
		}
		w.visitors[i] = v
		if !v.alone {
			v.send(`{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"sampling":{}},"clientInfo":{"name":"`+name+`","version":"1"}}}`, `"hello"`)
			if wrong := v.settled(); wrong != "" {
				v.fail(t, wrong)
			}
		}
	}
	return w
}

// end ends it all, and finds nothing left.
func (w *fuzzWorld) end(t *testing.T) {
	for _, v := range w.visitors {
		v.pipe.Close()
		if wrong := v.settled(); wrong != "" {
			v.fail(t, wrong)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.b.Close(ctx); err != nil || w.b.Status().Upstreams != 0 {
		t.Fatalf("what is left: %v, %+v", err, w.b.Status())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wrong != "" {
		t.Fatal(w.wrong)
	}
}

func (v *visitor) fail(t *testing.T, wrong string) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	t.Fatalf("%s: %s\nsent:\n%s\ngot:\n%s", v.name, wrong, strings.Join(v.sent, "\n"), strings.Join(v.texts, "\n"))
}

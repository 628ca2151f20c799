package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// talker is the client's end of a connection in memory, spoken to by hand, and what
// is to come on it.
type talker struct {
	name string
	pipe *transport.Pipe

	revision string // "" before initialize
	want     map[string]int
	mayMiss  map[string]int // of those, that were cancelled
	open     []string       // ids of requests that end when they are cancelled
	sent     []string

	mu     sync.Mutex
	got    map[string]int // responses by id
	texts  []string
	asked  []string      // ids of questions that wait for an answer
	news   chan struct{} // holds a token when something has come
	broken string        // what is wrong with what has come
}

func newTalker(name string) *talker {
	return &talker{name: name, want: map[string]int{}, mayMiss: map[string]int{}, got: map[string]int{}, news: make(chan struct{}, 1)}
}

// take is what the server calls with each text.
func (w *talker) take(text []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() {
		select {
		case w.news <- struct{}{}:
		default:
		}
	}()
	w.texts = append(w.texts, string(text))
	var all []responded
	if d := json.NewDecoder(bytes.NewReader(text)); text[0] == '[' {
		if err := d.Decode(&all); err != nil || len(all) == 0 {
			w.broken = "this is no batch: " + string(text)
		}
	} else {
		var one responded
		if err := d.Decode(&one); err != nil {
			w.broken = "this is no message: " + string(text)
		}
		all = append(all, one)
	}
	for _, m := range all {
		switch {
		case m.JSONRPC != "2.0" || bytes.ContainsAny(text, "\r\n"):
			w.broken = "this is no message on one line: " + string(text)
		case m.Method == "":
			w.got[string(m.ID)]++
		case m.ID != nil:
			w.asked = append(w.asked, string(m.ID))
		}
	}
}

// send sends a text, and notes how many answers it is to have, by their ids.
func (w *talker) send(text string, ids ...string) {
	for _, id := range ids {
		w.want[id]++
	}
	w.sent = append(w.sent, text)
	_ = w.pipe.SendText([]byte(text)) // it has not ended, or answers are missing
}

// settled waits until every request has been answered, but for those that were
// cancelled.
func (w *talker) settled() (problem string) {
	late := time.After(patience)
	for {
		missing := ""
		w.mu.Lock()
		broken := w.broken
		for id, n := range w.want {
			if w.got[id] < n-w.mayMiss[id] {
				missing = id
			}
			if w.got[id] > n {
				broken = "there are too many answers to " + id
			}
		}
		for id := range w.got {
			if w.want[id] == 0 {
				broken = "nobody has asked " + id
			}
		}
		asked := w.asked
		w.asked = nil
		w.mu.Unlock()
		if broken != "" {
			return broken
		}
		for _, id := range asked { // nothing that waits for us is to be left
			w.send(`{"jsonrpc":"2.0","id":` + id + `,"error":{"code":-1,"message":"no"}}`)
		}
		if missing == "" {
			return ""
		}
		select {
		case <-w.news:
		case <-late:
			return "there is no answer to " + missing
		}
	}
}

// act has the client do one thing.
func (w *talker) act(c *choices) {
	id := oneOf(c, []string{`1`, `"1"`, `2`, `-3`, `"\u0061"`, `9007199254740993`})
	switch c.pick(10) {
	case 0, 1, 2, 3:
		w.request(c, id)
	case 4:
		w.cancel(id)
	case 5:
		w.send(oneOf(c, []string{
			`{"jsonrpc":"2.0","method":"notifications/initialized"}`, `{"jsonrpc":"2.0","method":"nothing","params":[]}`, `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"panic"}}`,
			`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}`, `{"jsonrpc":"2.0","id":` + id + `,"result":{}}`, `{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}`,
		}))
	case 6:
		w.answer(c)
	case 7: // what cannot be read is answered to nobody, or to the id that can
		w.send(oneOf(c, []string{"{", "null", "", "\xff", `{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, `{"jsonrpc":"2.0","id":` + id + `,"result":1,"error":{}}`}), "null")
	case 8:
		w.send(oneOf(c, []string{`{"jsonrpc":"1.0","id":` + id + `,"method":"ping"}`, `{"jsonrpc":"2.0","id":` + id + `}`, `{"jsonrpc":"2.0","id":` + id + `,"method":5}`}), id)
	default:
		w.batch(c, id)
	}
}

func (w *talker) request(c *choices, id string) {
	say := oneOf(c, append(slices.Clone(sayings), saying{method: "tools/call", params: `"name":"hang"`}, saying{method: "tools/call", params: `"name":"confirm","arguments":{"text":"x"}`}))
	params := say.params
	if alone := c.rarely(2); alone {
		params = strings.Trim(params+`,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"`+oneOf(c, metas).rest+`}`, ",")
	} else if c.rarely(4) {
		params = strings.Trim(params+`,"_meta":{"progressToken":`+id+`}`, ",")
	}
	if say.method == "initialize" && strings.Contains(params, "2025") && w.revision == "" && !strings.Contains(params, "2026") {
		w.revision = oneOf(c, []string{"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"})
		params = strings.Replace(params, "2025-06-18", w.revision, 1)
		id = `"first"` // or it may be in use
	}
	if say.method == "subscriptions/listen" || strings.Contains(params, `"hang"`) {
		w.open = append(w.open, id)
	}
	w.send(`{"jsonrpc":"2.0","id":`+id+`,"method":"`+say.method+`","params":{`+params+`}}`, id)
}

func (w *talker) cancel(id string) {
	w.mayMiss[id] = w.want[id] // any of them may be over
	w.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`)
}

// answer answers a question of the server's, well or not, once or twice.
func (w *talker) answer(c *choices) {
	w.mu.Lock()
	id := `"nobody asked"`
	if len(w.asked) > 0 {
		id = w.asked[0]
		w.asked = w.asked[1:]
	}
	w.mu.Unlock()
	text := `{"jsonrpc":"2.0","id":` + id + oneOf(c, []string{`,"result":{"action":"accept","content":{"name":"x"}}}`, `,"result":{"action":"decline"}}`, `,"result":7}`, `,"error":{"code":1,"message":"no"}}`})
	for range c.pick(2) + 1 {
		w.send(text)
	}
}

// batch sends two requests and a notification in one text: one revision has that.
func (w *talker) batch(c *choices, id string) {
	text := `[{"jsonrpc":"2.0","id":` + id + `,"method":"ping"},{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"whoami"}}` +
		oneOf(c, []string{"]", ",5]", ",{}]"})
	switch {
	case w.revision != "2025-03-26":
		w.send(text, "null")
	case strings.HasSuffix(text, "}}]"):
		w.send(text, id, `"b"`)
	default:
		w.send(text, id, `"b"`, "null")
	}
}

// newSpoken is the server that is spoken to, made once.
var newSpoken = sync.OnceValue(func() *target {
	t := newTarget(targetOptions{}, slog.New(slog.DiscardHandler))
	t.Tool(func(ctx *tool.Context) { <-ctx.Done() }, tool.Name("hang"))
	return t
})

// FuzzServer: whatever two clients say, in any order and of any revision, each of
// their requests is answered once, with its own id, and nothing else is; each hears
// nothing of the other's; and the connections serve on.
func FuzzServer(f *testing.F) {
	for say := range len(sayings) + 2 {
		f.Add([]byte{1, 0, 0, 0, 3, 0, 0, 0, byte(say), 0, 0, 1, 0, byte(say), 1})
	}
	f.Add([]byte("\x00\x00\x00\x03\x00\x00\x02\x02\x02\x00\x01\x09\x00\x00\x01\x09\x01\x01\x01\x09\x02"))
	f.Add(bytes.Repeat([]byte{0, 0, 0, 35, 0, 1, 0, 4, 1, 1, 6, 0}, 6))
	f.Fuzz(func(t *testing.T, data []byte) {
		srv := newSpoken()
		wires := []*talker{newTalker("client-ann"), newTalker("client-bob")}
		for _, w := range wires {
			var err error
			if w.pipe, err = srv.Connect(context.Background(), url.Values{"client_id": {w.name}}, w.take); err != nil {
				t.Fatal(err)
			}
			defer w.pipe.Close()
		}
		c := &choices{data}
		for n := 0; n < 12 && len(c.data) > 0; n++ {
			w := wires[c.pick(2)]
			if c.rarely(4) && len(w.open) == 0 {
				if problem := w.settled(); problem != "" {
					w.fail(t, problem)
				}
			}
			w.act(c)
		}
		for i, w := range wires {
			w.end(t, wires[1-i].name)
		}
	})
}

// end lets everything end, and holds what came to what was asked.
func (w *talker) end(t *testing.T, other string) {
	for _, id := range w.open {
		w.cancel(id)
	}
	if problem := w.settled(); problem != "" {
		w.fail(t, problem)
	}
	w.send(`{"jsonrpc":"2.0","id":"last","method":"ping"}`, `"last"`)
	if problem := w.settled(); problem != "" {
		w.fail(t, problem)
	}
	w.pipe.Close()
	if problem := w.settled(); problem != "" {
		w.fail(t, problem)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.Contains(strings.Join(w.texts, "\n"), other) {
		t.Fatalf("%s hears of %s: %s", w.name, other, strings.Join(w.texts, "\n"))
	}
}

func (w *talker) fail(t *testing.T, problem string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Fatalf("%s: %s\nsent:\n%s\ngot:\n%s", w.name, problem, strings.Join(w.sent, "\n"), strings.Join(w.texts, "\n"))
}

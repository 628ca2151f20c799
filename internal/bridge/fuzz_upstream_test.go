package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/sessionmcp/sessionmcp/transport"
)

// scripted is a server behind the bridge that does what the arguments of a call
// say: it asks, tells, answers twice or somebody else, and falls over. It has one
// client, and marks with its name all that it says.
type scripted struct {
	name, era string
	wrong     func(what string) // is told what must not happen

	table transport.Table
}

// Connect is what client.InProcess wants.
func (u *scripted) Connect(ctx context.Context, _ url.Values, toClient func(text []byte)) (*transport.Pipe, error) {
	s := &speaker{u: u, toClient: toClient, asked: make(map[string]chan struct{}), calls: make(map[string]context.CancelFunc)}
	pipe, err := transport.OpenPipe(ctx, &u.table, func(p *transport.Peer) (transport.Receiver, error) { return s, nil }, func(text []byte) { s.say(string(text)) }, transport.PipeOptions{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pipe = pipe
	return pipe, err
}

// speaker is one connection to it.
type speaker struct {
	u        *scripted
	speaking sync.Mutex
	toClient func(text []byte)

	mu    sync.Mutex
	pipe  *transport.Pipe
	last  int
	asked map[string]chan struct{} // questions, by id
	calls map[string]context.CancelFunc
}

func (s *speaker) say(text string) {
	s.speaking.Lock()
	defer s.speaking.Unlock()
	s.toClient([]byte(text))
}

// Receive implements [transport.Receiver].
func (s *speaker) Receive(ctx context.Context, x *transport.Exchange) (run func()) {
	m := &x.Message
	if strings.Contains(string(m.Params)+string(m.Result), "-of-") && !strings.Contains(string(m.Params)+string(m.Result), "-of-"+s.u.name) {
		s.u.wrong(fmt.Sprintf("%s is told what is another's: %s %s", s.u.name, m.Params, m.Result))
	}
	switch {
	case m.IsRequest():
		ctx, cancel := context.WithCancel(ctx)
		s.mu.Lock()
		s.calls[string(m.ID)] = cancel
		s.mu.Unlock()
		return func() { defer cancel(); s.serve(ctx, string(m.ID), m.Method, m.Params) }
	case m.IsNotification():
		s.mu.Lock()
		defer s.mu.Unlock()
		if cancel := s.calls[string(get(m.Params, "requestId"))]; m.Method == "notifications/cancelled" && cancel != nil {
			cancel()
		}
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		if answered := s.asked[string(m.ID)]; answered != nil {
			close(answered)
			delete(s.asked, string(m.ID))
		}
	}
	return nil
}

// serve answers a request.
func (s *speaker) serve(ctx context.Context, id, method string, params []byte) {
	switch {
	case method == "server/discover" && s.u.era == stateless:
		s.result(id, `"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"logging":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"u","version":"1"}}`)
	case method == "initialize" && s.u.era == handshake:
		s.result(id, `"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"logging":{}},"serverInfo":{"name":"u","version":"1"}`)
	case method == "server/discover", method == "initialize", method == "subscriptions/listen":
		s.say(`{"jsonrpc":"2.0","id":` + id + `,"error":{"code":-32601,"message":"not here"}}`)
	case method == "tools/call":
		var p struct {
			Arguments struct{ Do []int }
			Meta      struct{ ProgressToken json.RawMessage } `json:"_meta"`
			State     string                                  `json:"requestState"`
		}
		_ = json.Unmarshal(params, &p) // or nothing is to be done
		for _, step := range p.Arguments.Do {
			if over := s.step(ctx, id, step, string(p.Meta.ProgressToken), p.State != ""); over {
				return
			}
		}
		fallthrough
	default:
		s.result(id, `"content":[{"type":"text","text":"said-of-`+s.u.name+`"}]`)
	}
}

func (s *speaker) result(id, members string) {
	if s.u.era == stateless {
		members += `,"resultType":"complete"`
	}
	s.say(`{"jsonrpc":"2.0","id":` + id + `,"result":{` + members + `}}`)
}

// steps is how many kinds of steps there are.
const steps = 16

// step does one thing in a call, and reports whether it is over with that.
func (s *speaker) step(ctx context.Context, id string, step int, token string, again bool) (over bool) {
	mark := `said-of-` + s.u.name
	switch step % steps {
	case 0:
		if token != "" {
			s.say(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":` + token + `,"progress":1,"message":"` + mark + `"}}`)
		}
	case 1:
		s.say(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"nobody's","progress":1,"message":"` + mark + `"}}`)
	case 2:
		s.say(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"` + mark + `"}}`)
	case 3:
		s.say(`{oops "` + mark)
	case 4:
		s.say(`[{"jsonrpc":"2.0"},7,null]`)
	case 5:
		s.say(`{"jsonrpc":"2.0","id":99999,"result":{"content":[],"x":"` + mark + `"}}`)
	case 6:
		s.result(id, `"content":[],"x":"`+mark+`"`) // and once more in the end
	case 7, 8:
		if s.u.era == stateless && !again {
			s.say(`{"jsonrpc":"2.0","id":` + id + `,"result":{"resultType":"input_required","requestState":"` + mark + `","inputRequests":{"q":{"method":"elicitation/create","params":` + form(mark) + `}}}}`)
			return true
		}
		s.ask(ctx, "elicitation/create", form(mark))
	case 9:
		s.ask(ctx, "sampling/createMessage", `{"messages":[],"maxTokens":1,"x":"`+mark+`"}`)
	case 10:
		s.ask(ctx, "nothing/known", `{"x":"`+mark+`"}`)
	case 11:
		s.say(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
	case 12:
		s.mu.Lock()
		pipe := s.pipe
		s.mu.Unlock()
		go pipe.Close() // which waits for this call
		return true
	case 13:
		s.say(`{"jsonrpc":"2.0","id":` + id + `,"error":{"code":-1,"message":"` + mark + `"}}`)
		return true
	case 14:
		s.say(`{"jsonrpc":"2.0","id":` + id + `,"result":5}`)
		return true
	default:
		<-ctx.Done()
		return true
	}
	return false
}

func form(message string) string {
	return `{"message":"` + message + `","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}`
}

// ask puts a question, and waits for an answer, whatever that is, where there is
// one (2026-07-28 has no such requests).
func (s *speaker) ask(ctx context.Context, method, params string) {
	s.mu.Lock()
	s.last++
	id := fmt.Sprintf(`"ask-%d"`, s.last)
	answered := make(chan struct{})
	s.asked[id] = answered
	s.mu.Unlock()
	s.say(`{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":` + params + `}`)
	if s.u.era == stateless {
		return
	}
	select {
	case <-answered:
	case <-ctx.Done():
	}
}

var _ transport.Receiver = (*speaker)(nil)

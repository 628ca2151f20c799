package server

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

// rounds is what a stateless call knows of its earlier rounds, and what it asks
// in this one (2026-07-28, multi round-trip requests). Nothing of it stays on the
// server when the round ends: it travels through the client, sealed.
type rounds struct {
	mu      sync.Mutex
	resumed bool                       // there have been earlier rounds
	past    past                       // what they left
	given   map[string]json.RawMessage // the client's answers in this round
	used    map[string]bool            // keys that were asked for in this round
	asking  []byte                     // the members of inputRequests
	asked   []string                   // their keys
	once    ledger                     // what ran under tool.Once, in a session and in a first round
}

// rounds returns what the call knows of its rounds: most know nothing.
func (c *call) rounds() *rounds {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asks == nil {
		c.asks = new(rounds)
	}
	return c.asks
}

// past is what is sealed into requestState.
type past struct {
	ID      string                     `json:"id"`             // of the call, for all its rounds
	Expires int64                      `json:"exp"`            // Unix time in seconds
	Asked   []string                   `json:"ask"`            // in the round before
	Misfits int                        `json:"mis,omitempty"`  // answers that were none, in all rounds
	Answers map[string]json.RawMessage `json:"ans,omitempty"`  // to what was asked in all rounds
	Once    map[string]json.RawMessage `json:"once,omitempty"` // what ran under tool.Once
}

// maxPast is how many bytes of state are sent through a client.
const maxPast = 256 << 10

// resume takes what a stateless request brings from its earlier rounds.
func (c *call) resume(p *envelope.Params) error {
	if !c.revision.Stateless || p.Responses == nil && p.State == nil {
		return nil
	}
	r := c.rounds()
	if p.Responses != nil && p.Responses[0] != 'n' && json.Unmarshal(p.Responses, &r.given) != nil {
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.inputResponses must be an object")
	}
	if p.State == nil || p.State[0] == 'n' {
		return nil
	}
	text, err := c.session.server.seal.open(jsontext.Text(p.State), c.binding(p))
	if err == nil {
		err = json.Unmarshal(text, &r.past)
	}
	if err != nil || time.Now().Unix() >= r.past.Expires {
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.requestState is not what this server gave for this request, or is too old: begin again without it")
	}
	r.resumed = true
	return nil
}

// ask reads the answer to q, if there is one, or notes the question.
func (r *rounds) ask(rev *revision, q *tool.Question) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := r.unique(q.Key)
	if answer, ok := r.past.Answers[key]; ok && q.Read(answer) == nil {
		return nil
	}
	if answer, ok := r.given[key]; ok && r.mayAnswer(q, key) {
		err := q.Read(answer)
		if err == nil {
			if r.past.Answers == nil {
				r.past.Answers = make(map[string]json.RawMessage)
			}
			r.past.Answers[key] = answer
			return nil
		}
		if r.past.Misfits++; r.past.Misfits >= maxAttempts {
			return misfit(key, err)
		}
	}
	method, params, err := encodeQuestion(rev, q)
	if err != nil {
		return err
	}
	b := r.asking
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = jsontext.AppendString(append(jsontext.AppendString(b, key), `:{"method":`...), method)
	if params != nil {
		b = append(append(b, `,"params":`...), params...)
	}
	r.asking, r.asked = append(b, '}'), append(r.asked, key)
	return tool.ErrInputRequired
}

// mayAnswer reports whether the client may answer this question now: it was asked
// in the round before. A client that brings no state knows the questions from
// elsewhere, and may answer them; but not that it has opened a page which nobody
// has shown it.
func (r *rounds) mayAnswer(q *tool.Question, key string) bool {
	if !r.resumed {
		return q.Kind != tool.AskURL
	}
	return slices.Contains(r.past.Asked, key)
}

// unique returns the key, or key_2 and so on when it has been used in this round.
func (r *rounds) unique(key string) string {
	name := key
	for n := 2; r.used[name]; n++ {
		name = key + "_" + strconv.Itoa(n)
	}
	if r.used == nil {
		r.used = make(map[string]bool)
	}
	r.used[name] = true
	return name
}

// asks reports whether something was asked in this round.
func (r *rounds) asks() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked) > 0
}

// inputRequired says how a function's call ends that has asked its client, or
// could not: with the result that asks, or an error. Both are nil where the
// function's own result and error count.
func (c *call) inputRequired(dst []byte, p *envelope.Params, failure error) ([]byte, error) {
	if !c.revision.Stateless {
		return nil, nil
	}
	c.mu.Lock()
	r := c.asks
	c.mu.Unlock()
	if r == nil || !r.asks() {
		if missing, ok := errors.AsType[*tool.CapabilityError](failure); ok {
			return nil, missingCapability(missing)
		}
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	state, err := c.sealPast(r, p)
	if err != nil {
		return nil, err
	}
	dst = append(append(dst, `{"resultType":"input_required","inputRequests":{`...), r.asking...)
	dst = jsontext.AppendString(append(dst, `},"requestState":`...), state)
	dst, err = c.appendServerMeta(dst, nil)
	return append(dst, '}'), err
}

func (c *call) sealPast(r *rounds, p *envelope.Params) (string, error) {
	past := &r.past
	if !c.session.known() {
		return "", errUnknownCaller
	}
	if past.ID == "" {
		past.ID = rand.Text()
	}
	past.Asked = r.asked
	if past.Expires == 0 { // of the call, not of the round: no state outlives what the ledger knows of it
		past.Expires = time.Now().Add(c.session.server.stateTTL()).Unix()
	}
	text, err := json.Marshal(past)
	if err != nil {
		return "", fmt.Errorf("encoding the state of a call that asks its client: %w", err)
	}
	if len(text) > maxPast {
		return "", jsonrpc.Errorf(jsonrpc.CodeInternalError, "the answers of this call, and what tool.Once keeps, are larger than %d bytes", maxPast)
	}
	return c.session.server.seal.close(text, c.binding(p)), nil
}

// binding is what a state is good for: one request of one caller.
func (c *call) binding(p *envelope.Params) []byte {
	which := p.Name
	if c.method == mcp.ResourcesRead {
		which = p.URI
	}
	b := append(jsontext.AppendString(nil, c.method), ' ')
	b = append(jsontext.AppendString(b, jsontext.Text(which)), ' ')
	b = append(append(b, canonical(p.Arguments)...), ' ')
	return append(b, c.session.identity()...)
}

// canonical returns a JSON value in the one form that every encoder's output
// leads to. A client that repeats a request may order its members anew.
func canonical(raw []byte) []byte {
	if len(raw) == 0 {
		return []byte("{}")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return raw
	}
	b, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return b
}

// identity is who is calling, as far as the server can tell: a principal that is
// a name or a number says it all; any other is taken together with the
// connection's arguments, because what encoding/json shows of it need not tell
// callers apart.
func (s *session) identity() []byte {
	p := reflect.ValueOf(s.peer.Principal)
	switch {
	case p.Kind() == reflect.String, p.CanInt(), p.CanUint():
		return fmt.Appendf(nil, "%s %q", p.Type(), fmt.Sprint(p))
	case p.IsValid():
		known, _ := json.Marshal(s.peer.Principal) // nothing, if it cannot be encoded
		return fmt.Appendf(nil, "%s %s %s", p.Type(), known, s.peer.Args.Encode())
	}
	return []byte(s.peer.Args.Encode()) // sorted by name
}

var errUnknownCaller = errors.New("server: a call cannot ask its client, for callers cannot be told apart: " +
	"give the principal that Options.Authenticate returns exported fields, or return a name")

// known reports whether identity tells callers apart: not where the principal
// shows nothing of itself and no argument is a credential.
func (s *session) known() bool {
	if s.peer.Principal == nil {
		return true
	}
	shown, err := json.Marshal(s.peer.Principal)
	if err == nil && string(shown) != "{}" && string(shown) != "null" {
		return true
	}
	return slices.ContainsFunc(s.args.Names(), func(name string) bool {
		return tool.IsSecretName(name, s.server.o.SecretArgs...)
	})
}

// Once implements [tool.Outlet]. What ran in an earlier round is in the state. A
// client that repeats a round, because it lost the answer or in bad faith, finds
// what ran then in the server's ledger.
func (c *call) Once(name string, run func() ([]byte, error)) ([]byte, error) {
	r := c.rounds()
	if !c.revision.Stateless {
		return r.once.do(c.ctx, fingerprint{}, name, run)
	}
	r.mu.Lock()
	kept, ok := r.past.Once[name]
	asking, resumed, id := len(r.asked) > 0, r.resumed, r.past.ID
	r.mu.Unlock()
	if ok {
		return kept, nil
	}
	if asking {
		return nil, tool.ErrInputRequired
	}
	var result []byte
	var err error
	if resumed {
		result, err = c.session.server.ran.do(c.ctx, sha256.Sum256(c.session.identity()), id+" "+name, run)
	} else {
		result, err = r.once.do(c.ctx, fingerprint{}, name, run)
	}
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.past.Once == nil {
		r.past.Once = make(map[string]json.RawMessage)
	}
	r.past.Once[name] = result
	return result, nil
}

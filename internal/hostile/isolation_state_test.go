package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// desk is a function that asks twice, and does something once before each question
// and behind the last.
type desk struct{ runs, before, between, behind atomic.Int64 }

func (d *desk) book(ctx *tool.Context, in struct {
	Text string `json:"text"`
}) (string, error) {
	d.runs.Add(1)
	once := func(name string, n *atomic.Int64) (int64, error) {
		return tool.Once(ctx, name, func() (int64, error) { return n.Add(1), nil })
	}
	number, err := once("before", &d.before)
	if err != nil {
		return "", err
	}
	first, err := tool.Elicit[answer](ctx, "Who takes "+in.Text+"?")
	if err != nil {
		return "", err
	}
	if _, err := once("between", &d.between); err != nil {
		return "", err
	}
	second, err := tool.Elicit[answer](ctx, "Sure?", tool.Key("sure"))
	if err != nil {
		return "", err
	}
	_, err = once("behind", &d.behind)
	return fmt.Sprintf("%s is %s's and %s's, number %d", in.Text, first.Name, second.Name, number), err
}

// offer has the prey offer the function in every way.
func (d *desk) offer(p *prey) {
	p.Tool(d.book)
	p.Tool(d.book, tool.Name("other"))
	p.Prompt(d.book, tool.Name("book"))
	p.Resource("book://{text}", func(ctx *tool.Context, text string) (string, error) {
		return d.book(ctx, struct {
			Text string `json:"text"`
		}{text})
	}, tool.Name("book"))
}

// try is one round of a request that stands alone.
type try struct {
	key, query string // of the URL, beside the key
	method     string // "" is tools/call
	name       string // "" is book
	arguments  string // "" is {"text":"room"}
	state      string // JSON, "" is none
	responses  string // likewise
}

// ending is what came of it.
type ending struct {
	reply
	Result struct {
		Type  string `json:"resultType"`
		State string `json:"requestState"`
	}
	Error struct {
		Code    int
		Message string
	}
}

func (p *prey) try(a try) (o ending) {
	p.t.Helper()
	method, name, about, arguments := or(a.method, "tools/call"), or(a.name, "book"), "name", or(a.arguments, `{"text":"room"}`)
	params := `"arguments":` + arguments
	if method == "resources/read" {
		about, params = "uri", `"x":1`
	}
	params += fmt.Sprintf(`,%q:%q`, about, name)
	if a.state != "" {
		params += `,"requestState":` + a.state
	}
	if a.responses != "" {
		params += `,"inputResponses":` + a.responses
	}
	o.reply = p.send("POST", "/mcp?auth=key-"+or(a.key, "ada")+a.query, stateless(method, params), named(method, name)...)
	if err := json.Unmarshal([]byte(o.body), &o); err != nil {
		p.t.Fatalf("%+v: %s: %v", a, o.body, err)
	}
	return o
}

func or(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

// Answers to the two questions.
const (
	isAda  = `{"answer":{"action":"accept","content":{"name":"Ada"}}}`
	isSure = `{"sure":{"action":"accept","content":{"name":"Bob"}}}`
)

// wantAsked checks that a round asks, and returns the state that it gives, as JSON.
func (p *prey) wantAsked(what string, o ending) string {
	p.t.Helper()
	if o.status != http.StatusOK || o.Result.Type != "input_required" || o.Result.State == "" {
		p.t.Fatalf("%s: %d %s", what, o.status, o.body)
	}
	return `"` + o.Result.State + `"`
}

// TestForgedState: the state of a call is good for its caller, for the request that it
// came with, and unchanged. For anything else it is refused, and nothing runs.
func TestForgedState(t *testing.T) {
	var d desk
	p := newPrey(t, targetOptions{})
	d.offer(p)
	state := p.wantAsked("the first round", p.try(try{}))
	prompt := p.wantAsked("a prompt", p.try(try{method: "prompts/get"}))
	resource := p.wantAsked("a resource", p.try(try{method: "resources/read", name: "book://room"}))
	second := p.wantAsked("the second round", p.try(try{state: state, responses: isAda}))
	foreign := p.wantAsked("Mallory's", p.try(try{key: "mallory"}))
	runs := d.runs.Load()
	for what, a := range map[string]try{
		"another user":                         {key: "mallory", state: state},
		"another user, the second state":       {key: "mallory", state: second},
		"another user, with Ada's arguments":   {key: "mallory", query: "&client_id=ada&auth=key-ada", state: state},
		"a state of Mallory's":                 {state: foreign},
		"another tool":                         {name: "other", state: state},
		"another method":                       {method: "prompts/get", state: state},
		"a prompt's for the tool":              {state: prompt},
		"a resource's for the tool":            {state: resource},
		"a resource's for the prompt":          {method: "prompts/get", state: resource},
		"another resource":                     {method: "resources/read", name: "book://other", state: resource},
		"the resource in another spelling":     {method: "resources/read", name: "book://%72oom", state: resource},
		"other arguments":                      {arguments: `{"text":"rooms"}`, state: state},
		"no arguments":                         {arguments: `{}`, state: state},
		"one argument more":                    {arguments: `{"text":"room","more":1}`, state: state},
		"arguments of which the last counts":   {arguments: `{"text":"room","text":"suite"}`, state: state},
		"arguments of another type":            {arguments: `{"text":["room"]}`, state: state},
		"arguments in another case":            {arguments: `{"Text":"room"}`, state: state},
		"two states, the last of which counts": {state: state + `,"requestState":` + foreign},
		"no text":                              {state: "7"},
		"an object":                            {state: `{"state":` + state + `}`},
		"an array":                             {state: `[` + state + `]`},
		"an empty text":                        {state: `""`},
		"true":                                 {state: `true`},
		"padded":                               {state: strings.TrimSuffix(state, `"`) + `="`},
		"with a line break":                    {state: strings.TrimSuffix(state, `"`) + `\n"`},
		"twice":                                {state: strings.TrimSuffix(state, `"`) + strings.TrimPrefix(state, `"`)},
		"the halves of two":                    {state: state[:100] + second[100:]},
		"a megabyte":                           {state: `"` + strings.Repeat("A", 1<<20) + `"`},
	} {
		a.responses = isAda
		got := p.try(a)
		if got.Error.Code != -32602 || strings.Contains(got.body, "room") {
			t.Errorf("%s: %d %.300s", what, got.status, got.body)
		}
	}
	if now := d.runs.Load(); now != runs {
		t.Errorf("the function ran %d times for states that were refused", now-runs)
	}
	last := p.try(try{state: second, responses: isSure})
	if !strings.Contains(last.body, "room is Ada's and Bob's, number 1") {
		t.Errorf("the last round is %s", last.body)
	}
}

// TestAlteredState: a state in which one bit is another, of whichever byte, or that is
// shorter, is refused.
func TestAlteredState(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var d desk
	p := newPrey(t, targetOptions{})
	d.offer(p)
	state := p.try(try{}).Result.State
	runs := d.runs.Load()
	refused := func(what, state string) {
		t.Helper()
		if got := p.try(try{state: `"` + state + `"`, responses: isAda}); got.Error.Code != -32602 {
			t.Fatalf("%s: %s", what, got.body)
		}
	}
	for i := range state {
		at := strings.IndexByte(alphabet, state[i])
		for bit := range 6 {
			refused(fmt.Sprintf("bit %d of character %d", bit, i), state[:i]+string(alphabet[at^1<<bit])+state[i+1:])
		}
		if i > 0 {
			refused(fmt.Sprintf("the first %d characters", i), state[:i])
			refused(fmt.Sprintf("without the first %d", i), state[i:])
		}
	}
	if now := d.runs.Load(); now != runs {
		t.Errorf("the function ran %d times", now-runs)
	}
	p.wantAsked("unaltered", p.try(try{state: `"` + state + `"`, responses: isAda}))
}

// TestRepeatedState: a round that is sent again, also many times at once, does again
// nothing that is under Once, and leads to the same; a first request that is sent
// again is another call. A user may go on over another connection.
func TestRepeatedState(t *testing.T) {
	var d desk
	p := newPrey(t, targetOptions{})
	d.offer(p)
	first := p.wantAsked("the first round", p.try(try{}))
	var repeats sync.WaitGroup
	for i := range 8 {
		repeats.Go(func() {
			query := fmt.Sprintf("&client_id=%d", i)
			second := p.wantAsked("the second round", p.try(try{query: query, state: first, responses: isAda}))
			for range 3 {
				if got := p.try(try{query: query, state: second, responses: isSure}); !strings.Contains(got.body, "room is Ada's and Bob's, number 1") {
					t.Errorf("the last round is %s", got.body)
				}
			}
		})
	}
	repeats.Wait()
	if d.before.Load() != 1 || d.between.Load() != 1 || d.behind.Load() != 1 {
		t.Errorf("once is: before %d, between %d, behind %d times", d.before.Load(), d.between.Load(), d.behind.Load())
	}
	p.wantAsked("the first request again", p.try(try{}))
	if d.before.Load() != 2 {
		t.Errorf("two first requests are %d calls", d.before.Load())
	}
}

// TestExpiredState: after its time a state is refused for good.
func TestExpiredState(t *testing.T) {
	var d desk
	srv := server.New("short", "1", server.Options{StateTTL: time.Second, Authenticate: authenticate})
	p := newPreyOf(t, &target{Server: srv})
	d.offer(p)
	state := p.wantAsked("the first round", p.try(try{}))
	var got ending
	p.await("the end of the state", func() bool {
		got = p.try(try{state: state, responses: isAda})
		return got.Error.Code != 0
	})
	if got.Error.Code != -32602 || !strings.Contains(got.Error.Message, "too old") {
		t.Errorf("a state that is too old: %s", got.body)
	}
	runs := d.runs.Load()
	if got = p.try(try{state: state, responses: isAda}); got.Error.Code != -32602 || d.runs.Load() != runs {
		t.Errorf("again: %s", got.body)
	}
}

// TestFullLedger: a user who has the server remember as much as it can of what ran
// under Once has his own calls fail, and nobody else's.
func TestFullLedger(t *testing.T) {
	p := newPrey(t, targetOptions{})
	p.Tool(func(ctx *tool.Context) (string, error) {
		first, err := tool.Elicit[answer](ctx, "Who?")
		if err != nil {
			return "", err
		}
		big, err := tool.Once(ctx, "big", func() (string, error) { return strings.Repeat("x", 150_000), nil })
		return fmt.Sprint(first.Name, " ", len(big)), err
	}, tool.Name("hoard"))
	hoard := func(key string) ending {
		state := p.wantAsked("a first round", p.try(try{key: key, name: "hoard", arguments: "{}"}))
		return p.try(try{key: key, name: "hoard", arguments: "{}", state: state, responses: isAda})
	}
	refused := false
	for i := 0; i < 1000 && !refused; i++ {
		got := hoard("mallory")
		if refused = strings.Contains(got.body, "too many calls that ask"); !refused && !strings.Contains(got.body, "Ada 150000") {
			t.Fatalf("call %d: %s", i, got.body)
		}
	}
	if !refused {
		t.Error("there is no end to what the server remembers")
	}
	if got := hoard("ada"); !strings.Contains(got.body, "Ada 150000") {
		t.Errorf("Ada's call: %s", got.body)
	}
}

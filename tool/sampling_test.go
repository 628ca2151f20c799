package tool_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

func TestSampleAsks(t *testing.T) {
	a := &asker{}
	messages := []tool.Message{{Content: tool.Text{Text: "What is this?"}}, {Content: &tool.Image{Data: []byte("png"), MIME: "image/png"}}}
	_, err := tool.Sample(a.context(t), tool.Sampling{Messages: messages, System: "Be brief."})
	if err != tool.ErrInputRequired {
		t.Fatalf("got %v", err)
	}
	q := a.asked[0]
	want := &tool.Sampling{MaxTokens: 1000, System: "Be brief.", Messages: []tool.Message{
		{Role: tool.User, Content: tool.Text{Text: "What is this?"}},
		{Role: tool.User, Content: tool.Image{Data: []byte("png"), MIME: "image/png"}},
	}}
	if q.Kind != tool.AskSampling || !reflect.DeepEqual(q.Sampling, want) {
		t.Errorf("asked %+v", q.Sampling)
	}
	if messages[0].Role != "" {
		t.Error("the caller's messages were changed")
	}
}

// use and result are messages of a conversation with tools.
func use(id string) tool.Message {
	return tool.Message{Role: tool.Assistant, Content: tool.ToolUse{ID: id, Name: "forecast"}}
}

func result(id string, content ...tool.Content) tool.Message {
	return tool.Message{Content: tool.ToolResult{ToolUseID: id, Content: content}}
}

func TestSampleConversations(t *testing.T) {
	ask, say := tool.UserMessage("?"), tool.AssistantMessage("!")
	for _, tt := range []struct {
		messages []tool.Message
		want     string // "" is fine
	}{
		{nil, "tool.Sample: there are no Messages: begin with tool.UserMessage"},
		{[]tool.Message{ask, say, ask}, ""},
		{[]tool.Message{{}}, "message 0: there is no Content: write a tool.Text"},
		{[]tool.Message{{Content: (*tool.Text)(nil)}}, "message 0: there is no Content"},
		{[]tool.Message{ask, {Role: "system", Content: tool.Text{}}}, `message 1: the role "system": write tool.User or tool.Assistant`},
		{[]tool.Message{{Content: tool.Link{URI: "x:y"}}}, "message 0: a tool.Link cannot be said to a model: write what is in it into a tool.Text"},
		{[]tool.Message{{Content: &tool.Embed{}}}, "message 0: a tool.Embed cannot be said to a model"},
		{[]tool.Message{{Content: struct{ tool.Text }{}}}, "cannot be said to a model"},
		{[]tool.Message{{Content: tool.Audio{}}}, ""},

		{[]tool.Message{ask, use("a"), result("a")}, ""},
		{[]tool.Message{ask, use("a"), result("a"), use("b"), result("b"), say}, ""},
		{[]tool.Message{ask, say, use("a"), say, use("b"), result("b"), result("a"), ask}, ""},
		{[]tool.Message{ask, use("a"), result("a"), use("a"), result("a")}, ""},
		{[]tool.Message{ask, use("a"), result("a"), use("b"), say, use("c"), result("b"), result("c")}, ""},
		{[]tool.Message{ask, use("a")}, `the tool use "a" has no result: add a message with its ToolResult`},
		{[]tool.Message{ask, use("a"), ask}, `message 2: the tool use "a" has no result`},
		{[]tool.Message{ask, use("a"), use("b"), result("b")}, `the tool use "a" has no result`},
		{[]tool.Message{ask, use("a"), use("b"), result("b"), say, result("a")}, `message 4: the tool use "a" has no result`},
		{[]tool.Message{ask, use("a"), use("b"), result("b"), use("c")}, `message 4: the tool use "a" has no result`},
		{[]tool.Message{ask, use("a"), use("a")}, `message 2: the ID "a" is there twice`},
		{[]tool.Message{ask, result("a")}, `message 1: a result for the tool use "a", which is not before it`},
		{[]tool.Message{ask, use("a"), result("a"), result("a")}, `message 3: a result for the tool use "a", which is not before it`},
		{[]tool.Message{{Content: tool.ToolUse{ID: "a", Name: "b"}}}, "message 0: a ToolUse is said by tool.Assistant"},
		{[]tool.Message{use("a"), {Role: tool.Assistant, Content: tool.ToolResult{ToolUseID: "a"}}}, "message 1: a ToolResult is said by tool.User"},
		{[]tool.Message{{Role: tool.Assistant, Content: tool.ToolUse{Name: "b"}}}, "message 0: the ToolUse has no ID, no Name, or an Input that is not a JSON object"},
		{[]tool.Message{{Role: tool.Assistant, Content: tool.ToolUse{ID: "a"}}}, "the ToolUse has no ID"},
		{[]tool.Message{{Role: tool.Assistant, Content: tool.ToolUse{ID: "a", Name: "b", Input: json.RawMessage("[]")}}}, "the ToolUse has no ID"},
		{[]tool.Message{use("a"), result("a", tool.Text{}, &tool.Link{}, tool.Embed{})}, ""},
		{[]tool.Message{use("a"), result("a", tool.ToolUse{})}, "message 1: the ToolResult's Content[0] is a tool.ToolUse, which no tool returns"},
		{[]tool.Message{use("a"), result("a", tool.Text{}, nil)}, "the ToolResult's Content[1] is a <nil>, which no tool returns"},
	} {
		a := &asker{}
		_, err := tool.Sample(a.context(t), tool.Sampling{Messages: tt.messages})
		if tt.want == "" && err != tool.ErrInputRequired {
			t.Errorf("%+v: %v", tt.messages, err)
		}
		if tt.want != "" {
			wantError(t, err, "tool.Sample: ", tt.want)
			if len(a.asked) > 0 {
				t.Errorf("%+v was asked", tt.messages)
			}
		}
	}
}

// TestSampleNormalizes: servers know blocks by value, also those in a result.
func TestSampleNormalizes(t *testing.T) {
	a := &asker{}
	given := result("a", &tool.Text{Text: "sunny"})
	_, _ = tool.Sample(a.context(t), tool.Sampling{Messages: []tool.Message{use("a"), given}})
	if got := a.asked[0].Sampling.Messages[1].Content; !reflect.DeepEqual(got, tool.ToolResult{ToolUseID: "a", Content: []tool.Content{tool.Text{Text: "sunny"}}}) {
		t.Errorf("asked %+v", got)
	}
	if _, kept := given.Content.(tool.ToolResult).Content[0].(*tool.Text); !kept {
		t.Error("the caller's result was changed")
	}
}

func TestSampleRefuses(t *testing.T) {
	spec := must(t, func() {}, tool.Name("nothing")).Spec()
	for want, s := range map[string]tool.Sampling{
		"a MaxTokens of -1: write a number above 0":       {MaxTokens: -1},
		"a Temperature of NaN: write a number, or nil":    {Temperature: new(math.NaN())},
		"a Temperature of +Inf":                           {Temperature: new(math.Inf(1))},
		"Cost is 1.5: write a number from 0 to 1, or nil": {Cost: new(1.5)},
		"Speed is -0.1":       {Speed: new(-0.1)},
		"Intelligence is NaN": {Intelligence: new(math.NaN())},
		`the Choice "any": write auto, required or none`:                   {Choice: "any", Tools: []tool.Spec{spec}},
		`the Choice "auto" without Tools: add them, or remove it`:          {Choice: "auto"},
		"tool 1: no Name, or no Input that is a JSON object: use the Spec": {Tools: []tool.Spec{spec, {Name: "x"}}},
		"tool 0: no Name": {Tools: []tool.Spec{{Input: spec.Input}}},
	} {
		a := &asker{}
		s.Messages = []tool.Message{tool.UserMessage("?")}
		_, err := tool.Sample(a.context(t), s)
		wantError(t, err, "tool.Sample: "+want)
		if len(a.asked) > 0 {
			t.Errorf("%s: it was asked", want)
		}
	}
	a := &asker{}
	_, err := tool.Sample(a.context(t), tool.Sampling{
		Messages: []tool.Message{tool.UserMessage("?")}, Tools: []tool.Spec{spec}, Choice: "required",
		Temperature: new(0.0), Cost: new(0.0), Speed: new(1.0), Intelligence: new(0.5), MaxTokens: 7,
	})
	if err != tool.ErrInputRequired || a.asked[0].Sampling.MaxTokens != 7 {
		t.Errorf("got %v", err)
	}
}

// sampledAnswers are results of sampling/createMessage.
var sampledAnswers = []string{
	`{"role":"assistant","content":{"type":"text","text":"Paris"},"model":"m-1","stopReason":"endTurn"}`,
	` {"role":"assistant","content": [{"type":"text","text":"Let me "},{"type":"text","text":"see.","_meta":{"a":1},"annotations":{"audience":["user"],"priority":0.5,"lastModified":"2025-01-12T15:00:58Z"}},` +
		`{"type":"tool_use","id":"u1","name":"forecast","input":{"city":"Paris"},"_meta":{"b":2}},{"type":"image","data":"cG5n","mimeType":"image/png","annotations":{"lastModified":"soon"}},` +
		`{"type":"audio","data":"","mimeType":"audio/wav"}],"model":"m-2","stopReason":"toolUse"}`,
	`{"role":"user","content":[]}`,
}

func TestSampled(t *testing.T) {
	at := time.Date(2025, 1, 12, 15, 0, 58, 0, time.UTC)
	for i, want := range []tool.Sampled{
		{Role: tool.Assistant, Content: []tool.Content{tool.Text{Text: "Paris"}}, Model: "m-1", Stop: "endTurn"},
		{Role: tool.Assistant, Model: "m-2", Stop: "toolUse", Content: []tool.Content{
			tool.Text{Text: "Let me "},
			tool.Text{Text: "see.", Meta: map[string]any{"a": 1.0}, Annotations: &tool.Annotations{Audience: []string{"user"}, Priority: new(0.5), LastModified: at}},
			tool.ToolUse{ID: "u1", Name: "forecast", Input: json.RawMessage(`{"city":"Paris"}`), Meta: map[string]any{"b": 2.0}},
			tool.Image{Data: []byte("png"), MIME: "image/png", Annotations: &tool.Annotations{}},
			tool.Audio{Data: []byte{}, MIME: "audio/wav"},
		}},
		{Role: tool.User, Content: []tool.Content{}},
	} {
		a := &asker{answers: map[string]string{"sample": sampledAnswers[i]}}
		got, err := tool.Sample(a.context(t), tool.Sampling{Messages: []tool.Message{tool.UserMessage("?")}})
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("got\n%+v, %v\nwant\n%+v", got, errors.Join(append(a.rejected, err)...), want)
			continue
		}
		if text := []string{"Paris", "Let me see.", ""}[i]; got.Text() != text {
			t.Errorf("the text is %q", got.Text())
		}
	}
}

func TestSampledRefuses(t *testing.T) {
	for answer, want := range map[string]string{
		`[]`:   "the answer is no result of sampling/createMessage",
		`null`: `role: expected assistant or user, got ""`,
		`{"role":"system","content":{"type":"text","text":""}}`: `role: expected assistant or user, got "system"`,
		`{"role":"assistant"}`:                                                                        "content: expected a content block, or an array of them",
		`{"role":"assistant","content":null}`:                                                         "content: expected a content block",
		`{"role":"assistant","content":"Paris"}`:                                                      "content: expected a content block",
		`{"role":"assistant","content":[[]]}`:                                                         "content: expected a content block",
		`{"role":"assistant","content":{"type":"text"}}`:                                              "content[0]: text: missing",
		`{"role":"assistant","content":{"type":"text","text":5}}`:                                     "content: expected a content block",
		`{"role":"assistant","content":{"type":"image","data":"cG5n"}}`:                               "content[0]: data or mimeType: missing",
		`{"role":"assistant","content":{"type":"audio","mimeType":"audio/wav"}}`:                      "content[0]: data or mimeType: missing",
		`{"role":"assistant","content":{"type":"image","data":"?","mimeType":"image/png"}}`:           "content: expected a content block",
		`{"role":"assistant","content":[{"type":"text","text":""},{"type":"tool_use","id":"a"}]}`:     "content[1]: id, name or input: missing",
		`{"role":"assistant","content":{"type":"tool_use","id":"a","name":"b","input":[]}}`:           "content[0]: id, name or input: missing",
		`{"role":"assistant","content":{"type":"tool_use","id":"a","input":{}}}`:                      "content[0]: id, name or input: missing",
		`{"role":"assistant","content":{"type":"resource","resource":{"uri":"a:b","text":"secret"}}}`: `content[0]: type: expected text, image, audio or tool_use, got "resource"`,
		`{"role":"assistant","content":[null]}`:                                                       `content[0]: type: expected text, image, audio or tool_use, got ""`,
	} {
		a := &asker{answers: map[string]string{"sample": answer}}
		got, err := tool.Sample(a.context(t), tool.Sampling{Messages: []tool.Message{tool.UserMessage("?")}})
		if err != tool.ErrInputRequired || got != nil || len(a.rejected) != 1 {
			t.Errorf("%s: got %+v, %v", answer, got, err)
			continue
		}
		wantError(t, a.rejected[0], want)
	}
}

func TestRoots(t *testing.T) {
	a := &asker{}
	if _, err := tool.Roots(a.context(t)); err != tool.ErrInputRequired || a.asked[0].Kind != tool.AskRoots {
		t.Fatalf("got %v", err)
	}
	for answer, want := range map[string][]tool.Root{
		`{"roots":[]}`: {},
		`{"roots":[{"uri":"file:///a","name":"A","_meta":{}},{"uri":"FILE://host/b"}]}`: {{URI: "file:///a", Name: "A"}, {URI: "FILE://host/b"}},
	} {
		a.answers = map[string]string{"roots": answer}
		if got, err := tool.Roots(a.context(t)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", answer, got, err)
		}
	}
	for answer, want := range map[string]string{
		`{}`:             "the answer is no result of roots/list",
		`null`:           "the answer is no result of roots/list",
		`{"roots":null}`: "the answer is no result of roots/list",
		`{"roots":[1]}`:  "the answer is no result of roots/list",
		`{"roots":[{"uri":"file:///a"},{"uri":"https://a/"}]}`: "roots[1].uri: expected a URI that begins with file://",
		`{"roots":[{"name":"A"}]}`:                             "roots[0].uri: expected",
		`{"roots":[{"uri":"file:/"}]}`:                         "roots[0].uri: expected",
	} {
		a.answers = map[string]string{"roots": answer}
		if got, err := tool.Roots(a.context(t)); err != tool.ErrInputRequired || got != nil {
			t.Errorf("%s: got %+v, %v", answer, got, err)
			continue
		}
		wantError(t, a.rejected[0], want)
	}
}

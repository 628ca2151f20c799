package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server/servertest"
)

// get sends a request and decodes its result into a T.
func get[T any](t *testing.T, c *servertest.Client, method string, params any) T {
	t.Helper()
	text, err := c.Request(method, params)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	var result T
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatalf("%s: the result is %s: %v", method, text, err)
	}
	return result
}

// TestFirstTool: a client that knows nothing of this server calls it and expects
// no error.
func TestFirstTool(t *testing.T) {
	c := servertest.Connect(t, newServer(), servertest.Options{})
	if res := c.Call(c.Tools()[0], map[string]any{}); res.IsError {
		t.Errorf("the first tool, called without arguments: %s", res.Text())
	}
}

func TestMeasure(t *testing.T) {
	for text, want := range map[string]Measurement{
		"":            {},
		"a bb  ccc":   {Words: 3, Letters: 9, Longest: "ccc"},
		"één twee":    {Words: 2, Letters: 8, Longest: "twee"},
		"same size":   {Words: 2, Letters: 9, Longest: "same"},
		"\n\tindeed ": {Words: 1, Letters: 9, Longest: "indeed"},
	} {
		if got := Measure(text); got != want {
			t.Errorf("Measure(%q) = %+v, want %+v", text, got, want)
		}
	}
}

// contents is what resources/read answers.
type contents struct {
	Contents []struct{ URI, MIMEType, Text, Blob string }
}

func TestResources(t *testing.T) {
	c := servertest.Connect(t, newServer(), servertest.Options{})
	for uri, want := range map[string]string{
		"test://static-text":         "static text resource",
		"test://template/123/data":   `"square":15129`,
		"test://watched-resource":    "0",
		"source://content.go":        "func SimpleText() string",
		"test://template/1000/data":  "Data for ID 1000",
		"test://template/1001/data":  "",
		"test://template/one/data":   "",
		"source://../weather/sky.go": "",
	} {
		text, err := c.Request("resources/read", map[string]any{"uri": uri})
		if want == "" {
			if err == nil {
				t.Errorf("%s: read %s, want an error", uri, text)
			}
			continue
		}
		var got contents
		if err := json.Unmarshal(text, &got); err != nil || len(got.Contents) != 1 {
			t.Errorf("%s: read %s, want one content", uri, text)
			continue
		}
		if got.Contents[0].URI != uri || !strings.Contains(got.Contents[0].Text, want) {
			t.Errorf("%s: read %+v, want %q", uri, got.Contents[0], want)
		}
	}
	got := get[contents](t, c, "resources/read", map[string]any{"uri": "test://static-binary"})
	if len(got.Contents) != 1 || !strings.HasPrefix(got.Contents[0].Blob, "iVBORw0KGgo") || got.Contents[0].MIMEType != "image/png" {
		t.Errorf("the picture is %+v, want a PNG", got)
	}
}

func TestChanges(t *testing.T) {
	c := servertest.Connect(t, newServer(), servertest.Options{})
	before := c.Tools()
	for tool, told := range map[string]string{
		"test_trigger_tool_change":   "notifications/tools/list_changed",
		"test_trigger_prompt_change": "notifications/prompts/list_changed",
	} {
		if res := c.Call(tool, nil); res.IsError {
			t.Errorf("%s: %s", tool, res.Text())
		}
		c.Await(told, 1)
	}
	if after := c.Tools(); len(after) != len(before) {
		t.Errorf("%d tools, there were %d", len(after), len(before))
	}
}

func TestWatchedResource(t *testing.T) {
	h := servertest.Start(t, newServer())
	one, two := h.Connect(servertest.Options{}), h.Connect(servertest.Options{})
	if _, err := one.Request("resources/subscribe", map[string]any{"uri": "test://watched-resource"}); err != nil {
		t.Fatal(err)
	}
	if got, want := two.Call("count_up", nil).Text(), "It is 1 now."; got != want {
		t.Errorf("count_up answered %q, want %q", got, want)
	}
	one.Await("notifications/resources/updated", 1)
	if told := two.Notifications("notifications/resources/updated"); told != nil {
		t.Errorf("a client that has not subscribed was told %v", told)
	}
}

func TestConnection(t *testing.T) {
	h := servertest.Start(t, newServer())
	one := h.Connect(servertest.Options{Args: url.Values{"client_id": {"one"}}})
	anyone := h.Connect(servertest.Options{})
	for c, want := range map[*servertest.Client]string{one: "one", anyone: "anonymous"} {
		var got Identity
		if err := c.Call("whoami", nil).Decode(&got); err != nil || got.ClientID != want {
			t.Errorf("whoami answered %+v (%v), want %s", got, err, want)
		}
	}
	remember := func(c *servertest.Client, note, want string) {
		t.Helper()
		if got := c.Call("remember", map[string]any{"note": note}).Text(); !strings.Contains(got, want) {
			t.Errorf("remember answered %q, want %q in it", got, want)
		}
	}
	remember(one, "red", "first")
	remember(anyone, "green", "first")
	remember(one, "blue", "red")
}

// TestDelivery: the schema that is written by hand is enforced.
func TestDelivery(t *testing.T) {
	c := servertest.Connect(t, newServer(), servertest.Options{})
	for arguments, fits := range map[string]bool{
		`{"name": "Ann", "email": "ann@example.com"}`:                                 true,
		`{"name": "Ann", "phone": "1", "express": true, "address": {"city": "Oslo"}}`: true,
		`{"name": "Ann"}`: false,
		`{"name": "Ann", "phone": "1", "express": true}`:                                      false,
		`{"name": "Ann", "phone": "1", "floor": -1}`:                                          false,
		`{"name": "Ann", "phone": "1", "floor": -1, "express": true, "address": {"city":""}}`: true,
		`{"name": "Ann", "phone": "1", "street": "Main"}`:                                     false,
	} {
		res := c.Call("json_schema_2020_12_tool", json.RawMessage(arguments))
		if res.IsError == fits {
			t.Errorf("%s: answered %q (error: %t), want an error: %t", arguments, res.Text(), res.IsError, !fits)
		}
	}
}

package examples_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The tools of examples/everything, in the order of its pages.
var everythingTools = []string{
	"test_simple_text",
	"test_image_content",
	"test_audio_content",
	"test_embedded_resource",
	"test_multiple_content_types",
	"test_error_handling",
	"measure",
	"test_tool_with_progress",
	"test_tool_with_logging",
	"test_logging_tool",
	"test_reconnection",
	"test_sampling",
	"test_elicitation",
	"test_missing_capability",
	"test_streaming_elicitation",
	"test_input_required_result_capabilities",
	"sign_in",
	"test_input_required_result_elicitation",
	"test_input_required_result_sampling",
	"test_input_required_result_list_roots",
	"test_input_required_result_multiple_inputs",
	"test_input_required_result_multi_round",
	"test_input_required_result_request_state",
	"test_input_required_result_tampered_state",
	"test_elicitation_sep1034_defaults",
	"test_elicitation_sep1330_enums",
	"count_up",
	"test_trigger_tool_change",
	"test_trigger_prompt_change",
	"json_schema_2020_12_tool",
	"query",
	"whoami",
	"remember",
}

// tryEverything tries little: the conformance suite tries the rest.
func tryEverything(t *testing.T, _ string, connect dial) {
	one, anyone := connect(url.Values{"client_id": {"one"}}), connect(nil)
	wantDescriptions(t, one)
	wantText(t, one, "test_simple_text", nil, "This is a simple text response.")
	for c, want := range map[*client]string{one: "one", anyone: "anonymous"} {
		var got struct {
			ClientID  string `json:"client_id"`
			Transport string
		}
		if c.call("whoami", nil, &got); got.ClientID != want || got.Transport != "sse" {
			t.Errorf("whoami answered %+v, want %s over sse", got, want)
		}
	}
	wantText(t, one, "remember", map[string]any{"note": "red"}, "This is the first note.")
	wantText(t, one, "remember", map[string]any{"note": "blue"}, `Before, you had me remember "red".`)
	if text, isError := anyone.call("test_sampling", map[string]any{"prompt": "Hello"}, nil); !isError {
		t.Errorf("a client that cannot be asked to sample got %q, want an error", text)
	}
}

// wantDescriptions: what is not a tool comes with a description, too.
func wantDescriptions(t *testing.T, c *client) {
	t.Helper()
	type described struct{ Name, URI, URITemplate, Description string }
	var lists struct {
		Prompts           []described
		Resources         []described
		ResourceTemplates []described
	}
	for _, method := range []string{"prompts/list", "resources/list", "resources/templates/list"} {
		c.request(method, map[string]any{}, &lists)
	}
	for _, d := range slices.Concat(lists.Prompts, lists.Resources, lists.ResourceTemplates) {
		if d.Description == "" && !strings.HasPrefix(d.URI+d.URITemplate, "source://") { // a file
			t.Errorf("%s has no description", d.Name)
		}
	}
	if len(lists.Prompts) != 5 || len(lists.Resources) < 10 || len(lists.ResourceTemplates) != 2 {
		t.Errorf("there are %d prompts, %d resources and %d templates, want 5, 10 or more, and 2",
			len(lists.Prompts), len(lists.Resources), len(lists.ResourceTemplates))
	}
}

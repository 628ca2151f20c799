package tool_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

type query struct {
	Region string `json:"region" mcpheader:"Region"`
	Filter struct {
		Limit int  `json:"limit,omitempty" mcpheader:"limit"`
		Deep  bool `json:"deep,omitempty" mcpheader:"X!#$%&'*+-.^_|~9"`
	} `json:"filter"`
}

func TestHeaderParams(t *testing.T) {
	byHand := func(properties string) []tool.Option {
		return []tool.Option{tool.InputSchema(json.RawMessage(`{"type":"object","properties":` + properties + `}`))}
	}
	raw := func(json.RawMessage) {}
	for name, test := range map[string]struct {
		fn      any
		options []tool.Option
		want    []tool.HeaderParam
	}{
		"none":      {func(place) {}, nil, nil},
		"no fields": {func() {}, nil, nil},
		"of a type": {func(query) {}, nil, []tool.HeaderParam{
			{"X!#$%&'*+-.^_|~9", []string{"filter", "deep"}, "boolean"},
			{"limit", []string{"filter", "limit"}, "integer"},
			{"Region", []string{"region"}, "string"},
		}},
		"by hand":                     {raw, byHand(`{"a":{"type":"string","x-mcp-header":"A"}}`), []tool.HeaderParam{{"A", []string{"a"}, "string"}}},
		"written with an escape":      {raw, byHand(`{"a":{"type":"string","x-mcp-h\u0065ader":"A"}}`), []tool.HeaderParam{{"A", []string{"a"}, "string"}}},
		"a property of that name":     {raw, byHand(`{"x-mcp-header":{"type":"string"},"properties":{"type":"string","x-mcp-header":"P"}}`), []tool.HeaderParam{{"P", []string{"properties"}, "string"}}},
		"below properties of objects": {raw, byHand(`{"a":{"type":"object","properties":{"b":{"properties":{"c":{"type":"integer","x-mcp-header":"C"}}}}}}`), []tool.HeaderParam{{"C", []string{"a", "b", "c"}, "integer"}}},
		"deep down": {raw, byHand(`{"a":{"properties":{"b":{"properties":{"c":{"properties":{"d":{"type":"string","x-mcp-header":"D"},"e":{"type":"boolean","x-mcp-header":"E"}}}}}}}}`),
			[]tool.HeaderParam{{"D", []string{"a", "b", "c", "d"}, "string"}, {"E", []string{"a", "b", "c", "e"}, "boolean"}}},
		"in values": {raw, byHand(`{"a":{"const":{"x-mcp-header":"A"}},"b":{"default":{"x-mcp-header":""}},"c":{"enum":[{"x-mcp-header":"A"}]},` +
			`"d":{"examples":[{"x-mcp-header":7}]}}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			made := must(t, test.fn, append(test.options, tool.Name("x"))...)
			if got := made.Spec().Headers; !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestHeaderParamsThatClientsRefuse(t *testing.T) {
	const a = `{"type":"string","x-mcp-header":"A"}`
	for name, test := range map[string]struct{ schema, want string }{
		"empty":               {`"properties":{"a":{"type":"string","x-mcp-header":""}}`, `property "a": x-mcp-header is no name`},
		"no text":             {`"properties":{"a":{"type":"string","x-mcp-header":7}}`, `property "a": x-mcp-header is no name`},
		"a blank":             {`"properties":{"a":{"type":"string","x-mcp-header":"A B"}}`, `property "a": x-mcp-header "A B" has ' ' in it`},
		"a line break":        {`"properties":{"a":{"type":"string","x-mcp-header":"A\r\nB"}}`, `property "a"`},
		"a colon":             {`"properties":{"a":{"type":"string","x-mcp-header":"A:"}}`, `property "a"`},
		"beyond ASCII":        {`"properties":{"a":{"type":"string","x-mcp-header":"Ä"}}`, `property "a"`},
		"twice":               {`"properties":{"a":{"type":"string","x-mcp-header":"Same"},"o":{"properties":{"b":{"type":"integer","x-mcp-header":"sAME"}}}}`, `property "o.b": x-mcp-header "sAME" is that of property "a" too`},
		"a number":            {`"properties":{"a":{"type":"number","x-mcp-header":"A"}}`, `property "a": x-mcp-header "A" needs`},
		"a list of types":     {`"properties":{"a":{"type":["string","null"],"x-mcp-header":"A"}}`, `property "a"`},
		"no type":             {`"properties":{"a":{"x-mcp-header":"A"}}`, `property "a"`},
		"an object":           {`"properties":{"a":{"type":"object","x-mcp-header":"A"}}`, `property "a"`},
		"the root":            {`"x-mcp-header":"A"`, "x-mcp-header at #,"},
		"items":               {`"properties":{"a":{"type":"array","items":` + a + `}}`, "#/properties/a/items,"},
		"properties in items": {`"properties":{"a":{"items":{"properties":{"b":` + a + `}}}}`, "#/properties/a/items/properties/b,"},
		"prefixItems":         {`"properties":{"a":{"prefixItems":[` + a + `]}}`, "#/properties/a/prefixItems/0,"},
		"anyOf":               {`"properties":{"a":{"anyOf":[{"type":"null"},` + a + `]}}`, "#/properties/a/anyOf/1,"},
		"allOf of the root":   {`"allOf":[{"properties":{"a":` + a + `}}]`, "#/allOf/0/properties/a,"},
		"not":                 {`"not":` + a, "#/not,"},
		"if":                  {`"if":{"properties":{"a":` + a + `}}`, "#/if/properties/a,"},
		"then":                {`"then":{"properties":{"a":` + a + `}}`, "#/then/properties/a,"},
		"$defs":               {`"properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":` + a + `}`, "#/$defs/A,"},
		"beside a $ref":       {`"properties":{"a":{"$ref":"#/$defs/A","x-mcp-header":"A"}},"$defs":{"A":{"type":"string"}}`, `property "a": x-mcp-header "A" needs`},
		"more properties":     {`"additionalProperties":` + a, "#/additionalProperties,"},
		"patternProperties":   {`"patternProperties":{"^a":` + a + `}`, "#/patternProperties/^a,"},
		"dependentSchemas":    {`"dependentSchemas":{"a":{"properties":{"b":` + a + `}}}`, "#/dependentSchemas/a/properties/b,"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tool.New(func(json.RawMessage) {}, tool.Name("x"), tool.InputSchema(json.RawMessage(`{"type":"object",`+test.schema+`}`)))
			wantError(t, err, test.want, "header_test.go:", "x-mcp-header")
		})
	}
}

func TestHeaderParamsOfTypesThatClientsRefuse(t *testing.T) {
	type node struct {
		Name string  `json:"name" mcpheader:"Name"`
		Next []*node `json:"next,omitempty"`
	}
	for name, test := range map[string]struct {
		fn   any
		want string
	}{
		"in a list":        {func(struct{ All []query }) {}, "#/properties/All/items/properties/"},
		"in a map":         {func(struct{ All map[string]query }) {}, "#/properties/All/additionalProperties/properties/"},
		"a recursive type": {func(struct{ Root node }) {}, "#/$defs/node/properties/name"},
		"twice": {func(struct {
			A string `mcpheader:"H"`
			B string `mcpheader:"h"`
		}) {
		}, `property "B": x-mcp-header "h" is that of property "A" too`},
		"no token": {func(struct {
			A string `mcpheader:"a/b"`
		}) {
		}, `has '/' in it`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tool.New(test.fn, tool.Name("x"))
			wantError(t, err, test.want, "header_test.go:")
		})
	}
}

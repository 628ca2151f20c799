package main

import (
	"encoding/json"
	"fmt"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func addSchemas(srv *server.Server) {
	// With a schema written by hand a function takes the arguments as JSON.
	srv.Tool(Deliver, tool.Name("json_schema_2020_12_tool"), tool.InputSchema(json.RawMessage(delivery)), tool.ReadOnly())

	// The region of a query is tagged with mcpheader: clients of 2026-07-28 send it
	// in the header Mcp-Param-Region as well, so that a proxy can route the request
	// without reading its body. That both say the same is checked.
	srv.Tool(Query, tool.ReadOnly())
}

// delivery is JSON Schema 2020-12 by hand, for what a Go type cannot say: that
// one of two properties must be there, or what one means for another. Clients
// get it as it stands here, and arguments are checked against it.
const delivery = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"properties": {
		"name": {"type": "string", "minLength": 1},
		"email": {"type": "string"},
		"phone": {"type": "string"},
		"express": {"type": "boolean", "default": false},
		"floor": {"type": "integer"},
		"address": {"$ref": "#/$defs/address"}
	},
	"allOf": [
		{"anyOf": [{"required": ["email"]}, {"required": ["phone"]}]}
	],
	"if": {"properties": {"express": {"const": true}}, "required": ["express"]},
	"then": {"required": ["address", "phone"]},
	"else": {"properties": {"floor": {"minimum": 0}}},
	"required": ["name"],
	"additionalProperties": false,
	"$defs": {
		"address": {
			"$anchor": "address",
			"type": "object",
			"properties": {
				"street": {"type": "string"},
				"city": {"type": "string"}
			},
			"required": ["city"]
		}
	}
}`

// Deliver takes down where to deliver to.
func Deliver(in json.RawMessage) (string, error) {
	var to struct {
		Name    string
		Address struct{ City string }
	}
	if err := json.Unmarshal(in, &to); err != nil {
		return "", err
	}
	if to.Address.City == "" {
		return fmt.Sprintf("To be picked up by %s.", to.Name), nil
	}
	return fmt.Sprintf("To be delivered to %s in %s.", to.Name, to.Address.City), nil
}

// QueryInput says what to query, and where.
type QueryInput struct {
	// Region to query, such as us-west1.
	Region string `json:"region" mcpheader:"Region"`
	// Text of the query.
	Text string `json:"text,omitempty"`
}

// Query queries the made-up database of a region.
func Query(in QueryInput) string {
	return fmt.Sprintf("Nothing found in %s for %q.", in.Region, in.Text)
}

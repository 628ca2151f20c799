// Command client is what the conformance suite tests of package client: it is
// started for a scenario, connects to the server that the suite plays, and does
// there what the scenario is about.
//
// The suite names the scenario, the revision and some data in environment
// variables, and the server's URL as the last argument.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/tool"
)

func main() {
	log.SetFlags(0)
	probe := flag.Bool("probe", false, "find out what the server speaks")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("want the URL of a server as the only argument")
	}
	revision := os.Getenv("MCP_CONFORMANCE_PROTOCOL_VERSION")
	if *probe {
		revision = ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	if err := run(ctx, flag.Arg(0), revision, os.Getenv("MCP_CONFORMANCE_SCENARIO")); err != nil {
		log.Fatal(err)
	}
}

// scenarios are those that want more than connecting and listing the tools.
var scenarios = map[string]func(ctx context.Context, c *client.Client) error{
	"tools_call":                          addNumbers,
	"elicitation-sep1034-client-defaults": callOnly("test_client_elicitation_defaults"),
	"sse-retry":                           callOnly("test_reconnection"),
	"sep-2322-client-request-state":       callPrefixed("test_mrtr"),
	"http-standard-headers":               oneOfEach,
	"http-custom-headers":                 callAsTold,
	"http-invalid-tool-headers":           callPrefixed(""),
	"json-schema-2020-12-preservation":    echoSchema,
}

func run(ctx context.Context, url, revision, scenario string) error {
	c, err := client.Connect(ctx, client.URL(url), client.Options{
		Name:     "sessionmcp-conformance",
		Version:  "1.0.0",
		Revision: revision,
		Elicit: func(context.Context, *client.Elicitation) (*client.Elicited, error) {
			return &client.Elicited{Action: "accept"}, nil // the defaults are the library's to fill in
		},
		Sample: func(context.Context, *client.Sampling) (*tool.Sampled, error) {
			return nil, errors.New("no scenario asks for it")
		},
		Roots: func(context.Context) ([]tool.Root, error) { return nil, nil },
	})
	if err != nil {
		return err
	}
	defer c.Close()
	for _, err := range c.Tools(ctx) {
		if err != nil {
			return err
		}
	}
	if do := scenarios[scenario]; do != nil {
		return do(ctx, c)
	}
	return nil
}

func addNumbers(ctx context.Context, c *client.Client) error {
	_, err := c.Call(ctx, "add_numbers", map[string]int{"a": 5, "b": 3})
	return err
}

func callOnly(name string) func(context.Context, *client.Client) error {
	return func(ctx context.Context, c *client.Client) error {
		_, err := c.Call(ctx, name, nil)
		return err
	}
}

// callPrefixed calls the tools whose names begin so, in the order of the list.
func callPrefixed(prefix string) func(context.Context, *client.Client) error {
	return func(ctx context.Context, c *client.Client) error {
		for t, err := range c.Tools(ctx) {
			if err != nil {
				return err
			}
			if !strings.HasPrefix(t.Name, prefix) {
				continue
			}
			arguments, err := sample(t.InputSchema)
			if err != nil {
				return err
			}
			if _, err := c.Call(ctx, t.Name, arguments); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
		}
		return nil
	}
}

// sample returns arguments of the types that a schema's properties have.
func sample(schema json.RawMessage) (map[string]any, error) {
	var s struct {
		Properties map[string]struct {
			Type string `json:"type"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, err
	}
	values := map[string]any{"string": "text", "integer": 1, "number": 1.5, "boolean": true}
	arguments := make(map[string]any)
	for name, p := range s.Properties {
		if value, ok := values[p.Type]; ok {
			arguments[name] = value
		}
	}
	return arguments, nil
}

// oneOfEach calls a tool, reads a resource and gets a prompt.
func oneOfEach(ctx context.Context, c *client.Client) error {
	for t, err := range c.Tools(ctx) {
		if err != nil {
			return err
		}
		arguments, err := sample(t.InputSchema)
		if err != nil {
			return err
		}
		if _, err := c.Call(ctx, t.Name, arguments); err != nil {
			return err
		}
		break
	}
	for r, err := range c.Resources(ctx) {
		if err != nil {
			return err
		}
		if _, err := c.Read(ctx, r.URI); err != nil {
			return err
		}
		break
	}
	for p, err := range c.Prompts(ctx) {
		if err != nil {
			return err
		}
		if _, err := c.Prompt(ctx, p.Name, nil); err != nil {
			return err
		}
		break
	}
	return nil
}

// callAsTold makes the calls that the suite names.
func callAsTold(ctx context.Context, c *client.Client) error {
	var told struct {
		Calls []struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		} `json:"toolCalls"`
	}
	if err := json.Unmarshal([]byte(os.Getenv("MCP_CONFORMANCE_CONTEXT")), &told); err != nil {
		return fmt.Errorf("MCP_CONFORMANCE_CONTEXT: %w", err)
	}
	for _, call := range told.Calls {
		if _, err := c.Call(ctx, call.Name, call.Arguments); err != nil {
			return fmt.Errorf("%s: %w", call.Name, err)
		}
	}
	return nil
}

// echoSchema sends the schema of one tool to another, as it came.
func echoSchema(ctx context.Context, c *client.Client) error {
	for t, err := range c.Tools(ctx) {
		if err != nil {
			return err
		}
		if t.Name == "json_schema_2020_12_tool" {
			_, err := c.Call(ctx, "json_schema_echo", map[string]any{"schema": t.InputSchema})
			return err
		}
	}
	return fmt.Errorf("the server has no json_schema_2020_12_tool")
}

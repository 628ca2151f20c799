// Command mcpgo is the server of bench/target made with github.com/mark3labs/mcp-go.
package main

import (
	"github.com/sessionmcp/sessionmcp/bench/internal/mcpgo"
	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
)

func main() { serve.Main(mcpgo.Server) }

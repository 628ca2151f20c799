// Command sessionmcp-enhanced wraps any MCP server in a URL, and makes server binaries.
package main

import (
	"os"

	"github.com/sessionmcp/sessionmcp/internal/cli"
)

func main() { os.Exit(cli.Main()) }

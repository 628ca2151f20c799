// Command gosdk is the server of bench/target made with github.com/modelcontextprotocol/go-sdk.
package main

import (
	"github.com/sessionmcp/sessionmcp/bench/internal/gosdk"
	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
)

func main() { serve.Main(gosdk.Server) }

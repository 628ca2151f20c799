// Command raw is the server of bench/target made with nothing but net/http and encoding/json.
package main

import (
	"github.com/sessionmcp/sessionmcp/bench/internal/raw"
	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
)

func main() { serve.Main(raw.Server) }

// Command target is the server that benchmarks put under load: two tools, one
// that repeats a text and one that answers with a structure, written as anyone
// would write them, in internal/us. The folders beside this file have the same
// program for the servers that it is compared with. All take the same flags.
//
//	target -mode sse|http|stateless|stdio -addr 127.0.0.1:8080 -tools 2
package main

import (
	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/us"
)

func main() { serve.Main(us.Server) }

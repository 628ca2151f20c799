// Package servers lists the servers that are compared.
package servers

import (
	"github.com/sessionmcp/sessionmcp/bench/internal/gosdk"
	"github.com/sessionmcp/sessionmcp/bench/internal/mcpgo"
	"github.com/sessionmcp/sessionmcp/bench/internal/raw"
	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/us"
)

// All are the servers. Ratios are to the first one.
var All = []serve.Server{raw.Server, us.Server, gosdk.Server, mcpgo.Server}

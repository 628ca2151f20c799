package server

import (
	"net/http"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/tool"
)

// checkParams checks the headers that repeat arguments of a tool.
func (c *call) checkParams(params []tool.HeaderParam, arguments []byte) error {
	if len(params) == 0 || !c.revision.Stateless || !c.session.overHTTP() {
		return nil
	}
	for _, p := range params {
		param := envelope.Param(p)
		if err := param.Check(c.header, arguments); err != nil {
			return &httpError{http.StatusBadRequest, err}
		}
	}
	return nil
}

package bridge

import (
	"bytes"
	"context"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// maxClient is how many bytes a client may say about itself: they are kept as long
// as the session.
const maxClient = 64 << 10

// initialize starts the upstream, and answers with what that says of itself.
func (s *session) initialize(ctx context.Context, params []byte) ([]byte, *jsonrpc.Error) {
	if len(params) > maxClient {
		return nil, s.startAgain(jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params are larger than %d bytes", maxClient))
	}
	asked := jsontext.Text(get(params, "protocolVersion"))
	revision := asked
	if r := mcp.ByDate(asked); r == nil || r.Stateless {
		revision = mcp.LatestSession().Date
	}
	up, err := s.b.ofSession(s, bytes.Clone(params), revision)
	if err != nil {
		return nil, s.startAgain(failure(err, s.f.hide))
	}
	info, err := s.open(ctx, up)
	if err != nil {
		s.leave(err)
		return nil, s.startAgain(up.failure(err))
	}
	result := info.Result
	if info.Stateless() {
		result = initializeResult(info, revision)
	}
	return result, nil
}

// startAgain lets the client try again to initialize.
func (s *session) startAgain(failure *jsonrpc.Error) *jsonrpc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began, s.ready = false, false
	return failure
}

// open connects to the upstream, and has the connection kept.
func (s *session) open(ctx context.Context, up *upstream) (*client.ServerInfo, error) {
	s.mu.Lock()
	s.up = up
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, errEnded
	}
	up.join(s)
	c, err := up.connection(ctx)
	if err != nil {
		return nil, err
	}
	info := c.Server()
	spoken := info.ProtocolVersion
	if info.Stateless() {
		spoken = mcp.LatestSession().Date
	}
	s.mu.Lock()
	s.revision, s.ready = spoken, true
	s.mu.Unlock()
	r := mcp.ByDate(spoken)
	if err := s.peer.Keep(r != nil && r.Primes); err != nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeServerBusy, "%v", err)
	}
	if s.peer.ID == "" {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "sessions are switched off here: speak revision %s, which has none", mcp.Latest().Date)
	}
	name := s.name()
	up.name.Store(&name)
	return info, nil
}

package server

import (
	"cmp"
	"errors"
	"iter"

	"github.com/sessionmcp/sessionmcp/tool"
)

// Session is an open connection that lasts: over HTTP+SSE, stdio or a pipe from
// its beginning, over streamable HTTP from initialize to its end.
type Session struct {
	ID         string `json:"-"` // a credential: who has it may speak for the session
	Args       tool.Args
	Bound      any    `json:"-"` // pointer to the filled copy of Options.Args; nil without
	Principal  any    `json:"-"`
	Transport  string // sse, http, stdio, pipe
	RemoteAddr string // "" where there is none

	close func(cause error) // a closure, so that nobody who prints it gets at the connection
}

// ErrClosed is why a session has ended that [Session.Close] was given no cause for.
var ErrClosed = errors.New("the server closed the session")

// Close ends the session: its calls are cancelled and its streams end, and a client
// that comes back has to open another one. Options.OnClose gets the cause, and so
// does the log; nil is [ErrClosed]. The first cause counts. It may be called
// concurrently, and does not wait.
func (s *Session) Close(cause error) { s.close(cmp.Or(cause, ErrClosed)) }

// Sessions yields the sessions that are open when it is called, in no order. A
// credential is checked when a session opens: who revokes one closes the sessions
// that it opened.
//
//	for s := range srv.Sessions() {
//		if s.Principal == user {
//			s.Close(errors.New("the key was revoked"))
//		}
//	}
func (s *Server) Sessions() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		for p := range s.table().Sessions() {
			if sess, ok := p.Receiver().(*session); ok && !yield(sess.public()) {
				return
			}
		}
	}
}

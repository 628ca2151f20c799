package server

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"

	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// accept opens a session for a peer, or says why not. The arguments are taken
// here, once, before anything can be called.
func (s *Server) accept(p *transport.Peer) (r transport.Receiver, err error) {
	sess := &session{server: s, peer: p, args: tool.NewArgs(p.Args, s.o.SecretArgs...), level: levelOff}
	defer func() {
		if v := recover(); v != nil { // of UnmarshalText or Authenticate: the user's code
			sess.log().Error("accepting a connection panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			r, err = nil, &transport.Refusal{Status: http.StatusInternalServerError, Reason: "internal error"}
		}
	}()
	if s.o.Args != nil {
		t := reflect.TypeOf(s.o.Args)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		sess.bound = reflect.New(t).Interface()
		if err := sess.args.Bind(sess.bound); err != nil {
			return nil, &transport.Refusal{Status: http.StatusBadRequest, Reason: err.Error()}
		}
	}
	if s.o.Authenticate != nil {
		p.Principal, err = s.o.Authenticate(&Connect{
			Args:       sess.args,
			Bound:      sess.bound,
			Header:     p.Header,
			Transport:  p.Kind,
			RemoteAddr: p.RemoteAddr,
		})
		if err != nil {
			return nil, sess.denied(err)
		}
	}
	return sess, nil
}

// denied makes a refusal of what Authenticate returned. Only text that was
// marked for the caller reaches it, and neither it nor the log gets a secret.
func (s *session) denied(err error) *transport.Refusal {
	s.log().Info("connection refused", "error", err.Error(), "remote", s.peer.RemoteAddr)
	if own, ok := errors.AsType[*transport.Refusal](err); ok {
		return s.refusal(own)
	}
	text, marked := tool.UserText(err)
	text = s.args.Redact(text)
	if errors.Is(err, ErrForbidden) {
		if !marked {
			text = "forbidden"
		}
		return &transport.Refusal{Status: http.StatusForbidden, Reason: text}
	}
	if !marked {
		text = "unauthorized"
	}
	return &transport.Refusal{
		Status: http.StatusUnauthorized,
		Reason: text,
		Header: http.Header{"Www-Authenticate": {"Bearer"}},
	}
}

// refusal is the author's own, whose text is for the caller. One with 401 has to
// say how to authenticate (RFC 9110, section 15.5.2).
func (s *session) refusal(own *transport.Refusal) *transport.Refusal {
	header := own.Header.Clone()
	if own.Status == http.StatusUnauthorized && header.Get("WWW-Authenticate") == "" {
		if header == nil {
			header = make(http.Header)
		}
		header.Set("WWW-Authenticate", "Bearer")
	}
	return &transport.Refusal{Status: own.Status, Reason: s.args.Redact(own.Reason), Header: header}
}

// Opened implements [transport.Observer].
func (s *session) Opened() {
	if hook := s.server.o.OnOpen; hook != nil {
		defer s.recover("Options.OnOpen")
		hook(s.public())
	}
}

// InputEnded implements [transport.Waiter]: what the client was asked it cannot
// answer any more.
func (s *session) InputEnded() {
	s.asked.Close(tool.Errorf("the client has closed its end, and answers no more"))
}

// Closed implements [transport.Observer].
func (s *session) Closed(cause error) {
	s.asked.Close(cause)
	if hook := s.server.o.OnClose; hook != nil {
		defer s.recover("Options.OnClose")
		hook(s.public(), cause)
	}
}

func (s *session) public() *Session {
	return &Session{
		ID:         s.peer.ID,
		Args:       s.args,
		Bound:      s.bound,
		Principal:  s.peer.Principal,
		Transport:  s.peer.Kind,
		RemoteAddr: s.peer.RemoteAddr,
		close:      s.peer.Close,
	}
}

// recover keeps a panic of the user's code from ending what called it.
func (s *session) recover(what string) {
	if v := recover(); v != nil {
		s.log().Error(what+" panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
}

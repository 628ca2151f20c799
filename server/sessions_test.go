package server_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// TestSessionClose: a server ends the sessions of one user, with their calls, over
// whatever they came, and no other.
func TestSessionClose(t *testing.T) {
	revoked := errors.New("the key was revoked")
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			running, ended := make(chan struct{}), make(chan error, 1)
			closed := make(chan error, 10)
			srv := server.New("close", "1", server.Options{
				Logger:       quiet,
				Authenticate: func(c *server.Connect) (any, error) { return c.Args.Get("auth"), nil },
				OnClose:      func(_ *server.Session, cause error) { closed <- cause },
			})
			srv.Tool(func(ctx *tool.Context) {
				close(running)
				<-ctx.Done()
				ended <- context.Cause(ctx)
			}, tool.Name("block"))
			srv.Tool(func() {}, tool.Name("other"))
			h := servertest.Start(t, srv)
			connect := func(user string) *servertest.Client {
				return h.Connect(servertest.Options{Transport: transport, Args: url.Values{"auth": {user}}})
			}
			ann, bob := connect("ann"), connect("bob")
			calling := make(chan error, 1)
			go func() {
				_, err := ann.TryCall("block", nil)
				calling <- err
			}()
			<-running
			users := make(map[any]int)
			for s := range srv.Sessions() {
				users[s.Principal]++
				if s.Principal == "ann" {
					s.Close(revoked)
					s.Close(nil) // the first cause counts
				}
			}
			if users["ann"] != 1 || users["bob"] != 1 || len(users) != 2 {
				t.Errorf("the sessions are those of %v", users)
			}
			if err := <-ended; err != revoked {
				t.Errorf("the call ends with %v", err)
			}
			if err := <-closed; err != revoked {
				t.Errorf("OnClose was given %v", err)
			}
			<-calling
			if _, err := ann.TryCall("other", nil); err == nil {
				t.Error("who was revoked goes on")
			}
			bob.Call("other", nil)
			for s := range srv.Sessions() {
				s.Close(nil)
			}
			if err := <-closed; err != server.ErrClosed {
				t.Errorf("without a cause OnClose was given %v", err)
			}
		})
	}
}

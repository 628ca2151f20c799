package hostile

import (
	"errors"
	"testing"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server/servertest"
)

// TestFaultKilled: a server that is killed is lost to its clients: package client says
// so of the calls under way, and finds the server again that is started in its place.
func TestFaultKilled(t *testing.T) {
	for name, o := range map[string]client.Options{
		"session": {Revision: servertest.Latest}, "alone": {Revision: servertest.Stateless}, "sse": {Transport: "sse"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := freeAddress(t)
			p := startProcess(t, faultyCommand([]string{"--http", addr}))
			url := map[bool]string{true: "/sse", false: "/mcp"}[name == "sse"]
			o.Logger = unlogged
			c, err := client.Connect(patiently(t), client.URL("http://"+addr+url), o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begun, lost := make(chan struct{}, 1), make(chan error, 1)
			go func() {
				_, err := c.Call(patiently(t), "wait", nil, client.OnProgress(func(client.Progress) { begun <- struct{}{} }))
				lost <- err
			}()
			arrives(t, "the call", begun)
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-p.gone
			startProcess(t, faultyCommand([]string{"--http", addr}))
			if err := arrives(t, "the end of the call", lost); !errors.Is(err, client.ErrLost) {
				t.Errorf("the call got %v", err)
			}
			if got, err := client.Call[string](patiently(t), c, "echo", map[string]string{"text": "again"}); err != nil || got != "again" {
				t.Errorf("the next call got %q, %v", got, err)
			}
		})
	}
}

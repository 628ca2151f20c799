package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
)

func (c *Client) dialPipe(srv *server.Server) error {
	pipe, err := srv.Connect(context.Background(), c.o.Args, c.receive)
	if err != nil {
		return err
	}
	told := make(chan struct{})
	go func() { // that the server may end it
		defer close(told)
		<-pipe.Done()
		c.calls.Close(errClosed)
	}()
	c.SessionID, c.stop = pipe.SessionID(), func() {
		pipe.Close()
		<-told
	}
	c.send = func(_ context.Context, text []byte, _ func(error)) error { return pipe.SendText(text) }
	return nil
}

func (c *Client) dialStdio(srv *server.Server) {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	ctx, terminate := context.WithCancel(context.Background())
	served, read := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.ServeStreams(ctx, in, out, c.o.Args) // a refusal is seen by who reads
		in.CloseWithError(errClosed)
		out.Close()
	}()
	go func() {
		defer close(read)
		c.readLines(fromServer)
	}()
	c.send = func(_ context.Context, text []byte, _ func(error)) error {
		_, err := toServer.Write(append(bytes.Clone(text), '\n'))
		return err
	}
	c.stop = func() { // in the steps of 2025-11-25, lifecycle, shutdown
		toServer.Close()
		patience := time.AfterFunc(goodbye, terminate)
		<-served
		patience.Stop()
		terminate()
		<-read
	}
}

func (c *Client) readLines(r io.Reader) {
	dec := json.NewDecoder(r) // one JSON text a line
	for {
		var text json.RawMessage
		if dec.Decode(&text) != nil {
			c.calls.Close(errClosed)
			return
		}
		c.receive(text)
	}
}

package client_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/transport"
)

// oldServer is a server with a handshake that does not know server/discover, in
// one of the ways that there are.
func oldServer(manner string) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if json.Unmarshal(lines.Bytes(), &m) != nil || m.ID == nil {
			continue
		}
		switch {
		case m.Method == "initialize":
			fmt.Printf(`{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2024-11-05","capabilities":{},"serverInfo":{"name":"old","version":"0"}}}`+"\n", m.ID)
		case m.Method == "ping":
			fmt.Printf(`{"jsonrpc":"2.0","id":%s,"result":{}}`+"\n", m.ID)
		case m.Method == "tools/call":
			os.Exit(3)
		case manner == "crashing":
			fmt.Fprintln(os.Stderr, "what is this?")
			os.Exit(1)
		case manner == "silent":
		default:
			fmt.Printf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"unknown"}}`+"\n", m.ID)
		}
	}
}

func oldChild(manner string) client.Command {
	return client.Command{Path: os.Args[0], Env: append(os.Environ(), asChild+"="+manner, "GORACE=atexit_sleep_ms=0"), Stderr: func(string) {}}
}

func TestOldServers(t *testing.T) {
	for _, manner := range []string{"refusing", "crashing", "silent"} {
		t.Run(manner, func(t *testing.T) {
			t.Parallel()
			memory := new(client.Memory)
			for try := range 2 {
				begin := time.Now()
				c, err := client.Connect(t.Context(), oldChild(manner), client.Options{Memory: memory})
				if err != nil {
					t.Fatal(err)
				}
				if v := c.Server().ProtocolVersion; v != "2024-11-05" {
					t.Errorf("speaks %s", v)
				}
				if err := c.Ping(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); try == 1 && took > 4*time.Second {
					t.Errorf("the second time took %v: nothing was remembered", took)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestChildComesBack(t *testing.T) {
	c, err := client.Connect(t.Context(), oldChild("refusing"), client.Options{
		Reconnect: transport.Retry{First: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Call(t.Context(), "die", nil)
	if !errors.Is(err, client.ErrLost) || !strings.Contains(err.Error(), "status 3") {
		t.Errorf("a call that killed the server: %v", err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestChildStaysAway(t *testing.T) {
	c, err := client.Connect(t.Context(), oldChild("refusing"), client.Options{
		Reconnect: transport.Retry{Attempts: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = c.Call(t.Context(), "die", nil); !errors.Is(err, client.ErrLost) {
		t.Errorf("a call that killed the server: %v", err)
	}
	<-c.Done()
	if err := c.Err(); !errors.Is(err, client.ErrLost) {
		t.Errorf("ended with %v", err)
	}
	if err := c.Ping(t.Context()); !errors.Is(err, client.ErrLost) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestNoSuchProgram(t *testing.T) {
	_, err := client.Connect(t.Context(), client.Command{Path: "no-such-program-here"}, client.Options{
		OnChange: func(string) {}, // of which nothing may be left
	})
	if err == nil || !strings.Contains(err.Error(), "no-such-program-here") {
		t.Errorf("got %v", err)
	}
}

// A session that the server has forgotten is opened again, and the request that
// found out is sent again: the server has not looked at it.
func TestForgottenSession(t *testing.T) {
	srv := testServer()
	var forget atomic.Bool
	h := srv.Handler()
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Session-Id") != "" && r.Method == http.MethodPost && forget.CompareAndSwap(true, false) {
			var m struct {
				ID json.RawMessage `json:"id"`
			}
			if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32600,"message":"who are you?"}}`, m.ID)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx)
		ts.Close()
	})
	c, err := client.Connect(t.Context(), client.URL(ts.URL+"/mcp"), client.Options{
		Revision:  "2025-06-18",
		Reconnect: transport.Retry{First: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	updated := make(chan bool, 10)
	if _, err := c.Subscribe(t.Context(), "config://app", func() { updated <- true }); err != nil {
		t.Fatal(err)
	}
	forget.Store(true)
	if got, err := client.Call[place](t.Context(), c, "echo", place{City: "Oslo"}); err != nil || got.City != "Oslo" {
		t.Errorf("got %+v, %v", got, err)
	}
	// The subscription is made again behind the session: not before the next answer.
	deadline := time.Now().Add(5 * time.Second)
	for len(updated) == 0 && time.Now().Before(deadline) {
		srv.ResourceUpdated("config://app")
		time.Sleep(5 * time.Millisecond)
	}
	wait(t, updated, true)
}

// A refusal is no reason to try an older way.
func TestRefused(t *testing.T) {
	var asked atomic.Int32
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "no", http.StatusUnauthorized)
	}))
	defer ts.Close()
	_, err := client.Connect(t.Context(), client.URL(ts.URL+"/mcp?key=hunter22"))
	status, ok := errors.AsType[*transport.StatusError](err)
	if !ok || status.Status != http.StatusUnauthorized || asked.Load() != 1 || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

// Of a server that takes nothing but event streams it is told why it refused one.
func TestRefusedStream(t *testing.T) {
	srv := server.New("picky", "1", server.Options{Args: struct {
		Key string `arg:"key,required"`
	}{}})
	_, err := client.Connect(t.Context(), overHTTP("/sse")(t, srv))
	if err == nil || !strings.Contains(err.Error(), "400") || !strings.Contains(err.Error(), "key") {
		t.Errorf("got %v", err)
	}
}

// leaving is a server in this process that closes the connection when it is to be
// listened to.
type leaving struct {
	*server.Server
	pipe *transport.Pipe
}

func (l *leaving) Connect(ctx context.Context, args url.Values, toClient func(text []byte)) (*transport.Pipe, error) {
	p, err := l.Server.Connect(ctx, args, toClient)
	l.pipe = p
	return p, err
}

// TestSubscribeAtTheEnd: who wants to hear of a resource while the connection is
// lost, and is not made again, is told so and does not wait for ever.
func TestSubscribeAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaving{Server: testServer()}
		l.Use(func(next server.Handler) server.Handler {
			return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
				if r.Method == "subscriptions/listen" {
					go l.pipe.Close() // which waits for this request
					<-ctx.Done()
				}
				return next(ctx, r)
			}
		})
		c, err := client.Connect(t.Context(), client.InProcess(l), client.Options{Reconnect: transport.Retry{First: time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		subscribed := make(chan error, 1)
		go func() {
			_, err := c.Subscribe(context.Background(), "config://app", func() {})
			subscribed <- err
		}()
		synctest.Wait() // it waits for the next try, as does the connection
		c.Close()
		synctest.Wait()
		select {
		case err := <-subscribed:
			if !errors.Is(err, client.ErrClosed) {
				t.Errorf("subscribed with %v", err)
			}
		default:
			t.Fatal("the client has been closed, and somebody waits for it still")
		}
	})
}

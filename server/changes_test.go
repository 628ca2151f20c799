package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

const updated = "notifications/resources/updated"

// updates returns the URIs that a client was told of, the last of them being the
// end that every test sends.
func updates(t *testing.T, c *servertest.Client, end string) (uris []string) {
	t.Helper()
	for n := 0; ; {
		all := c.Await(updated, n+1)
		for _, m := range all[n:] {
			var p struct {
				URI  string
				Meta map[string]json.RawMessage `json:"_meta"`
			}
			if err := json.Unmarshal(m.Params, &p); err != nil {
				t.Fatal(err)
			}
			if p.URI == end {
				return uris
			}
			uris = append(uris, p.URI)
		}
		n = len(all)
	}
}

// TestSubscriptions: a hundred clients over every transport, with sessions and
// without, want to hear of different resources; each hears of its own alone.
func TestSubscriptions(t *testing.T) {
	const clients, end = 100, "test://end"
	srv := server.New("subscriptions", "1", server.Options{Logger: quiet})
	srv.Resource("test://{id}", func(id string) string { return id }, tool.Name("any"))
	h := servertest.Start(t, srv)
	all := h.Sessions(clients, func(i int) servertest.Options { return wires[i%len(wires)] })
	mine := func(i int) string { return fmt.Sprintf("test://%d", i) }
	done := make(chan error, clients)
	for i, c := range all {
		uris := []string{mine(i), mine((i + 1) % clients), end}
		if wires[i%len(wires)].Revision == servertest.Stateless {
			go func() {
				_, err := c.Request("subscriptions/listen", map[string]any{"notifications": map[string]any{"resourceSubscriptions": uris}})
				done <- err
			}()
			c.Await("notifications/subscriptions/acknowledged", 1)
			continue
		}
		for _, uri := range uris {
			if _, err := c.Request("resources/subscribe", map[string]any{"uri": uri}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Request("resources/unsubscribe", map[string]any{"uri": uris[1]}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range clients {
		srv.ResourceUpdated(mine(i))
	}
	srv.ResourceUpdated("test://nobody")
	srv.ResourceUpdated(end)
	for i, c := range all {
		want := []string{mine(i)}
		if wires[i%len(wires)].Revision == servertest.Stateless {
			want = []string{mine(i), mine((i + 1) % clients)}
			if i == clients-1 {
				want = []string{mine(0), mine(i)}
			}
		}
		if got := updates(t, c, end); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("client %d (%s) heard of %v, want %v", i, wireName(wires[i%len(wires)]), got, want)
		}
	}
}

// TestDeafClient: a client that does not read holds up nobody who has something to
// tell, nor those who are told.
func TestDeafClient(t *testing.T) {
	srv := server.New("deaf", "1", server.Options{Logger: quiet})
	srv.Resource("test://a", func() string { return "a" })
	h := servertest.Start(t, srv)
	reading, release := make(chan struct{}, 10), make(chan struct{})
	deaf := h.Connect(servertest.Options{Tap: func(text []byte) {
		if strings.Contains(string(text), "notifications/") {
			reading <- struct{}{}
			<-release
		}
	}})
	c := h.Connect(servertest.Options{})
	for _, c := range []*servertest.Client{deaf, c} {
		if _, err := c.Request("resources/subscribe", map[string]any{"uri": "test://a"}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5 {
		srv.ResourceUpdated("test://a")
		c.Await(updated, n+1)
		if n == 0 {
			<-reading // and it reads this one until the end
		}
	}
	close(release)
	deaf.Await(updated, 2) // the one that it was reading, and one for the rest
}

// TestSubscribeRefused: nobody waits for what does not exist, nor for everything.
func TestSubscribeRefused(t *testing.T) {
	srv := server.New("subscriptions", "1", server.Options{Logger: quiet})
	srv.Resource("test://{id}", func(id string) string { return id }, tool.Name("any"))
	c := servertest.Connect(t, srv, servertest.Options{})
	_, err := c.Request("resources/subscribe", map[string]any{"uri": "nothing://here"})
	wantError(t, err, -32002, `{"uri":"nothing://here"}`)
	for i := range 1000 {
		if _, err := c.Request("resources/subscribe", map[string]any{"uri": fmt.Sprintf("test://%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = c.Request("resources/subscribe", map[string]any{"uri": "test://more"})
	wantError(t, err, -32602, "")
	if _, err = c.Request("resources/subscribe", map[string]any{"uri": "test://7"}); err != nil {
		t.Errorf("once more the same: %v", err)
	}
}

// TestChangesAreGathered: what is added and removed in one go is told as one
// change of each list, to every client that has a session and to those who
// listen to that list.
func TestChangesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := server.New("changes", "1", server.Options{DeclarePrompts: true, DeclareResources: true, Logger: quiet})
		legacy := servertest.Connect(t, srv, servertest.Options{})
		defer legacy.Close()
		modern := servertest.Connect(t, srv, servertest.Options{Revision: servertest.Stateless})
		defer modern.Close()
		go func() {
			_, _ = modern.Request("subscriptions/listen", map[string]any{"notifications": map[string]any{"promptsListChanged": true}}) // until it is closed
		}()
		modern.Await("notifications/subscriptions/acknowledged", 1)
		for i := range 100 {
			srv.Tool(func() {}, tool.Name(fmt.Sprint("t", i)))
			srv.Prompt(func() string { return "" }, tool.Name(fmt.Sprint("p", i)))
			srv.Resource(fmt.Sprint("test://", i), func() string { return "" }, tool.Name("r"))
		}
		srv.Remove("t1")
		time.Sleep(time.Second)
		for _, list := range []string{"tools", "prompts", "resources"} {
			method := "notifications/" + list + "/list_changed"
			if n := len(legacy.Notifications(method)); n != 1 {
				t.Errorf("a session got %d of %s", n, method)
			}
			want := 0
			if list == "prompts" {
				want = 1
			}
			got := modern.Notifications(method)
			if len(got) != want {
				t.Errorf("who listens to prompts got %d of %s", len(got), method)
			}
			for _, m := range got {
				if !strings.HasPrefix(string(m.Params), `{"_meta":{"io.modelcontextprotocol/subscriptionId":`) {
					t.Errorf("%s has params %s", method, m.Params)
				}
			}
		}
		srv.RemovePrompt("p1")
		srv.RemoveResource("test://1")
		time.Sleep(time.Second)
		if n := len(legacy.Notifications("notifications/resources/list_changed")); n != 2 {
			t.Errorf("after a second change a session got %d", n)
		}
		if n := len(modern.Notifications("notifications/prompts/list_changed")); n != 2 {
			t.Errorf("after a second change who listens got %d", n)
		}
	})
}

// TestUndeclaredLists: a client is told nothing of lists that it was not told of,
// and has no methods for them, until it connects again.
func TestUndeclaredLists(t *testing.T) {
	srv := server.New("undeclared", "1", server.Options{Logger: quiet})
	h := servertest.Start(t, srv)
	early, stateless := h.Connect(servertest.Options{}), h.Connect(servertest.Options{Revision: servertest.Stateless})
	for _, c := range []*servertest.Client{early, stateless} {
		for _, method := range []string{"prompts/list", "resources/list", "completion/complete"} {
			_, err := c.Request(method, nil)
			wantError(t, err, -32601, "")
		}
	}
	srv.Prompt(func() string { return "" }, tool.Name("p"))
	srv.Resource("test://a", func() string { return "" })
	srv.Tool(func() {}, tool.Name("t"))
	early.Await("notifications/tools/list_changed", 1)
	for _, list := range []string{"prompts", "resources"} {
		if n := len(early.Notifications("notifications/" + list + "/list_changed")); n > 0 {
			t.Errorf("a client that was not told of %s got %d changes of them", list, n)
		}
	}
	srv.RemovePrompt("p")
	for _, c := range []*servertest.Client{h.Connect(servertest.Options{}), stateless} {
		if got, err := c.Request("prompts/list", nil); err != nil || !strings.Contains(string(got), `"prompts":[]`) {
			t.Errorf("prompts/list: %s, %v", got, err)
		}
	}
}

// TestListenAcknowledges: the acknowledgement comes first, holds what is
// honoured, and names the request.
func TestListenAcknowledges(t *testing.T) {
	for _, wire := range wires[4:] {
		t.Run(wireName(wire), func(t *testing.T) {
			srv := server.New("listen", "1", server.Options{Logger: quiet})
			srv.Resource("test://a", func() string { return "" }, tool.Name("a"))
			c := servertest.Connect(t, srv, wire)
			ended := make(chan error, 1)
			go func() {
				_, err := c.Request("subscriptions/listen", map[string]any{"notifications": map[string]any{
					"toolsListChanged": true, "resourceSubscriptions": []string{"test://a", "test://a", "test://none"},
				}})
				ended <- err
			}()
			got := c.Await("notifications/subscriptions/acknowledged", 1)[0]
			const want = `"notifications":{"toolsListChanged":true,"resourceSubscriptions":["test://a"]}}`
			if !strings.HasSuffix(string(got.Params), want) {
				t.Errorf("acknowledged %s", got.Params)
			}
			c.Close()
			<-ended
		})
	}
}

// TestListenEnds: a server that shuts down, or whose input ends, ends a
// subscription with its result, and does not wait for it.
func TestListenEnds(t *testing.T) {
	for _, wire := range wires[5:] {
		t.Run(wireName(wire), func(t *testing.T) {
			srv := server.New("listen", "1", server.Options{Logger: quiet})
			said := make(chan string, 10)
			wire.Tap = func(text []byte) { said <- string(text) }
			c := servertest.Connect(t, srv, wire)
			ended := make(chan error, 1)
			go func() {
				raw, err := c.Request("subscriptions/listen", map[string]any{"notifications": map[string]any{"toolsListChanged": true}})
				if err == nil && !strings.HasPrefix(string(raw), `{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":`) {
					t.Errorf("it ends with %s", raw)
				}
				ended <- err
			}()
			c.Await("notifications/subscriptions/acknowledged", 1)
			<-said
			if wire.Transport == servertest.Stdio {
				go c.Close() // the input ends, and what was asked is answered
			} else if err := srv.Shutdown(t.Context()); err != nil {
				t.Errorf("shutting down: %v", err)
			}
			if err := <-ended; err != nil && wire.Transport != servertest.Stdio {
				t.Errorf("listening ended with %v", err)
			}
			if text := <-said; !strings.Contains(text, "notifications/cancelled") {
				t.Errorf("before the result: %s", text)
			}
			if text := <-said; !strings.Contains(text, `"resultType":"complete"`) {
				t.Errorf("the result: %s", text)
			}
		})
	}
}

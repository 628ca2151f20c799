package hostile

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// pester uses everything that a context has, with text in all of it.
func pester(ctx *tool.Context, i int, text string) {
	switch i % 6 {
	case 0:
		ctx.Progress(float64(1000+i), 0, text)
	case 1:
		ctx.Log().Error(text, "i", i)
	case 2:
		_, _ = tool.Elicit[answer](ctx, text)
	case 3:
		_, _ = tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{{Role: tool.User, Content: tool.Text{Text: text}}}, MaxTokens: 1})
	case 4:
		if ctx.Transport() != "http" { // where it works: see TestFaultSuspendMeanwhile
			ctx.Suspend(time.Millisecond)
		}
	case 5:
		_, _ = tool.Once(ctx, text, func() (string, error) { return text, nil })
		ctx.Set(text, i)
	}
}

// callText is a call with an id, and a token of progress, of the test's choice.
func callText(wire servertest.Options, id jsonrpc.ID, name, arguments string) string {
	meta := `"progressToken":"the token"`
	if wire.Revision == servertest.Stateless {
		meta += `,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/logLevel":"debug",` +
			`"io.modelcontextprotocol/clientInfo":{"name":"hostile","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{}},"sampling":{}}`
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{%s}}}`, id, name, arguments, meta)
}

// asked are the capabilities of a client that may be asked, and answers nothing.
func asked(wire servertest.Options, said *tap) servertest.Options {
	wire.Capabilities = map[string]any{"elicitation": map[string]any{}, "sampling": map[string]any{}}
	wire.LogLevel = "debug"
	wire.Answer = func(string, json.RawMessage) (any, error) { return map[string]any{"action": "decline"}, nil }
	wire.Tap = said.take
	return wire
}

// TestFaultLateUse: what goroutines do with the context of a call that has returned
// is dropped. It reaches neither the client nor the next call, though that has the
// same id and the same token of progress.
func TestFaultLateUse(t *testing.T) {
	over(t, faultWires, func(t *testing.T, wire servertest.Options) {
		var left sync.WaitGroup
		returned, more := make(chan struct{}), make(chan struct{})
		srv := server.New("late", "1", server.Options{Logger: unlogged})
		srv.Tool(func(ctx *tool.Context) string {
			for i := range 50 {
				left.Go(func() {
					<-returned
					pester(ctx, i, "from the past")
				})
			}
			return "returned"
		}, tool.Name("leave"), tool.Detached())
		srv.Tool(func(ctx *tool.Context) string {
			close(returned)
			for i := range 50 {
				ctx.Progress(float64(i+1), 0, "its own")
			}
			left.Wait()
			<-more
			return "second"
		}, tool.Name("stay"), tool.Detached())
		said := &tap{t: t}
		c := servertest.Connect(t, srv, asked(wire, said))
		const id = `"once"`
		if err := c.SendText(callText(wire, id, "leave", "{}")); err != nil {
			t.Fatal(err)
		}
		comesTrue(t, "the first answer", func() bool { return said.answered(id) >= 0 })
		first := len(said.all())
		if err := c.SendText(callText(wire, id, "stay", "{}")); err != nil {
			t.Fatal(err)
		}
		left.Wait()
		close(more)
		comesTrue(t, "the second answer", func() bool {
			all := said.all()
			return strings.Contains(all[len(all)-1], "second")
		})
		own := 0
		for _, text := range said.all()[first:] {
			switch {
			case strings.Contains(text, "its own"):
				own++
			case !strings.Contains(text, "second"):
				t.Errorf("behind the answer came %s", text)
			}
		}
		if own != 50 {
			t.Errorf("the second call told its progress %d times of 50", own)
		}
	})
}

// TestFaultReturningMeanwhile: a call that 50 goroutines use while it returns has one
// answer, with nothing of its own behind it.
func TestFaultReturningMeanwhile(t *testing.T) {
	over(t, faultWires, func(t *testing.T, wire servertest.Options) {
		var left sync.WaitGroup
		srv := server.New("meanwhile", "1", server.Options{Logger: unlogged})
		srv.Tool(func(ctx *tool.Context, n string) string {
			begun := make(chan struct{})
			for i := range 50 {
				left.Go(func() {
					if i == 25 {
						close(begun)
					}
					pester(ctx, i, "of "+n+".")
				})
			}
			<-begun
			return "of " + n + "."
		}, tool.Name("meanwhile"), tool.Params("n"), tool.Detached())
		said := &tap{t: t}
		c := servertest.Connect(t, srv, asked(wire, said))
		for n := range often(20, 500) {
			id := jsonrpc.ID(fmt.Sprint(1000 + n))
			if err := c.SendText(callText(wire, id, "meanwhile", fmt.Sprintf(`{"n":"%d"}`, n))); err != nil {
				t.Fatal(err)
			}
			comesTrue(t, "an answer", func() bool { return said.answered(id) >= 0 })
			left.Wait()
		}
		if _, err := c.RequestContext(patiently(t), "tools/list", nil); err != nil { // behind all that was said
			t.Error(err)
		}
		behind := make(map[string]bool)
		for _, text := range said.all() {
			_, rest, found := strings.Cut(text, "of ")
			n, _, _ := strings.Cut(rest, ".")
			m, err := jsonrpc.Parse([]byte(text))
			switch {
			case err != nil || !found:
			case behind[n]:
				t.Errorf("behind the answer of call %s came %s", n, text)
			case m.Method == "":
				behind[n] = true
			}
		}
	})
}

// TestFaultSuspendMeanwhile: a call whose response many goroutines end, while it tells
// of its progress and returns, has its result all the same.
func TestFaultSuspendMeanwhile(t *testing.T) {
	var left sync.WaitGroup
	var suspended atomic.Int64
	srv := server.New("suspend", "1", server.Options{Logger: unlogged})
	srv.Tool(func(ctx *tool.Context, n int) int {
		for i := range 20 {
			left.Go(func() {
				ctx.Progress(float64(i+1), 0, "")
				ctx.Suspend(time.Millisecond)
			})
		}
		if n%2 == 0 && ctx.Suspend(time.Millisecond) { // or it may have returned before any
			suspended.Add(1)
		}
		return n
	}, tool.Name("suspend"), tool.Params("n"), tool.Detached())
	h := servertest.Start(t, srv)
	c, err := client.Connect(patiently(t), client.URL(h.URL()+"/mcp"), client.Options{Revision: servertest.Latest, Logger: unlogged})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for n := range often(100, 2000) {
		got, err := client.Call[int](patiently(t), c, "suspend", map[string]int{"n": n}, client.OnProgress(func(client.Progress) {}))
		if err != nil || got != n {
			t.Fatalf("call %d: %d, %v", n, got, err)
		}
	}
	left.Wait()
	if suspended.Load() == 0 {
		t.Error("no response was ended early")
	}
}

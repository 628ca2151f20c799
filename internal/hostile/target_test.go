package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// targetOptions are the options of the server under attack, as they fit into an
// environment variable.
type targetOptions struct {
	Limits server.Limits
	Users  bool   // auth names the user, KEY of "KEY-OF-THE-USER-n" is refused if n is missing
	Level  string // of the log: "" is error
	Drain  time.Duration
}

// target is the server under attack: something of everything that a server does.
type target struct {
	*server.Server
	sessions atomic.Int64 // open now
}

// newTarget makes the server that most attacks are made on.
func newTarget(o targetOptions, logger *slog.Logger) *target {
	t := new(target)
	options := server.Options{
		Limits:   o.Limits,
		Logger:   logger,
		Drain:    o.Drain,
		StateKey: []byte(strings.Repeat("hostile ", 4)),
		OnOpen:   func(*server.Session) { t.sessions.Add(1) },
		OnClose:  func(*server.Session, error) { t.sessions.Add(-1) },
	}
	if o.Users {
		options.Authenticate = authenticate
	}
	t.Server = server.New("target", "1", options)
	t.Tool(whoami)
	t.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
	t.Tool(work)
	t.Tool(func(ctx *tool.Context, ms int) error {
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, tool.Name("sleep"), tool.Params("ms"))
	t.Tool(func(bytes int) string { return strings.Repeat("x", bytes) }, tool.Name("big"), tool.Params("bytes"))
	t.Tool(func(s string) { panic(s) }, tool.Name("panic"), tool.Params("s"))
	t.Tool(confirm, tool.Params("text"))
	t.Tool(match)
	t.Tool(func(ctx *tool.Context) { t.ResourceUpdated("mine://" + ctx.Arg("client_id", "nobody")) }, tool.Name("touch"))
	t.Resource("mine://{id}", func(ctx *tool.Context, id string) (string, error) {
		if id != ctx.Arg("client_id", "nobody") {
			return "", tool.Errorf("this is not yours")
		}
		return id, nil
	}, tool.Name("mine"))
	t.Prompt(func(ctx *tool.Context, topic string) string {
		return topic + " for " + ctx.Arg("client_id", "nobody")
	}, tool.Name("greet"), tool.Params("topic"))
	return t
}

// authenticate takes "key-USER" for USER.
func authenticate(c *server.Connect) (any, error) {
	user, ok := strings.CutPrefix(c.Args.Get("auth"), "key-")
	if !ok {
		return nil, tool.Errorf("connect with ?auth=key-NAME")
	}
	return user, nil
}

// identity is all that a call knows of its caller.
type identity struct {
	Auth      string `json:"auth"`
	Client    string `json:"client"`
	Principal string `json:"principal"`
	Session   string `json:"session"`
	Request   string `json:"request"`
	Kept      string `json:"kept"` // what the session's last call kept
}

// whoami tells a caller what the server takes it for.
func whoami(ctx *tool.Context) identity {
	kept, _ := ctx.Get("kept")
	ctx.Set("kept", ctx.Arg("client_id", ""))
	last, _ := kept.(string)
	who := identity{Auth: ctx.Arg("auth", ""), Client: ctx.Arg("client_id", ""), Session: ctx.SessionID(), Request: ctx.RequestID(), Kept: last}
	if p := ctx.Principal(); p != nil {
		who.Principal = fmt.Sprint(p)
	}
	return who
}

type workIn struct {
	Steps int    `json:"steps" jsonschema:"minimum=0"`
	Each  int    `json:"each,omitempty" jsonschema_description:"bytes of a message"`
	Text  string `json:"text,omitempty"`
}

// work reports each step, as progress and in the log, and then itself.
func work(ctx *tool.Context, in workIn) string {
	who := ctx.Arg("client_id", "nobody") + " " + in.Text
	for i := range in.Steps {
		ctx.Progress(float64(i+1), float64(in.Steps), who+strings.Repeat(".", in.Each))
		ctx.Log().Info("step", "of", who)
	}
	return who
}

type answer struct {
	Name string `json:"name"`
}

// confirm asks twice, so that its state travels, and says who it was.
func confirm(ctx *tool.Context, text string) (string, error) {
	first, err := tool.Elicit[answer](ctx, "first "+text)
	if err != nil {
		return "", err
	}
	once, err := tool.Once(ctx, "once", func() (string, error) { return ctx.Arg("client_id", "nobody"), nil })
	if err != nil {
		return "", err
	}
	second, err := tool.Elicit[answer](ctx, "second "+text)
	return fmt.Sprint(once, " ", first.Name, " ", second.Name, " ", text), err
}

// match has schemas that a bad validator takes for ever to check.
func match(in struct {
	Text string            `json:"text" jsonschema:"pattern=^(a+)+$"`
	Tags []string          `json:"tags,omitempty" jsonschema:"uniqueItems=true"`
	More map[string]string `json:"more,omitempty"`
}) int {
	return len(in.Text)
}

// serve is the main function of the server under attack.
func serve() {
	var o targetOptions
	if err := json.Unmarshal([]byte(os.Getenv(serverEnv)), &o); err != nil {
		log.Fatal(err)
	}
	level := slog.LevelError
	if o.Level != "" {
		if err := level.UnmarshalText([]byte(o.Level)); err != nil {
			log.Fatal(err)
		}
	}
	t := newTarget(o, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	if err := t.serve(); err != nil {
		log.Fatal(err)
	}
}

// serve serves on a port of its own, with the timeouts that Run has, until SIGTERM.
func (t *target) serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", t.Handler())
	mux.Handle("/k/{auth}/", t.Handler())
	mux.HandleFunc("GET /figures", t.figures)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10, ErrorLog: log.New(os.Stderr, "", 0)}
	fmt.Fprintf(os.Stderr, "serving at http://%s/mcp\n", ln.Addr())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	<-ctx.Done()
	drain, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(t.Shutdown(drain), srv.Shutdown(drain))
}

func (t *target) figures(w http.ResponseWriter, _ *http.Request) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.Header().Set("Connection", "close")
	_ = json.NewEncoder(w).Encode(figures{Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc, Sessions: t.sessions.Load()})
}

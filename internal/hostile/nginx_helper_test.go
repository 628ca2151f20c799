//go:build unix

package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// nginxEnv says that the tests of nginx may not be left out: "required".
const nginxEnv = "SESSIONMCP_NGINX"

// nginxPath finds nginx. Where there is none the test is left out.
func nginxPath(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv(nginxEnv) == "required" {
		t.Fatal("there is no nginx")
	}
	t.Skip("there is no nginx: apt-get install nginx-light")
	return ""
}

// nginx is one in front of a server: the system's, with a configuration of its own.
type nginx struct {
	t    testing.TB
	path string
	dir  string
	addr string
	*process
}

// nginxConfig is what all have in common: %s are the directory, the user, the address
// of the server, that of nginx, and the test's own lines.
const nginxConfig = `daemon off;
worker_processes 1;
worker_shutdown_timeout 100ms;
error_log %[1]s/error.log;
pid %[1]s/nginx.pid;
%[2]s
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	upstream up { server %[3]s; keepalive 4; }
	server {
		listen %[4]s;
		proxy_set_header Host $host;
%[5]s
	}
}
`

// startNginx starts nginx in front of a server, with these lines for its server
// block; none is a location that passes everything on.
func startNginx(t testing.TB, upstream string, lines ...string) *nginx {
	t.Helper()
	n := &nginx{t: t, path: nginxPath(t), dir: t.TempDir(), addr: freeAddress(t)}
	if len(lines) == 0 {
		lines = []string{"location / { proxy_pass http://up; }"}
	}
	who := ""
	if os.Geteuid() == 0 { // or its workers could not use the directory
		who = "user root;"
	}
	text := fmt.Sprintf(nginxConfig, n.dir, who, upstream, n.addr, strings.Join(lines, "\n"))
	if err := os.WriteFile(filepath.Join(n.dir, "nginx.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n.start()
	return n
}

func (n *nginx) start() {
	n.t.Helper()
	cmd := exec.Command(n.path, "-p", n.dir, "-c", "nginx.conf", "-e", n.dir+"/error.log")
	var said lockedBuffer
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	n.process = startSilent(n.t, cmd)
	pid := cmd.Process.Pid
	n.t.Cleanup(func() { _ = syscall.Kill(-pid, syscall.SIGKILL) }) // its workers, if it did not end them
	comesTrue(n.t, "nginx is up", func() bool {
		select {
		case <-n.gone:
			log, _ := os.ReadFile(n.dir + "/error.log")
			n.t.Fatalf("nginx has ended: %v\n%s%s", n.err, &said, log)
		default:
		}
		c, err := net.Dial("tcp", n.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// stop ends nginx and all connections, at once.
func (n *nginx) stop() {
	n.t.Helper()
	sigterm(n.t, n.process)
	arrives(n.t, "the end of nginx", n.gone)
}

func (n *nginx) url(path string) string { return "http://" + n.addr + path }

// behind is a server that is reached by a reverse proxy.
type behind struct {
	addr      string
	began     chan struct{} // of linger
	cancelled chan error    // likewise
	release   chan struct{} // ends one linger
	resumed   atomic.Int64  // GETs with a Last-Event-ID
	opened    atomic.Int64  // sessions
	handled   atomic.Int64  // requests
}

func startBehind(t testing.TB, o server.Options) *behind {
	t.Helper()
	b := &behind{began: make(chan struct{}, 100), cancelled: make(chan error, 100), release: make(chan struct{})}
	o.Logger = unlogged
	o.OnOpen = func(*server.Session) { b.opened.Add(1) }
	o.StateKey = []byte(strings.Repeat("behind a proxy ", 3))
	srv := server.New("behind", "1", o)
	srv.Tool(func(text string) string { return text }, tool.Name("echo"), tool.Params("text"))
	srv.Tool(func(ctx *tool.Context) string { return ctx.Arg("auth", "nobody") }, tool.Name("who"))
	srv.Tool(func() { <-b.release }, tool.Name("hang"), tool.Timeout(10*time.Millisecond))
	srv.Tool(func(ctx *tool.Context, ms int) (string, error) {
		ctx.Progress(1, 2, "begun")
		return "done", rest(ctx, ms)
	}, tool.Name("slow"), tool.Params("ms"))
	srv.Tool(func(ctx *tool.Context, ms int) (string, error) { return "done", rest(ctx, ms) }, tool.Name("silent"), tool.Params("ms"))
	srv.Tool(func(ctx *tool.Context) (string, error) {
		a, err := tool.Elicit[answer](ctx, "Who?")
		return a.Name, err
	}, tool.Name("ask"))
	srv.Tool(b.linger)
	handler := srv.Handler()
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.Handle("/k/{auth}/", handler)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.handled.Add(1)
		if r.Header.Get("Last-Event-ID") != "" {
			b.resumed.Add(1)
		}
		mux.ServeHTTP(w, r)
	}))
	b.addr = web.Listener.Addr().String()
	t.Cleanup(func() {
		close(b.release)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Shutdown(ctx)
		web.CloseClientConnections()
		web.Close()
	})
	return b
}

// rest takes some time.
func rest(ctx context.Context, ms int) error {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// linger says that it has begun, twice, and waits to be released or cancelled.
func (b *behind) linger(ctx *tool.Context) (string, error) {
	ctx.Progress(1, 2, "begun")
	b.began <- struct{}{}
	select {
	case <-b.release:
		return "released", nil
	case <-ctx.Done():
		b.cancelled <- context.Cause(ctx)
		return "", context.Cause(ctx)
	}
}

// nginxWays are the ways through nginx: the path, and what the client is to speak.
var nginxWays = map[string]struct {
	path string
	o    client.Options
}{
	"session": {"/mcp", client.Options{Revision: "2025-11-25"}},
	"alone":   {"/mcp", client.Options{Revision: "2026-07-28"}},
	"sse":     {"/sse", client.Options{Transport: "sse"}},
}

// overNginx runs a test for each way.
func overNginx(t *testing.T, n *nginx, prefix string, test func(t *testing.T, way string, c *client.Client)) {
	for name, way := range nginxWays {
		t.Run(name, func(t *testing.T) {
			o := way.o
			o.Logger = unlogged
			o.Elicit = func(context.Context, *client.Elicitation) (*client.Elicited, error) {
				return &client.Elicited{Content: map[string]any{"name": "Ada"}}, nil
			}
			o.Args = map[string][]string{"auth": {"key of Ada"}}
			c, err := client.Connect(patiently(t), client.URL(n.url(prefix+way.path)), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			test(t, name, c)
		})
	}
}

// wantCall calls a tool that returns a text.
func wantCall(t testing.TB, c *client.Client, name string, arguments any, want string, options ...client.CallOption) {
	t.Helper()
	got, err := client.Call[string](patiently(t), c, name, arguments, options...)
	if err != nil || got != want {
		text, _ := json.Marshal(arguments)
		t.Errorf("%s of %.100s: got %.100q, %v, want %.100q", name, text, got, err, want)
	}
}

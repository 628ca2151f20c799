package hostile

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/internal/cli"
	"github.com/sessionmcp/sessionmcp/server"
)

// proxyEnv has this program be the command sessionmcp.
const proxyEnv = "SESSIONMCP_HOSTILE_COMMAND"

func init() { programs[proxyEnv] = func() { os.Exit(cli.Main()) } }

// startCommand starts this program as the command, with these arguments.
func startCommand(t testing.TB, args ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), proxyEnv+"=1")
	return startProcess(t, cmd)
}

// What a Host header is to a server on a loopback address.
const (
	foreign = iota // it may be a name that somebody has made to point here
	listed         // it is one of AllowedHosts
	ours           // it can be nobody else's
)

// hosts are Host headers; PORT stands for the port of the server.
var hosts = []struct {
	host string
	is   int
}{
	{"127.0.0.1:PORT", ours},
	{"127.0.0.1", ours},
	{"127.0.0.1:1", ours},
	{"127.255.255.254:PORT", ours},
	{"localhost:PORT", ours},
	{"LOCALHOST:PORT", ours},
	{"localhost.:PORT", ours},
	{"[::1]:PORT", ours},
	{"[::1]", ours},
	{"[0:0:0:0:0:0:0:1]:PORT", ours},
	{"[::ffff:127.0.0.1]:PORT", ours},
	{"[::ffff:7f00:1]:PORT", ours},

	{"mcp.example:PORT", listed},
	{"MCP.Example", listed},
	{"mcp.example.:PORT", listed},
	{"proxy.example:8443", listed},

	{"evil.example", foreign},
	{"evil.example:PORT", foreign},
	{"localhost.evil.example:PORT", foreign},
	{"127.0.0.1.evil.example:PORT", foreign},
	{"localhost-evil.example", foreign},
	{"evil-localhost:PORT", foreign},
	{"mcp.example.evil.example:PORT", foreign},
	{"evil.mcp.example:PORT", foreign},
	{"evilmcp.example", foreign},
	{"proxy.example:PORT", foreign},
	{"proxy.example", foreign},
	{"localhost.localdomain:PORT", foreign},
	{"evil.localhost:PORT", foreign},
	{"localhost..:PORT", foreign},
	{".localhost:PORT", foreign},
	{"2130706433:PORT", foreign},
	{"0x7f000001:PORT", foreign},
	{"0x7f.1:PORT", foreign},
	{"0x7f.0.0.1:PORT", foreign},
	{"017700000001:PORT", foreign},
	{"0177.0.0.1:PORT", foreign},
	{"127.1:PORT", foreign},
	{"127.000.000.001:PORT", foreign},
	{"127.0.0.1.:PORT", ours}, // as browsers have it
	{"0.0.0.0:PORT", foreign},
	{"0:PORT", foreign},
	{"[::]:PORT", foreign},
	{"[::127.0.0.1]:PORT", foreign},
	{"[64:ff9b::127.0.0.1]:PORT", foreign},
	{"[fe80::1%25lo]:PORT", foreign},
	{"[::1].evil.example:PORT", foreign},
	{"[::1]evil.example", foreign},
	{"[evil.example]:PORT", foreign},
	{"192.0.2.1:PORT", foreign},
	{"10.0.0.1", foreign},
	{"169.254.169.254", foreign},
	{"", foreign},
	{":PORT", foreign},
	{"null", foreign},
	{"localhost:PORT@evil.example", foreign},
	{"localhost:x@evil.example:PORT", foreign},
	{"localhost@evil.example", foreign},
	{"evil.example@localhost:PORT", foreign},
	{"evil.example:1@localhost:PORT", foreign},
	{"localhost:PORT:PORT", foreign},
	{"localhost:PORT.evil.example", foreign},
	{"localhost:evil.example", foreign},
	{"localhost,evil.example", foreign},
	{"localhost%2eevil.example", foreign},
	{"localhost%00.evil.example", foreign},
	{"localhost/evil.example", foreign},
	{"localhost\\evil.example", foreign},
	{"localhost#evil.example", foreign},
	{"localhost?evil.example", foreign},
	{"localhost evil.example", foreign},
	{"http://localhost:PORT", foreign},
	{"*", foreign},
	{"localho\u017ft:PORT", foreign},
	{"loca\u217chost:PORT", foreign},
	{"\uff11\uff12\uff17.0.0.1", foreign},
}

// elsewhere is a listener whose connections say that they came by another address
// than they did.
type elsewhere struct{ net.Listener }

func (l elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return elsewhereConn{c}, err
}

type elsewhereConn struct{ net.Conn }

// LocalAddr implements [net.Conn].
func (elsewhereConn) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// serveGuarded serves on a loopback address, or on what looks like a public one.
func serveGuarded(t *testing.T, public bool, o server.Options) (host string) {
	t.Helper()
	o.Logger = quiet
	srv := server.New("guarded", "1", o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = ln.Addr().String()
	if public {
		ln = elsewhere{ln}
	}
	s := &http.Server{Handler: srv.Handler()}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	return host
}

// endpoints are the ways into a server, each with the status of a request that gets
// past the guard.
var endpoints = []struct {
	method, target string
	status         int
}{
	{"POST", "/mcp", 200},
	{"GET", "/mcp", 400},
	{"DELETE", "/mcp", 400},
	{"OPTIONS", "/mcp", 204},
	{"GET", "/sse", 200},
	{"POST", "/messages/?session_id=x", 404},
}

// enter makes a request of an endpoint with these headers and says whether it got in:
// not if it was refused by the guard, or by net/http before it.
func enter(t *testing.T, at string, method, target string, status int, header ...string) bool {
	t.Helper()
	body := ""
	if method == "POST" {
		body = initialize("2025-11-25")
	}
	text := fmt.Sprintf("%s %s HTTP/1.1\r\n%s\r\nContent-Length: %d\r\n\r\n%s",
		method, target, strings.Join(append(header, "Accept: application/json, text/event-stream", asJSON[0], "Connection: close"), "\r\n"), len(body), body)
	r := rawHead(t, at, text)
	early := r.status == http.StatusBadRequest && r.header.Get("Content-Type") != "application/json"
	switch {
	case r.status == status && !early:
		return true
	case r.status == http.StatusForbidden, early:
		for name := range r.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s %s %q is refused with the header %s", method, target, header, name)
			}
		}
		return false
	}
	t.Errorf("%s %s %q: got %d %.200s, want %d or 403", method, target, header, r.status, r.body, status)
	return false
}

// TestAbuseHosts: a server on a loopback address serves requests that name it by a
// name that can be nobody else's, or that the options name, and no others: or a page
// whose own name was made to point here could use it. So does a proxy.
func TestAbuseHosts(t *testing.T) {
	upstream := startServer(t, targetOptions{})
	for _, named := range []bool{false, true} {
		o, args := server.Options{}, []string{"proxy", "--port", "0"}
		if named {
			o.AllowedHosts = []string{"mcp.example", "proxy.example:8443"}
			args = append(args, "--allow-host", "mcp.example", "--allow-host", "proxy.example:8443")
		}
		here := serveGuarded(t, false, o)
		proxy := startCommand(t, append(args, upstream.url+"/mcp")...).host()
		for _, tt := range hosts {
			want := tt.is == ours || tt.is == listed && named
			value := strings.ReplaceAll(tt.host, "PORT", here[strings.LastIndexByte(here, ':')+1:])
			for _, e := range endpoints {
				if got := enter(t, here, e.method, e.target, e.status, "Host: "+value); got != want {
					t.Errorf("%s %s with the Host %q: served is %v, want %v (AllowedHosts is set: %v)", e.method, e.target, value, got, want, named)
				}
				if got := enter(t, here, e.method, e.target, e.status, "Host: "+value, "X-Forwarded-Host: "+here, "Forwarded: host=localhost"); got != want {
					t.Errorf("%s %s with the Host %q behind X-Forwarded-Host: served is %v, want %v", e.method, e.target, value, got, want)
				}
			}
			if got := enter(t, proxy, "GET", "/status", 200, "Host: "+value); got != want {
				t.Errorf("/status of the proxy with the Host %q: served is %v, want %v (--allow-host is given: %v)", value, got, want, named)
			}
			if got := enter(t, proxy, "POST", "/mcp", 200, "Host: "+value); got != want {
				t.Errorf("/mcp of the proxy with the Host %q: served is %v, want %v", value, got, want)
			}
		}
		for _, twice := range []string{"Host: " + here + "\r\nHost: evil.example", "Host: evil.example\r\nHost: " + here, "X-Y: z"} {
			if enter(t, here, "POST", "/mcp", 200, twice) {
				t.Errorf("%q is served", twice)
			}
		}
	}
	stillServes(t, "the hosts", upstream.host())
}

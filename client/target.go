package client

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/transport"
)

// Target is a server to connect to: a [URL], a [Command], or one [InProcess].
type Target interface {
	// name says what the target is, without secrets.
	name() string
	// key tells targets apart that may speak something else; "" is not remembered.
	key() string
}

// URL is a server that is reached by HTTP: streamable HTTP, or HTTP+SSE where it
// knows nothing else, which is found out. What follows the ? are connection
// arguments, like those of Options.Args; both are kept out of errors and logs. So
// is the path, in which some servers have a key: only that it ends in /mcp or /sse
// is told. However a URL is printed, logged or encoded, that is how it is shown.
type URL string

func (u URL) name() string {
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Host == "" {
		return "the URL"
	}
	shown := url.URL{Scheme: parsed.Scheme, Host: parsed.Host}
	path := strings.TrimRight(parsed.EscapedPath(), "/")
	slash := strings.LastIndexByte(path, '/')
	last := path[slash+1:]
	known := last == "mcp" || last == "sse"
	switch {
	case path == "":
		return shown.String()
	case known && slash == 0:
		return shown.String() + path
	case known:
		return shown.String() + "/…/" + last
	}
	return shown.String() + "/…"
}

// String returns the URL without what may be secret in it.
func (u URL) String() string { return u.name() }

// Format writes String for every verb.
func (u URL) Format(f fmt.State, _ rune) { io.WriteString(f, u.name()) }

// MarshalText encodes String.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.name()), nil }

func (u URL) key() string {
	base, _, _ := strings.Cut(string(u), "?")
	return base
}

// Command is a program that is started and spoken to on its standard input and
// output. It is started directly, by no shell. Options.Args are given to it as the
// environment variables MCP_ARG_NAME, which programs made with package server
// read.
type Command struct {
	Path string   // a path, or a name that is looked up in PATH
	Args []string // without the name
	Env  []string // the whole environment, name=value; nil is that of this process
	Dir  string   // "" is that of this process

	// Stderr is given each line that the program writes to standard error; nil logs
	// them with Options.Logger, at level info.
	Stderr func(line string)

	// Grace is how long the program may take to end when its input is closed, and
	// again when it has been sent SIGTERM, before it is killed: 2 s if zero.
	Grace time.Duration
}

// Format writes the path for every verb: arguments and environment may be secret.
func (c Command) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "Command(%s)", c.Path) }

func (c Command) name() string { return c.Path }
func (c Command) key() string  { return c.Path + "\x00" + strings.Join(c.Args, "\x00") }

// InProcess returns a server of this process, such as a *server.Server, as a
// target: no port, no process, and the same messages.
func InProcess(s interface {
	Connect(ctx context.Context, args url.Values, toClient func(text []byte)) (*transport.Pipe, error)
}) Target {
	return inProcess{s.Connect}
}

type inProcess struct{ connect transport.InMemory }

func (inProcess) name() string { return "the server in this process" }
func (inProcess) key() string  { return "" }

// Memory remembers what servers speak: which era, and over HTTP which transport.
// The zero value is ready; it may be used concurrently.
type Memory struct {
	mu    sync.Mutex
	spoke map[fingerprint]spoken
}

// A fingerprint stands for a Target.key, which may hold secrets.
type fingerprint [sha256.Size]byte

func fingerprintOf(t Target) fingerprint { return sha256.Sum256([]byte(t.key())) }

type spoken struct {
	revision  string
	transport string
}

func (m *Memory) recall(t Target) spoken {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spoke[fingerprintOf(t)]
}

func (m *Memory) note(t Target, s spoken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spoke == nil {
		m.spoke = make(map[fingerprint]spoken)
	}
	if t.key() != "" {
		m.spoke[fingerprintOf(t)] = s
	}
}

func (m *Memory) forget(t Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.spoke, fingerprintOf(t))
}

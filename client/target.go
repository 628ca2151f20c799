package client

import (
	"context"
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
// arguments, like those of Options.Args; both are kept out of errors and logs.
type URL string

func (u URL) name() string {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return "the URL"
	}
	parsed.User, parsed.RawQuery, parsed.Fragment = nil, "", ""
	return parsed.String()
}

// String returns the URL without what may be secret in it.
func (u URL) String() string { return u.name() }

func (u URL) key() string { return u.name() }

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
// The zero value is ready; it may be used concurrently. It keeps the command lines
// of programs, and URLs without what follows the ?.
type Memory struct {
	mu    sync.Mutex
	spoke map[string]spoken // by Target.key
}

type spoken struct {
	revision  string
	transport string
}

func (m *Memory) recall(t Target) spoken {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spoke[t.key()]
}

func (m *Memory) note(t Target, s spoken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spoke == nil {
		m.spoke = make(map[string]spoken)
	}
	if key := t.key(); key != "" {
		m.spoke[key] = s
	}
}

func (m *Memory) forget(t Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.spoke, t.key())
}

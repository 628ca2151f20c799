package server

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// Limits bound what clients can make a server hold. The zero value has sane
// defaults: see the fields.
type Limits = transport.Limits

// Options say how a server behaves. The zero value works.
type Options struct {
	// Title is the server's name for people, and Instructions tell a model how
	// to use its tools.
	Title        string
	Instructions string

	// Description, WebsiteURL and Icons are for people who choose a server.
	// Clients get them from 2025-11-25 on, when they connect or discover.
	Description string
	WebsiteURL  string
	Icons       []tool.Icon

	// Source is what the program's Go files say, embedded with
	//
	//	//go:embed *.go
	//	var source embed.FS // for tool.MustSource(source)
	//
	// so that doc comments become descriptions and parameter names the names of
	// arguments. A program that leaves it out does not hold a parser of Go.
	Source *tool.Source

	// Strict refuses the near misses in tool arguments that are otherwise
	// understood: "5" for an integer, "true" for a boolean, the text of an
	// object for the object.
	Strict bool

	// MaskErrors hides the text of errors that tool.Errorf and tool.UserError
	// did not mark for the caller. The caller gets a reference, and the log the
	// text under it.
	MaskErrors bool

	// Args is a struct whose fields name the connection arguments: see
	// [tool.Args.Bind]. A connection whose arguments do not bind is refused with
	// 400 before it opens. Tools read it with [tool.ArgsOf].
	Args any

	// SecretArgs names connection arguments that are secrets beside auth, token,
	// key, api_key, apikey, access_token, password and secret. They are hidden
	// wherever arguments are printed, and identify their caller.
	SecretArgs []string

	// ArgHeaders maps HTTP headers to the connection arguments they carry; nil
	// is {"Authorization": "auth"}, of which the Bearer token is taken. For each
	// argument the path's wildcards win over the query, and that over headers.
	ArgHeaders map[string]string

	// ArgEnv maps environment variables to the arguments of a stdio connection,
	// beside MCP_ARG_NAME, which is always argument "name". --arg wins over both.
	ArgEnv map[string]string

	// Authenticate is called when a connection opens: on stdio once at the start,
	// for a streamable HTTP client without a session with each request. What it
	// returns is the Principal of every call. An error refuses
	// the connection with 401, one that is [ErrForbidden] with 403; the text of
	// a [tool.Errorf] is told. A [*transport.Refusal] says it all itself: the status,
	// the text, and headers such as WWW-Authenticate or Retry-After. It may be
	// called concurrently. A header that it reads itself, such as a cookie or
	// X-Forwarded-User, does not bind the session to it, unless ArgHeaders maps it
	// to an argument that SecretArgs names, or whose name is that of a secret.
	Authenticate func(*Connect) (principal any, err error)

	Limits Limits

	// Rate is how often each caller may have functions run: any number if zero.
	Rate Rate

	// KeepAlive is the time between comments on a silent SSE stream: 15 s if
	// zero, never if negative.
	KeepAlive time.Duration

	// Drain is how long calls under way may take when the server shuts down:
	// 10 s if zero.
	Drain time.Duration

	// PublicURL, AllowedHosts and AllowedOrigins tell the server where it stands
	// when it is not reached directly: see the fields of the same names of
	// [transport.HTTPOptions].
	PublicURL      string
	AllowedHosts   []string
	AllowedOrigins []string

	// PageSize is the most items in one answer to a list method: 1,000 if zero.
	PageSize int

	// DeclarePrompts and DeclareResources tell clients that connect that there will
	// be prompts, or resources, although there have been none yet. Without, a
	// client is told of such a list, and of its changes, only if it connects when
	// there is, or was, something in it.
	DeclarePrompts   bool
	DeclareResources bool

	// ListCache is how long, and by whom, clients may keep the lists of tools,
	// prompts and resources, and what server/discover answers. The zero value is
	// not at all. The lists are the same for every client; Public tells caches
	// that clients share, which may show them to anybody.
	ListCache tool.Cache

	// Sessionless serves the streamable HTTP clients of every revision without
	// sessions, as those of 2026-07-28 always are: any of several processes can
	// answer any request. The tools of such clients cannot ask them anything, and
	// nothing reaches them but answers.
	Sessionless bool

	// StateKey, of 32 bytes at least and secret, seals what a tool that asks its
	// client sends through it (2026-07-28, multi round-trip requests). Processes
	// that answer for one another have the same one. nil is a random key, which
	// ends with the process.
	StateKey []byte

	// StateTTL is how long such a call may take, from its first question to its
	// last answer: 1 hour if zero.
	StateTTL time.Duration

	// OnOpen is called when a session has been opened, and OnClose when it has
	// ended, with the cause: one of those of package transport. Requests without a
	// session have neither. They are called concurrently, and hold up the session.
	OnOpen  func(*Session)
	OnClose func(s *Session, cause error)

	// Logger gets what the server and its tools log; nil is slog.Default. A handler
	// that fails, or panics, loses a line. One that blocks, as standard error does
	// that is a pipe which nobody reads, holds up who has something to log: a call
	// that fails, panics or logs itself, and a connection that is refused.
	Logger *slog.Logger
}

// Connect is a connection that wants to open.
type Connect struct {
	Args       tool.Args
	Bound      any         `json:"-"` // pointer to a filled copy of Options.Args; nil without
	Header     http.Header `json:"-"` // of the HTTP request; nil on other transports
	Transport  string      // sse, http, stdio, pipe
	RemoteAddr string      // of the client, or of the last proxy; "" on other transports
}

// ErrForbidden is for Options.Authenticate to return, or wrap: the caller is
// known and may not connect.
var ErrForbidden = errors.New("forbidden")

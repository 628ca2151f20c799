package transport

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// A Link is a connection that this side has opened, to a server: the other end of
// a [Peer]. What the server sends goes to the [Receiver] that the link was opened
// with, which may have to answer it: the Reply of such an [Exchange] takes the
// answer back. The context that Receive is given ends with the link.
//
// The methods of a Link may be called concurrently.
type Link interface {
	// Send takes a message to the server. When it returns nil the message has been
	// written in full; the answer to a request comes to the Receiver. Messages that
	// are sent one after the other leave in that order.
	//
	// The error of a notification or a response says that it did not arrive, or was
	// not accepted. That of a request says that it was not sent. What may go wrong
	// with it later is told to o.Lost.
	Send(ctx context.Context, o *Outbound) error

	// Forget says that nobody waits for the answer to this request any more: the
	// link keeps nothing of it, and hangs up where a response is for it alone. It is
	// for requests that the server was told to give up, and may leave without an
	// answer for good. Lost may still be told.
	Forget(id jsonrpc.ID)

	// Kind is stdio, pipe, sse or http.
	Kind() string

	// Done is closed when the connection has ended: by Close, or because the server
	// has. Streamable HTTP has no connection that could end by itself.
	Done() <-chan struct{}

	// Err says why Done is closed; nil before, and where Close ended it.
	Err() error

	// Close ends the connection in order and returns when nothing is left of it: no
	// process, no goroutine, no open response. What waits is told to Lost first. It
	// takes no longer than a few seconds, and the same time again is nothing. It
	// waits for what it ends: neither Receive nor Lost may call it.
	Close() error
}

// Outbound is one message on its way to a server.
type Outbound struct {
	Message *jsonrpc.Message // not retained

	// Header is added to the HTTP request that takes the message; not retained.
	// Elsewhere it is ignored.
	Header http.Header

	// Alone sends a request that belongs to no session: over streamable HTTP
	// without the session's headers, and the end of the context that Send was given
	// hangs up, also while the answer is awaited, which is how such a request is
	// cancelled (2026-07-28, streamable HTTP, cancellation). Otherwise that context
	// bounds only the sending.
	Alone bool

	// Lost is called at most once, and not before Send has returned nil or while it
	// runs, when the request can have no answer any more: the connection ended, the
	// HTTP response did without one, or was refused. The error is a [*StatusError]
	// where there is an HTTP status. It is not called for a request that has been
	// answered, nor where the answer is a JSON-RPC error with its id, whatever its
	// HTTP status: that one goes to the Receiver. A 404 that ends the session, 401
	// and 403 are told to Lost, whatever they say. It is to be quick.
	Lost func(err error)
}

// LinkOptions say how a link is opened. The zero value works.
type LinkOptions struct {
	// Header is sent with every HTTP request: what it holds are secrets, and goes to
	// no other origin, by redirect or by the endpoint that an event stream names.
	Header http.Header

	// Client makes the HTTP requests; nil is one of the link's own. Its Timeout has
	// to be 0: event streams last. Its CheckRedirect is not used.
	Client *http.Client

	// Message is the most bytes of one message of the server: 64 MiB if zero, no
	// limit if negative. On a stream a longer one ends the connection; in an HTTP
	// response it loses the request.
	Message int

	// Runs is how many requests of the server may be answered at once: 64 if zero.
	// Of more, three times as many wait, and what comes on top is refused as busy.
	Runs int

	// Noise is told what the server sends that is no message, such as what a program
	// prints to its standard output, cut at 1 KiB. nil drops it. It is called by
	// whoever reads, which waits for it.
	Noise func(line string)

	// Retry bounds how a cut event stream of streamable HTTP is taken up again.
	Retry Retry
}

// Retry says how often, and after which times, something is tried again. The zero
// value is 5 times, after 250 ms that double up to 30 s. A time that the server
// asked for (the field retry of an event stream, 2025-11-25, transports) is the
// least that is waited.
type Retry struct {
	Attempts int           // in a row, without success in between; negative is none
	First    time.Duration // before the first
	Most     time.Duration
}

// StatusError is an HTTP response that is no answer.
type StatusError struct {
	Status int
	Header http.Header
	Body   string // the beginning of it, 4 KiB at most
	Ended  bool   // it was 404 to a request that named a session: that is over

	rpc *jsonrpc.Error // of the whole body; nil if it holds none
}

// Why a link ended, beside what its transport has to say.
var (
	ErrClosed     = errors.New("the connection was closed")
	ErrServerGone = errors.New("the server closed the connection")
)

// ProcessError is why a server that is a child process is not there any more, or
// never was. It is [ErrServerGone].
type ProcessError struct {
	Name   string           // of the program, without its arguments: they may be secrets
	State  *os.ProcessState // nil if it could not be started
	Err    error            // why it could not be started, or what broke the connection; may be nil
	Stderr string           // the last lines that it wrote there, 2 KiB at most
}

// Is reports whether target is [ErrServerGone].
func (e *ProcessError) Is(target error) bool { return target == ErrServerGone }

// Command is a program that is a server on its standard input and output. It is
// started directly, by no shell.
type Command struct {
	Path string   // a path, or a name that is looked up in the PATH of this process
	Args []string // without the name
	Env  []string // the whole environment, name=value; nil is that of this process
	Dir  string   // "" is that of this process

	// Stderr is given each line that the program writes to standard error, without
	// its end, and cut at 8 KiB; nil drops them. It is called by one goroutine.
	Stderr func(line string)

	// Grace is how long the program may take to end when its input is closed, and
	// again when it has been sent SIGTERM: 2 s if zero. What is left of its process
	// group then is killed.
	Grace time.Duration
}

// InMemory is a server in this process: [OpenPipe] with all but the client filled
// in, as server.Server.Connect is.
type InMemory func(ctx context.Context, args url.Values, toClient func(text []byte)) (*Pipe, error)

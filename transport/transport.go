// Package transport is how messages reach a peer: streamable HTTP, an HTTP+SSE
// stream, standard input and output, an in-memory pipe. It owns the sockets, the
// one [Table] of connections, and every goroutine.
//
// It moves messages and knows none of their meanings. Two directions, one method
// each: a [Sender] takes messages to the peer, a [Receiver] is given the peer's.
// There is no read loop to write: over HTTP the reply is in hand when a message
// arrives, so nothing waits in a map for it.
//
// A connection is a [Peer]. Before anything is sent on it, an [Accept] function
// sees its arguments and headers and gives it a Receiver, or a [Refusal].
package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// A Sender takes messages to the peer. Send returns when the message is written
// or queued in full; a response is never dropped: where there is no room Send
// waits, until ctx or the connection ends. The message's slices are not retained.
// Send may be called concurrently.
type Sender interface {
	Send(ctx context.Context, m *jsonrpc.Message) error
}

// A Receiver is given what the peer sends.
//
// Receive is called once a message, in the order of arrival where the transport
// has one, and does the part that is quick. What may block, sending the reply
// above all, is left to run, which the transport calls on a goroutine of its
// own, or on the one that brought the message where that has nothing else to do.
// run is nil if nothing is left to do. ctx ends with the connection. x and the
// slices of its message are valid until run returns.
type Receiver interface {
	Receive(ctx context.Context, x *Exchange) (run func())
}

// Exchange is one inbound message and the way back.
type Exchange struct {
	Message jsonrpc.Message
	Header  http.Header // of the HTTP request that brought it; nil elsewhere
	Reply   Sender      // for the response, and for what belongs to the request
	Batch   bool        // the message came in a batch
	Mute    bool        // nothing but the response reaches the peer: over streamable HTTP it takes no event stream

	// About is the id of the request of ours in whose response the message came: on
	// a [Link] over streamable HTTP. "" elsewhere, and where it came in none.
	About jsonrpc.ID

	// Status is the Receiver's to set before it sends or run returns: the HTTP
	// status of an answer that has not become a stream. 0 is 200 for a response,
	// 400 for an error that has no ID, and 202 where nothing is sent. Only
	// streamable HTTP looks at it, and not for what came in a batch.
	Status int

	// Detach is Receive's to set: the work may outlive the HTTP response, because
	// it might call Suspend (see [Suspender]). It costs a goroutine. Only
	// streamable HTTP looks at it, and not for what came in a batch.
	Detach bool
}

// A Suspender is a Reply whose HTTP response can end before the answer is sent:
// the client comes back for the rest after the time given (2025-11-25,
// transports, sending messages to the server, 6). It reports whether the
// response was ended; where the client could not come back nothing happens.
type Suspender interface {
	Suspend(retry time.Duration) bool
}

// A Flusher is a Reply that holds an answer back until run returns, which is when
// it leaves without a cost. After AutoFlush it leaves when it is sent: run may take
// its time. As long the HTTP connection is good for nothing else, and the client is
// told so.
type Flusher interface {
	AutoFlush()
}

// An Observer is a Receiver that wants to know when its connection has been
// added to the [Table], and when it has been taken out, with the cause of its
// end. A connection that is made for one message is neither, unless it is kept.
type Observer interface {
	Opened()
	Closed(cause error)
}

// A Waiter is a Receiver that may wait for messages of its peer. It wants to know
// that none will come any more while the connection is still open, as when
// standard input has ended and answers are still written.
type Waiter interface {
	InputEnded()
}

// Accept decides about a connection before anything is sent on it. It may set
// p.Principal. An error that is a [*Refusal] is told to the peer; any other is
// logged and told as an internal error.
type Accept func(p *Peer) (Receiver, error)

// A Refusal is why a connection is not accepted, in words for the peer: they
// hold no secrets.
type Refusal struct {
	Status int         // HTTP status, such as 401
	Reason string      // for the peer to read
	Header http.Header // added to the response, such as WWW-Authenticate; may be nil
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("refused with %d %s: %s", r.Status, http.StatusText(r.Status), r.Reason)
}

// Why a connection ended: the cause of its context.
var (
	ErrClientGone = errors.New("the client closed the connection")
	ErrSlowReader = errors.New("the client stopped reading")
	ErrIdle       = errors.New("the session was idle for too long")
	ErrExpired    = errors.New("the session reached its maximum age")
	ErrShutdown   = errors.New("the server is shutting down")
	ErrDeleted    = errors.New("the client ended the session")
)

// ErrNoStream is why a request to the client cannot be sent, or belongs to no
// stream: the client takes one JSON answer and no event stream, or the connection
// lasts for one message. Notifications are dropped there instead.
var ErrNoStream = errors.New("there is no event stream open that this could be sent on")

package transport

import (
	"math"
	"time"
)

// Limits bound what clients can make a server hold. A field that is zero has the
// default that its comment names; a negative one has no limit.
type Limits struct {
	Message              int           // bytes of one inbound message: 4 MiB
	Bodies               int           // bytes that the HTTP bodies take which are being received or worked on, all together: 256 MiB. A quarter is for small ones
	Memory               int           // bytes that sessions have the server keep, all together: what waits for slow readers or is kept to be resumed, arguments and headers, subscriptions: 256 MiB. Past it each may have its share, half of it of either kind, so that it may become twice as much
	Queue                int           // bytes waiting for one slow reader, or for one that is away, beside those being written: 1 MiB. A single larger message still passes
	Sessions             int           // connections at once: 25,000
	SessionsPerPrincipal int           // of those, with the same principal or credential: 1,000
	Calls                int           // requests in flight on one connection: 128. Of a streamable HTTP session twice as many GET streams may be open
	AllCalls             int           // requests in flight of all connections over HTTP together: 50,000
	Idle                 time.Duration // without a message from the client and without a call in flight: 24 h
	Age                  time.Duration // of a connection: 7 days
	Write                time.Duration // without progress in writing to a client: 30 s
	Read                 time.Duration // for receiving one message's body: 30 s
	Replay               int           // bytes that one streamable HTTP session keeps for clients that come back for the rest of a stream: 1 MiB. Past it the oldest streams that have ended go first, then the oldest events
	ReplayFor            time.Duration // how long they are kept once a stream has ended and nobody reads it: 5 min
}

// WithDefaults returns l with every zero replaced by its default and every
// negative field by the largest value.
func (l Limits) WithDefaults() Limits {
	number(&l.Message, 4<<20, math.MaxInt)
	number(&l.Bodies, 256<<20, math.MaxInt)
	number(&l.Memory, 256<<20, math.MaxInt)
	number(&l.Queue, 1<<20, math.MaxInt)
	number(&l.Sessions, 25_000, math.MaxInt)
	number(&l.SessionsPerPrincipal, 1_000, math.MaxInt)
	number(&l.Calls, 128, math.MaxInt)
	number(&l.AllCalls, 50_000, math.MaxInt)
	number(&l.Idle, 24*time.Hour, math.MaxInt64)
	number(&l.Age, 7*24*time.Hour, math.MaxInt64)
	number(&l.Write, 30*time.Second, math.MaxInt64)
	number(&l.Read, 30*time.Second, math.MaxInt64)
	number(&l.Replay, 1<<20, math.MaxInt)
	number(&l.ReplayFor, 5*time.Minute, math.MaxInt64)
	return l
}

func number[T int | time.Duration](field *T, fallback, none T) {
	switch {
	case *field == 0:
		*field = fallback
	case *field < 0:
		*field = none
	}
}

// runs is how many messages of one connection may be at work or wait to be
// answered: the calls, and as many that are refused because there are too many.
// Past it the transport takes no more, or a client that sends and does not read
// could make a server hold any number of answers.
func (l *Limits) runs() int {
	if l.Calls > math.MaxInt/2 {
		return math.MaxInt
	}
	return 2 * l.Calls
}

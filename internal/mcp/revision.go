package mcp

// Revision is what a transport, a proxy or a client has to know of a revision of
// the protocol. What it means for a server's methods is in the server's table.
type Revision struct {
	Date   string
	Batch  bool // arrays of messages are accepted
	Primes bool // streams begin with an event that has an id and no data

	// Stateless: there is no handshake and no session. Each request says who sends
	// it, in which revision, and what the client can do; results have a type; a
	// question to the client is a result; and headers repeat what a request says.
	Stateless bool
}

// Revisions are those that we speak, oldest first. Nothing else knows their dates.
var Revisions = [...]Revision{
	{Date: "2024-11-05"},
	{Date: "2025-03-26", Batch: true},
	{Date: "2025-06-18"},
	{Date: "2025-11-25", Primes: true},
	{Date: "2026-07-28", Stateless: true},
}

// ByDate returns the revision of a date, or nil.
func ByDate(date string) *Revision {
	for i := range Revisions {
		if Revisions[i].Date == date {
			return &Revisions[i]
		}
	}
	return nil
}

// LatestSession is the latest revision that begins with a handshake.
func LatestSession() *Revision {
	for i := len(Revisions) - 1; ; i-- {
		if !Revisions[i].Stateless {
			return &Revisions[i]
		}
	}
}

// Latest is the latest revision.
func Latest() *Revision { return &Revisions[len(Revisions)-1] }

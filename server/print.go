package server

import "fmt"

// What the author of a server is handed, and may print to see what it is, shows no
// credential then, whatever the verb. What is in its exported fields is for who
// asks for it by name.

// Format writes what connects, without credentials.
func (c Connect) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "Connect(%s over %s from %q)", c.Args, c.Transport, c.RemoteAddr)
}

// Format writes whose session it is, without credentials.
func (s Session) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "Session(%.8s %s over %s from %q)", s.ID, s.Args, s.Transport, s.RemoteAddr)
}

// Format writes the method, without what the client says in it, and no credentials.
func (r Request) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "Request(%s %s over %s)", r.Method, r.Args, r.Transport)
}

// Format writes the options without StateKey.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options // which has no Format
	o.StateKey = nil
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

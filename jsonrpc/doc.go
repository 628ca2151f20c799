// Package jsonrpc is what a JSON-RPC 2.0 message is: bytes in, [Message] out,
// bytes again, and [Calls] that wait for their answers.
//
// It knows the envelope and nothing above or below it: no method names, no
// sockets. Params and results stay the bytes they arrived as. Ids stay the text
// they arrived as, because an id is the caller's and a number that passes
// through float64 may come back another number.
//
// Where MCP is stricter than JSON-RPC 2.0, this package is as strict as MCP:
// an id is a string or an integer, never null, and the envelope's names are
// compared exactly. A name that occurs twice counts once, the last time.
package jsonrpc

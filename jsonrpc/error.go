package jsonrpc

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Error codes of the JSON-RPC 2.0 specification, section 5.1.
const (
	CodeParseError     = -32700 // the text is not JSON
	CodeInvalidRequest = -32600 // the JSON is not a message, or not one allowed now
	CodeMethodNotFound = -32601
	CodeInvalidParams  = -32602
	CodeInternalError  = -32603
)

// CodeServerBusy is of the range that section 5.1 leaves to servers (-32000 to
// -32099): the request was not started and may be sent again later.
const CodeServerBusy = -32000

// Error is the error member of a response, and as a Go error the failure of a
// call. Its Message is read by the peer: it holds no secrets and no Go types.
type Error struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

// Errorf returns an Error with a formatted message.
func Errorf(code int, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError returns the Error in err's chain. Any other error becomes an internal
// error that does not repeat its text, which may not be the peer's to read.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternalError, Message: "internal error"}
}

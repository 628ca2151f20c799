package jsonrpc

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// ID is a request id as the JSON text it arrived as: `7` or `"x"`, quotes
// included. "" is no id. Ids are compared as text and echoed byte for byte.
type ID string

// Message is a request (ID and Method), a notification (Method alone) or a
// response (ID and Result or Error).
//
// Params, Result and Error.Data of a parsed message are slices of the parsed
// bytes and live as long as those; a sender may not keep them after it returns.
type Message struct {
	ID     ID
	Method string
	Params []byte // a JSON object or array; nil for none
	Result []byte // any JSON value
	Error  *Error

	text   []byte  // see EndResponse
	splice *splice // see Splice; nil for most
}

// splice is a part of a text, and where in the rest it stands.
type splice struct {
	fixed []byte
	at    int
}

// BeginResponse appends the text of a response up to its result, which is to be
// appended next. [EndResponse] makes a message of it.
func BeginResponse(dst []byte, id ID) []byte {
	return append(append(append(dst, `{"jsonrpc":"2.0","id":`...), id...), `,"result":`...)
}

// EndResponse returns the response that a text is which holds head bytes of
// BeginResponse and a result behind them. It is written where it is sent from: a
// sender takes its Text and need not copy the result, which may be large. The
// message is that text, whatever becomes of its fields.
func EndResponse(id ID, text []byte, head int) Message {
	text = append(text, '}')
	return Message{ID: id, Result: text[head : len(text)-1], text: text}
}

// Splice puts fixed into the text of a message made by [EndResponse], in front of
// its byte at. It is for what is large and never changes: a sender can write it
// from where it is.
func (m *Message) Splice(at int, fixed []byte) {
	m.Result, m.splice = nil, &splice{fixed, at}
}

// Text returns the text of a message made by [EndResponse], nil of any other and
// of one that has been spliced. A sender may overwrite it, and what its capacity
// holds behind it.
func (m *Message) Text() []byte {
	if m.splice != nil {
		return nil
	}
	return m.text
}

// Parts returns the text of a message that has been spliced, nil of any other. A
// sender may overwrite what stands around the fixed part.
func (m *Message) Parts() (before, fixed, after []byte) {
	if m.splice == nil {
		return nil, nil, nil
	}
	at := m.splice.at
	return m.text[:at], m.splice.fixed, m.text[at:]
}

// IsRequest reports whether m is a request, which wants exactly one response.
func (m *Message) IsRequest() bool { return m.Method != "" && m.ID != "" }

// IsNotification reports whether m is a notification, which is never answered.
func (m *Message) IsNotification() bool { return m.Method != "" && m.ID == "" }

// Parse reads one message. The error is an [*Error] to answer with: the text is
// not JSON, or not a message. Then m.ID is still set where the id could be read,
// so that the answer finds its caller. A response that is invalid is nobody's to
// answer, for its id is one of the reader's own: it has its ID and the error as
// its Error, which can be given to [Calls.Answer] to end the call that waits.
func Parse(b []byte) (m Message, err error) {
	var e envelope
	if err := e.read(b); err != nil {
		return m, err
	}
	isResponse := e.method == nil && (e.result != nil || e.err != nil)
	switch m.ID, err = id(e.id); {
	case !isString(e.version) || !jsontext.Is(e.version, "2.0"):
		err = Errorf(CodeInvalidRequest, `invalid message: "jsonrpc" must be "2.0"`)
	case isResponse:
		err = m.setResponse(&e, err)
	case err != nil:
	case e.method == nil:
		err = Errorf(CodeInvalidRequest, `invalid message: neither a "method" nor one of "result" and "error" with an "id"`)
	default:
		err = m.setRequest(&e)
	}
	if err != nil && isResponse {
		m.Result, m.Error = nil, AsError(err)
	}
	return m, err
}

// envelope is the members of a message, each as its raw text.
type envelope struct{ version, id, method, params, result, err []byte }

func (e *envelope) read(b []byte) error {
	if !utf8.Valid(b) { // what of it is sent back as it came would not be either
		return Errorf(CodeParseError, "the text is not UTF-8")
	}
	r := jsontext.Read(b)
	if k := r.Kind(); k != '{' {
		_, err := r.Value()
		if err == nil {
			err = r.End()
		}
		if err != nil {
			return parseError(err)
		}
		return Errorf(CodeInvalidRequest, "invalid message: not a JSON object")
	}
	if err := r.Enter('{'); err != nil {
		return parseError(err)
	}
	for first := true; ; first = false {
		key, ok, err := r.Member(first)
		if err != nil {
			return parseError(err)
		}
		if !ok {
			break
		}
		val, err := r.Value()
		if err != nil {
			return parseError(err)
		}
		switch {
		case jsontext.Is(key, "jsonrpc"):
			e.version = val
		case jsontext.Is(key, "id"):
			e.id = val
		case jsontext.Is(key, "method"):
			e.method = val
		case jsontext.Is(key, "params"):
			e.params = val
		case jsontext.Is(key, "result"):
			e.result = val
		case jsontext.Is(key, "error"):
			e.err = val
		}
	}
	if err := r.End(); err != nil {
		return parseError(err)
	}
	return nil
}

// isString reports whether a raw value is a string, which [jsontext.Is] trusts
// its caller to know.
func isString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

func parseError(err error) error { return Errorf(CodeParseError, "%v", err) }

// id checks the raw id: MCP allows strings and integers.
func id(raw []byte) (ID, error) {
	if len(raw) == 0 {
		return "", nil
	}
	if raw[0] == '"' {
		return ID(raw), nil
	}
	for i, c := range raw {
		if (c < '0' || c > '9') && (c != '-' || i != 0) {
			return "", Errorf(CodeInvalidRequest, `invalid message: "id" must be a string or an integer`)
		}
	}
	return ID(raw), nil
}

func (m *Message) setRequest(e *envelope) error {
	m.Method = jsontext.Text(e.method)
	if m.Method == "" {
		return Errorf(CodeInvalidRequest, `invalid message: "method" must be a string that is not empty`)
	}
	if len(e.params) == 0 || e.params[0] == 'n' { // null: sent by clients that mean none
		return nil
	}
	if e.params[0] != '{' && e.params[0] != '[' {
		return Errorf(CodeInvalidRequest, `invalid message: "params" must be an object`)
	}
	m.Params = e.params
	return nil
}

// setResponse takes a response, whose id is not readable if idErr is not nil: an
// error may have id null, because the request it answers had none to repeat.
func (m *Message) setResponse(e *envelope, idErr error) error {
	switch {
	case e.result != nil && e.err != nil:
		return Errorf(CodeInvalidRequest, `invalid message: both a "result" and an "error"`)
	case e.id == nil:
		return Errorf(CodeInvalidRequest, `invalid message: a response without an "id"`)
	case idErr != nil && (e.err == nil || string(e.id) != "null"):
		return idErr
	case e.result != nil:
		m.Result = e.result
		return nil
	}
	failure, ok := readError(e.err)
	if !ok {
		return Errorf(CodeInvalidRequest, `invalid message: "error" must be an object with an integer "code" and a string "message"`)
	}
	m.Error = failure
	return nil
}

// readError reads the error member of a response. raw is valid JSON.
func readError(raw []byte) (e *Error, ok bool) {
	r := jsontext.Read(raw)
	if r.Enter('{') != nil {
		return nil, false
	}
	var code, message, data []byte
	for first := true; ; first = false {
		key, more, err := r.Member(first)
		if !more || err != nil {
			break
		}
		val, _ := r.Value() // has been read before
		switch {
		case jsontext.Is(key, "code"):
			code = val
		case jsontext.Is(key, "message"):
			message = val
		case jsontext.Is(key, "data"):
			data = val
		}
	}
	n, err := strconv.Atoi(string(code))
	if err != nil || !isString(message) {
		return nil, false
	}
	return &Error{Code: n, Message: jsontext.Text(message), Data: data}, true
}

// Append appends m's text, without a newline in or after it unless Params,
// Result or Error.Data hold one. A response without an ID gets id null, and one
// without Result and Error the result null: the text is always a message.
func (m *Message) Append(dst []byte) []byte {
	if before, fixed, after := m.Parts(); fixed != nil {
		dst = slices.Grow(dst, len(m.text)+len(fixed))
		return append(append(append(dst, before...), fixed...), after...)
	}
	if m.text != nil {
		return append(dst, m.text...)
	}
	dst = append(dst, `{"jsonrpc":"2.0"`...)
	if m.ID != "" {
		dst = append(append(dst, `,"id":`...), m.ID...)
	} else if m.Method == "" {
		dst = append(dst, `,"id":null`...)
	}
	if m.Method != "" {
		dst = jsontext.AppendString(append(dst, `,"method":`...), m.Method)
		if len(m.Params) > 0 {
			dst = append(append(dst, `,"params":`...), m.Params...)
		}
		return append(dst, '}')
	}
	if m.Error == nil {
		dst = append(dst, `,"result":`...)
		if len(m.Result) == 0 {
			return append(dst, "null}"...)
		}
		return append(append(dst, m.Result...), '}')
	}
	dst = strconv.AppendInt(append(dst, `,"error":{"code":`...), int64(m.Error.Code), 10)
	dst = jsontext.AppendString(append(dst, `,"message":`...), m.Error.Message)
	if len(m.Error.Data) > 0 {
		dst = append(append(dst, `,"data":`...), m.Error.Data...)
	}
	return append(dst, "}}"...)
}

// IsBatch reports whether b holds an array: a batch, if it parses.
func IsBatch(b []byte) bool {
	r := jsontext.Read(b)
	return r.Kind() == '['
}

// maxBatch bounds what a batch can make of few bytes: of "[1,1,1" each element
// would get an answer forty times its size.
const maxBatch = 1000

// Split returns the elements of a batch, each to be given to [Parse]. The error
// is an [*Error]: the text is not JSON, or the batch is empty (section 6), or it
// has more than 1,000 elements.
func Split(b []byte) ([][]byte, error) {
	r := jsontext.Read(b)
	if err := r.Enter('['); err != nil {
		return nil, parseError(err)
	}
	var elems [][]byte
	for first := true; ; first = false {
		ok, err := r.Element(first)
		if err != nil {
			return nil, parseError(err)
		}
		if !ok {
			break
		}
		elem, err := r.Value()
		if err != nil {
			return nil, parseError(err)
		}
		if len(elems) == maxBatch {
			return nil, Errorf(CodeInvalidRequest, "invalid message: a batch of more than %d", maxBatch)
		}
		elems = append(elems, elem)
	}
	if err := r.End(); err != nil {
		return nil, parseError(err)
	}
	if len(elems) == 0 {
		return nil, Errorf(CodeInvalidRequest, "invalid message: an empty batch")
	}
	return elems, nil
}

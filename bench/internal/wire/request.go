package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/sessionmcp/sessionmcp/bench/internal/wide"
)

// Request is a message to send again and again, and what to expect.
type Request struct {
	Name   string // of the case
	Method string
	Tool   string // of tools/call
	args   string
	text   string // the content; "" is the JSON text of structured
	struc  any    // structuredContent, as encoding/json reads it into any
}

// Echo asks for a short text, and Forecast for a small structure. These are the
// ones to which raw has its answers ready.
func Echo() Request {
	const text = "A text of the length that people write."
	return Request{Name: "echo", Method: "tools/call", Tool: "echo", args: `{"text":"` + text + `"}`, text: text}
}

// Forecast: see Echo.
func Forecast() Request {
	const want = `{"city":"Oslo","days":[{"date":"2026-01-01","high":20.5,"low":10.5,"summary":"partly cloudy"},` +
		`{"date":"2026-01-02","high":21.5,"low":11.5,"summary":"partly cloudy"},` +
		`{"date":"2026-01-03","high":22.5,"low":12.5,"summary":"partly cloudy"}]}`
	return Request{Name: "forecast", Method: "tools/call", Tool: "forecast",
		args: `{"city":"Oslo","days":3,"units":"metric"}`, struc: decoded([]byte(want))}
}

// Mirror sends a text of a size and gets it back, Length sends it and gets its
// length, Repeat sends a size and gets a text.
func Mirror(size int) Request {
	text := strings.Repeat("x", size)
	return Request{Name: "mirror", Method: "tools/call", Tool: "mirror", args: `{"text":"` + text + `"}`, text: text}
}

// Length: see Mirror.
func Length(size int) Request {
	return Request{Name: "length", Method: "tools/call", Tool: "length",
		args: `{"text":"` + strings.Repeat("x", size) + `"}`, text: strconv.Itoa(size)}
}

// Repeat: see Mirror.
func Repeat(size int) Request {
	return Request{Name: "repeat", Method: "tools/call", Tool: "repeat",
		args: `{"size":` + strconv.Itoa(size) + `}`, text: strings.Repeat("x", size)}
}

// Wide sends a large structure and gets it back.
func Wide() Request {
	text, err := json.Marshal(wide.Sample())
	if err != nil {
		panic(err) // it is always the same
	}
	return Request{Name: "wide", Method: "tools/call", Tool: "wide", args: string(text), struc: decoded(text)}
}

// decoded is nil if the text is no JSON, and so like nothing that is expected.
func decoded(text []byte) (v any) {
	if json.Unmarshal(text, &v) != nil {
		return nil
	}
	return v
}

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":` +
	`{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`

// Caller makes one request after the other and checks the answers. The first is
// decoded and compared; what is the same byte for byte but for the id is right.
type Caller struct {
	Client Client
	id     int64
	tail   string // of the message, behind the id
	out    []byte
	answer
}

// NewCaller returns one whose ids begin with the given one.
func NewCaller(c Client, w Wire, req Request, id int64) *Caller {
	tail := `,"method":"` + req.Method + `","params":{"name":"` + req.Tool + `","arguments":` + req.args
	if w == Modern {
		tail += "," + meta
	}
	return &Caller{Client: c, id: id, tail: tail + "}}", answer: answer{req: req}}
}

// Message renders the next message.
func (c *Caller) Message() (text []byte, id int64) {
	c.id++
	c.out = append(c.out[:0], `{"jsonrpc":"2.0","id":`...)
	c.out = strconv.AppendInt(c.out, c.id, 10)
	c.out = append(c.out, c.tail...)
	return c.out, c.id
}

// Call makes a call.
func (c *Caller) Call() error {
	text, want := c.Message()
	got, err := c.Client.Call(text)
	if err != nil {
		return fmt.Errorf("call %s: %w", c.req.Tool, err)
	}
	id, err := c.Check(got)
	if err == nil && id != want {
		err = fmt.Errorf("call %s: request %d got the answer to %d", c.req.Tool, want, id)
	}
	return err
}

// answer is what right answers look like: what is before the id, and behind it.
type answer struct {
	req           Request
	before, after []byte
}

// Check returns the id of an answer that is right.
func (a *answer) Check(text []byte) (int64, error) {
	if rest, ok := bytes.CutPrefix(text, a.before); ok && a.before != nil {
		end, id := 0, int64(0)
		for end < len(rest) && '0' <= rest[end] && rest[end] <= '9' {
			id = 10*id + int64(rest[end]-'0')
			end++
		}
		if end > 0 && bytes.Equal(rest[end:], a.after) {
			return id, nil
		}
	}
	id, err := a.req.check(text)
	if err != nil {
		return 0, fmt.Errorf("call %s: %w in %q", a.req.Tool, err, clip(text))
	}
	a.learn(text, id)
	return id, nil
}

func (a *answer) learn(text []byte, id int64) {
	field := []byte(`"id":` + strconv.FormatInt(id, 10))
	if at := bytes.Index(text, field); at >= 0 && bytes.Count(text, field) == 1 {
		a.before = bytes.Clone(text[:at+len(`"id":`)])
		a.after = bytes.Clone(text[at+len(field):])
	}
}

// check decodes an answer.
func (r *Request) check(text []byte) (int64, error) {
	var m struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      int64           `json:"id"`
		Error   json.RawMessage `json:"error"`
		Result  struct {
			IsError bool `json:"isError"`
			Content []struct{ Type, Text string }
			Struc   any `json:"structuredContent"`
		} `json:"result"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return 0, err
	}
	switch {
	case m.JSONRPC != "2.0" || m.Error != nil || m.Result.IsError:
		return 0, errors.New("an error")
	case len(m.Result.Content) != 1 || m.Result.Content[0].Type != "text":
		return 0, errors.New("no content")
	case r.struc == nil && m.Result.Content[0].Text != r.text:
		return 0, errors.New("another text")
	case r.struc != nil && !reflect.DeepEqual(m.Result.Struc, r.struc):
		return 0, errors.New("another structure")
	case r.struc != nil && !reflect.DeepEqual(decoded([]byte(m.Result.Content[0].Text)), r.struc):
		return 0, errors.New("a text that is not the structure")
	}
	return m.ID, nil
}

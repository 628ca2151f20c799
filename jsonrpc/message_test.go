package jsonrpc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// code returns the code of err, 0 for none.
func code(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("%v is a %T, want an *Error", err, err)
	}
	return e.Code
}

func TestParseID(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		code int
	}{
		{raw: `9007199254740993`},
		{raw: `-9223372036854775809`}, // no integer type holds it, and none has to
		{raw: `"x"`},
		{raw: `0`},
		{raw: `-1`},
		{raw: `""`},
		{raw: `"\u0041\ud83d\ude00\n"`},
		{raw: `"1"`},
		{raw: `null`, code: CodeInvalidRequest},
		{raw: `1.5`, code: CodeInvalidRequest},
		{raw: `1.0`, code: CodeInvalidRequest},
		{raw: `1e3`, code: CodeInvalidRequest},
		{raw: `1E3`, code: CodeInvalidRequest},
		{raw: `true`, code: CodeInvalidRequest},
		{raw: `{"a":1}`, code: CodeInvalidRequest},
		{raw: `[1]`, code: CodeInvalidRequest},
		{raw: `01`, code: CodeParseError},
	} {
		for _, rest := range []string{`"method":"m"`, `"result":{}`, `"error":{"code":1,"message":"x"}`} {
			m, err := Parse(fmt.Appendf(nil, `{"jsonrpc":"2.0", "id": %s ,%s}`, tt.raw, rest))
			want, id := tt.code, ID(tt.raw)
			if want != 0 {
				id = ""
			}
			if tt.raw == "null" && strings.Contains(rest, "error") {
				want = 0 // the answer to what had no readable id
			}
			if got := code(t, err); got != want || m.ID != id {
				t.Errorf("id %s, %s: id %q, %v, want code %d", tt.raw, rest, m.ID, err, want)
			}
			echo := Message{ID: m.ID, Result: []byte(`{}`)}
			if want == 0 && id != "" && !strings.Contains(string(echo.Append(nil)), `"id":`+tt.raw+`,`) {
				t.Errorf("id %s: echoed in %s", tt.raw, echo.Append(nil))
			}
		}
	}
}

func TestParseRequest(t *testing.T) {
	for _, tt := range []struct {
		name, in              string
		id, method, params    string
		code                  int
		request, notification bool
	}{
		{name: "request", in: `{"jsonrpc":"2.0","id":1,"method":"a/b","params":{"x":[1, 2]}}`, id: "1", method: "a/b", params: `{"x":[1, 2]}`, request: true},
		{name: "notification", in: ` {"jsonrpc":"2.0","method":"n"} `, method: "n", notification: true},
		{name: "array params", in: `{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}`, id: "1", method: "m", params: `[1]`, request: true},
		{name: "null params", in: `{"jsonrpc":"2.0","id":1,"method":"m","params":null}`, id: "1", method: "m", request: true},
		{name: "escaped key", in: `{"jsonrpc":"2.0","id":1,"meth\u006fd":"m"}`, id: "1", method: "m", request: true},
		{name: "escaped version", in: `{"jsonrpc":"2\u002e0","id":1,"method":"m"}`, id: "1", method: "m", request: true},
		{name: "escaped method", in: `{"jsonrpc":"2.0","id":1,"method":"\u006d"}`, id: "1", method: "m", request: true},
		{name: "unknown members", in: `{"jsonrpc":"2.0","id":1,"method":"m","Method":"M","extra":{"id":2}}`, id: "1", method: "m", request: true},
		{name: "last method wins", in: `{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}`, id: "1", method: "b", request: true},
		{name: "last id wins", in: `{"jsonrpc":"2.0","id":1,"method":"a","id":2}`, id: "2", method: "a", request: true},
		{name: "last id is null", in: `{"jsonrpc":"2.0","id":1,"method":"a","id":null}`, code: CodeInvalidRequest},
		{name: "last params win", in: `{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1},"params":{}}`, id: "1", method: "a", params: `{}`, request: true},
		{name: "last version wins", in: `{"jsonrpc":"2.0","jsonrpc":"1.0","id":1,"method":"a"}`, id: "1", code: CodeInvalidRequest},
		{name: "request with an error and no id", in: `{"jsonrpc":"2.0","id":null,"method":"a","error":{}}`, code: CodeInvalidRequest},
		{name: "scalar params", in: `{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}`, id: "1", method: "m", code: CodeInvalidRequest},
		{name: "number params", in: `{"jsonrpc":"2.0","id":1,"method":"m","params":3}`, id: "1", method: "m", code: CodeInvalidRequest},
		{name: "empty method", in: `{"jsonrpc":"2.0","id":"q","method":""}`, id: `"q"`, code: CodeInvalidRequest},
		{name: "null method", in: `{"jsonrpc":"2.0","id":1,"method":null}`, id: "1", code: CodeInvalidRequest},
		{name: "number method", in: `{"jsonrpc":"2.0","id":1,"method":5}`, id: "1", code: CodeInvalidRequest},
		{name: "no method", in: `{"jsonrpc":"2.0","id":1}`, id: "1", code: CodeInvalidRequest},
		{name: "key of another case", in: `{"jsonrpc":"2.0","id":1,"METHOD":"m"}`, id: "1", code: CodeInvalidRequest},
		{name: "no version", in: `{"id":1,"method":"m"}`, id: "1", code: CodeInvalidRequest},
		{name: "old version", in: `{"jsonrpc":"1.0","id":1,"method":"m"}`, id: "1", code: CodeInvalidRequest},
		{name: "number version", in: `{"jsonrpc":2.0,"id":1,"method":"m"}`, id: "1", code: CodeInvalidRequest},
		{name: "array version", in: `{"jsonrpc":[2.0],"id":1,"method":"m"}`, id: "1", code: CodeInvalidRequest},
		{name: "empty object", in: `{}`, code: CodeInvalidRequest},
		{name: "scalar", in: ` "x" `, code: CodeInvalidRequest},
		{name: "null", in: `null`, code: CodeInvalidRequest},
		{name: "array", in: `[{"jsonrpc":"2.0","id":1,"method":"m"}]`, code: CodeInvalidRequest},
		{name: "empty", in: ``, code: CodeParseError},
		{name: "two scalars", in: `1 2`, code: CodeParseError},
		{name: "two objects", in: `{"jsonrpc":"2.0","id":1,"method":"m"}{}`, code: CodeParseError},
		{name: "cut off", in: `{"jsonrpc":"2.0","id":1,"method":"m"`, code: CodeParseError},
		{name: "comma at the end", in: `{"jsonrpc":"2.0","id":1,"method":"m",}`, code: CodeParseError},
		{name: "bad escape", in: `{"jsonrpc":"2.0","id":"\x","method":"m"}`, code: CodeParseError},
		{name: "too deep", in: `{"jsonrpc":"2.0","method":"m","params":` + strings.Repeat("[", 5000), code: CodeParseError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse([]byte(tt.in))
			if got := code(t, err); got != tt.code {
				t.Fatalf("%v, want code %d", err, tt.code)
			}
			if string(m.ID) != tt.id || m.Method != tt.method || string(m.Params) != tt.params {
				t.Errorf("got %q %q %q", m.ID, m.Method, m.Params)
			}
			if err == nil && (m.IsRequest() != tt.request || m.IsNotification() != tt.notification || (m.Params == nil) != (tt.params == "")) {
				t.Errorf("request %v, notification %v, params %v", m.IsRequest(), m.IsNotification(), m.Params)
			}
			if err != nil && m.Error != nil {
				t.Error("something that is no response looks like one")
			}
		})
	}
}

func TestParseResponse(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     string // what Append makes of it
		code     int
	}{
		{name: "result", in: `{"jsonrpc":"2.0","id":1,"result":{"a": 1}}`, want: `{"jsonrpc":"2.0","id":1,"result":{"a": 1}}`},
		{name: "null result", in: `{"jsonrpc":"2.0","id":1,"result":null}`, want: `{"jsonrpc":"2.0","id":1,"result":null}`},
		{name: "error", in: `{"jsonrpc":"2.0","id":"x","error":{"code":-32000,"message":"no\u0021","data":[1]}}`, want: `{"jsonrpc":"2.0","id":"x","error":{"code":-32000,"message":"no!","data":[1]}}`},
		{name: "error for nobody", in: `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}`, want: `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}`},
		{name: "last of two codes, exact names", in: `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x","code":2,"Message":"y"}}`, want: `{"jsonrpc":"2.0","id":1,"error":{"code":2,"message":"x"}}`},
		{name: "both", in: `{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}`, code: CodeInvalidRequest},
		{name: "both, one null", in: `{"jsonrpc":"2.0","id":1,"result":{},"error":null}`, code: CodeInvalidRequest},
		{name: "result for nobody", in: `{"jsonrpc":"2.0","id":null,"result":{}}`, code: CodeInvalidRequest},
		{name: "result without id", in: `{"jsonrpc":"2.0","result":{}}`, code: CodeInvalidRequest},
		{name: "error without id", in: `{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}`, code: CodeInvalidRequest},
		{name: "error with a fractional id", in: `{"jsonrpc":"2.0","id":1.5,"error":{"code":1,"message":"x"}}`, code: CodeInvalidRequest},
		{name: "error that is a string", in: `{"jsonrpc":"2.0","id":1,"error":"x"}`, code: CodeInvalidRequest},
		{name: "error that is null", in: `{"jsonrpc":"2.0","id":1,"error":null}`, code: CodeInvalidRequest},
		{name: "error that is empty", in: `{"jsonrpc":"2.0","id":1,"error":{}}`, code: CodeInvalidRequest},
		{name: "error without message", in: `{"jsonrpc":"2.0","id":1,"error":{"code":1}}`, code: CodeInvalidRequest},
		{name: "error with a fractional code", in: `{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":"x"}}`, code: CodeInvalidRequest},
		{name: "error with a code as text", in: `{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"x"}}`, code: CodeInvalidRequest},
		{name: "version", in: `{"jsonrpc":"1.0","id":1,"result":{}}`, code: CodeInvalidRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse([]byte(tt.in))
			if got := code(t, err); got != tt.code {
				t.Fatalf("%v, want code %d", err, tt.code)
			}
			if err != nil {
				// It can end the call that waits, and cannot be taken for a request.
				if m.Error == nil || m.Error.Code != tt.code || m.Result != nil || m.Method != "" {
					t.Errorf("an invalid response became %+v", m)
				}
				return
			}
			if got := string(m.Append(nil)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if m.IsRequest() || m.IsNotification() {
				t.Error("a response is taken for a request")
			}
		})
	}
}

func TestAppend(t *testing.T) {
	for _, tt := range []struct {
		m    Message
		want string
	}{
		{Message{ID: "7", Method: "a\"b", Params: []byte(`{}`)}, `{"jsonrpc":"2.0","id":7,"method":"a\"b","params":{}}`},
		{Message{Method: "n"}, `{"jsonrpc":"2.0","method":"n"}`},
		{Message{Method: "n", Params: []byte{}}, `{"jsonrpc":"2.0","method":"n"}`},
		{Message{ID: `"x"`, Result: []byte(`[]`)}, `{"jsonrpc":"2.0","id":"x","result":[]}`},
		{Message{ID: `1`}, `{"jsonrpc":"2.0","id":1,"result":null}`},
		{Message{Error: &Error{Code: -1, Message: "line\nbreak"}}, `{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"line\nbreak"}}`},
		{Message{ID: "1", Error: &Error{Data: []byte(`{"a":1}`)}}, `{"jsonrpc":"2.0","id":1,"error":{"code":0,"message":"","data":{"a":1}}}`},
	} {
		got := string(tt.m.Append([]byte("before ")))
		if got != "before "+tt.want {
			t.Errorf("got  %s\nwant before %s", got, tt.want)
		}
		if _, err := Parse([]byte(tt.want)); err != nil {
			t.Errorf("%s: %v", tt.want, err)
		}
	}
}

func TestSplit(t *testing.T) {
	many := func(n int) string { return "[" + strings.Repeat("1,", n-1) + "1]" }
	for _, tt := range []struct {
		in    string
		batch bool
		want  string
		code  int
	}{
		{in: ` [ {"a":[1]} , 2,"x" ] `, batch: true, want: `{"a":[1]};2;"x"`},
		{in: `[[]]`, batch: true, want: `[]`},
		{in: `[]`, batch: true, code: CodeInvalidRequest},
		{in: `[1`, batch: true, code: CodeParseError},
		{in: `[1,]`, batch: true, code: CodeParseError},
		{in: `[1] 2`, batch: true, code: CodeParseError},
		{in: `{}`, code: CodeParseError},
		{in: ``, code: CodeParseError},
		{in: many(maxBatch), batch: true, want: strings.Repeat("1;", maxBatch-1) + "1"},
		{in: many(maxBatch + 1), batch: true, code: CodeInvalidRequest},
	} {
		if got := IsBatch([]byte(tt.in)); got != tt.batch {
			t.Errorf("%.30s: IsBatch %v", tt.in, got)
		}
		elems, err := Split([]byte(tt.in))
		if got := code(t, err); got != tt.code {
			t.Errorf("%.30s: %v, want code %d", tt.in, err, tt.code)
		}
		var texts []string
		for _, e := range elems {
			texts = append(texts, string(e))
		}
		if got := strings.Join(texts, ";"); got != tt.want {
			t.Errorf("%.30s: got %.50s, want %.50s", tt.in, got, tt.want)
		}
	}
}

func TestAsError(t *testing.T) {
	own := Errorf(CodeInvalidParams, "wrong %d", 1)
	if got := AsError(fmt.Errorf("secret: %w", own)); got != own {
		t.Errorf("got %v, want the error in the chain", got)
	}
	got := AsError(errors.New("dial 10.0.0.1: password=hunter2"))
	if got.Code != CodeInternalError || got.Message != "internal error" || got.Data != nil {
		t.Errorf("foreign text is repeated: %v", got)
	}
	if s := own.Error(); s != "wrong 1 (-32602)" {
		t.Error(s)
	}
}

// TestResponse: a response that is written around its result is the same text,
// whole or in parts.
func TestResponse(t *testing.T) {
	want := Message{ID: "7", Result: []byte(`{"tools":[{"name":"a"}],"x":1}`)}
	text := append(BeginResponse(nil, "7"), `{"tools":[`...)
	head, at := len(BeginResponse(nil, "7")), len(text)
	text = append(text, `],"x":1}`...)

	whole := EndResponse("7", append(slices.Clone(text[:at]), `{"name":"a"}],"x":1}`...), head)
	if got := string(whole.Text()); got != string(want.Append(nil)) || string(whole.Append(nil)) != got {
		t.Errorf("whole: %s, want %s", got, want.Append(nil))
	}
	if string(whole.Result) != string(want.Result) || whole.ID != want.ID {
		t.Errorf("its result is %s, want %s", whole.Result, want.Result)
	}
	if _, fixed, _ := whole.Parts(); fixed != nil {
		t.Errorf("it has the fixed part %s", fixed)
	}

	spliced := EndResponse("7", text, head)
	spliced.Splice(at, []byte(`{"name":"a"}`))
	if got := string(spliced.Append([]byte(" "))); got != " "+string(want.Append(nil)) {
		t.Errorf("spliced: %s, want %s", got, want.Append(nil))
	}
	before, fixed, after := spliced.Parts()
	if got := string(slices.Concat(before, fixed, after)); got != string(want.Append(nil)) || spliced.Text() != nil {
		t.Errorf("in parts: %s, want %s", got, want.Append(nil))
	}
	if parsed, err := Parse(spliced.Append(nil)); err != nil || string(parsed.Result) != string(want.Result) {
		t.Errorf("read again: %s, %v", parsed.Result, err)
	}
	if want.Text() != nil {
		t.Error("a message that was not made so has a text")
	}
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sessionmcp/sessionmcp/client"
)

// newTestAsker asks on a screen and is answered by what is read from in.
func newTestAsker(in io.Reader, answers url.Values) (*asker, *bytes.Buffer) {
	var out bytes.Buffer
	p := &program{in: in, out: io.Discard, err: &out}
	r := p.newRemote()
	r.ask = true
	a := newAsker(r)
	a.answers = answers
	return a, &out
}

func TestParseField(t *testing.T) {
	for _, tt := range []struct{ schema, text, want string }{
		{`{"type":"string","minLength":2}`, "ab", `"ab"`},
		{`{"type":"string","minLength":2}`, "a", "want 2 characters at least"},
		{`{"type":"string","minLength":2}`, "äö", `"äö"`},
		{`{"type":"string","maxLength":1}`, "ab", "want 1 characters at most"},
		{`{"type":"string"}`, " a ", `" a "`},
		{`{"type":"string","format":"email"}`, "a@b.c", `"a@b.c"`},
		{`{"type":"string","format":"email"}`, "A <a@b.c>", "want an email address"},
		{`{"type":"string","format":"uri"}`, "https://a/b", `"https://a/b"`},
		{`{"type":"string","format":"uri"}`, "a/b", "want a URI"},
		{`{"type":"string","format":"date"}`, "2026-02-29", "want a date"},
		{`{"type":"string","format":"date"}`, "2028-02-29", `"2028-02-29"`},
		{`{"type":"string","format":"date-time"}`, "2028-02-29", "want a time"},
		{`{"type":"integer"}`, "9007199254740993", `9007199254740993`},
		{`{"type":"integer"}`, "1.5", "want an integer"},
		{`{"type":"integer","minimum":1,"maximum":9}`, "0", "want an integer, 1 at least"},
		{`{"type":"integer","minimum":1,"maximum":9}`, "10", "want an integer, 9 at most"},
		{`{"type":"integer","minimum":1,"maximum":9}`, " 9 ", `9`},
		{`{"type":"number"}`, "1.50", `1.50`},
		{`{"type":"number"}`, "0x1", "want a number"},
		{`{"type":"number"}`, `"1"`, "want a number"},
		{`{"type":"number"}`, "Inf", "want a number"},
		{`{"type":"number"}`, "1e999999999", "want a number"},
		{`{"type":"number"}`, strings.Repeat("1", 1000), "want a number"},
		{`{"type":"boolean"}`, "Yes", `true`},
		{`{"type":"boolean"}`, "n", `false`},
		{`{"type":"boolean"}`, "1", "want y or n"},
		{`{"type":"string","enum":["a","b"],"enumNames":["Ay","Bee"]}`, "bee", `"b"`},
		{`{"type":"string","enum":["2","1"]}`, "1", `"1"`},
		{`{"type":"string","enum":["a","b"]}`, "2", `"b"`},
		{`{"type":"string","enum":["a","b"]}`, "3", "want a number from 1 to 2"},
		{`{"type":"string","enum":["a","b"]}`, "0", "want a number from 1 to 2"},
		{`{"type":"string","oneOf":[{"const":"a","title":"Ay"}]}`, "Ay", `"a"`},
		{`{"type":"array","items":{"type":"string","enum":["a","b"]}}`, "b, 1,b", `["b","a"]`},
		{`{"type":"array","minItems":1,"items":{"anyOf":[{"const":"a","title":"Ay"}]}}`, "ay", `["a"]`},
		{`{"type":"array","minItems":1,"items":{"enum":["a"]}}`, ",", "want 1 at least"},
		{`{"type":"array","maxItems":1,"items":{"enum":["a","b"]}}`, "a,b", "want 1 at most"},
		{`{"type":"array","items":{"enum":["a","b"]}}`, "a,c", `"c": want a number from 1 to 2`},
		{`{"type":"object"}`, "{}", `fields of type "object" are not known`},
	} {
		fields, err := readForm([]byte(`{"type":"object","properties":{"f":` + tt.schema + `}}`))
		if err != nil {
			t.Fatalf("%s: %v", tt.schema, err)
		}
		value, err := fields[0].parse(tt.text)
		got, _ := json.Marshal(value)
		if err != nil {
			got = []byte(err.Error())
		}
		if (err == nil) != json.Valid([]byte(tt.want)) || err == nil && string(got) != tt.want || !strings.Contains(string(got), tt.want) {
			t.Errorf("%s, %q: %s, want %s", tt.schema, tt.text, got, tt.want)
		}
	}
}

const bigForm = `{"type":"object","required":["name","agree"],"properties":{
	"name":{"type":"string","title":"Your name\u001b[31m"},
	"size":{"type":"string","enum":["s","m"],"default":"m"},
	"age":{"type":"integer"},
	"agree":{"type":"boolean"}}}`

func TestElicitForm(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		answers  url.Values
		want     string // action and content
		says     string
	}{
		{"all", "Ada\n1\n36\ny\n", nil, ` {"age":36,"agree":true,"name":"Ada","size":"s"}`, "  Your name[31m\nname: "},
		{"defaults", "Ada\n\n\nn\n", nil, ` {"agree":false,"name":"Ada","size":"m"}`, "size [m]: "},
		{"required", "\nAda\n\n\n\ny", nil, ` {"agree":true,"name":"Ada","size":"m"}`, "want an answer"},
		{"again", "Ada\nx\n\nmany\n3\ny\n", nil, ` {"age":3,"agree":true,"name":"Ada","size":"m"}`, "want an integer"},
		{"beforehand", "\n\n", url.Values{"name": {"Ada"}, "agree": {"y"}}, ` {"agree":true,"name":"Ada","size":"m"}`, ""},
		{"beforehand and wrong", "", url.Values{"age": {"x"}}, `cancel null`, "--answer age: want an integer"},
		{"end", "Ada\n", nil, `decline null`, "Ctrl-D declines."},
	} {
		a, out := newTestAsker(strings.NewReader(tt.in), tt.answers)
		got, err := a.elicit(t.Context(), &client.Elicitation{Message: "Who?\x1b[2J", Schema: []byte(bigForm)})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		content, _ := json.Marshal(got.Content)
		if s := got.Action + " " + string(content); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
		if !strings.Contains(out.String(), tt.says) || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%s: it says %q, want %q", tt.name, out.String(), tt.says)
		}
	}
}

func TestElicitPage(t *testing.T) {
	for _, tt := range []struct {
		page, in, action, says string
	}{
		{"https://example.com/a?b=c", "y\n", "", "Open this page of example.com yourself"},
		{"https://example.com/a", "n\n", "decline", "https://example.com/a"},
		{"https://example.com/a", "", "decline", ""},
		{"https://example.com@evil.test/", "y\n", "", "page of evil.test yourself"},
	} {
		a, out := newTestAsker(strings.NewReader(tt.in), nil)
		got, err := a.elicit(t.Context(), &client.Elicitation{Message: "Pay.", URL: tt.page})
		if err != nil || got.Action != tt.action || !strings.Contains(out.String(), tt.says) {
			t.Errorf("%s, %q: %v, %v, it says %q", tt.page, tt.in, got, err, out)
		}
	}
}

// TestElicitNobody: where nobody can be asked, it is said what was wanted.
func TestElicitNobody(t *testing.T) {
	a, out := newTestAsker(strings.NewReader("y\n"), nil)
	a.asks = false
	for _, q := range []*client.Elicitation{
		{Message: "Who?", Schema: []byte(bigForm)},
		{Message: "Sure?", Schema: []byte(`{"type":"object","properties":{}}`)},
		{Message: "Pay.", URL: "https://example.com/pay"},
	} {
		out.Reset()
		got, err := a.elicit(t.Context(), q)
		if err != nil || got.Action != "cancel" || !strings.Contains(out.String(), q.Message) || !strings.Contains(out.String(), q.URL) {
			t.Errorf("%s: %v, %v, it says %q", q.Message, got, err, out)
		}
	}
	a.answers = url.Values{"name": {"Ada"}, "agree": {"y"}}
	got, err := a.elicit(t.Context(), &client.Elicitation{Schema: []byte(bigForm)})
	if err != nil || got.Action != "" || len(got.Content) != 2 {
		t.Errorf("with answers: %v, %v", got, err)
	}
}

// TestElicitCancelled: nobody waits for an answer that the server does not want
// any more, and what is typed then answers the next question.
func TestElicitCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer r.Close()
		a, out := newTestAsker(r, nil)
		q := &client.Elicitation{Message: "Sure?", Schema: []byte(`{"type":"object","properties":{}}`)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := a.elicit(ctx, q)
			ended <- err
		}()
		synctest.Wait()
		second := make(chan error)
		go func() { // waits for its turn
			_, err := a.elicit(ctx, q)
			second <- err
		}()
		synctest.Wait()
		if n := strings.Count(out.String(), "Agree?"); n != 1 {
			t.Errorf("%d questions are asked at once", n)
		}
		cancel()
		for _, ended := range []chan error{ended, second} {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("a question that was withdrawn: %v", err)
			}
		}
		go io.WriteString(w, "y\n")
		got, err := a.elicit(t.Context(), q)
		if err != nil || got.Action != "" {
			t.Errorf("the next one: %v, %v", got, err)
		}
	})
}

// FuzzReadForm: forms and answers of any kind are refused or parsed, and what is
// parsed can be sent.
func FuzzReadForm(f *testing.F) {
	f.Add([]byte(bigForm), "1")
	f.Add([]byte(`{"properties":{"a":{"type":"array","items":{"anyOf":[{"const":"x"}]},"maxItems":1}}}`), "x,1")
	f.Add([]byte(`{"properties":[]}`), "")
	f.Fuzz(func(t *testing.T, schema []byte, text string) {
		fields, err := readForm(schema)
		if err != nil {
			return
		}
		for _, field := range fields {
			if p := field.prompt(); strings.ContainsAny(p, "\n\x1b") {
				t.Errorf("the prompt is %q", p)
			}
			value, err := field.parse(text)
			if err != nil {
				continue
			}
			if _, err := json.Marshal(value); err != nil {
				t.Errorf("%q is %#v, which cannot be sent: %v", text, value, err)
			}
		}
	})
}

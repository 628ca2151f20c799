package cliargs

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"
)

const schema = `{
	"type": "object",
	"additionalProperties": false,
	"required": ["city"],
	"properties": {
		"city":    {"type": "string", "description": "City to look up,\n such as Oslo"},
		"days":    {"type": "integer", "default": 3},
		"ratio":   {"type": "number"},
		"dry_run": {"type": "boolean"},
		"showAll": {"type": ["boolean", "null"]},
		"units":   {"enum": ["metric", "imperial"]},
		"level":   {"enum": [1, 2, "auto"]},
		"only":    {"const": "this"},
		"tags":    {"type": "array", "items": {"type": "string"}},
		"sizes":   {"type": ["array", "null"], "items": {"$ref": "#/$defs/size"}},
		"id":      {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]},
		"maybe":   {"oneOf": [{"type": "integer"}, {"type": "null"}]},
		"address": {"$ref": "#/$defs/address"},
		"any":     {},
		"yes":     true,
		"a.b":     {"type": "integer"},
		"no-sync": {"type": "boolean"},
		"narrow":  {"allOf": [{"type": ["string", "integer"]}, {"type": "integer"}]}
	},
	"$defs": {
		"size": {"type": "integer"},
		"address": {
			"type": "object",
			"additionalProperties": false,
			"required": ["street"],
			"properties": {
				"street": {"type": "string"},
				"zip":    {"type": "string"},
				"floor":  {"type": "integer"},
				"next":   {"$ref": "#/$defs/address"}
			}
		}
	}
}`

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		args string // separated by |
		want string // or part of the error, behind "error: "
	}{
		{`city=Oslo`, `{"city":"Oslo"}`},
		{`city=5|days=5`, `{"city":"5","days":5}`},
		{`city=true`, `{"city":"true"}`},
		{`city={x}`, `{"city":"{x}"}`},
		{`city=a=b "c" é`, `{"city":"a=b \"c\" é"}`},
		{`city=`, `{"city":""}`},
		{`days=9007199254740993123|city=x`, `{"days":9007199254740993123,"city":"x"}`},
		{`city=x|days=-5.0`, `{"city":"x","days":-5.0}`},
		{`city=x|ratio=1e-3`, `{"city":"x","ratio":1e-3}`},
		{`city=x|--days|-5`, `{"city":"x","days":-5}`},
		{`--city|New York|--days=2`, `{"city":"New York","days":2}`},
		{`--city=x|--dry-run`, `{"city":"x","dry_run":true}`},
		{`--city=x|--dryRun|days=1`, `{"city":"x","dry_run":true,"days":1}`},
		{`--city=x|--show-all`, `{"city":"x","showAll":true}`},
		{`--city=x|--dry-run=false`, `{"city":"x","dry_run":false}`},
		{`--city=x|--no-dry-run`, `{"city":"x","dry_run":false}`},
		{`--city=x|--no-sync`, `{"city":"x","no-sync":true}`},
		{`--city=x|--no-no-sync`, `{"city":"x","no-sync":false}`},
		{`city=x|showAll=null`, `{"city":"x","showAll":null}`},
		{`city=x|units=imperial`, `{"city":"x","units":"imperial"}`},
		{`city=x|level=2`, `{"city":"x","level":2}`},
		{`city=x|level=auto`, `{"city":"x","level":"auto"}`},
		{`city=x|only=this`, `{"city":"x","only":"this"}`},
		{`city=x|tags=a`, `{"city":"x","tags":["a"]}`},
		{`tags=a,b|city=x|tags=5`, `{"tags":["a,b","5"],"city":"x"}`},
		{`city=x|tags=["a", "b"]`, `{"city":"x","tags":["a","b"]}`},
		{`city=x|--sizes|1|--sizes|2`, `{"city":"x","sizes":[1,2]}`},
		{`city=x|id=7`, `{"city":"x","id":7}`},
		{`city=x|id=seven`, `{"city":"x","id":"seven"}`},
		{`city=x|id=null`, `{"city":"x","id":"null"}`},
		{`city=x|id:="7"`, `{"city":"x","id":"7"}`},
		{`city=x|id:=null`, `{"city":"x","id":null}`},
		{`city=x|--id:={"a": [1]}`, `{"city":"x","id":{"a":[1]}}`},
		{`city=x|maybe=null`, `{"city":"x","maybe":null}`},
		{`city=x|narrow=5`, `{"city":"x","narrow":5}`},
		{`city=x|any=5|yes=true`, `{"city":"x","any":"5","yes":"true"}`},
		{`city=x|any:=5`, `{"city":"x","any":5}`},
		{`city=x|any.deep=5`, `{"city":"x","any":{"deep":"5"}}`},
		{`city=x|a.b=5`, `{"city":"x","a.b":5}`},
		{`address.street=A|city=x|address.floor=5|address.next.zip=0150`, `{"address":{"street":"A","floor":5,"next":{"zip":"0150"}},"city":"x"}`},
		{`city=x|--address.floor|5`, `{"city":"x","address":{"floor":5}}`},
		{`city=x|address={"street": "A"}`, `{"city":"x","address":{"street":"A"}}`},
		{`{"city": "x", "days": 1e2, "city": "y"}`, `{"city":"y","days":1e2}`},
		{`--|city=x`, `{"city":"x"}`},

		{``, "error: missing city: give it"},
		{`{"days": 1}`, "error: missing city"},
		{`{"city": "x", "dayz": 1}`, `error: unknown parameter "dayz", did you mean days?`},
		{`{"city": "x"`, "error: the arguments are no JSON object: invalid JSON at byte 12"},
		{`{"city": "x"}|days=1`, "error: a JSON object stands alone"},
		{`citty=x`, `error: unknown parameter "citty", did you mean city?: there are city, days,`},
		{`--ctiy=x`, `error: unknown parameter "ctiy", did you mean city?`},
		{`dry-run=true|city=x`, `error: did you mean dry_run?`},
		{`Oslo`, `error: "Oslo": want key=value`},
		{`=x`, `error: "=x": want key=value`},
		{`-d=x`, `error: "-d=x": want key=value`},
		{`--=x`, `error: "--=x": want --key=value`},
		{`--|--city=x`, `error: "--city=x": want key=value`},
		{`--city`, "error: --city has no value: want --city=VALUE, a text"},
		{`--city|--days=1`, "error: --city has no value"},
		{`city=x|days=many`, `error: days: "many": want an integer`},
		{`city=x|days=1.5`, `error: days: "1.5": want an integer`},
		{`city=x|days=05`, `error: days: "05": want an integer`},
		{`city=x|days=`, `error: days: "": want an integer`},
		{`city=x|ratio=.5`, `error: ratio: ".5": want a number`},
		{`city=x|ratio=NaN`, `error: ratio: "NaN": want a number`},
		{`city=x|dry_run=yes`, `error: dry_run: "yes": want true or false`},
		{`city=x|units=metrc`, `error: units: "metrc", did you mean metric?: want one of metric, imperial`},
		{`city=x|level=3`, `error: level: "3": want one of 1, 2, auto`},
		{`city=x|only=that`, `error: only: "that": want this`},
		{`city=x|maybe=x`, `error: maybe: "x": want an integer or null`},
		{`city=x|sizes=1|sizes=x`, `error: sizes: "x": want an integer (an element: repeat`},
		{`city=x|tags=[a`, `error: tags: want a JSON array, or its elements by repeating the key: invalid JSON at byte 1`},
		{`city=x|tags=["a"]|tags=b`, `error: tags is given twice`},
		{`city=x|tags=b|tags=["a"]`, `error: tags is given twice`},
		{`city=x|city=y`, "error: city is given twice"},
		{`city=x|address={}|address.zip=1`, "error: address is given twice"},
		{`city=x|address.zip=1|address={}`, "error: address is given twice"},
		{`city=x|address=Oslo`, `error: address: "Oslo": want a JSON object, or its members`},
		{`city=x|address.zap=1`, `error: address: unknown parameter "zap", did you mean zip?`},
		{`city=x|address.next.floor=low`, `error: address.next.floor: "low": want an integer`},
		{`city=x|city.name=y`, `error: unknown parameter "city.name"`},
		{`city=x|any:=five`, `error: any: := wants JSON: invalid JSON at byte 0`},
		{`city=x|any:=1 2`, `error: any: := wants JSON`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var args []string
			if tt.args != "" {
				args = strings.Split(tt.args, "|")
			}
			got, err := Parse(json.RawMessage(schema), args)
			if want, ok := strings.CutPrefix(tt.want, "error: "); ok {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %s, %v", got, err)
				}
			} else if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

// TestParseSchemas: what an argument means under other schemas.
func TestParseSchemas(t *testing.T) {
	for _, tt := range []struct{ schema, arg, want string }{
		{``, `n=5`, `{"n":"5"}`},
		{``, `a.b=5`, `{"a.b":"5"}`},
		{`{"properties":{"n":{"type":"boolean"}}}`, `--no-n`, `{"n":false}`},
		{`{"properties":{"n":{"type":"boolean"}}}`, `--no-m=1`, `{"no-m":"1"}`},
		{`true`, `n:=5`, `{"n":5}`},
		{`not JSON`, `n=x`, `{"n":"x"}`},
		{`{"additionalProperties":{"type":"integer"}}`, `n=5`, `{"n":5}`},
		{`{"additionalProperties":false,"patternProperties":{"^n":{}}}`, `n=5`, `{"n":"5"}`},
		{`{"additionalProperties":false}`, `n=5`, `unknown parameter "n": there are none here`},
		{`{"$ref":"#/$defs/In","$defs":{"In":{"properties":{"n":{"type":"integer"}},"required":["m"]}}}`, `n=5`, `missing m`},
		{`{"$ref":"#/a~1b/1","a/b":[{},{"properties":{"n":{"type":"integer"}}}]}`, `n=5`, `{"n":5}`},
		{`{"$ref":"#","properties":{"n":{"$ref":"#/properties/n"}}}`, `n=5`, `{"n":"5"}`},
		{`{"$ref":"elsewhere"}`, `n=5`, `{"n":"5"}`},
		{`{"allOf":[{"properties":{"n":{"type":"integer"}},"required":["n","n"]}]}`, `m=5`, `missing n:`},
		{`{"anyOf":[{"properties":{"n":{"type":"integer"}},"required":["n"]},{"required":["m"]}]}`, `n=5`, `{"n":5}`},
		{`{"properties":{"n":{"anyOf":[{"type":"integer"},{}]}}}`, `n=5`, `{"n":"5"}`},
		{`{"properties":{"n":{"oneOf":[{"const":"a"},{"const":"b"}]}}}`, `n=c`, `n: "c": want one of a, b`},
		{`{"properties":{"n":{"type":"null"}}}`, `n=x`, `n: "x": want null`},
		{`{"properties":{"dry_run":{"type":"boolean"},"dryRun":{"type":"boolean"}}}`, `--dry-run`, `--dry-run may be any of dry_run, dryRun`},
		{`{"properties":{"n":{"type":"array","items":{"type":"array"}}}}`, `n=[[1],[2]]`, `{"n":[[1],[2]]}`},
		{`{"properties":{"n":{"type":"array","items":{"type":"object"}}}}`, `n={"a":1}`, `{"n":[{"a":1}]}`},
		{`{"properties":{"n":{"type":["array","string"]}}}`, `n=x`, `{"n":"x"}`},
		{`{"properties":{"n":{"type":["array","string"]}}}`, `n=["x"]`, `{"n":["x"]}`},
	} {
		got, err := Parse(json.RawMessage(tt.schema), []string{tt.arg})
		if err != nil {
			got = []byte(err.Error())
		}
		if ok := string(got) == tt.want || err != nil && strings.Contains(err.Error(), tt.want); !ok {
			t.Errorf("%s with %s: %s, want %s", tt.arg, tt.schema, got, tt.want)
		}
	}
}

func TestTakes(t *testing.T) {
	for name, want := range map[string]bool{
		"city": true, "dry-run": true, "no-dry-run": true, "address.zip": true, "id:": true,
		"http": false, "no-http": false, "": false,
	} {
		if got := Takes(json.RawMessage(schema), name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}

func TestUsage(t *testing.T) {
	var b bytes.Buffer
	Usage(&b, json.RawMessage(schema))
	got := b.String()
	for _, want := range []string{
		"  city                 string               required   City to look up, such as Oslo\n",
		"  days                 integer              default 3\n",
		"  showAll              boolean|null\n",
		"  units                metric|imperial\n",
		"  tags                 string[]\n",
		"  sizes                integer[]|null\n",
		"  address.street       string               required\n",
		"  address.next.floor   integer\n",
		"  any                  any\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q", want)
		}
	}
	if strings.Contains(got, "address.next.next.street") {
		t.Error("the table has no end")
	}
	if t.Failed() {
		t.Log("\n" + got)
	}
	b.Reset()
	if Usage(&b, nil); b.String() != "  no parameters\n" {
		t.Errorf("without a schema: %q", b.String())
	}
}

func TestPairs(t *testing.T) {
	var p Pairs
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(&bytes.Buffer{})
	fs.Var(&p, "arg", "")
	if p.Values() != nil || fmt.Sprint(&p) != "" {
		t.Errorf("at first: %v %v", p.Values(), &p)
	}
	if err := fs.Parse([]string{"--arg", "auth=SECRET=1", "--arg=tag=a", "--arg", "tag="}); err != nil {
		t.Fatal(err)
	}
	if got := p.Values().Encode(); got != "auth=SECRET%3D1&tag=a&tag=" {
		t.Error(got)
	}
	if got := p.String(); got != "auth,tag" {
		t.Errorf("it shows %q", got)
	}
	for _, bad := range []string{"SECRET", "=SECRET"} {
		if err := p.Set(bad); err == nil || err.Error() != "want name=value" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	names := []string{"serve", "tools", "call", "healthcheck"}
	for unknown, want := range map[string]string{
		"srve": "serve", "tool": "tools", "health": "healthcheck", "Call": "call", "xyz": "", "": "", "c": "",
		strings.Repeat("serve", 30): "",
	} {
		if want != "" {
			want = ", did you mean " + want + "?"
		}
		if got := DidYouMean(unknown, names); got != want {
			t.Errorf("%q: %q, want %q", unknown, got, want)
		}
	}
}

// FuzzParse: whatever is typed, the result is a JSON object, or there is an error.
func FuzzParse(f *testing.F) {
	for _, args := range []string{
		"city=x|--days|5|tags=a|tags=b", `{"city":"x"}`, "--|city=x|address.next.next.zip=1", "--no-dry-run|any:=[{}]|city=\xff",
		"city=x|a.=1|.=2|any..x=3", "address={}|address.x.y=1", `any:="` + "\xff" + `"|city=x`,
	} {
		f.Add(schema, args)
		f.Add("", args)
	}
	f.Add(`{"properties":{"n":{"$ref":"#/properties/n"}},"anyOf":[{"$ref":"#"},{"$ref":"#"}]}`, "n=1")
	f.Fuzz(func(t *testing.T, schema, args string) {
		got, err := Parse(json.RawMessage(schema), strings.Split(args, "|"))
		if err == nil {
			var members map[string]json.RawMessage
			if json.Unmarshal(got, &members) != nil || members == nil {
				t.Fatalf("%q is no object", got)
			}
		}
		Usage(&bytes.Buffer{}, json.RawMessage(schema))
		Takes(json.RawMessage(schema), args)
	})
}

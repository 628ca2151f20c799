package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

// mustResource makes a resource of fn.
func mustResource(t testing.TB, uri string, fn any, options ...tool.Option) *tool.Resource {
	t.Helper()
	made, err := tool.NewResource(uri, fn, options...)
	if err != nil {
		t.Fatalf("NewResource: %v", err)
	}
	return made
}

// plainContext is that of a call of which nothing is known.
func plainContext(t testing.TB) *tool.Context { return tool.NewContext(t.Context(), tool.Call{}) }

// showEmbeds writes contents on one line.
func showEmbeds(all []tool.Embed) string {
	var parts []string
	for _, e := range all {
		kind, data := "text", e.Text
		if e.Blob != nil {
			kind, data = "blob", string(e.Blob)
		}
		parts = append(parts, strings.TrimSpace(e.URI+" "+e.MIME)+" "+kind+" "+data)
	}
	return strings.Join(parts, "; ")
}

const (
	hereURI = "test://here"
	users   = "users://{id}"
)

func ServerConfig() map[string]int { return map[string]int{"port": 80} }

func TestResourceContents(t *testing.T) {
	var (
		addr  = netip.MustParseAddr("127.0.0.1")
		embed = tool.Embed{URI: "other://x", MIME: "text/x", Text: "own"}
		bare  = tool.Embed{Blob: []byte("b")}
	)
	md := tool.MIME("text/markdown")
	for name, test := range map[string]struct {
		fns     []any
		options []tool.Option
		want    string
		listed  string // the MIME of the spec, if the type decides
	}{
		"string":             {both("hi"), nil, hereURI + " text/plain text hi", "text/plain"},
		"empty string":       {both(""), nil, hereURI + " text/plain text ", "text/plain"},
		"named string":       {both(city("Oslo")), nil, hereURI + " text/plain text Oslo", "text/plain"},
		"string of a type":   {both("# hi"), []tool.Option{md}, hereURI + " text/markdown text # hi", ""},
		"bytes":              {both([]byte("abc")), nil, hereURI + " application/octet-stream blob abc", "application/octet-stream"},
		"nil bytes":          {both([]byte(nil)), nil, hereURI + " application/octet-stream blob ", "application/octet-stream"},
		"named bytes":        {both(blob("abc")), nil, hereURI + " application/octet-stream blob abc", "application/octet-stream"},
		"bytes of a picture": {both([]byte("GIF")), []tool.Option{tool.MIME("image/gif")}, hereURI + " image/gif blob GIF", ""},
		"bytes that are text": {both([]byte("# hi")), []tool.Option{tool.MIME("text/markdown; charset=utf-8")},
			hereURI + " text/markdown; charset=utf-8 text # hi", ""},
		"bytes that are JSON":     {both([]byte("{}")), []tool.Option{tool.MIME("application/ld+json")}, hereURI + " application/ld+json text {}", ""},
		"bytes that are not UTF8": {both([]byte("\xff")), []tool.Option{md}, hereURI + " text/markdown blob \xff", ""},
		"embed":                   {both(embed), nil, "other://x text/x text own", ""},
		"pointer to embed":        {both(&embed), nil, "other://x text/x text own", ""},
		"bare embed":              {both(bare), nil, hereURI + " blob b", ""},
		"bare embed of a type":    {both(bare), []tool.Option{md}, hereURI + " text/markdown blob b", ""},
		"embeds":                  {both([]tool.Embed{embed, bare}), nil, "other://x text/x text own; " + hereURI + " blob b", ""},
		"time":                    {both(day), nil, hereURI + " text/plain text 2024-02-03T04:05:06Z", "text/plain"},
		"pointer to time":         {both(&day), nil, hereURI + " text/plain text 2024-02-03T04:05:06Z", "text/plain"},
		"text marshaler":          {both(addr), nil, hereURI + " text/plain text 127.0.0.1", "text/plain"},
		"raw JSON":                {both(json.RawMessage(`{"a":1}`)), nil, hereURI + ` application/json text {"a":1}`, "application/json"},
		"struct":                  {both(oslo), nil, hereURI + ` application/json text {"city":"Oslo <N>"}`, "application/json"},
		"pointer to struct":       {both(&oslo), nil, hereURI + ` application/json text {"city":"Oslo <N>"}`, "application/json"},
		"nil slice":               {both(cities(nil)), nil, hereURI + ` application/json text []`, "application/json"},
		"nil map":                 {both(counts(nil)), nil, hereURI + ` application/json text {}`, "application/json"},
		"number":                  {both(7), nil, hereURI + ` application/json text 7`, "application/json"},
		"struct of a type":        {both(oslo), []tool.Option{tool.MIME("application/geo+json")}, hereURI + ` application/geo+json text {"city":"Oslo <N>"}`, ""},
		"writes itself":           {both(selfJSON{}), nil, hereURI + ` application/json text ["self"]`, "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			for i, fn := range test.fns {
				r := mustResource(t, hereURI, fn, test.options...)
				got, err := r.Read(plainContext(t), hereURI)
				if err != nil || showEmbeds(got) != test.want {
					t.Errorf("%T: got %q, %v; want %q", fn, showEmbeds(got), err, test.want)
				}
				if listed := r.Spec().MIME; i == 0 && test.options == nil && listed != test.listed {
					t.Errorf("%T: listed as %q, want %q", fn, listed, test.listed)
				}
			}
		})
	}
}

type blob []byte

func TestResourceThatReturnsNothing(t *testing.T) {
	for name, fns := range map[string][]any{
		"nil embed":   both((*tool.Embed)(nil)),
		"no embeds":   both([]tool.Embed{}),
		"nil embeds":  both([]tool.Embed(nil)),
		"nil struct":  both(nilPlace),
		"nil time":    both((*time.Time)(nil)),
		"nil any":     {func() any { return nil }},
		"not found":   {func() (string, error) { return "", tool.ErrNotFound }},
		"no such row": {func() (string, error) { return "", fmt.Errorf("row 7: %w", tool.ErrNotFound) }},
	} {
		t.Run(name, func(t *testing.T) {
			for _, fn := range fns {
				got, err := mustResource(t, hereURI, fn).Read(plainContext(t), hereURI)
				if got != nil || !errors.Is(err, tool.ErrNotFound) {
					t.Errorf("%T: got %v, %v", fn, got, err)
				}
			}
		})
	}
}

func TestResourceErrors(t *testing.T) {
	for _, want := range []error{io.ErrUnexpectedEOF, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}, tool.Errorf("try later")} {
		_, err := mustResource(t, hereURI, func() (string, error) { return "lost", want }).Read(plainContext(t), hereURI)
		if err != want {
			t.Errorf("got %v, want %v itself", err, want)
		}
	}
	_, err := mustResource(t, hereURI, func() any { return tool.Text{} }).Read(plainContext(t), hereURI)
	wantError(t, err, "a tool.Text is what a tool returns")
	_, err = mustResource(t, hereURI, func() any { return func() {} }).Read(plainContext(t), hereURI)
	wantError(t, err, "encoding the result")
	_, err = mustResource(t, hereURI, func() string { return "" }).Read(plainContext(t), hereURI+"x")
	if !errors.Is(err, tool.ErrNotFound) {
		t.Errorf("another URI: %v", err)
	}
}

type user struct {
	ID     int      `json:"id" jsonschema:"minimum=1"`
	Part   string   `json:"part,omitempty" jsonschema:"enum=all,enum=name,default=all"`
	Limit  *int     `json:"limit"`
	Tags   []string `json:"tags,omitempty"`
	Strict bool     `json:"strict,omitempty"`
}

func (u user) String() string {
	limit := "none"
	if u.Limit != nil {
		limit = fmt.Sprint(*u.Limit)
	}
	return fmt.Sprint(u.ID, " ", u.Part, " ", limit, " ", u.Tags, " ", u.Strict)
}

func TestTemplateForms(t *testing.T) {
	const query = "users://{id}/{part}{?limit,tags*,strict}"
	structed := func(in user) string { return in.String() }
	for name, test := range map[string]struct {
		template string
		fn       any
		options  []tool.Option
		uri      string
		want     string
	}{
		"struct":            {query, structed, nil, "users://7/name?limit=3&tags=a&tags=b&strict=true", "7 name 3 [a b] true"},
		"pointer to struct": {query, func(in *user) string { return in.String() }, nil, "users://7/name", "7 name none [] false"},
		"query in any order and escaped": {query, structed, nil, "users://7/all?tags=x%2Cy&strict=True&tags=%C3%A9&limit=9",
			"7 all 9 [x,y é] true"},
		"a default for what is not there":    {"users://{id}", structed, nil, "users://7", "7 all none [] false"},
		"an empty one is not there":          {"users://{id}{?limit,part}", structed, nil, "users://7?limit=&part", "7 all none [] false"},
		"a list in one value":                {"users://{id}{?tags}", structed, nil, "users://7?tags=a,b%2Cc", "7 all none [a b,c] false"},
		"no elements":                        {"users://{id}{?tags*}", structed, nil, "users://7?tags=", "7 all none [] false"},
		"no elements of what is needed":      {"a://x{?x}", func(x []string) string { return fmt.Sprint(len(x)) }, nil, "a://x?x=", "0"},
		"an optional segment":                {"users://{id}{/part}", structed, nil, "users://7", "7 all none [] false"},
		"the optional segment":               {"users://{id}{/part}", structed, nil, "users://7/name", "7 name none [] false"},
		"segments":                           {"users://{id}{/tags*}", structed, nil, "users://7/a/b%20c", "7 all none [a b c] false"},
		"a query that goes on":               {"users://{id}{?part}{&limit}", structed, nil, "users://7?limit=2&part=name", "7 name 2 [] false"},
		"a query behind a fixed one":         {"users://{id}?v=1{&limit}", structed, nil, "users://7?v=1&limit=2", "7 all 2 [] false"},
		"parameters":                         {"users://{id}{;limit,part}", structed, nil, "users://7;part=name;limit=2", "7 name 2 [] false"},
		"a fragment":                         {"users://{id}{#part}", structed, nil, "users://7#name", "7 name none [] false"},
		"a label":                            {"users://x{.id}", structed, nil, "users://x.7", "7 all none [] false"},
		"an integer as JSON has it":          {"users://{id}", structed, nil, "users://7e0", "7 all none [] false"},
		"several of one expression":          {"users://{id,part}", structed, nil, "users://7,name", "7 name none [] false"},
		"the last of several is optional":    {"users://{id,part}", structed, nil, "users://7", "7 all none [] false"},
		"plain":                              {users, func(id int) string { return fmt.Sprint(id + 1) }, nil, "users://7", "8"},
		"plain by position":                  {"a://{y}/{x}", func(a, b string) string { return a + b }, nil, "a://1/2", "12"},
		"plain by Params":                    {"a://{y}/{x}", func(a, b string) string { return a + b }, []tool.Option{tool.Params("x", "y")}, "a://1/2", "21"},
		"plain and context":                  {users, func(ctx *tool.Context, id uint8) string { return client(ctx) + fmt.Sprint(id) }, nil, "users://7", "me7"},
		"plain list":                         {"a://{+path*}", func(path []string) string { return strings.Join(path, "|") }, nil, "a://x/y,z", "x/y|z"},
		"plain pointer":                      {"a://x{?n}", func(n *int) string { return fmt.Sprint(n == nil) }, nil, "a://x", "true"},
		"plain duration":                     {"a://{d}", func(d time.Duration) string { return d.String() }, nil, "a://90s", "1m30s"},
		"plain text type":                    {"a://{ip}", func(a netip.Addr) string { return a.String() }, nil, "a://127.0.0.1", "127.0.0.1"},
		"plain any":                          {"a://{x}", func(x any) string { return fmt.Sprintf("%T", x) }, nil, "a://1", "string"},
		"reserved":                           {"a://{+path}", func(p string) string { return p }, nil, "a://x/y%20z?q#f", "x/y z?q#f"},
		"literals around":                    {"a://{a}-{b}/raw", func(a, b string) string { return a + " " + b }, nil, "a://1-2-3/raw", "1-2 3"},
		"a literal that is no ASCII":         {"a://größe/{x}", func(x string) string { return x }, nil, "a://gr%c3%B6%C3%9fe/5", "5"},
		"the same as it is":                  {"a://größe/{x}", func(x string) string { return x }, nil, "a://größe/5", "5"},
		"a percent sign":                     {"a://{x}", func(x string) string { return x }, nil, "a://100%25", "100%"},
		"an address in a query, not escaped": {"a://x{?url}", func(url string) string { return url }, nil, "a://x?url=https://a.b/c?d=e", "https://a.b/c?d=e"},
	} {
		t.Run(name, func(t *testing.T) {
			r := mustResource(t, test.template, test.fn, append(test.options, tool.Name("x"))...)
			ctx := tool.NewContext(t.Context(), tool.Call{Args: tool.NewArgs(url.Values{"client_id": {"me"}}), Strict: true})
			if !r.Matches(test.uri) {
				t.Fatalf("%s does not match %s", test.template, test.uri)
			}
			got, err := r.Read(ctx, test.uri)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].Text != test.want || got[0].URI != test.uri {
				t.Errorf("got %+v, want %q", got, test.want)
			}
		})
	}
}

func TestTemplatesThatDoNotMatch(t *testing.T) {
	echo := func(x string) string { return x }
	optional := func(in struct {
		X string `json:"x,omitempty"`
	}) string {
		return in.X
	}
	for _, test := range []struct {
		template string
		fn       any
		uris     []string
	}{
		{"a://{x}", echo, []string{
			"", "a:", "a://", "a:///", "a://x/y", "A://x", "b://x", "xa://x", "a://x\n", "a://x?y", "a://x#y", "a://x y", "a://é",
			"a://%", "a://%4", "a://%zz", "a://%ff", "a://%c0%af", "a://%00", "a://x%00y", "a://x,y",
			"a://%2F", "a://x%2fy", "a://%5C", "a://x%5cy", "a://%252F", "a://%25252F", "a://x%255Cy",
			"a://.", "a://..", "a://%2e%2E", "a://.%2e", "a://%252e%252e", "a://%25252e.", "a://..%20", "a://%2e%2500",
			"a://%25252525252525", "a://" + strings.Repeat("x", 8<<10),
		}},
		{"a://{+x}", echo, []string{
			"a://", "a://../x", "a://x/..", "a://x/../y", "a://x/./y", "a://x/%2e%2e/y", "a://x%2F..%2Fy", "a://..%5Cx", "a://x%5C..",
			"a://%252e%252e/x", "a://x%252F%252E%252e", "a://x/%00", "a://x/.. /y", "a://x y", "a://%zz", "a://%ff", "a://x/..%20/y",
		}},
		{"a://{+x}/raw", echo, []string{"a:///raw", "a://x", "a://../raw", "a://x/raw/"}},
		{"a://x{?x}", echo, []string{
			"a://x", "a://x?", "a://x?y=1", "a://x?x=1&x=2", "a://x?x=1&y=2", "a://x?X=1", "a://x?x=a+b", "a://x?x=1#f", "a://x?x=..", "a://x?x=a/../b",
			"a://x?x=%00", "a://x?xx=1", "a://x?=1", "a://x?x=1&", "a://x/?x=1",
		}},
		{"a://x{?x}", optional, []string{"a://x?", "a://x?y=1", "a://x&x=1", "a://x?x=1?x=2&x=3"}},
		{"a://x{/x}", optional, []string{"a://x/", "a://x/y/", "a://x/y/z", "a://x/%2e"}},
		{"a://x{/x*}", func(x []string) int { return len(x) }, []string{"a://x", "a://x/", "a://x//y", "a://x/y/..", "a://x/a%2Fb", "a://x/y/."}},
		{"a://x{;x}", echo, []string{"a://x", "a://x;y=1", "a://x;x=1;x=2", "a://x;x=a/b", "a://x;x=.."}},
		{"a://x{#x}", echo, []string{"a://x", "a://x#", "a://x#..", "a://x#a/../b"}},
		{"a://x.y", func() string { return "" }, []string{"a://xzy", "a://x.y/", "a://x%2ey", "A://x.y", ""}},
	} {
		r := mustResource(t, test.template, test.fn, tool.Name("x"))
		for _, uri := range test.uris {
			if r.Matches(uri) {
				t.Errorf("%s matches %.60q", test.template, uri)
			}
			if _, err := r.Read(plainContext(t), uri); !errors.Is(err, tool.ErrNotFound) {
				t.Errorf("%s: reading %.60q: %v", test.template, uri, err)
			}
		}
	}
}

func TestValuesThatAreSafe(t *testing.T) {
	for template, uris := range map[string][]string{
		"a://{x}":   {"a://...", "a://.x", "a://..x", "a://x..", "a://%25", "a://%2541", "a://~", "a://" + strings.Repeat("x", 8<<10-4)},
		"a://{+x}":  {"a:///x", "a://x//y", "a://.../x", "a://x/..y", "a://x/", "a://a,b", "a://%5Cx", "a://x%2Fy"},
		"a://x{?x}": {"a://x?x=a/b", "a://x?x=%2F", "a://x?x=", "a://x?x", "a://x?x=%5C", "a://x?x=a%3Db"},
	} {
		r := mustResource(t, template, func(x string) string { return x }, tool.Name("x"))
		for _, uri := range uris {
			if !r.Matches(uri) {
				t.Errorf("%s does not match %.60s", template, uri)
			}
		}
	}
}

func TestValuesThatDoNotFit(t *testing.T) {
	r := mustResource(t, "users://{id}{?part,limit}", func(in user) string { return in.String() }, tool.Name("x"))
	for uri, want := range map[string]string{
		"users://x":           "id: expected an integer",
		"users://0":           "id: expected an integer of at least 1",
		"users://1.5":         "id: expected",
		"users://1?part=some": `part: expected one of "all", "name"`,
		"users://1?limit=x":   "limit: expected",
	} {
		if !r.Matches(uri) {
			t.Errorf("%s does not match", uri)
		}
		_, err := r.Read(plainContext(t), uri)
		text, ok := tool.UserText(err)
		if !errors.Is(err, tool.ErrNotFound) || !ok || !strings.Contains(text, want) {
			t.Errorf("%s: got %v, want not found and %q", uri, err, want)
		}
	}
}

func TestResourceSpec(t *testing.T) {
	icon := tool.Icon{Src: "data:,"}
	notes := tool.Annotations{Audience: []string{"user", "assistant"}, Priority: new(1.0), LastModified: day}
	cache := tool.Cache{TTL: time.Minute, Public: true}
	got := mustResource(t, hereURI, ServerConfig,
		tool.Title("Titled"), tool.Description("Described."), tool.Icons(icon), tool.Meta("k", 1), tool.Timeout(time.Second),
		tool.MIME("text/x-config"), tool.Size(12), tool.Annotate(notes), tool.Caching(cache),
	).Spec()
	want := tool.ResourceSpec{
		URI: hereURI, Name: "server_config", Title: "Titled", Description: "Described.", MIME: "text/x-config", Size: 12,
		Annotations: &notes, Icons: []tool.Icon{icon}, Meta: map[string]any{"k": 1}, Timeout: time.Second, Cache: cache,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	template := mustResource(t, users, func(id string) string { return id }, tool.Name("User's page, by id")).Spec()
	if !template.Template || template.URI != users || template.Name != "User's page, by id" || template.MIME != "text/plain" {
		t.Errorf("the template's is %+v", template)
	}
}

func TestNameOfAResource(t *testing.T) {
	for uri, want := range map[string]string{
		"docs://a/guide.md": "guide.md", "docs://guide%20one/": "guide one", "docs://guide?x#y/z": "guide", "config:app": "app", "app://": "app",
		"docs:///x": "x", "docs://a/%0A": "%0A",
	} {
		if got := mustResource(t, uri, func() string { return "" }).Spec().Name; got != want {
			t.Errorf("%s: got %q, want %q", uri, got, want)
		}
	}
}

func TestResourcesThatCannotBe(t *testing.T) {
	text := func() string { return "" }
	echo := func(x string) string { return x }
	options := func(all ...tool.Option) []tool.Option { return all }
	for name, test := range map[string]struct {
		uri     string
		fn      any
		options []tool.Option
		want    string
	}{
		"no function":                       {hereURI, "text", nil, "string is not a function"},
		"nil function":                      {hereURI, (func() string)(nil), nil, "is not a function"},
		"no scheme":                         {"readme", text, nil, "the URI has no scheme"},
		"empty":                             {"", text, nil, "the URI has no scheme"},
		"only a scheme":                     {"docs:", text, nil, "nothing behind its scheme"},
		"a scheme that begins with a digit": {"9p://x", text, nil, "the URI has no scheme"},
		"a blank":                           {"docs://a b", text, nil, `the URI has ' ' at byte 8`},
		"beyond ASCII":                      {"docs://é", text, nil, `the URI has 'é'`},
		"a brace":                           {"docs://a}", text, nil, `the URI has '}'`},
		"a lonely percent sign":             {"docs://100%", text, nil, "escapes nothing"},
		"too long":                          {"docs://" + strings.Repeat("x", 8<<10), text, nil, "more than 8192 bytes"},
		"a template without a scheme":       {"{scheme}://x", echo, options(tool.Name("x")), "the template has no scheme"},
		"a template that is too long":       {"docs://{x}" + strings.Repeat("x", 8<<10), echo, options(tool.Name("x")), "more than 8192 bytes"},
		"a template that does not parse":    {"docs://{x", echo, nil, "the template does not parse"},
		"an operator to come":               {"docs://{=x}", echo, nil, "the template does not parse"},
		"a prefix":                          {"docs://{x:3}", echo, nil, "{x:3}: the rest of a value"},
		"a variable twice":                  {"docs://{x}/{x}", echo, nil, "the variable x occurs twice"},
		"a variable twice in one":           {"docs://x{?x,x}", echo, nil, "the variable x occurs twice"},
		"a template needs a name":           {"docs://{x}", echo, nil, `a function literal has no name: add tool.Name("...")`},
		"a name of two lines":               {hereURI, text, options(tool.Name("a\nb")), "is not text of one line"},
		"parameters of a URI":               {hereURI, echo, nil, "the URI has no variables"},
		"struct of a URI":                   {hereURI, func(place) string { return "" }, nil, "the URI has no variables"},
		"params of a URI":                   {hereURI, text, options(tool.Params("x")), "the URI has no variables"},
		"variables that nobody takes":       {"docs://{x}", text, options(tool.Name("x")), "the template has the variables x, the function takes 0 parameters"},
		"too many parameters":               {"docs://{x}", func(a, b string) string { return "" }, options(tool.Name("x")), "the template has the variables x, the function takes 2 parameters"},
		"a field without a variable":        {"docs://{days}", func(place) string { return "" }, options(tool.Name("x")), "the function needs city"},
		"a variable without a field":        {"docs://{city}/{x}", func(place) string { return "" }, options(tool.Name("x")), "the function takes nothing for the variable x"},
		"Params that are no variables":      {"docs://{x}", echo, options(tool.Name("x"), tool.Params("y")), `tool.Params names "y", the variables are: x`},
		"Params of the wrong number":        {"docs://{x}{y}", echo, options(tool.Name("x"), tool.Params("x", "y")), "tool.Params names 2 parameters, the function takes 1"},
		"an exploded value":                 {"docs://{x*}", echo, options(tool.Name("x")), "the variable x* is a list"},
		"an object":                         {"docs://{x}", func(x map[string]string) string { return "" }, options(tool.Name("x")), "the variable x cannot hold an object"},
		"a field that JSON cannot carry":    {"docs://{x}", func(x chan int) string { return "" }, options(tool.Name("x")), "JSON has no chan int"},
		"variadic":                          {"docs://{x}", func(x ...string) string { return "" }, options(tool.Name("x")), "variadic"},
		"a context that is not the first":   {"docs://{x}", func(x string, ctx context.Context) string { return "" }, options(tool.Name("x")), "must be the first"},
		"no result":                         {hereURI, func() {}, nil, "returns no contents"},
		"only an error":                     {hereURI, func() error { return nil }, nil, "returns no contents"},
		"two results":                       {hereURI, func() (a, b string) { return }, nil, "must be error"},
		"a block":                           {hereURI, func() (b tool.Image) { return }, nil, "a tool.Image is what a tool returns"},
		"blocks":                            {hereURI, func() (b []tool.Content) { return }, nil, "is what a tool returns"},
		"any block":                         {hereURI, func() (b tool.Content) { return }, nil, "is what a tool returns"},
		"a tool's result":                   {hereURI, func() (r *tool.Result) { return }, nil, "is what a tool returns"},
		"a result that JSON cannot carry":   {hereURI, func() (c struct{ C chan int }) { return }, nil, "result: "},
		"read-only":                         {hereURI, text, options(tool.ReadOnly()), "tool.ReadOnly is not for a resource"},
		"destructive":                       {hereURI, text, options(tool.Destructive(true)), "tool.Destructive is not for a resource"},
		"idempotent":                        {hereURI, text, options(tool.Idempotent(true)), "tool.Idempotent is not for a resource"},
		"open world":                        {hereURI, text, options(tool.OpenWorld(true)), "tool.OpenWorld is not for a resource"},
		"detached":                          {hereURI, text, options(tool.Detached()), "tool.Detached is not for a resource"},
		"allow unknown":                     {hereURI, text, options(tool.AllowUnknown()), "tool.AllowUnknown is not for a resource"},
		"input schema":                      {hereURI, text, options(tool.InputSchema(json.RawMessage(`{}`))), "tool.InputSchema is not for a resource"},
		"output schema":                     {hereURI, text, options(tool.OutputSchema(json.RawMessage(`{}`))), "tool.OutputSchema is not for a resource"},
		"negative timeout":                  {hereURI, text, options(tool.Timeout(-1)), "tool.Timeout"},
		"negative size":                     {hereURI, text, options(tool.Size(-1)), "tool.Size: -1 is negative"},
		"negative TTL":                      {hereURI, text, options(tool.Caching(tool.Cache{TTL: -1})), "tool.Caching"},
		"no media type":                     {hereURI, text, options(tool.MIME("markdown")), `tool.MIME: "markdown" is no media type`},
		"a broken media type":               {hereURI, text, options(tool.MIME("text/")), `tool.MIME`},
		"an audience of others":             {hereURI, text, options(tool.Annotate(tool.Annotations{Audience: []string{"model"}})), `tool.Annotate: the audience "model"`},
		"a priority of 2":                   {hereURI, text, options(tool.Annotate(tool.Annotations{Priority: new(2.0)})), "tool.Annotate: the priority 2"},
		"completing a URI":                  {hereURI, text, options(tool.Complete("x", noValues)), `tool.Complete: there is no argument "x", the arguments are: none`},
		"completing nothing":                {users, func(id int) string { return "" }, options(tool.Name("x"), tool.Complete("name", noValues)), `there is no argument "name", the arguments are: id`},
		"completing by nothing":             {users, func(id int) string { return "" }, options(tool.Name("x"), tool.Complete("id", nil)), `tool.Complete: the function for "id" is nil`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := tool.NewResource(test.uri, test.fn, test.options...)
			wantError(t, err, test.want, "tool: ", "accepted forms:")
			if r != nil {
				t.Error("there is a resource beside the error")
			}
			if !strings.Contains(test.want, "not a function") {
				wantError(t, err, "resource_test.go:")
			}
		})
	}
	_, err := tool.NewResource("nowhere", ServerConfig)
	wantError(t, err, `tool: tool_test.ServerConfig (`, `resource_test.go:`, `resource "nowhere": the URI has no scheme`)
}

func noValues(*tool.Context, tool.Completion) ([]string, error) { return nil, nil }

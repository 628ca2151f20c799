package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func testProgram() *program {
	return &program{name: "sessionmcp", in: strings.NewReader(""), out: io.Discard, err: io.Discard}
}

func proxyFlagSet(t testing.TB) *pflag.FlagSet {
	t.Helper()
	cmd, _, err := testProgram().root().Find([]string{"proxy"})
	if err != nil {
		t.Fatal(err)
	}
	cmd.InitDefaultHelpFlag()
	return cmd.Flags()
}

func TestProxyArgs(t *testing.T) {
	for _, tt := range []struct {
		args string // separated by |
		want string // or part of the error, behind "error: "
	}{
		// Where flags end.
		{`uvx|server|--port|1`, `--|uvx|server|--port|1`},
		{`--port|8080|uvx|mcp-server-fetch|--x`, `--port=8080|--|uvx|mcp-server-fetch|--x`},
		{`--port=8080|--|uvx|--port|1|--|-e`, `--port=8080|--|uvx|--port|1|--|-e`},
		{`--|--odd`, `--|--odd`},
		{`https://x/sse|--port|1|-H|A: b`, `--port=1|--header=A: b|--|https://x/sse`},
		{`--port|1|--|HTTP://x/sse`, `--port=1|--|HTTP://x/sse`},
		{`http://x|--`, `--|http://x`},
		{`http://x|stray`, `error: "stray" behind the URL`},
		{`http://x|--|uvx`, `error: two servers`},
		{`--port|1`, `--port=1|--`},
		{`-|x`, `--|-|x`},
		{`|x`, `--||x`},

		// Two values, or one.
		{`-e|K|V|c`, `--env=K=V|--|c`},
		{`-e|K=V|c`, `--env=K=V|--|c`},
		{`-eK=V|c`, `--env=K=V|--|c`},
		{`-e=K=V|c`, `--env=K=V|--|c`},
		{`--env=K=V|c`, `--env=K=V|--|c`},
		{`--env|K||c`, `--env=K=|--|c`},
		{`-e|K|a=b|c`, `--env=K=a=b|--|c`},
		{`-e|K|-5|c`, `--env=K=-5|--|c`},
		{`-e|K|--port|8080|c`, `error: --env wants KEY=VALUE, or KEY VALUE`},
		{`-e|K|--|c`, `error: --env wants KEY=VALUE, or KEY VALUE`},
		{`-e|--|c`, `error: --env wants`},
		{`-e|K`, `error: --env wants`},
		{`-e`, `error: --env wants`},
		{`-H|Authorization|Bearer x|http://x`, `--header=Authorization: Bearer x|--|http://x`},
		{`--headers|A|b|http://x`, `--header=A: b|--|http://x`},
		{`--header|A: b|http://x`, `--header=A: b|--|http://x`},
		{`-H|A:b|http://x`, `--header=A:b|--|http://x`},
		{`-H|A|b:c|http://x`, `--header=A: b:c|--|http://x`},
		{`--named-server|fetch|uvx mcp-server-fetch`, `--named-server=fetch=uvx mcp-server-fetch|--`},
		{`--named-server|fetch|uvx {x}`, `--named-server=fetch=uvx {x}|--`},
		{`--named-server|fetch`, `error: --named-server wants NAME COMMAND`},

		// Templates: a value apart is as it is.
		{`-e|K={auth}|c`, `--env=K={auth}|--|c`},
		{`-e|K|{"a": {"b": 1}}|c`, `--env=K={{"a": {{"b": 1}}}}|--|c`},
		{`-e|K|{auth}|c`, `error: write K=VALUE`},
		{`-e|K|Bearer {auth?x y}|c`, `error: write K=VALUE`},
		{`-e|K|{{auth}}|c`, `--env=K={{{{auth}}}}|--|c`},
		{`-H|A|{auth}|http://x`, `error: write A: VALUE`},

		// Yes and no.
		{`--debug|c`, `--debug=true|--|c`},
		{`--no-debug|--no-pass-environment|--no-stateless|c`, `--debug=false|--pass-environment=false|--stateless=false|--|c`},
		{`--debug=false|c`, `--debug=false|--|c`},
		{`--no-port|c`, `error: unknown flag "--no-port"`},
		{`--no-debug=true|c`, `error: unknown flag`},
		{`--enhanced|--no-enhanced|c`, `--enhanced=true|--enhanced=false|--|c`},
		{`--verify-ssl|http://x`, `--verify-ssl=true|--|http://x`},
		{`--verify-ssl|--debug|http://x`, `--verify-ssl=true|--debug=true|--|http://x`},
		{`--verify-ssl|false|http://x`, `--verify-ssl=false|--|http://x`},
		{`--verify-ssl|/ca/bundle|http://x`, `--verify-ssl=/ca/bundle|--|http://x`},
		{`--verify-ssl=ca.pem|http://x`, `--verify-ssl=ca.pem|--|http://x`},
		{`--no-verify-ssl|http://x`, `--verify-ssl=false|--|http://x`},
		{`--verify-ssl`, `--verify-ssl=true|--`},
		{`-h`, `--help=true|--`},
		{`--port|1|--help`, `--port=1|--help=true|--`},

		// One value.
		{`--allow-origin|https://a|uvx|x`, `--allow-origin=https://a|--|uvx|x`},
		{`--allow-origin|*|--port|1|uvx`, `--allow-origin=*|--port=1|--|uvx`},
		{`--allow-origin|https://a,https://b|uvx`, `--allow-origin=https://a,https://b|--|uvx`},
		{`--allow-origin|https://a|https://b|uvx`, `error: write --allow-origin https://a,https://b`},
		{`--allow-origin|https://a|https://b/sse`, `--allow-origin=https://a|--|https://b/sse`},
		{`--allow-origin|https://a|--|https://b`, `--allow-origin=https://a|--|https://b`},
		{`--port|--host|x|c`, `error: --port has no value`},
		{`--port|--|c`, `error: --port has no value`},
		{`--port`, `error: --port has no value`},
		{`--port||c`, `--port=|--|c`},

		{`--prot|8080|c`, `error: unknown flag "--prot", did you mean --port?`},
		{`--=x`, `error: unknown flag`},
		{`-x|c`, `error: unknown flag "-x"`},
		{"-\xff|c", `error: unknown flag`},
	} {
		r := argReader{fs: proxyFlagSet(t), rest: strings.Split(tt.args, "|")}
		got := ""
		if err := r.all(); err != nil {
			got = "error: " + err.Error()
		} else {
			got = strings.Join(r.args(), "|")
		}
		if want, isError := strings.CutPrefix(tt.want, "error: "); isError && strings.HasPrefix(got, "error: ") && strings.Contains(got, want) {
			continue
		}
		if got != tt.want {
			t.Errorf("%s:\nis   %s\nwant %s", tt.args, got, tt.want)
		}
	}
}

func TestDefaultCommand(t *testing.T) {
	for _, tt := range []struct {
		args, sseURL string
		want         string
		says         string // on standard error
	}{
		{args: ``, want: ``},
		{args: ``, sseURL: "http://x", want: `proxy`},
		{args: `list|http://x`, want: `list|http://x`},
		{args: `help|proxy`, want: `help|proxy`},
		{args: `--version`, want: `--version`},
		{args: `-h`, want: `-h`},
		{args: `completion|bash`, want: `completion|bash`},
		{args: `__complete|proxy|--p`, want: `__complete|proxy|--p`},
		{args: `uvx|x`, want: `proxy|--|uvx|x`},
		{args: `http://x`, want: `proxy|--|http://x`},
		{args: `proxy`, want: `proxy|--`},
		{args: `proxy|list`, want: `proxy|--|list`},
		{args: `proxy|--port|1|list`, want: `proxy|--port=1|--|list`},
		{args: `--port|1|list`, want: `error: list is a command of sessionmcp`},
		{args: `--port|1|--|list`, want: `proxy|--port=1|--|list`},
		{args: `--|list`, want: `proxy|--|list`},
		{args: `uvx|--port|1`, want: `proxy|--|uvx|--port|1`, says: "--port behind the command is the command's own"},
		{args: `--|uvx|--port|1`, want: `proxy|--|uvx|--port|1`},
	} {
		t.Setenv("SSE_URL", tt.sseURL)
		p := testProgram()
		var said strings.Builder
		p.err = &said
		var args []string
		if tt.args != "" {
			args = strings.Split(tt.args, "|")
		}
		got, err := p.commandLine(p.root(), args)
		text := strings.Join(got, "|")
		if err != nil {
			text = "error: " + err.Error()
		}
		if isError := strings.HasPrefix(tt.want, "error: "); text != tt.want && !(isError && strings.HasPrefix(text, tt.want)) {
			t.Errorf("%s: is %s, want %s", tt.args, text, tt.want)
		}
		if (tt.says == "") != (said.Len() == 0) || !strings.Contains(said.String(), tt.says) {
			t.Errorf("%s: says %q, want %q", tt.args, said.String(), tt.says)
		}
	}
}

// Every command is known before the default command is: or it would be started as
// a program.
func TestDefaultCommandKnowsAll(t *testing.T) {
	root := testProgram().root()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if !isCommand(root, c.Name()) {
			t.Errorf("%s would be taken for a program", c.Name())
		}
	}
}

func FuzzProxyArgs(f *testing.F) {
	for _, seed := range []string{"-e|K|V|c", "--port|8080|uvx|--x", "http://x|-H|A: b", "--|a|--|b", "--verify-ssl|x|http://y", "--allow-origin|*|--no-debug", "-\xff", "--=", "-e=|c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args := strings.Split(text, "|")
		r := argReader{fs: proxyFlagSet(t), rest: slices.Clone(args)}
		if r.all() != nil {
			return
		}
		got := r.args()
		if len(r.target) > 1 && !slices.Equal(r.target, args[len(args)-len(r.target):]) {
			t.Errorf("%q: the command is %q, not the end of what was typed", args, r.target)
		}
		again := argReader{fs: proxyFlagSet(t), rest: slices.Clone(got)}
		if err := again.all(); err != nil || !slices.Equal(again.args(), got) {
			t.Errorf("%q: read again %q is %q, %v", args, got, again.args(), err)
		}
		for _, flag := range r.flags {
			if !strings.HasPrefix(flag, "--") || !strings.Contains(flag, "=") {
				t.Errorf("%q: %q is no --name=value", args, flag)
			}
		}
	})
}

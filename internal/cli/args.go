package cli

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessionmcp/sessionmcp/internal/cliargs"
)

// commandLine returns the arguments as cobra is to read them: what names no command
// is for proxy, whose flags are made what pflag understands. $SSE_URL is a server
// for who names none.
func (p *program) commandLine(root *cobra.Command, args []string) ([]string, error) {
	if len(args) == 0 {
		if os.Getenv("SSE_URL") != "" {
			return []string{"proxy"}, nil
		}
		return args, nil // for help
	}
	first := args[0]
	switch {
	case first == "proxy":
		args = args[1:]
	case isCommand(root, first):
		return args, nil
	}
	proxy, _, err := root.Find([]string{"proxy"})
	if err != nil {
		return nil, err
	}
	proxy.InitDefaultHelpFlag()
	read := argReader{fs: proxy.Flags(), rest: args}
	if err := read.all(); err != nil {
		return nil, err
	}
	if len(read.target) > 0 && !read.dashed && first != "proxy" && isCommand(root, read.target[0]) {
		name := read.target[0]
		return nil, usagef("%s is a command of %s: write it first; for a program of this name write -- before it", name, p.name)
	}
	if name := read.misplaced(); name != "" {
		fmt.Fprintf(p.err, "%s: %s behind the command is the command's own: write it first if it is for the proxy, or -- before the command\n", p.name, name)
	}
	return append([]string{"proxy"}, read.args()...), nil
}

// misplaced returns a flag behind a command that is probably meant for the proxy:
// its ancestors took flags anywhere.
func (r *argReader) misplaced() string {
	if r.dashed || len(r.target) < 2 {
		return ""
	}
	for _, arg := range r.target[1:] {
		name, _, _ := strings.Cut(arg, "=")
		switch name {
		case "--port", "--host", "--sse-port", "--sse-host", "--allow-origin", "--pass-environment", "--named-server":
			return name
		}
	}
	return ""
}

// isCommand reports whether cobra knows what to do with a first argument.
func isCommand(root *cobra.Command, name string) bool {
	switch name {
	case "help", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd, "-h", "--help", "-v", "--version":
		return true
	}
	return slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool {
		return c.Name() == name || c.HasAlias(name)
	})
}

// argReader reads the command line of proxy, where a flag may have two values and
// flags end at a command, whose own flags follow; behind a URL there are more. What
// it returns it reads again as the same.
type argReader struct {
	fs     *pflag.FlagSet
	rest   []string // to be read
	flags  []string // each --name or --name=value
	target []string // a URL, or a command and its arguments
	dashed bool     // the target stood behind --
}

// args returns what was read, for pflag.
func (r *argReader) args() []string {
	return append(append(slices.Clone(r.flags), "--"), r.target...)
}

func (r *argReader) all() error {
	for len(r.rest) > 0 {
		arg := r.rest[0]
		switch {
		case arg == "--":
			return r.behindDashes()
		case len(arg) > 1 && arg[0] == '-':
			r.rest = r.rest[1:]
			if err := r.flag(arg); err != nil {
				return err
			}
		case len(r.target) > 0:
			return usagef("%q behind the URL is no flag: a URL has no arguments", cut(arg, 60))
		case isURL(arg):
			r.target, r.rest = r.rest[:1:1], r.rest[1:]
		default:
			r.target, r.rest = r.rest, nil
		}
	}
	return nil
}

func (r *argReader) behindDashes() error {
	behind := r.rest[1:]
	if len(behind) == 0 {
		return nil
	}
	if len(r.target) > 0 {
		return usagef("there are two servers: the URL, and %s behind --: give the second as --named-server NAME %[1]q", cut(behind[0], 60))
	}
	r.target, r.rest, r.dashed = behind, nil, true
	return nil
}

// flag reads a flag, whose values may be in rest.
func (r *argReader) flag(arg string) error {
	f, value, attached, err := r.find(arg)
	if err != nil {
		return err
	}
	joint, isPair := pairFlags[f.Name]
	switch {
	case isPair:
		value, err = r.pair(f, joint, value, attached)
	case attached:
	case f.Name == "verify-ssl" && r.hasPlain() && !isURL(r.rest[0]):
		value, err = r.value(f)
	case f.NoOptDefVal != "":
		value = f.NoOptDefVal
	default:
		value, err = r.value(f)
	}
	if err != nil {
		return err
	}
	if f.Name == "allow-origin" && !attached && r.hasPlain() && isOrigin(r.rest[0]) {
		return usagef("--allow-origin takes one value: write --allow-origin %s,%s, or the flag again before each; a server at %[2]s is given behind --", cut(value, 60), cut(r.rest[0], 60))
	}
	r.flags = append(r.flags, "--"+f.Name+"="+value)
	return nil
}

// find returns the flag that is meant, and the value that is attached to it.
func (r *argReader) find(arg string) (f *pflag.Flag, value string, attached bool, err error) {
	name, long := strings.CutPrefix(arg, "--")
	if !long {
		if f = r.fs.ShorthandLookup(arg[1:2]); f == nil {
			return nil, "", false, r.unknown(arg)
		}
		value, attached = strings.TrimPrefix(arg[2:], "="), len(arg) > 2
		return f, value, attached, nil
	}
	name, value, attached = strings.Cut(name, "=")
	if name != "" {
		f = r.fs.Lookup(name)
	}
	if positive, no := strings.CutPrefix(name, "no-"); f == nil && no && !attached && positive != "" {
		if f = r.fs.Lookup(positive); f != nil && f.NoOptDefVal == "true" {
			return f, "false", true, nil
		}
		f = nil
	}
	if f == nil {
		return nil, "", false, r.unknown("--" + name)
	}
	return f, value, attached, nil
}

func (r *argReader) unknown(arg string) error {
	var names []string
	r.fs.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return usagef("unknown flag %s%s: see --help; flags of the server follow its name, or --", strconv.Quote(cut(arg, 60)), cliargs.DidYouMean(arg, names))
}

// hasPlain reports whether what follows is no flag.
func (r *argReader) hasPlain() bool {
	return len(r.rest) > 0 && !strings.HasPrefix(r.rest[0], "-")
}

// value takes the argument behind a flag. One that is itself a flag is taken for a
// value that was forgotten.
func (r *argReader) value(f *pflag.Flag) (string, error) {
	if len(r.rest) > 0 && !r.isFlag(r.rest[0]) {
		value := r.rest[0]
		r.rest = r.rest[1:]
		return value, nil
	}
	if joint, ok := pairFlags[f.Name]; ok {
		return "", usagef("--%s wants %s", f.Name, joint.want)
	}
	return "", usagef("--%s has no value: write --%[1]s=%s", f.Name, strings.ToUpper(f.Value.Type()))
}

func (r *argReader) isFlag(arg string) bool {
	if arg == "--" {
		return true
	}
	if !strings.HasPrefix(arg, "--") {
		return false
	}
	_, _, _, err := r.find(arg)
	return err == nil
}

// pairFlag is a flag that takes KEY VALUE, in two arguments or joined in one.
type pairFlag struct {
	sep   string // that only stands in what is joined: no KEY holds it
	join  string
	plain bool // two arguments are taken as they are, and joined ones are a template
	want  string
}

var pairFlags = map[string]pairFlag{
	"env":          {"=", "=", true, "KEY=VALUE, or KEY VALUE"},
	"header":       {":", ": ", true, `"KEY: VALUE", or KEY VALUE`},
	"named-server": {"=", "=", false, "NAME COMMAND, the command as one word in quotes"},
}

// templated finds what is probably meant as a template.
var templated = regexp.MustCompile(`(^|[^{])\{[A-Za-z_][A-Za-z0-9_.-]*(\?[^{}]*)?\}([^}]|$)`)

var doubleBraces = strings.NewReplacer("{", "{{", "}", "}}")

// pair returns the value of a pair flag in its joined form.
func (r *argReader) pair(f *pflag.Flag, joint pairFlag, key string, attached bool) (string, error) {
	if attached {
		return key, nil
	}
	key, err := r.value(f)
	if err != nil || strings.Contains(key, joint.sep) {
		return key, err
	}
	value, err := r.value(f)
	if err != nil || !joint.plain {
		return key + joint.join + value, err
	}
	if templated.MatchString(value) {
		return "", usagef("--%s %s: a value apart from its name is taken as it is: write %[2]s%sVALUE to have {name} mean a connection argument; {{name}} there is {name} itself",
			f.Name, cut(key, 60), joint.join)
	}
	return key + joint.join + doubleBraces.Replace(value), nil
}

// isURL reports whether a server is named by a URL, and not by a command.
func isURL(text string) bool {
	scheme, rest, ok := strings.Cut(text, "://")
	return ok && rest != "" && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// isOrigin reports whether text is what a browser says it comes from, or *.
func isOrigin(text string) bool {
	_, host, ok := strings.Cut(text, "://")
	return text == "*" || ok && host != "" && !strings.ContainsAny(host, "/?#")
}

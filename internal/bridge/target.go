package bridge

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/internal/redact"
)

// plan is where a bridge leads to, with the templates read.
type plan struct {
	command *client.Command
	url     urlTemplate
	env     []place
	header  []place
	query   []place
	name    string // of the target, for people: it holds no argument
}

// newPlan reads the templates of o. The error names the one that cannot work.
func newPlan(o *Options) (*plan, error) {
	p := &plan{command: o.Command}
	var err error
	switch {
	case (o.Command == nil) == (o.URL == ""):
		return nil, errors.New("Options: a bridge leads to a Command or to a URL, to one of the two")
	case o.Command != nil:
		if len(o.Header)+len(o.Query) > 0 {
			return nil, errors.New("Options.Header and Options.Query are for a URL, and this bridge has a Command")
		}
		if o.Command.Path == "" {
			return nil, errors.New("Options.Command has no Path")
		}
		p.name = o.Command.Path
		p.env, err = parsePairs("Options.Env", o.Env)
	default:
		if len(o.Env) > 0 {
			return nil, errors.New("Options.Env is for a Command, and this bridge has a URL")
		}
		err = p.readURL(o)
	}
	if err != nil {
		return nil, err
	}
	if o.Shared && len(p.args()) > 0 {
		return nil, fmt.Errorf("Options.Shared: the argument %s has a place in a template, and a shared upstream knows no connection", p.args()[0])
	}
	if o.Shared && (o.InjectParams || len(o.ArgsToMeta) > 0) {
		return nil, errors.New("Options.Shared: an upstream that knows no connection is given no arguments, by InjectParams or by ArgsToMeta")
	}
	return p, nil
}

func (p *plan) readURL(o *Options) (err error) {
	if o.Transport != "" && o.Transport != "http" && o.Transport != "sse" {
		return fmt.Errorf("Options.Transport: %q is neither http nor sse", o.Transport)
	}
	if p.url, err = parseURL(o.URL); err != nil {
		return fmt.Errorf("Options.URL: %w", err)
	}
	p.name = client.URL(o.URL).String()
	for name, values := range o.Header {
		for _, value := range values {
			t, err := parseTemplate(value)
			if err != nil {
				return fmt.Errorf("Options.Header: %s: %w", name, err)
			}
			p.header = append(p.header, place{name, t})
		}
	}
	p.query, err = parsePairs("Options.Query", o.Query)
	for _, one := range p.query {
		for i, part := range one.value {
			if part.name == "" { // one value, whatever is in it
				one.value[i].text = url.QueryEscape(part.text)
			}
		}
	}
	return err
}

// args are the connection arguments that have a place.
func (p *plan) args() []string {
	names := p.url.names()
	for _, places := range [][]place{p.env, p.header, p.query} {
		for _, one := range places {
			names = append(names, one.value.names()...)
		}
	}
	return names
}

// filled is a plan for one connection.
type filled struct {
	env    []string // beside that of the command
	url    string
	header http.Header
	args   url.Values
	hide   *redact.Secrets // of whatever is told about the upstream
}

// fill makes the plan of one connection. The error is a [*transport.Refusal].
func (p *plan) fill(args url.Values) (*filled, error) {
	f := &filled{args: args}
	fill := p.fillURL
	if p.command != nil {
		fill = p.fillCommand
	}
	if err := fill(f); err != nil {
		return nil, err
	}
	f.hide = p.secrets(f)
	return f, nil
}

func (p *plan) fillURL(f *filled) (err error) {
	args := f.args
	if f.url, err = p.url.fill(args); err != nil {
		return err
	}
	sep := "?"
	if len(p.url.query) > 0 {
		sep = "&"
	}
	for _, one := range p.query {
		value, err := one.value.fill(args, inQuery)
		if err != nil {
			return err
		}
		f.url += sep + url.QueryEscape(one.name) + "=" + value
		sep = "&"
	}
	f.header = make(http.Header)
	for _, one := range p.header {
		value, err := one.value.fill(args, inHeader)
		if err != nil {
			return err
		}
		f.header.Add(one.name, value)
	}
	return nil
}

func (p *plan) fillCommand(f *filled) error {
	for _, one := range p.env {
		value, err := one.value.fill(f.args, inEnv)
		if err != nil {
			return err
		}
		f.env = append(f.env, one.name+"="+value)
	}
	return nil
}

// inject returns the params of a request with the connection's arguments where
// they are wanted. _session_params is nobody's to send but the bridge's.
func (b *Bridge) inject(f *filled, method string, params []byte) []byte {
	if method == mcp.ToolsCall && len(params) > 0 {
		arguments := within(params, "arguments", &edit{change: func(key, val []byte) []byte {
			if isSessionParams(key) {
				return nil
			}
			return val
		}})
		if b.o.InjectParams {
			arguments = within(arguments, "arguments", &edit{add: []member{{sessionParams, encodeArgs(f.args, []string{"*"})}}})
		}
		params = arguments
	}
	if len(b.o.ArgsToMeta) > 0 {
		params = inMeta(params, &edit{add: []member{{metaArgs, encodeArgs(f.args, b.o.ArgsToMeta)}}})
	}
	return params
}

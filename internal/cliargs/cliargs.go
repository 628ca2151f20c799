// Package cliargs reads the arguments of a tool from a command line. What a text
// means is decided by the tool's JSON Schema and not by how the text looks: a zip
// code stays a string, and a number is one.
package cliargs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// Parse returns the JSON object of a tool's arguments, members in the order in
// which they were first given. schema is the tool's inputSchema; nil, or anything
// that is no object, takes every key. An argument is one of
//
//	key=value           typed by the schema; one that it does not type is a string
//	key:=JSON           JSON, whatever the schema says
//	--key value         like key=value, as is --key=value
//	--flag, --no-flag   true and false, for a boolean
//	address.city=Oslo   a member of an object
//
// or all of them are one JSON object. An array is given as JSON, or an element
// at a time by repeating its key. Behind -- nothing is a flag. A flag finds its
// parameter also if that is spelt dry_run or dryRun for --dry-run. Numbers keep
// their digits.
//
// Parse checks names, types, enumerations and what is required, for an error here
// can name what was typed; the rest of the schema is the server's to enforce. An
// error names the parameter and what is wanted.
func Parse(schema json.RawMessage, args []string) (json.RawMessage, error) {
	p := parser{doc: read(schema), args: args}
	root := p.doc.root()
	if err := p.parse(&root); err != nil {
		return nil, err
	}
	if err := missing(&root, &p.result); err != nil {
		return nil, err
	}
	out := p.result.append(nil)
	if !json.Valid(out) { // the one thing that is promised whatever was typed
		return nil, errors.New("the arguments nest too deeply")
	}
	return out, nil
}

// Takes reports whether --name is for a parameter of the schema: a command with
// flags of its own asks before it takes one for itself. name is without dashes.
func Takes(schema json.RawMessage, name string) bool {
	d := read(schema)
	root := d.root()
	name = strings.TrimSuffix(name, ":")
	head, _, _ := strings.Cut(name, ".")
	return slices.ContainsFunc([]string{name, head, strings.TrimPrefix(name, "no-")}, func(name string) bool {
		key, err := root.find(name, true)
		return err == nil && key != ""
	})
}

// parser is one command line on its way.
type parser struct {
	doc    *document
	args   []string
	result object
}

func (p *parser) parse(root *node) error {
	if len(p.args) == 1 && strings.HasPrefix(strings.TrimSpace(p.args[0]), "{") {
		return p.parseObject(root, p.args[0])
	}
	flags := true
	for len(p.args) > 0 {
		arg := p.args[0]
		p.args = p.args[1:]
		switch name, isFlag := strings.CutPrefix(arg, "--"); {
		case flags && arg == "--":
			flags = false
		case flags && isFlag:
			if err := p.parseFlag(root, name); err != nil {
				return err
			}
		case strings.HasPrefix(strings.TrimSpace(arg), "{"):
			return errors.New("a JSON object stands alone: give all arguments in it, or each as key=value")
		default:
			if err := p.parsePair(root, arg); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseObject takes all arguments from one JSON object.
func (p *parser) parseObject(root *node, text string) error {
	if err := validJSON(text); err != nil {
		return fmt.Errorf("the arguments are no JSON object: %w", err)
	}
	return jsontext.Members([]byte(text), func(key, val []byte) error {
		name := jsontext.Text(key)
		if _, err := root.known(name, false); err != nil {
			return err
		}
		p.result.replace(name, compact(val)) // the last of equal keys counts, as everywhere
		return nil
	})
}

func (p *parser) parsePair(root *node, arg string) error {
	key, value, ok := strings.Cut(arg, "=")
	if !ok || key == "" || strings.HasPrefix(key, "-") {
		return fmt.Errorf("%q: want key=value, --key value, or one JSON object", clip(arg))
	}
	key, forced := strings.CutSuffix(key, ":")
	at, err := p.doc.resolve(root, key, false)
	if err != nil {
		return err
	}
	return p.set(at, value, forced)
}

// parseFlag takes --name, --name=value, or --name with the argument behind it.
func (p *parser) parseFlag(root *node, text string) error {
	key, value, given := strings.Cut(text, "=")
	if key == "" {
		return fmt.Errorf("%q: want --key=value", clip("--"+text))
	}
	key, forced := strings.CutSuffix(key, ":")
	at, err := p.doc.resolve(root, key, true)
	if positive, no := strings.CutPrefix(key, "no-"); no && !given && (err != nil || !at.declared) {
		if at, err := p.doc.resolve(root, positive, true); err == nil && at.node.isFlag() {
			return p.set(at, "false", false)
		}
	}
	switch {
	case err != nil:
		return err
	case given:
	case at.node.isFlag() && !forced:
		value = "true"
	case len(p.args) == 0 || strings.HasPrefix(p.args[0], "--"):
		return fmt.Errorf("--%s has no value: want --%s=VALUE, %s", key, key, at.node.wanted())
	default:
		value, p.args = p.args[0], p.args[1:]
	}
	return p.set(at, value, forced)
}

// set gives the value at a place.
func (p *parser) set(at place, text string, forced bool) error {
	if forced {
		if err := validJSON(text); err != nil {
			return fmt.Errorf("%s: := wants JSON: %w", at.name(), err)
		}
		return p.result.put(at.path, compact([]byte(text)), false)
	}
	raw, element, err := at.node.value(text)
	if err != nil {
		return fmt.Errorf("%s: %w", at.name(), err)
	}
	return p.result.put(at.path, raw, element)
}

// missing reports which parameters that are required were not given.
func missing(root *node, given *object) error {
	var names []string
	for _, name := range root.required() {
		if given.at(name) == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("missing %s: give it as key=value", strings.Join(names, ", "))
}

func validJSON(text string) error {
	r := jsontext.Read([]byte(text))
	if _, err := r.Value(); err != nil {
		return err
	}
	return r.End()
}

// compact returns JSON without the white space between its parts.
func compact(text []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return text // is found out in the end
	}
	return b.Bytes()
}

// clip keeps what was typed from filling an error.
func clip(text string) string {
	const most = 60
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

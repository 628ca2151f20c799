package tool

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Resource is a Go function prepared for being read by URI, or by the URIs that
// a template describes. It is immutable and safe for concurrent use.
type Resource struct {
	spec      ResourceSpec
	template  *uriTemplate // nil if the URI is one
	read      reader
	completer *completer
}

// ResourceSpec is what a resource tells the world. Its fields are as
// resources/list and resources/templates/list have them.
type ResourceSpec struct {
	URI         string // or the template
	Template    bool
	Name        string
	Title       string
	Description string
	MIME        string
	Size        int64 // bytes; 0 is not said
	Annotations *Annotations
	Icons       []Icon
	Meta        map[string]any
	Timeout     time.Duration // 0 for none
	Cache       Cache
}

// Cache is how long, and by whom, what a server answered may be kept
// (2026-07-28, caching). The zero value is not at all.
type Cache struct {
	TTL    time.Duration // rounded down to milliseconds
	Public bool          // it is the same for every caller: also by caches that callers share
}

// ErrNotFound is for resources to return, or wrap: there is nothing at this URI.
// An error that is [fs.ErrNotExist] says the same.
var ErrNotFound = errors.New("resource not found")

// NewResource prepares fn for being read at uri: a URI with a scheme, or a
// template of such URIs (RFC 6570), as in users://{id}. The accepted forms of fn are
//
//	func([ctx]) results                  of a URI
//	func([ctx,] in T) results            of a template, T a struct or a pointer to one
//	func([ctx,] a A, b B, …) results     of a template: its variables in order, or as Params orders them
//
// where ctx is [*Context] or [context.Context] and the results are T or (T, error).
//
// Each variable of a template is a property of the argument struct, with what its
// tags demand of it, and each required property a variable. Values are decoded as
// their type wants them; {name*} needs a list, and a list without the star is
// parted by commas. An optional property may be missing from the URI, as those of
// a query such as {?limit} often are. A URI whose values do not fit is not found.
// So is one with a value that is not safe in a path: NUL, a segment . or .., and,
// unless the variable is {+name}, {#name} or of a query, a slash or a backslash,
// however they are escaped. A URI has 8 KiB at most.
//
// A result T that is a string, or that writes itself as text, is sent as text, of
// the type text/plain. Bytes are sent as such, of the type
// application/octet-stream, and as text if [MIME] names a type that is text and
// they are UTF-8. [Embed], a slice of them, or a pointer to one is sent as it is,
// with the URI where it has none. Anything else is encoded with encoding/json, as
// application/json. MIME wins over these types. A nil pointer, a nil interface and
// no Embeds at all mean [ErrNotFound]; no bytes are contents like any other.
//
// The name is the function's, in snake_case. That of a function literal is the
// last part of its URI; one with a template needs [Name].
//
// The error of a function that does not fit names the function, where it stands,
// and what is wrong with it.
func NewResource(uri string, fn any, options ...Option) (*Resource, error) {
	return prepare(fn, aResource, options, acceptedResource, func(f *function) (*Resource, error) {
		r, err := buildResource(uri, f)
		if err != nil {
			return nil, fmt.Errorf("resource %.200q: %w", uri, err)
		}
		return r, nil
	})
}

const acceptedResource = `accepted forms:
	func([ctx]) results                 for a URI
	func([ctx,] in T) results           for a template such as users://{id}, T a struct or *struct
	func([ctx,] a A, b B, ...) results  for a template, its variables in order
ctx is *tool.Context or context.Context; results are T or (T, error)`

// reader is how one resource is read, from the values of its variables.
type reader func(ctx *Context, uri string, values map[string]any) ([]Embed, error)

func buildResource(uri string, f *function) (*Resource, error) {
	f.comment()
	r := &Resource{spec: f.resourceSpec(uri)}
	p := &resourcePlan{plan: plan{fn: f.value}}
	params, err := p.params()
	if err != nil {
		return nil, err
	}
	if strings.Contains(uri, "{") {
		r.spec.Template = true
		if r.template, err = parseTemplate(uri); err != nil {
			return nil, err
		}
	}
	if err := r.checkURI(); err != nil {
		return nil, err
	}
	if err := r.setName(f); err != nil {
		return nil, err
	}
	known, err := p.prepareValues(f, r.template, params)
	if err != nil {
		return nil, err
	}
	if r.completer, err = newCompleter(f.config, known); err != nil {
		return nil, err
	}
	r.read = p.read
	return r, p.prepareContents(f.config, &r.spec)
}

// resourceSpec is what the options say of a resource.
func (c *config) resourceSpec(uri string) ResourceSpec {
	return ResourceSpec{
		URI:         uri,
		Name:        c.spec.Name,
		Title:       c.spec.Title,
		Description: c.spec.Description,
		MIME:        c.mime,
		Size:        c.size,
		Annotations: c.annotations,
		Icons:       c.spec.Icons,
		Meta:        c.spec.Meta,
		Timeout:     c.spec.Timeout,
		Cache:       c.cache,
	}
}

func (r *Resource) checkURI() error {
	if r.template == nil {
		return checkURI(r.spec.URI)
	}
	if !scheme().MatchString(r.spec.URI) {
		return errors.New("the template has no scheme: write one such as docs://{page}")
	}
	if len(r.spec.URI) > maxURI {
		return fmt.Errorf("the template has more than %d bytes", maxURI)
	}
	return nil
}

func (r *Resource) setName(f *function) error {
	switch {
	case r.spec.Name != "":
		if strings.ContainsFunc(r.spec.Name, unicode.IsControl) || !utf8.ValidString(r.spec.Name) {
			return fmt.Errorf("the name %q is not text of one line", r.spec.Name)
		}
		return nil
	case f.info().name == "" && r.template == nil:
		r.spec.Name = lastPart(r.spec.URI)
		return nil
	}
	name, err := f.name()
	r.spec.Name = name
	return err
}

// lastPart names a URI: by the last part of its path, or by its scheme if it has
// no other part.
func lastPart(uri string) string {
	uri, _, _ = strings.Cut(uri, "#")
	uri, _, _ = strings.Cut(uri, "?")
	parts := strings.FieldsFunc(uri, func(r rune) bool { return r == '/' })
	last := parts[len(parts)-1]
	if len(parts) == 1 {
		if name, rest, _ := strings.Cut(last, ":"); rest == "" {
			last = name
		} else {
			last = rest
		}
	}
	if name, ok := unescape(last); ok && !strings.ContainsFunc(name, unicode.IsControl) {
		return name
	}
	return last
}

// Spec returns what the resource tells the world. What it points to is not to be
// modified.
func (r *Resource) Spec() ResourceSpec { return r.spec }

// Matches reports whether the resource is, or its template describes, this URI.
// URIs are compared byte by byte.
func (r *Resource) Matches(uri string) bool {
	_, ok := r.match(uri)
	return ok
}

func (r *Resource) match(uri string) (values map[string]any, ok bool) {
	if r.template == nil {
		return nil, uri == r.spec.URI
	}
	return r.template.match(uri)
}

// Read calls the function for a URI that the resource matches, and returns one
// Embed at least. The error is the function's own, or [ErrNotFound] in its chain
// if there is nothing at that URI, be it that the resource does not match it, that
// its values do not fit (then with a text for the caller, see [UserText]), or that
// the function returned nothing. A panic of the function is the caller's to
// recover.
func (r *Resource) Read(ctx *Context, uri string) ([]Embed, error) {
	values, ok := r.match(uri)
	if !ok {
		return nil, ErrNotFound
	}
	return r.read(ctx, uri, values)
}

// Complete returns the values that a variable of the template could have: what
// the function given by the option [Complete] returns, or else those of an
// enumeration or a boolean that begin as c.Value does. The error is that of the
// function, or tells the caller which variables there are.
func (r *Resource) Complete(ctx *Context, c Completion) (*Completions, error) {
	return r.completer.complete(ctx, c)
}

package server

import (
	"io/fs"

	"github.com/sessionmcp/sessionmcp/tool"
)

// Tool adds a function as a tool. [tool.New] says which functions and options
// there are. It panics if the function cannot be a tool or its name is taken,
// naming the function, its file and line, and what would do: at start-up that is
// the earliest anyone can be told. [tool.New] and Add are the pair that returns
// errors.
func (s *Server) Tool(fn any, options ...tool.Option) {
	t, err := tool.New(fn, s.withSource(options)...)
	if err == nil {
		err = s.Add(t)
	}
	must(err)
}

// Resource adds a function as what is read at a URI, or at the URIs that a
// template describes (RFC 6570):
//
//	srv.Resource("config://app", func() Config { ... })
//	srv.Resource("users://{id}/profile", func(ctx *tool.Context, id int) (Profile, error) { ... })
//
// [tool.NewResource] says which functions and options there are. Like Tool it
// panics; [tool.NewResource] and AddResource are the pair that returns errors.
func (s *Server) Resource(uri string, fn any, options ...tool.Option) {
	r, err := tool.NewResource(uri, fn, s.withSource(options)...)
	if err == nil {
		err = s.AddResource(r)
	}
	must(err)
}

// FS adds the files of fsys as resources under a URI that ends in a slash:
//
//	srv.FS("docs://", os.DirFS("docs"))
//
// [tool.Files] says how they are listed, read and completed. No URI leads out of
// fsys, but a symbolic link in [os.DirFS] does: [os.Root.FS] has none that do.
// Like Tool it panics.
func (s *Server) FS(uri string, fsys fs.FS, options ...tool.Option) {
	all, err := tool.Files(uri, fsys, options...)
	must(err)
	for _, r := range all {
		must(s.AddResource(r))
	}
}

// Prompt adds a function as a prompt. [tool.NewPrompt] says which functions and
// options there are. Like Tool it panics; [tool.NewPrompt] and AddPrompt are the
// pair that returns errors.
func (s *Server) Prompt(fn any, options ...tool.Option) {
	p, err := tool.NewPrompt(fn, s.withSource(options)...)
	if err == nil {
		err = s.AddPrompt(p)
	}
	must(err)
}

func must(err error) {
	if err != nil {
		panic(err.Error())
	}
}

func (s *Server) withSource(options []tool.Option) []tool.Option {
	if s.o.Source == nil {
		return options
	}
	return append([]tool.Option{tool.Comments(s.o.Source)}, options...)
}

// Add adds a tool; clients that are connected are told. It fails if the name is
// taken.
func (s *Server) Add(t *tool.Tool) error {
	if err := s.tools.add(t); err != nil {
		return err
	}
	if t.Spec().Detached {
		s.detached.Store(true)
	}
	s.changed(change{tools: true})
	return nil
}

// Remove takes the tool out; clients that are connected are told. Calls under
// way go on. It reports whether there was one.
func (s *Server) Remove(name string) bool {
	if !s.tools.remove(name) {
		return false
	}
	s.changed(change{tools: true})
	return true
}

// AddResource adds a resource or a template; clients that are connected are told.
// It fails if the URI or the template is taken. Where several templates describe
// a URI, the one added first is read.
func (s *Server) AddResource(r *tool.Resource) error {
	list := &s.resources
	if r.Spec().Template {
		list = &s.templates
	}
	if err := list.add(r); err != nil {
		return err
	}
	s.changed(change{resources: true})
	return nil
}

// RemoveResource takes out the resource of this URI, or the template; clients
// that are connected are told. It reports whether there was one.
func (s *Server) RemoveResource(uri string) bool {
	if !s.resources.remove(uri) && !s.templates.remove(uri) {
		return false
	}
	s.changed(change{resources: true})
	return true
}

// AddPrompt adds a prompt; clients that are connected are told. It fails if the
// name is taken.
func (s *Server) AddPrompt(p *tool.Prompt) error {
	if err := s.prompts.add(p); err != nil {
		return err
	}
	s.changed(change{prompts: true})
	return nil
}

// RemovePrompt takes the prompt out; clients that are connected are told. It
// reports whether there was one.
func (s *Server) RemovePrompt(name string) bool {
	if !s.prompts.remove(name) {
		return false
	}
	s.changed(change{prompts: true})
	return true
}

package tool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"path"
	"runtime"
	"slices"
	"strings"
)

const (
	maxFile      = 16 << 20 // bytes
	maxListed    = 1000     // files that become resources of their own
	maxVisited   = 100_000  // entries of folders that are looked at for them
	maxDirectory = 10_000   // entries of one folder that completion looks at
)

// Files makes resources of the files in fsys: the first is a template, uri{+path},
// that reads and completes every path, and behind it comes one resource for each
// file that is there now, 1,000 at most, named by its path, with its size and time
// of modification. What they read is always the current contents; a file that is
// gone is [ErrNotFound].
//
// Only regular files are served, of 16 MiB at most. Symbolic links are not
// followed, since they may lead out of fsys, and files and folders whose names
// begin with a dot are not there: they hold what is not meant for clients, such as
// .env and .git. On Windows neither are those whose names may be short ones that
// stand for others, such as GIT~1.
//
// A link that somebody puts in the place of a file while that is being opened is
// followed by [os.DirFS]: where others may write, serve [os.Root.FS].
//
// The uri has a scheme and ends in a slash, as docs:// does. The options Name,
// Title, Description and Complete are the template's; Annotate, Caching, Icons,
// Meta and Timeout are each resource's, and so is [MIME], which is otherwise told
// by the name of a file. Contents are text if they are UTF-8 without NUL and their
// type, where the name tells one, is one of text.
func Files(uri string, fsys fs.FS, options ...Option) ([]*Resource, error) {
	all, err := files(uri, fsys, options)
	if err != nil {
		at := ""
		if file, line := registration(); file != "" {
			at = fmt.Sprintf(" (registered at %s:%d)", file, line)
		}
		return nil, fmt.Errorf("tool: files at %.200q%s: %w", uri, at, err)
	}
	return all, nil
}

func files(uri string, fsys fs.FS, options []Option) ([]*Resource, error) {
	if fsys == nil {
		return nil, errors.New("there is no file system: it is nil")
	}
	c, err := configure(aFolder, options)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(uri, "/") || strings.ContainsAny(uri, "?#") {
		return nil, errors.New("the URI must end in a slash, as docs:// does, and have no query")
	}
	if err := checkURI(uri); err != nil {
		return nil, err
	}
	f := &folder{fsys: fsys, uri: uri, config: c}
	template, err := f.template()
	if err != nil {
		return nil, err
	}
	all, err := f.list()
	if err != nil {
		return nil, err
	}
	return append([]*Resource{template}, all...), nil
}

// folder is a file system that is served.
type folder struct {
	fsys   fs.FS
	uri    string
	config *config
}

func (f *folder) template() (*Resource, error) {
	r := &Resource{spec: f.config.resourceSpec(f.uri + "{+path}")}
	r.spec.Template = true
	r.spec.Name = cmp.Or(r.spec.Name, lastPart(f.uri))
	r.read = func(_ *Context, uri string, values map[string]any) ([]Embed, error) {
		name, _ := values["path"].(string)
		return f.read(name, uri)
	}
	known := []argument{{name: "path", required: true, argumentSchema: argumentSchema{Type: "string"}}}
	var err error
	if r.template, err = parseTemplate(r.spec.URI); err != nil {
		return nil, err
	}
	if err := r.template.prepare(known); err != nil {
		return nil, err
	}
	if r.completer, err = newCompleter(f.config, known); err == nil && r.completer.fns["path"] == nil {
		r.completer.fns["path"] = f.complete
	}
	return r, err
}

// list makes resources of the files that are there.
func (f *folder) list() ([]*Resource, error) {
	var all []*Resource
	visited := 0
	err := fs.WalkDir(f.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if visited++; visited > maxVisited || len(all) == maxListed {
			return fs.SkipAll
		}
		switch {
		case err != nil && name == ".":
			return fmt.Errorf("the file system does not open: %w", err)
		case err != nil: // of one folder that cannot be read
			return nil
		case d.IsDir() && name != "." && hidden(name):
			return fs.SkipDir
		case !d.Type().IsRegular() || hidden(name):
			return nil
		}
		info, err := d.Info()
		if err != nil { // it has just been removed
			return nil
		}
		all = append(all, f.resource(name, info))
		return nil
	})
	return all, err
}

// resource makes a resource of one file.
func (f *folder) resource(name string, info fs.FileInfo) *Resource {
	r := &Resource{spec: f.config.resourceSpec(f.uri + escapePath(name)), completer: &completer{}}
	r.spec.Name, r.spec.Title, r.spec.Description = name, "", ""
	r.spec.MIME = cmp.Or(f.config.mime, mediaType(name))
	r.spec.Size = info.Size()
	if modified := info.ModTime(); !modified.IsZero() {
		var a Annotations
		if f.config.annotations != nil {
			a = *f.config.annotations
		}
		a.LastModified = modified
		r.spec.Annotations = &a
	}
	r.read = func(_ *Context, uri string, _ map[string]any) ([]Embed, error) { return f.read(name, uri) }
	return r
}

// escapePath writes a path as it stands in a URI.
func escapePath(name string) string {
	segments := strings.Split(name, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// hidden reports whether a path has a name that is not served.
func hidden(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
		return strings.HasPrefix(part, ".") || runtime.GOOS == "windows" && isShortName(part)
	})
}

// isShortName reports whether a name may be the second one that Windows gives to a
// file whose own is longer, or begins with a dot: GIT~1 is .git.
func isShortName(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	_, number, ok := strings.Cut(base, "~")
	return ok && len(base) <= 8 && number != "" && strings.Trim(number, "0123456789") == ""
}

// served reports whether name is that of something in the folder which may be
// looked at, and what it is. No part of the path is a symbolic link.
func (f *folder) served(name string) (fs.FileInfo, error) {
	// A backslash parts paths on some systems, whatever fsys thinks of it.
	if !fs.ValidPath(name) || hidden(name) || strings.ContainsAny(name, "\\\x00") {
		return nil, ErrNotFound
	}
	for i, r := range name {
		if r != '/' {
			continue
		}
		if info, err := f.lstat(name[:i]); err != nil || !info.IsDir() {
			return nil, cmp.Or(err, ErrNotFound)
		}
	}
	return f.lstat(name)
}

// lstat says what has this name, also if that is a symbolic link. A file system
// that cannot, such as a struct with nothing but another one's Open, would say
// what the link leads to: its folders know better.
func (f *folder) lstat(name string) (fs.FileInfo, error) {
	if fsys, ok := f.fsys.(fs.ReadLinkFS); ok {
		return fsys.Lstat(name)
	}
	in, base := path.Split(name)
	for entry := range f.entries(path.Clean(in)) {
		if entry.Name() == base {
			return entry.Info()
		}
	}
	return nil, ErrNotFound
}

func (f *folder) read(name, uri string) ([]Embed, error) {
	info, err := f.served(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotFound
	}
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxFile:
		return nil, Errorf("the file %s is larger than %d MiB and cannot be read", path.Base(name), maxFile>>20)
	}
	return []Embed{embedBytes(uri, cmp.Or(f.config.mime, mediaType(name)), data)}, nil
}

// complete lists what is in the folder that has been typed so far.
func (f *folder) complete(_ *Context, c Completion) ([]string, error) {
	dir, base := path.Split(c.Value)
	at := "."
	if dir != "" {
		at = strings.TrimSuffix(dir, "/")
		if info, err := f.served(at); err != nil || !info.IsDir() {
			return nil, nil
		}
	}
	var values []string
	looked := 0
	for entry := range f.entries(at) {
		if looked++; looked > maxDirectory {
			break
		}
		name := entry.Name()
		switch {
		case hidden(name) || !startsWith(name, base):
		case entry.IsDir():
			values = append(values, dir+name+"/")
		case entry.Type().IsRegular():
			values = append(values, dir+name)
		}
	}
	slices.Sort(values)
	return values, nil
}

// entries yields what is in a folder: nothing if it cannot be read, for completion
// is no way to find out why.
func (f *folder) entries(name string) iter.Seq[fs.DirEntry] {
	return func(yield func(fs.DirEntry) bool) {
		dir, err := f.fsys.Open(name)
		if err != nil {
			return
		}
		defer dir.Close()
		d, ok := dir.(fs.ReadDirFile)
		for ok {
			some, err := d.ReadDir(1000)
			for _, entry := range some {
				if !yield(entry) {
					return
				}
			}
			ok = err == nil
		}
	}
}

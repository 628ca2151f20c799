package tool_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

const docs = "docs://"

// mustFiles makes resources of a file system: the template and the rest.
func mustFiles(t testing.TB, fsys fs.FS, options ...tool.Option) (template *tool.Resource, listed []*tool.Resource) {
	t.Helper()
	all, err := tool.Files(docs, fsys, options...)
	if err != nil {
		t.Fatalf("Files: %v", err)
	}
	return all[0], all[1:]
}

func library() fstest.MapFS {
	return fstest.MapFS{
		"README.md":            {Data: []byte("# Read me"), ModTime: day},
		"guide/a b.txt":        {Data: []byte("spaced")},
		"guide/100%41.md":      {Data: []byte("percent")},
		"guide/Größe#1?.md":    {Data: []byte("marks")},
		"guide/deep/x.go":      {Data: []byte("package x")},
		"logo.PNG":             {Data: []byte("PNG")},
		"LICENSE":              {Data: []byte("Be nice.")},
		"core":                 {Data: []byte("\x7fELF\x00")},
		"broken.txt":           {Data: []byte("\xff")},
		"empty.txt":            {},
		".env":                 {Data: []byte("KEY=secret")},
		".git/config":          {Data: []byte("secret")},
		"guide/.hidden/x.txt":  {Data: []byte("secret")},
		"guide/..data":         {Data: []byte("secret")},
		"link.md":              {Data: []byte("README.md"), Mode: fs.ModeSymlink},
		"linked":               {Data: []byte("guide"), Mode: fs.ModeSymlink},
		"pipe":                 {Mode: fs.ModeNamedPipe},
		"guide/data.unheardof": {Data: []byte(`text`)},
	}
}

func TestFilesAreListed(t *testing.T) {
	template, listed := mustFiles(t, library())
	if spec := template.Spec(); !spec.Template || spec.URI != "docs://{+path}" || spec.Name != "docs" || spec.MIME != "" {
		t.Errorf("the template is %+v", spec)
	}
	var got []string
	for _, r := range listed {
		spec := r.Spec()
		if spec.Template {
			t.Errorf("%s is a template", spec.URI)
		}
		got = append(got, fmt.Sprintf("%s %s %d", strings.TrimPrefix(spec.URI, docs), spec.MIME, spec.Size))
		if want := spec.Name == "README.md"; (spec.Annotations != nil) != want || want && !spec.Annotations.LastModified.Equal(day) {
			t.Errorf("%s is annotated %+v", spec.URI, spec.Annotations)
		}
		if !template.Matches(spec.URI) {
			t.Errorf("the template does not match %s", spec.URI)
		}
		for _, of := range []*tool.Resource{r, template} {
			contents, err := of.Read(plainContext(t), spec.URI)
			if want := string(library()[spec.Name].Data); err != nil || len(contents) != 1 || contents[0].Text+string(contents[0].Blob) != want || contents[0].URI != spec.URI {
				t.Errorf("%s by %s: got %+v, %v", spec.URI, of.Spec().URI, contents, err)
			}
		}
	}
	want := []string{
		"LICENSE  8", "README.md text/markdown 9", "broken.txt text/plain 1", "core  5", "empty.txt text/plain 0",
		"guide/100%2541.md text/markdown 7", "guide/Gr%C3%B6%C3%9Fe%231%3F.md text/markdown 5", "guide/a%20b.txt text/plain 6",
		"guide/data.unheardof  4", "guide/deep/x.go text/x-go 9", "logo.PNG image/png 3",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFileContents(t *testing.T) {
	template, _ := mustFiles(t, library())
	for path, want := range map[string]string{
		"README.md":            "text/markdown text # Read me",
		"LICENSE":              "text/plain text Be nice.",
		"core":                 "application/octet-stream blob \x7fELF\x00",
		"broken.txt":           "text/plain blob \xff",
		"logo.PNG":             "image/png blob PNG",
		"empty.txt":            "text/plain text ",
		"guide/data.unheardof": "text/plain text text",
	} {
		got, err := template.Read(plainContext(t), docs+path)
		if want = docs + path + " " + want; err != nil || showEmbeds(got) != want {
			t.Errorf("got %q, %v; want %q", showEmbeds(got), err, want)
		}
	}
	forced, _ := mustFiles(t, library(), tool.MIME("text/x-own"))
	if got, err := forced.Read(plainContext(t), "docs://logo.PNG"); err != nil || showEmbeds(got) != "docs://logo.PNG text/x-own text PNG" {
		t.Errorf("with MIME: got %q, %v", showEmbeds(got), err)
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	template, _ := mustFiles(t, library())
	for _, path := range []string{
		"", "/", ".", "..", "none.md", "guide", "guide/", "guide/none", "README.md/", "README.md/x", "/README.md", "guide//a%20b.txt",
		".env", ".git/config", "guide/.hidden/x.txt", "guide/..data", "%2eenv", "link.md", "linked/a%20b.txt", "linked", "pipe",
		"guide%5Ca%20b.txt", "guide/../README.md", "./README.md", "readme.md", "README.md%00", "README.md#x", "README.md?x",
	} {
		got, err := template.Read(plainContext(t), docs+path)
		if got != nil || !errors.Is(err, tool.ErrNotFound) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, %v", path, got, err)
		}
	}
}

func TestFilesChange(t *testing.T) {
	files := library()
	template, listed := mustFiles(t, files)
	i := slices.IndexFunc(listed, func(r *tool.Resource) bool { return r.Spec().Name == "README.md" })
	uri := listed[i].Spec().URI
	files["README.md"] = &fstest.MapFile{Data: []byte("new")}
	files["late.md"] = &fstest.MapFile{Data: []byte("late")}
	if got, err := listed[i].Read(plainContext(t), uri); err != nil || got[0].Text != "new" {
		t.Errorf("changed: got %v, %v", got, err)
	}
	if got, err := template.Read(plainContext(t), "docs://late.md"); err != nil || got[0].Text != "late" {
		t.Errorf("added: got %v, %v", got, err)
	}
	delete(files, "README.md")
	if _, err := listed[i].Read(plainContext(t), uri); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted: got %v", err)
	}
	files["README.md"] = &fstest.MapFile{Mode: fs.ModeDir}
	if _, err := listed[i].Read(plainContext(t), uri); !errors.Is(err, tool.ErrNotFound) {
		t.Errorf("a folder now: got %v", err)
	}
}

func TestFilesThatAreTooLarge(t *testing.T) {
	files := fstest.MapFS{"most.bin": {Data: bytes.Repeat([]byte{0}, 16<<20)}, "more.bin": {Data: bytes.Repeat([]byte{0}, 16<<20+1)}}
	template, _ := mustFiles(t, files)
	if got, err := template.Read(plainContext(t), "docs://most.bin"); err != nil || len(got[0].Blob) != 16<<20 {
		t.Errorf("16 MiB: %v", err)
	}
	_, err := template.Read(plainContext(t), "docs://more.bin")
	if text, ok := tool.UserText(err); !ok || !strings.Contains(text, "more.bin is larger than 16 MiB") || errors.Is(err, tool.ErrNotFound) {
		t.Errorf("more than that: %v", err)
	}
}

func TestFilesAreBounded(t *testing.T) {
	files := make(fstest.MapFS)
	for i := range 1001 {
		files[fmt.Sprintf("d/%04d.txt", i)] = &fstest.MapFile{}
	}
	template, listed := mustFiles(t, files)
	if len(listed) != 1000 {
		t.Errorf("%d files are listed", len(listed))
	}
	if _, err := template.Read(plainContext(t), "docs://d/1000.txt"); err != nil {
		t.Errorf("what is not listed cannot be read: %v", err)
	}
	got, err := template.Complete(plainContext(t), tool.Completion{Argument: "path", Value: "d/"})
	if err != nil || len(got.Values) != 100 || got.Total != 1001 || !got.More || got.Values[99] != "d/0099.txt" {
		t.Errorf("completed %d of %d, %v, %v", len(got.Values), got.Total, got.More, err)
	}
}

func TestFileCompletion(t *testing.T) {
	template, listed := mustFiles(t, library())
	for typed, want := range map[string][]string{
		"":             {"LICENSE", "README.md", "broken.txt", "core", "empty.txt", "guide/", "logo.PNG"},
		"read":         {"README.md"},
		"G":            {"guide/"},
		"guide":        {"guide/"},
		"guide/":       {"guide/100%41.md", "guide/Größe#1?.md", "guide/a b.txt", "guide/data.unheardof", "guide/deep/"},
		"guide/DEE":    {"guide/deep/"},
		"guide/deep/x": {"guide/deep/x.go"},
		"none/":        {},
		"README.md/":   {},
		"linked/":      {},
		".git/":        {},
		".":            {},
		"../":          {},
		"/":            {},
		"guide//":      {},
		"guide/../":    {},
		"\x00/":        {},
	} {
		got, err := template.Complete(plainContext(t), tool.Completion{Argument: "path", Value: typed})
		if err != nil || !slices.Equal(got.Values, want) || got.Values == nil || got.Total != len(want) || got.More {
			t.Errorf("%q: got %+v, %v; want %q", typed, got, err, want)
		}
	}
	mixed, _ := mustFiles(t, fstest.MapFS{"a/x": {}, "a-b": {}})
	if got, err := mixed.Complete(plainContext(t), tool.Completion{Argument: "path"}); err != nil || !slices.Equal(got.Values, []string{"a-b", "a/"}) {
		t.Errorf("what is sorted is not what is sent: %+v, %v", got, err)
	}
	if _, err := listed[0].Complete(plainContext(t), tool.Completion{Argument: "path"}); err == nil {
		t.Error("a file completes a path")
	}
	own, _ := mustFiles(t, library(), tool.Complete("path", func(*tool.Context, tool.Completion) ([]string, error) { return []string{"own"}, nil }))
	if got, err := own.Complete(plainContext(t), tool.Completion{Argument: "path"}); err != nil || !slices.Equal(got.Values, []string{"own"}) {
		t.Errorf("with Complete: got %+v, %v", got, err)
	}
}

func TestFilesOptions(t *testing.T) {
	icon := tool.Icon{Src: "data:,"}
	cache := tool.Cache{TTL: time.Minute}
	notes := tool.Annotations{Priority: new(0.5)}
	template, listed := mustFiles(t, fstest.MapFS{"a.md": {ModTime: day}},
		tool.Name("library"), tool.Title("Library"), tool.Description("Books."), tool.Icons(icon), tool.Meta("k", 1),
		tool.Timeout(time.Second), tool.Caching(cache), tool.Annotate(notes))
	want := tool.ResourceSpec{
		URI: "docs://{+path}", Template: true, Name: "library", Title: "Library", Description: "Books.", Annotations: &notes,
		Icons: []tool.Icon{icon}, Meta: map[string]any{"k": 1}, Timeout: time.Second, Cache: cache,
	}
	if got := template.Spec(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want.URI, want.Template, want.Name, want.Title, want.Description, want.MIME = "docs://a.md", false, "a.md", "", "", "text/markdown"
	want.Annotations = &tool.Annotations{Priority: notes.Priority, LastModified: day}
	if got := listed[0].Spec(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestFilesThatCannotBe(t *testing.T) {
	for name, test := range map[string]struct {
		uri    string
		fsys   fs.FS
		option tool.Option
		want   string
	}{
		"no file system":        {docs, nil, tool.Name("x"), "there is no file system"},
		"one that is not there": {docs, os.DirFS(filepath.Join(t.TempDir(), "none")), tool.Name("x"), "the file system does not open"},
		"no slash":              {"docs://guides", library(), tool.Name("x"), "the URI must end in a slash"},
		"no scheme":             {"guides/", library(), tool.Name("x"), "the URI has no scheme"},
		"a query":               {"docs://x?y/", library(), tool.Name("x"), "and have no query"},
		"a template":            {"docs://{x}/", library(), tool.Name("x"), "the URI has '{'"},
		"a size":                {docs, library(), tool.Size(1), "tool.Size is not for files"},
		"comments":              {docs, library(), tool.Comments(nil), "tool.Comments is not for files"},
		"read-only":             {docs, library(), tool.ReadOnly(), "tool.ReadOnly is not for files"},
		"a media type":          {docs, library(), tool.MIME("x"), "tool.MIME"},
		"another argument":      {docs, library(), tool.Complete("x", noValues), `tool.Complete: there is no argument "x", the arguments are: path`},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := tool.Files(test.uri, test.fsys, test.option)
			wantError(t, err, test.want, "tool: files at ", "files_test.go:")
			if all != nil {
				t.Error("there are resources beside the error")
			}
		})
	}
}

// outside makes a folder to serve in a folder with a secret: the served one has
// links that lead out.
func outside(t testing.TB) (served fs.FS, secret string) {
	t.Helper()
	secret = "the secret of the folder above"
	root := t.TempDir()
	dir := filepath.Join(root, "served")
	for name, data := range map[string]string{
		"secret.txt": secret, "served/in.txt": "in", "served/sub/deep.txt": "deep", "served/.env": secret, "beside/secret.txt": secret,
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(data), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"up": "..", "file.txt": filepath.Join("..", "secret.txt"), "sub/abs": filepath.Join(root, "beside")} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Skip("no symbolic links:", err)
		}
	}
	return os.DirFS(dir), secret
}

// TestFilesStayInside: nothing that leads out of a folder is served, whatever the
// file system can tell of a link.
func TestFilesStayInside(t *testing.T) {
	served, _ := outside(t)
	root, err := os.OpenRoot(fmt.Sprint(served))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, fsys := range map[string]fs.FS{
		"os.DirFS":            served,
		"os.Root":             root.FS(),
		"one around os.DirFS": struct{ fs.FS }{served}, // which follows links, and cannot be asked for them
		"one around os.Root":  struct{ fs.FS }{root.FS()},
	} {
		t.Run(name, func(t *testing.T) { staysInside(t, fsys) })
	}
}

func staysInside(t *testing.T, served fs.FS) {
	template, listed := mustFiles(t, served)
	var names []string
	for _, r := range listed {
		names = append(names, r.Spec().Name)
	}
	if want := []string{"in.txt", "sub/deep.txt"}; !slices.Equal(names, want) {
		t.Errorf("listed %q, want %q", names, want)
	}
	if got, err := template.Read(plainContext(t), "docs://sub/deep.txt"); err != nil || got[0].Text != "deep" {
		t.Errorf("what is inside: %v, %v", got, err)
	}
	for _, path := range []string{
		"../secret.txt", "..%2Fsecret.txt", "%2e%2e/secret.txt", "sub/../../secret.txt", "..%5Csecret.txt", "%252e%252e/secret.txt",
		"up/secret.txt", "file.txt", "sub/abs/secret.txt", "up/served/in.txt", ".env", "/secret.txt", "sub%2F..%2F..%2Fsecret.txt",
	} {
		got, err := template.Read(plainContext(t), docs+path)
		if got != nil || !errors.Is(err, tool.ErrNotFound) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, %v", path, got, err)
		}
	}
	for _, typed := range []string{"up/", "up/s", "sub/abs/", "../"} {
		if got, err := template.Complete(plainContext(t), tool.Completion{Argument: "path", Value: typed}); err != nil || len(got.Values) > 0 {
			t.Errorf("completing %s: got %v, %v", typed, got, err)
		}
	}
}

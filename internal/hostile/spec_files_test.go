package hostile

import (
	"encoding/base64"
	"encoding/json"

	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// outOfReach is what stands in every file that a client must not see.
const outOfReach = "OUT-OF-REACH"

// servedFolder is a folder to serve, with links and hidden files, beside one that
// is not served.
func servedFolder(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "served")
	for name, text := range map[string]string{
		"served/in.txt": "in", "served/sub/deep.txt": "in", "served/a b.txt": "in", "served/%2e%2e/x.txt": "in",
		"secret.txt": outOfReach, "served/.env": outOfReach, "served/.git/config": outOfReach, "served/sub/.ssh/id": outOfReach,
		"beside/secret.txt": outOfReach, "served-too/secret.txt": outOfReach,
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"up": "..", "link.txt": "../secret.txt", "sub/abs": filepath.Join(root, "beside"), "env": ".env"} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Skip("no symbolic links:", err)
		}
	}
	return dir
}

// waysOut are URIs below base that somebody may try.
func waysOut(base string) (all []string) {
	const name = "secret.txt"
	dots := []string{"..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e", "%2525252525252e.", "%c0%ae%c0%ae", "..%00", "..;", "....", "%uff0e%uff0e", "．．", "..%20", ".. "}
	slashes := []string{"/", "//", "%2f", "%2F", "%252f", "%25252F", "\\", "%5c", "%255c", "%c0%af", "/./", "%2f.%2f"}
	for _, d := range dots {
		for _, s := range slashes {
			for _, before := range []string{"", "/", "sub" + s, "in.txt" + s, "sub" + s + d + s} {
				all = append(all, base+before+d+s+name, base+before+d+s+"served-too"+s+name)
			}
		}
	}
	for _, path := range []string{
		".env", "%2eenv", ".git/config", ".git%2fconfig", "sub/.ssh/id", "sub%2F.ssh%2Fid", "sub/../.env", "./.env", "env", "up/secret.txt", "up/beside/secret.txt",
		"link.txt", "sub/abs/secret.txt", "sub%2fabs%2fsecret.txt", "link.txt%00.md", "link.txt?", "link.txt#", "in.txt/../link.txt", "/etc/passwd", "//etc/passwd",
		"%2fetc%2fpasswd", "file:///etc/passwd", "C:/secret.txt", "C:%5Csecret.txt", "GIT~1/config", ".env::$DATA", "in.txt/../../secret.txt", "", "/", ".", "..",
	} {
		all = append(all, base+path)
	}
	return append(all, "file:///etc/passwd", "docs:../secret.txt", "DOCS://link.txt", "docs:///secret.txt", "docs://@/../secret.txt", "docs://x:1/../secret.txt")
}

// TestSpecFilesStayInside: no URI, however it is written, and no beginning of a
// path leads out of a folder that is served, or to what is hidden in it.
func TestSpecFilesStayInside(t *testing.T) {
	dir := servedFolder(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, fsys := range map[string]fs.FS{"os.DirFS": os.DirFS(dir), "os.Root": root.FS(), "one that knows no links": struct{ fs.FS }{os.DirFS(dir)}} {
		t.Run(name, func(t *testing.T) {
			srv := server.New("files", "1", server.Options{Logger: slog.New(slog.DiscardHandler)})
			srv.FS("docs://", fsys)
			srv.Resource("own://{+path}", func(path string) (string, error) { // as docs/resources.md says
				text, err := root.ReadFile(path)
				if err != nil {
					return "", tool.ErrNotFound
				}
				return string(text), nil
			}, tool.Name("own"))
			h := httptest.NewServer(srv.Handler())
			defer h.Close()
			host := strings.TrimPrefix(h.URL, "http://")
			stayInside(t, host)
		})
	}
}

func stayInside(t *testing.T, host string) {
	ask := func(method, header, params string) string {
		return raw(t, host, request("POST", "/mcp", host, stateless(method, params), append(asJSON, named(method, header)...)...)).body
	}
	for _, uri := range []string{"docs://in.txt", "docs://sub/deep.txt", "docs://sub%2Fdeep.txt", "docs://a%20b.txt", "own://sub/deep.txt"} {
		if got := ask("resources/read", uri, `"uri":`+quote(uri)); !strings.Contains(got, `"text":"in"`) {
			t.Errorf("what is inside, %s: %s", uri, got)
		}
	}
	tried := waysOut("docs://")
	for _, uri := range append(tried, "own://../secret.txt", "own://up/secret.txt", "own://link.txt", "own://sub/abs/secret.txt", "own://%2e%2e%2fsecret.txt", "own:///etc/passwd") {
		got := ask("resources/read", encodeName(uri), `"uri":`+quote(uri))
		if strings.Contains(got, outOfReach) || strings.Contains(got, "root:") || !strings.Contains(got, `"error"`) {
			t.Errorf("%s: %s", uri, got)
		}
	}
	for _, typed := range []string{"", ".", "..", "../", "../s", "up/", "up/s", "sub/", "sub/abs/", "sub/.", ".git/", "/", "/etc/", "sub/../", "sub/../../", "\\", "env", "link"} {
		got := ask("completion/complete", "", `"ref":{"type":"ref/resource","uri":"docs://{+path}"},"argument":{"name":"path","value":`+quote(typed)+`}`)
		for _, hidden := range []string{"secret", ".env", ".git", ".ssh", "passwd", "served-too", "beside", "link.txt", `"up`} {
			if _, values, _ := strings.Cut(got, `"values"`); strings.Contains(values, hidden) {
				t.Errorf("completing %q tells of %s: %s", typed, hidden, got)
			}
		}
	}
	if got := ask("resources/list", "", ""); strings.Contains(got, "secret") || strings.Contains(got, ".env") || !strings.Contains(got, "docs://sub/deep.txt") {
		t.Errorf("listed: %s", got)
	}
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // of a string
	}
	return string(b)
}

// encodeName writes what a header cannot hold as 2026-07-28 wants it.
func encodeName(name string) string {
	return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(name)) + "?="
}

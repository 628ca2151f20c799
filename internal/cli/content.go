package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/tool"
)

// printContent writes a result for people: texts as they are, structured content
// as JSON, and a remark for what a terminal cannot show. A text that repeats the
// structured content, for clients that know none, is left out.
func printContent(w io.Writer, s *screen, result *client.Result, saved *saver) error {
	var twin []byte
	if len(result.Structured) > 0 {
		twin = canonical(result.Structured)
	}
	for _, block := range result.Content {
		if text, ok := block.(tool.Text); ok && twin != nil && bytes.Equal(canonical([]byte(text.Text)), twin) {
			continue
		}
		if err := printBlock(w, s, block, saved); err != nil {
			return err
		}
	}
	if twin == nil {
		return nil
	}
	return s.jsonTo(w, result.Structured)
}

// canonical writes JSON so that equal values are equal bytes; nil if it is none.
// Numbers keep their digits.
func canonical(text []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return nil
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return out
}

// printBlock writes one block for people, and saves one that is no text.
func printBlock(w io.Writer, s *screen, block tool.Content, saved *saver) error {
	var text string
	switch b := block.(type) {
	case tool.Text:
		text = s.text(b.Text)
	case tool.Image:
		return printBlob(w, "image", b.MIME, b.Data, saved)
	case tool.Audio:
		return printBlob(w, "audio", b.MIME, b.Data, saved)
	case tool.Link:
		text = fmt.Sprintf("[%s: %s]", oneLine(b.Name), oneLine(b.URI))
	case tool.Embed:
		if b.Blob != nil {
			return printBlob(w, b.URI, b.MIME, b.Blob, saved)
		}
		text = s.text(b.Text)
	default:
		text = fmt.Sprintf("[%T]", b)
	}
	_, err := io.WriteString(w, strings.TrimSuffix(text, "\n")+"\n")
	return err
}

func printBlob(w io.Writer, what, mime string, data []byte, saved *saver) error {
	file, err := saved.save(mime, data)
	if err != nil {
		return err
	}
	if file != "" {
		file = ", saved as " + file
	}
	_, err = fmt.Fprintf(w, "[%s: %s, %d bytes%s]\n", oneLine(what), oneLine(mime), len(data), oneLine(file))
	return err
}

// saver puts blobs into files: one into a file, or several into a folder, under
// names of ours. A nil saver saves nothing.
type saver struct {
	path   string
	folder bool
	name   string // what files in a folder are called, before a number
	files  []string
}

// newSaver saves to a path, "" for nowhere; one that ends in a slash, or is a
// folder, is a folder.
func newSaver(path, name string) (*saver, error) {
	s := &saver{path: path, name: fileName(name)}
	if path == "" {
		return s, nil
	}
	info, err := os.Stat(path)
	switch {
	case err == nil:
		s.folder = info.IsDir()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, usagef("--output: %w", err)
	case strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator)):
		s.folder = true
	}
	return s, nil
}

// fileName makes a name of a file of what a server calls something.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, name)
	return strings.Trim(name[:min(len(name), 60)], "-")
}

// save writes a blob and returns the name of its file, "" where nothing is saved.
func (s *saver) save(mime string, data []byte) (string, error) {
	if s == nil || s.path == "" {
		return "", nil
	}
	path := s.path
	if s.folder {
		if err := os.MkdirAll(s.path, 0o777); err != nil {
			return "", fmt.Errorf("--output: %w", err)
		}
		path = filepath.Join(s.path, fmt.Sprintf("%s-%d%s", s.name, len(s.files)+1, extension(mime)))
	} else if len(s.files) > 0 {
		return "", fmt.Errorf("--output %s is one file, and there are several blobs: name a folder, with a slash at its end", s.path)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		return "", fmt.Errorf("--output: %w", err)
	}
	s.files = append(s.files, path)
	return path, nil
}

// extensions of the types that servers send most; package mime would have several
// for some of them.
var extensions = map[string]string{
	"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "image/svg+xml": ".svg",
	"audio/wav": ".wav", "audio/mpeg": ".mp3", "audio/ogg": ".ogg", "text/plain": ".txt", "text/html": ".html",
	"application/json": ".json", "application/pdf": ".pdf", "application/zip": ".zip",
}

func extension(typ string) string {
	typ, _, err := mime.ParseMediaType(typ)
	if err != nil {
		return ".bin"
	}
	if known, ok := extensions[typ]; ok {
		return known
	}
	if found, err := mime.ExtensionsByType(typ); err == nil && len(found) > 0 {
		return slices.Min(found)
	}
	return ".bin"
}

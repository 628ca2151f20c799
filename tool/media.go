package tool

import (
	"bytes"
	"mime"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	plainMIME = "text/plain"
	bytesMIME = "application/octet-stream"
	jsonMIME  = "application/json"
)

// mediaTypes are those of files by the ends of their names. The tables of the
// machine would make a server say something else wherever it runs.
var mediaTypes = map[string]string{
	".txt": plainMIME, ".text": plainMIME, ".log": plainMIME, ".ini": plainMIME, ".mod": plainMIME, ".sum": plainMIME,
	".md": "text/markdown", ".markdown": "text/markdown",
	".html": "text/html", ".htm": "text/html", ".css": "text/css", ".csv": "text/csv", ".tsv": "text/tab-separated-values",
	".js": "text/javascript", ".mjs": "text/javascript", ".ts": "text/x-typescript",
	".go": "text/x-go", ".py": "text/x-python", ".rs": "text/x-rust", ".c": "text/x-c", ".h": "text/x-c",
	".java": "text/x-java", ".sh": "text/x-shellscript", ".proto": "text/x-protobuf",
	".json": jsonMIME, ".xml": "application/xml", ".yaml": "application/yaml", ".yml": "application/yaml",
	".toml": "application/toml", ".sql": "application/sql", ".svg": "image/svg+xml",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".ico": "image/x-icon", ".mp3": "audio/mpeg", ".wav": "audio/wav", ".mp4": "video/mp4",
	".pdf": "application/pdf", ".zip": "application/zip", ".gz": "application/gzip", ".wasm": "application/wasm",
}

// mediaType returns the media type of a file by its name, "" if that does not
// tell.
func mediaType(name string) string { return mediaTypes[strings.ToLower(path.Ext(name))] }

// isTextual reports whether a media type is one of text.
func isTextual(typ string) bool {
	base, _, err := mime.ParseMediaType(typ)
	if err != nil {
		return false
	}
	switch base {
	case jsonMIME, "application/xml", "application/yaml", "application/toml", "application/sql", "application/javascript":
		return true
	}
	return strings.HasPrefix(base, "text/") || strings.HasSuffix(base, "+json") || strings.HasSuffix(base, "+xml") || strings.HasSuffix(base, "+yaml")
}

// isText reports whether data can be sent as text.
func isText(data []byte) bool { return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 }

// embedBytes makes contents of data: text where the type says so and the data
// bears it out, or else bytes. Where typ is "" the data decides.
func embedBytes(uri, typ string, data []byte) Embed {
	text := isText(data)
	switch {
	case typ == "" && text:
		typ = plainMIME
	case typ == "":
		typ = bytesMIME
	default:
		text = text && isTextual(typ)
	}
	if text {
		return Embed{URI: uri, MIME: typ, Text: string(data)}
	}
	if data == nil {
		data = []byte{} // nil would be text
	}
	return Embed{URI: uri, MIME: typ, Blob: data}
}

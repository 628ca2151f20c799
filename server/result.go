package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsonenc"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/tool"
)

func asTypeError(err error) (*json.UnmarshalTypeError, bool) {
	return errors.AsType[*json.UnmarshalTypeError](err)
}

// appendJSON appends v as encoding/json encodes it, without escapes for HTML. Raw
// JSON stays as it is.
func appendJSON(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case json.RawMessage:
		if err := checkJSON(v); err != nil {
			return dst, err
		}
		return append(dst, v...), nil
	}
	return jsonenc.For(reflect.TypeOf(v)).Append(dst, reflect.ValueOf(v))
}

func checkJSON(raw []byte) error {
	r := jsontext.Read(raw)
	if _, err := r.Value(); err != nil || r.End() != nil {
		return errors.New("the raw JSON is not valid")
	}
	return nil
}

// structuredText returns the JSON text of what a result has as structured, nil for
// nothing: in buf, or that of raw JSON, which is looked at but not copied.
func structuredText(buf []byte, structured any) (text, dst []byte, err error) {
	switch v := structured.(type) {
	case nil:
		return nil, buf, nil
	case json.RawMessage:
		return v, buf, checkJSON(v)
	}
	buf, err = appendJSON(buf[:0], structured)
	return buf, buf, err
}

// toolError appends the result of a tool that failed.
func (c *call) toolError(dst []byte, text string) ([]byte, error) {
	dst = append(dst, `{"content":[{"type":"text","text":`...)
	dst = jsontext.AppendString(dst, text)
	return c.finish(append(dst, `}],"isError":true`...), nil, nil)
}

// appendResult appends the result of a tool, in the form that the revision has
// and the tool's schema promises: r, and as its structured part the JSON text, if
// it has one. The text is quoted once and copied once, into room made at once.
func (c *call) appendResult(dst []byte, spec *tool.Spec, r *tool.Result, structured []byte) ([]byte, error) {
	twin := r.Content == nil && structured != nil // for clients without structured content
	if twin {
		dst = grown(dst, bothTexts(structured))
	}
	dst, err := appendContents(append(dst, `{"content":[`...), c.revision, r.Content)
	if err != nil {
		return dst, err
	}
	if twin {
		dst = append(dst, `{"type":"text","text":`...)
		dst = append(jsontext.AppendString(dst, structured), '}')
	}
	dst = append(dst, ']')
	if structured != nil && c.revision.structured {
		dst = append(dst, `,"structuredContent":`...)
		wrap := structured[0] != '{' || spec.Output != nil && !spec.OutputObject
		dst = appendWrapped(dst, structured, wrap && !c.revision.anyStructured)
	}
	if r.IsError {
		dst = append(dst, `,"isError":true`...)
	}
	return c.finish(dst, r.Meta, nil)
}

// frame is room for what stands around the texts of a result.
const frame = 256

// grown returns dst with room for n more bytes.
func grown(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	return append(make([]byte, 0, len(dst)+n), dst...)
}

// bothTexts is how many bytes a structured result takes, quoted and as it is.
func bothTexts(structured []byte) int {
	escapes := bytes.Count(structured, []byte{'"'}) + bytes.Count(structured, []byte{'\\'})
	return 2*len(structured) + escapes + frame
}

func appendContents(dst []byte, rev *revision, blocks []tool.Content) ([]byte, error) {
	for i, block := range blocks {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendContent(dst, rev, block); err != nil {
			return dst, fmt.Errorf("content block %d: %w", i, err)
		}
	}
	return dst, nil
}

// comma appends one unless an object or array has just begun.
func comma(dst []byte) []byte {
	if last := dst[len(dst)-1]; last == '{' || last == '[' {
		return dst
	}
	return append(dst, ',')
}

func appendCache(dst []byte, cache tool.Cache) []byte {
	dst = strconv.AppendInt(append(dst, `,"ttlMs":`...), max(cache.TTL.Milliseconds(), 0), 10)
	if cache.Public {
		return append(dst, `,"cacheScope":"public"`...)
	}
	return append(dst, `,"cacheScope":"private"`...)
}

// appendWrapped appends a value, as the one member of an object if it is to be
// wrapped: revisions up to 2025-11-25 know no other structured content.
func appendWrapped(dst, value []byte, wrap bool) []byte {
	if !wrap {
		return append(dst, value...)
	}
	return append(append(append(dst, `{"result":`...), value...), '}')
}

func appendMeta(dst []byte, meta map[string]any) ([]byte, error) {
	if len(meta) == 0 {
		return dst, nil
	}
	dst, err := appendJSON(append(comma(dst), `"_meta":`...), meta)
	if err != nil {
		return dst, fmt.Errorf("_meta: %w", err)
	}
	return dst, nil
}

// appendContent appends one block, or the nearest thing the revision has to it.
func appendContent(dst []byte, rev *revision, block tool.Content) ([]byte, error) {
	switch b := block.(type) {
	case tool.Text:
		dst = appendText(dst, b.Text)
		return appendExtras(dst, rev, b.Annotations, b.Meta)
	case tool.Image:
		mime, err := mediaType("image", b.MIME, b.Data)
		if err != nil {
			return dst, err
		}
		dst = appendMedia(dst, "image", b.Data, mime)
		return appendExtras(dst, rev, b.Annotations, b.Meta)
	case tool.Audio:
		mime, err := mediaType("audio", b.MIME, b.Data)
		if err != nil {
			return dst, err
		}
		if !rev.audio {
			embed := tool.Embed{URI: "audio:", MIME: mime, Blob: b.Data, Annotations: b.Annotations}
			return appendContent(dst, rev, embed)
		}
		dst = appendMedia(dst, "audio", b.Data, mime)
		return appendExtras(dst, rev, b.Annotations, b.Meta)
	case tool.Link:
		if b.URI == "" {
			return dst, errors.New("a link without a URI")
		}
		if !rev.links {
			return appendExtras(appendText(dst, linkText(b)), rev, b.Annotations, b.Meta)
		}
		return appendExtras(appendLink(dst, b), rev, b.Annotations, b.Meta)
	case tool.Embed:
		if b.URI == "" {
			return dst, errors.New("an embedded resource without a URI")
		}
		dst = append(appendEmbedded(append(dst, `{"type":"resource","resource":`...), b), '}')
		return appendExtras(dst, rev, b.Annotations, b.Meta)
	case tool.ToolUse, tool.ToolResult:
		return dst, fmt.Errorf("a %T belongs to sampling alone", b)
	case nil:
		return dst, errors.New("it is nil")
	}
	return dst, errors.New("pass a content value, not a pointer to one")
}

// mediaType returns the type that was given for a picture or sound, or else the
// one that its bytes tell.
func mediaType(kind, given string, data []byte) (string, error) {
	if given == "" {
		given = http.DetectContentType(data)
		if !strings.HasPrefix(given, kind+"/") {
			return "", fmt.Errorf("no MIME is given for the %s, and its bytes tell none", kind)
		}
	}
	return given, nil
}

// Each of these leaves the object open for appendExtras.

func appendText(dst []byte, text string) []byte {
	if len(text) > frame {
		dst = grown(dst, len(text)+len(text)/16+frame) // at once, with room for some escapes
	}
	return jsontext.AppendString(append(dst, `{"type":"text","text":`...), text)
}

func appendMedia(dst []byte, kind string, data []byte, mime string) []byte {
	dst = append(append(append(dst, `{"type":"`...), kind...), `","data":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return jsontext.AppendString(append(dst, `","mimeType":`...), mime)
}

func appendLink(dst []byte, l tool.Link) []byte {
	dst = jsontext.AppendString(append(dst, `{"type":"resource_link","uri":`...), l.URI)
	name := l.Name
	if name == "" {
		name = l.URI
	}
	dst = jsontext.AppendString(append(dst, `,"name":`...), name)
	dst = appendMember(dst, `,"title":`, l.Title)
	dst = appendMember(dst, `,"description":`, l.Description)
	dst = appendMember(dst, `,"mimeType":`, l.MIME)
	if l.Size > 0 {
		dst = strconv.AppendInt(append(dst, `,"size":`...), l.Size, 10)
	}
	return dst
}

func linkText(l tool.Link) string {
	if l.Name == "" {
		return l.URI
	}
	return l.Name + ": " + l.URI
}

func appendMember(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return jsontext.AppendString(append(dst, key...), value)
}

// appendExtras appends what every block may have, and closes it.
func appendExtras(dst []byte, rev *revision, a *tool.Annotations, meta map[string]any) ([]byte, error) {
	if w := annotationsOf(rev, a); w != nil {
		var err error
		if dst, err = appendJSON(append(dst, `,"annotations":`...), w); err != nil {
			return dst, err
		}
	}
	if rev.titles {
		var err error
		if dst, err = appendMeta(dst, meta); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

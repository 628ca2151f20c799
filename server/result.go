package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/tool"
)

func asTypeError(err error) (*json.UnmarshalTypeError, bool) {
	return errors.AsType[*json.UnmarshalTypeError](err)
}

// appendJSON appends v as encoding/json encodes it, without escapes for HTML.
func appendJSON(dst []byte, v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		r := jsontext.Read(raw)
		if _, err := r.Value(); err == nil && r.End() == nil {
			return append(dst, raw...), nil
		}
		return dst, errors.New("the raw JSON is not valid")
	}
	b := bytes.NewBuffer(dst)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return dst, err
	}
	return b.Bytes()[:b.Len()-1], nil // without Encode's newline
}

// appendError appends the result of a call that failed.
func appendError(dst []byte, text string) []byte {
	dst = append(dst, `{"content":[{"type":"text","text":`...)
	dst = jsontext.AppendString(dst, text)
	return append(dst, `}],"isError":true}`...)
}

// appendResult appends the result of a call, in the form that the revision has
// and the tool's schema promises.
func appendResult(dst []byte, rev *revision, spec *tool.Spec, r *tool.Result) ([]byte, error) {
	var structured []byte
	if r.Structured != nil {
		var err error
		if structured, err = appendJSON(nil, r.Structured); err != nil {
			return dst, fmt.Errorf("encoding the structured result: %w", err)
		}
	}
	dst = append(dst, `{"content":[`...)
	for i, block := range r.Content {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendContent(dst, rev, block); err != nil {
			return dst, fmt.Errorf("content block %d: %w", i, err)
		}
	}
	if r.Content == nil && structured != nil { // the twin, for clients without structured content
		dst = append(dst, `{"type":"text","text":`...)
		dst = append(jsontext.AppendString(dst, structured), '}')
	}
	dst = append(dst, ']')
	if structured != nil && rev.structured {
		dst = append(dst, `,"structuredContent":`...)
		wrap := structured[0] != '{' || spec.Output != nil && !spec.OutputObject
		dst = appendWrapped(dst, structured, wrap)
	}
	if r.IsError {
		dst = append(dst, `,"isError":true`...)
	}
	dst, err := appendMeta(dst, r.Meta)
	return append(dst, '}'), err
}

// appendWrapped appends a value, as the one member of an object if it is to be
// wrapped: the handshake revisions know no other structured content.
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
	dst, err := appendJSON(append(dst, `,"_meta":`...), meta)
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
		dst = appendMedia(dst, "image", b.Data, b.MIME)
		return appendExtras(dst, rev, b.Annotations, b.Meta)
	case tool.Audio:
		if !rev.audio {
			embed := tool.Embed{URI: "audio:", MIME: b.MIME, Blob: b.Data, Annotations: b.Annotations}
			return appendContent(dst, rev, embed)
		}
		dst = appendMedia(dst, "audio", b.Data, b.MIME)
		return appendExtras(dst, rev, b.Annotations, b.Meta)
	case tool.Link:
		if !rev.links {
			return appendExtras(appendText(dst, linkText(b)), rev, b.Annotations, b.Meta)
		}
		return appendExtras(appendLink(dst, b), rev, b.Annotations, b.Meta)
	case tool.Embed:
		return appendExtras(appendEmbed(dst, b), rev, b.Annotations, b.Meta)
	case nil:
		return dst, errors.New("it is nil")
	}
	return dst, errors.New("pass a content value, not a pointer to one")
}

// Each of these leaves the object open for appendExtras.

func appendText(dst []byte, text string) []byte {
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

func appendEmbed(dst []byte, e tool.Embed) []byte {
	dst = jsontext.AppendString(append(dst, `{"type":"resource","resource":{"uri":`...), e.URI)
	dst = appendMember(dst, `,"mimeType":`, e.MIME)
	if e.Blob != nil {
		dst = append(dst, `,"blob":"`...)
		return append(base64.StdEncoding.AppendEncode(dst, e.Blob), `"}`...)
	}
	return append(jsontext.AppendString(append(dst, `,"text":`...), e.Text), '}')
}

func appendMember(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return jsontext.AppendString(append(dst, key...), value)
}

// appendExtras appends what every block may have, and closes it.
func appendExtras(dst []byte, rev *revision, a *tool.Annotations, meta map[string]any) ([]byte, error) {
	if a != nil {
		wire := struct {
			Audience     []string `json:"audience,omitempty"`
			Priority     *float64 `json:"priority,omitempty"`
			LastModified string   `json:"lastModified,omitempty"`
		}{Audience: a.Audience, Priority: a.Priority}
		if rev.titles && !a.LastModified.IsZero() {
			wire.LastModified = a.LastModified.Format(time.RFC3339)
		}
		var err error
		if dst, err = appendJSON(append(dst, `,"annotations":`...), wire); err != nil {
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

package server

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// answer is the result of a tool, as far as people are shown it.
type answer struct {
	Content    []answerBlock   `json:"content"`
	Structured json.RawMessage `json:"structuredContent"`
	IsError    bool            `json:"isError"`
}

type answerBlock struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Data     []byte `json:"data"`
	MIME     string `json:"mimeType"`
	URI      string `json:"uri"`
	Name     string `json:"name"`
	Resource struct {
		URI  string  `json:"uri"`
		MIME string  `json:"mimeType"`
		Text *string `json:"text"`
		Blob []byte  `json:"blob"`
	} `json:"resource"`
}

// print writes a result for people: texts as they are, structured content as
// JSON, and a remark for what a terminal cannot show. A text that repeats the
// structured content, for clients that know none, is left out.
func (a *answer) print(w io.Writer) error {
	var twin []byte
	if a.Structured != nil {
		twin = canonical(a.Structured)
	}
	for _, b := range a.Content {
		if b.Type == "text" && twin != nil && json.Valid([]byte(b.Text)) && string(canonical([]byte(b.Text))) == string(twin) {
			continue
		}
		if _, err := io.WriteString(w, line(b.show())); err != nil {
			return err
		}
	}
	if twin == nil {
		return nil
	}
	return printJSON(w, a.Structured)
}

func (b *answerBlock) show() string {
	switch b.Type {
	case "text":
		return b.Text
	case "image", "audio":
		return fmt.Sprintf("[%s: %s, %d bytes]", b.Type, b.MIME, len(b.Data))
	case "resource_link":
		return fmt.Sprintf("[%s: %s]", b.Name, b.URI)
	case "resource":
		if b.Resource.Text != nil {
			return *b.Resource.Text
		}
		return fmt.Sprintf("[%s: %s, %d bytes]", b.Resource.URI, b.Resource.MIME, len(b.Resource.Blob))
	}
	return fmt.Sprintf("[%s]", b.Type)
}

// line ends a text in a newline.
func line(text string) string { return strings.TrimSuffix(text, "\n") + "\n" }

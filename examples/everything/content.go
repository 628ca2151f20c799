package main

import (
	"strings"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func addContent(srv *server.Server) {
	// Without tool.Name a tool is called like its function: simple_text.
	srv.Tool(SimpleText, tool.Name("test_simple_text"), tool.Title("Simple text"), tool.ReadOnly())
	srv.Tool(Picture, tool.Name("test_image_content"), tool.ReadOnly())
	srv.Tool(Sound, tool.Name("test_audio_content"), tool.ReadOnly())
	srv.Tool(Document, tool.Name("test_embedded_resource"), tool.ReadOnly())
	srv.Tool(Mixed, tool.Name("test_multiple_content_types"), tool.ReadOnly())
	srv.Tool(Failing, tool.Name("test_error_handling"), tool.ReadOnly())
	srv.Tool(Measure, tool.ReadOnly(), tool.Idempotent(true), tool.OpenWorld(false))
}

// SimpleText answers with a sentence.
func SimpleText() string {
	return "This is a simple text response."
}

// Picture answers with a small picture.
func Picture() (tool.Image, error) {
	data, err := squares()
	return tool.Image{Data: data, MIME: "image/png"}, err
}

// Sound answers with a short tone.
func Sound() tool.Audio {
	return tool.Audio{Data: tone(), MIME: "audio/wav"}
}

// Document answers with a document that travels in the result.
func Document() tool.Embed {
	return tool.Embed{URI: "test://embedded-resource", MIME: "text/plain", Text: "This document came with the result."}
}

// Mixed answers with a text, a picture, a document and a link, in this order.
func Mixed() ([]tool.Content, error) {
	picture, err := Picture()
	if err != nil {
		return nil, err
	}
	return []tool.Content{
		// Annotations say whom a block is for and how much it matters.
		tool.Text{Text: "Several kinds of content:", Annotations: &tool.Annotations{
			Audience: []string{"user", "assistant"},
			Priority: new(0.8),
		}},
		picture,
		Document(),
		// A link is not sent along: the client may read it, see resources.go.
		tool.Link{URI: "test://static-text", Name: "static_text", Description: "A text that never changes."},
	}, nil
}

// Failing fails, and says why.
func Failing() error {
	// The text of a tool.Errorf is for the caller, also where Options.MaskErrors
	// hides the text of other errors.
	return tool.Errorf("this tool fails on purpose")
}

// Measurement is what Measure finds out.
type Measurement struct {
	// Words is how many there are, separated by blanks.
	Words int `json:"words"`
	// Letters is how many characters there are, blanks included.
	Letters int `json:"letters"`
	// Longest is the longest word, the first of them if there are several.
	Longest string `json:"longest,omitempty"`
}

// Measure counts the words and letters of a text.
func Measure(text string) Measurement {
	// A struct is sent as structured content, and its schema is listed with the
	// tool. The argument is called text because the parameter is.
	m := Measurement{Letters: utf8.RuneCountInString(text)}
	for word := range strings.FieldsSeq(text) {
		m.Words++
		if utf8.RuneCountInString(word) > utf8.RuneCountInString(m.Longest) {
			m.Longest = word
		}
	}
	return m
}

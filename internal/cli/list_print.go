package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/tool"
)

// print prints a list for people.
func (l *listing) print(s *screen, o *listFlags) {
	title := oneLine(l.Server.Name + " " + l.Server.Version)
	if t := oneLine(l.Server.Title); t != "" && t != l.Server.Name {
		title = t + " (" + title + ")"
	}
	fmt.Fprintf(s.w, "%s, MCP %s over %s\n", s.bold(title), oneLine(l.Server.ProtocolVersion), l.Server.Transport)
	if o.all && l.Server.Instructions != "" {
		fmt.Fprintf(s.w, "\n%s\n", strings.TrimSpace(s.text(l.Server.Instructions)))
	}
	switch {
	case l.Tools == nil:
	case o.schema:
		l.printSchemas(s)
	default:
		l.printTools(s)
	}
	if l.Resources != nil {
		rows := [][]string{{"RESOURCE", "NAME", "TYPE", "DESCRIPTION"}}
		for _, r := range l.Resources {
			mime := r.MIME
			if r.Size > 0 {
				mime += " " + strconv.FormatInt(r.Size, 10) + " B"
			}
			rows = append(rows, []string{r.URI, r.Name, mime, about(r.Description, r.Title)})
		}
		s.section("resources", rows)
	}
	if l.Templates != nil {
		rows := [][]string{{"TEMPLATE", "NAME", "TYPE", "DESCRIPTION"}}
		for _, t := range l.Templates {
			rows = append(rows, []string{t.Template, t.Name, t.MIME, about(t.Description, t.Title)})
		}
		s.section("templates", rows)
	}
	if l.Prompts != nil {
		rows := [][]string{{"PROMPT", "ARGUMENTS", "DESCRIPTION"}}
		for _, p := range l.Prompts {
			rows = append(rows, []string{p.Name, arguments(p.Arguments), about(p.Description, p.Title)})
		}
		s.section("prompts", rows)
	}
}

// section prints a table below what was printed before.
func (s *screen) section(of string, rows [][]string) {
	fmt.Fprintln(s.w)
	if len(rows) == 1 {
		fmt.Fprintf(s.w, "There are no %s.\n", of)
		return
	}
	s.table(rows...)
}

// about is what a list says of an item.
func about(description, title string) string { return firstSentence(cmp.Or(description, title)) }

func (l *listing) printTools(s *screen) {
	rows := [][]string{{"TOOL", "PARAMETERS", "DESCRIPTION"}}
	for _, t := range l.Tools {
		rows = append(rows, []string{t.Name, parameters(t.InputSchema), about(t.Description, t.Title)})
	}
	s.section("tools", rows)
}

func (l *listing) printSchemas(s *screen) {
	for _, t := range l.Tools {
		fmt.Fprintf(s.w, "\n%s  %s\n", s.bold(oneLine(t.Name)), about(t.Description, t.Title))
		var b bytes.Buffer
		if json.Indent(&b, t.InputSchema, "", "  ") != nil {
			continue // it came in a message that was JSON
		}
		fmt.Fprintln(s.w, s.text(b.String()))
	}
}

// parameters names those of a schema, those that may be left out in brackets.
func parameters(schema json.RawMessage) string {
	var s struct {
		Properties json.RawMessage `json:"properties"`
		Required   []string        `json:"required"`
	}
	if json.Unmarshal(schema, &s) != nil {
		return ""
	}
	var words []string
	_ = jsontext.Members(s.Properties, func(key, _ []byte) error { // nothing, of what is no object
		words = append(words, optional(jsontext.Text(key), slices.Contains(s.Required, jsontext.Text(key))))
		return nil
	})
	return strings.Join(words, " ")
}

func arguments(of []tool.PromptArgument) string {
	var words []string
	for _, a := range of {
		words = append(words, optional(a.Name, a.Required))
	}
	return strings.Join(words, " ")
}

func optional(name string, required bool) string {
	if required {
		return name
	}
	return "[" + name + "]"
}

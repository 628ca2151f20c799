package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/tool"
)

func (p *program) readCommand() *cobra.Command {
	r := p.newRemote()
	var asJSON bool
	var output string
	cmd := &cobra.Command{
		Use:   "read [flags] TARGET URI",
		Short: "Print a resource of a server",
		Long: `Print what is at the URI of a resource: texts and, unless that is a terminal,
other bytes as they are.

` + aboutTarget,
		Example: fmt.Sprintf(`  %[1]s read ./weather weather://stations
  %[1]s read -o logo.png https://example.com/mcp file:///logo.png`, p.name),
		Args: p.wants("read", 2, 2, "a TARGET and a URI"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.read(cmd.Context(), args[0], args[1], output, asJSON)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print the whole result as JSON")
	f.StringVarP(&output, "output", "o", "", "write the resource to this `file`, or one of several parts to this folder")
	r.addFlags(f)
	r.complete(cmd)
	return cmd
}

func (r *remote) read(ctx context.Context, target, uri, output string, asJSON bool) error {
	saved, err := newSaver(output, uri)
	if err != nil {
		return err
	}
	c, err := r.connect(ctx, target)
	if err != nil {
		return err
	}
	defer c.Close()
	if asJSON {
		params, err := json.Marshal(map[string]string{"uri": uri})
		if err != nil {
			return err
		}
		result, err := c.Do(ctx, mcp.ResourcesRead, params)
		if err != nil {
			return r.notRead(ctx, uri, err)
		}
		return screenOf(r.p.out).json(result)
	}
	contents, err := c.Read(ctx, uri)
	if err != nil {
		return r.notRead(ctx, uri, err)
	}
	return r.printContents(uri, contents, saved)
}

func (r *remote) notRead(ctx context.Context, uri string, err error) error {
	return r.failed(ctx, "read "+cut(oneLine(uri), 100), fmt.Errorf("%w: list TARGET --resources --templates shows what there is", err))
}

// printContents prints a resource. Bytes are not for a terminal.
func (r *remote) printContents(uri string, contents []tool.Embed, saved *saver) error {
	s := screenOf(r.p.out)
	for _, part := range contents {
		data := part.Blob
		if data == nil {
			data = []byte(s.text(part.Text))
		}
		if saved.path != "" {
			if part.Blob == nil {
				data = []byte(part.Text)
			}
			file, err := saved.save(part.MIME, data)
			if err != nil {
				return err
			}
			r.notes.say("saved %s", file)
			continue
		}
		if part.Blob != nil && s.tty {
			return &exitError{exitUsage, fmt.Errorf("%s is %s, %d bytes, which is nothing for a terminal: write it to a file with -o FILE", oneLine(uri), oneLine(part.MIME), len(data))}
		}
		if err := write(s, data, part.Blob == nil); err != nil {
			return err
		}
	}
	return nil
}

// write writes what is read; a text on a terminal ends in a line break.
func write(s *screen, data []byte, isText bool) error {
	if _, err := s.w.Write(data); err != nil {
		return err
	}
	if s.tty && isText && len(data) > 0 && data[len(data)-1] != '\n' {
		_, err := io.WriteString(s.w, "\n")
		return err
	}
	return nil
}

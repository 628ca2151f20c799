package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

// readResource serves resources/read.
func readResource(c *call, dst []byte) ([]byte, error) {
	p := &c.in
	c.takeToken()
	if !isString(p.URI) {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.uri must be the URI of a resource")
	}
	uri := jsontext.Text(p.URI)
	r := c.session.server.resource(uri)
	if r == nil {
		return nil, c.notFound(uri, "")
	}
	spec := r.Spec()
	c.name = spec.Name
	if err := c.resume(p); err != nil {
		return nil, err
	}
	if err := c.session.server.rates.take(c.session.peer); err != nil {
		return nil, err
	}
	ctx, stop := c.limit(spec.Timeout)
	defer stop()
	contents, err := c.session.server.invokeResource(c.context(ctx), r, uri)
	if asks, refused := c.inputRequired(dst, p, err); asks != nil || refused != nil {
		return asks, refused
	}
	switch {
	case errors.Is(err, tool.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		text, _ := tool.UserText(err)
		return nil, c.notFound(uri, text)
	case err != nil:
		return c.failure(c.failureText(ctx, err))
	}
	return c.appendContents(dst, uri, &spec, contents)
}

// resource returns what is at a URI: a resource, or the first template in the
// order of registration that describes it. It returns nil for nothing.
func (s *Server) resource(uri string) *tool.Resource {
	if r, ok := s.resources.find(uri); ok {
		return r
	}
	for _, e := range s.templates.snapshot().items {
		if e.item.Matches(uri) {
			return e.item
		}
	}
	return nil
}

// invokeResource reads the resource through the server's middleware.
func (s *Server) invokeResource(ctx *tool.Context, r *tool.Resource, uri string) ([]tool.Embed, error) {
	if handle := s.resourceHandle.now.Load(); handle != nil {
		return (*handle)(ctx, r, uri)
	}
	return r.Read(ctx, uri)
}

// notFound is the error for a URI at which there is nothing.
func (c *call) notFound(uri, text string) error {
	data, err := json.Marshal(mcp.URIParams{URI: uri})
	if err != nil {
		return err
	}
	if text == "" {
		text = "resource not found"
	}
	return &jsonrpc.Error{Code: c.revision.notFound, Message: text, Data: data}
}

func (c *call) appendContents(dst []byte, uri string, spec *tool.ResourceSpec, contents []tool.Embed) ([]byte, error) {
	dst = append(dst, `{"contents":[`...)
	for i, e := range contents {
		if i > 0 {
			dst = append(dst, ',')
		}
		if e.URI == "" {
			e.URI = uri
		}
		dst = appendEmbedded(dst, e)
		if c.revision.titles {
			var err error
			if dst, err = appendMeta(dst, e.Meta); err != nil {
				return nil, err
			}
		}
		dst = append(dst, '}')
	}
	return c.finish(append(dst, ']'), nil, &spec.Cache)
}

// appendEmbedded appends a resource's contents and leaves the object open.
func appendEmbedded(dst []byte, e tool.Embed) []byte {
	dst = jsontext.AppendString(append(dst, `{"uri":`...), e.URI)
	dst = appendMember(dst, `,"mimeType":`, e.MIME)
	if e.Blob != nil {
		dst = append(dst, `,"blob":"`...)
		return append(base64.StdEncoding.AppendEncode(dst, e.Blob), '"')
	}
	return jsontext.AppendString(append(dst, `,"text":`...), e.Text)
}

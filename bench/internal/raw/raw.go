// Package raw is the practical limit: net/http and encoding/json, one envelope
// decoded and one encoded. It checks nothing, and what it answers to echo and
// forecast is fixed; to the other tools it gives what they ask for.
package raw

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/wide"
)

// Server takes part as "raw".
var Server = serve.Server{
	Name: "raw",
	Handler: func(o serve.Options) (http.Handler, error) {
		s := &server{list: list(o.Tools), stateful: o.Mode == serve.HTTP}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /sse", s.stream)
		mux.HandleFunc("POST /messages", s.message)
		mux.HandleFunc("POST /mcp", s.post)
		return mux, nil
	},
	Stdio: func(_ context.Context, o serve.Options) error { return lines(o, os.Stdin, os.Stdout) },
	Streams: func(_ context.Context, o serve.Options, in io.ReadCloser, out io.WriteCloser) error {
		return lines(o, in, out)
	},
}

type server struct {
	list     []byte
	stateful bool
	sessions sync.Map // of SSE a chan []byte by id, of streamable HTTP nothing
}

type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name            string          `json:"name"`
		Arguments       json.RawMessage `json:"arguments"`
		ProtocolVersion string          `json:"protocolVersion"`
	} `json:"params"`
}

type response struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result"`
}

type object = map[string]any

// answer returns the answer to a message, nil if it is a notification.
func (s *server) answer(text []byte) (*request, []byte, error) {
	var req request
	if err := json.Unmarshal(text, &req); err != nil {
		return nil, nil, err
	}
	if req.ID == nil {
		return &req, nil, nil
	}
	res := response{JSONRPC: "2.0", ID: req.ID}
	switch req.Method {
	case "initialize":
		res.Result = object{"protocolVersion": req.Params.ProtocolVersion,
			"capabilities": object{"tools": object{}}, "serverInfo": object{"name": "raw", "version": "1"}}
	case "tools/list":
		// json.Marshal would read the list again: that is no limit.
		out := append([]byte(`{"jsonrpc":"2.0","id":`), req.ID...)
		out = append(append(out, `,"result":`...), s.list...)
		return &req, append(out, '}'), nil
	case "tools/call":
		result, err := call(req.Params.Name, req.Params.Arguments)
		if err != nil {
			return nil, nil, err
		}
		res.Result = result
	default:
		return nil, nil, fmt.Errorf("there is no method %s", req.Method)
	}
	out, err := json.Marshal(res)
	return &req, out, err
}

func lines(o serve.Options, in io.Reader, out io.Writer) error {
	s := &server{list: list(o.Tools)}
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			_, text, err := s.answer(line)
			if err != nil {
				return err
			}
			if text != nil {
				if _, err := out.Write(append(text, '\n')); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *server) post(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req, out, err := s.answer(text)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if s.stateful && req.Method == "initialize" {
		id := rand.Text()
		s.sessions.Store(id, nil)
		w.Header().Set("Mcp-Session-Id", id)
	} else if s.stateful {
		if _, ok := s.sessions.Load(r.Header.Get("Mcp-Session-Id")); !ok {
			http.Error(w, "there is no such session: initialize", http.StatusNotFound)
			return
		}
	}
	if out == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(out)
}

func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	id, answers := rand.Text(), make(chan []byte, 16)
	s.sessions.Store(id, answers)
	defer s.sessions.Delete(id)
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher)
	fmt.Fprintf(w, "event: endpoint\ndata: /messages?session_id=%s\n\n", id)
	flusher.Flush()
	for {
		select {
		case text := <-answers:
			io.WriteString(w, "event: message\ndata: ")
			w.Write(text)
			io.WriteString(w, "\n\n")
			flusher.Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func (s *server) message(w http.ResponseWriter, r *http.Request) {
	answers, ok := s.sessions.Load(r.URL.Query().Get("session_id"))
	if !ok {
		http.Error(w, "there is no such session: open a stream", http.StatusNotFound)
		return
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, out, err := s.answer(text)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	if out != nil {
		answers.(chan []byte) <- out
	}
}

type content struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type result struct {
	Content    []content `json:"content"`
	Structured any       `json:"structuredContent,omitempty"`
}

// call returns the result of a tool.
func call(name string, args json.RawMessage) (any, error) {
	var in struct {
		Text string `json:"text"`
		Size int    `json:"size"`
	}
	text := ""
	switch name {
	case "echo":
		return echoed, nil
	case "wide":
		var order wide.Order
		if err := json.Unmarshal(args, &order); err != nil {
			return nil, err
		}
		out, err := json.Marshal(order)
		return result{[]content{{"text", string(out)}}, json.RawMessage(out)}, err
	case "mirror", "length", "repeat":
		if err := json.Unmarshal(args, &in); err != nil {
			return nil, err
		}
	default: // forecast and its copies
		return forecast, nil
	}
	switch name {
	case "mirror":
		text = in.Text
	case "length":
		text = strconv.Itoa(len(in.Text))
	case "repeat":
		text = strings.Repeat("x", in.Size)
	}
	return result{Content: []content{{"text", text}}}, nil
}

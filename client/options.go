package client

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// Options say what a client is, and what it does with what a server asks and
// tells. The zero value works.
//
// A capability is declared to the server by having its handler. Handlers are
// called concurrently, each on a goroutine of its own, with a context that ends
// when nobody waits for the answer any more. It descends from that of the call in
// which the server asks, where that is known.
type Options struct {
	// Name, Title and Version are those of the program; its name is that of the
	// running binary if empty, and its version 0.0.0.
	Name, Title, Version string

	// Args are the connection arguments: the query of a URL, the environment of a
	// command, the arguments of a server in process. They win over those that the
	// URL has already.
	Args url.Values

	// SecretArgs names connection arguments that are secrets beside those of
	// [tool.IsSecretName]: they are kept out of errors and logs.
	SecretArgs []string

	// Header is sent with every HTTP request, and to no other origin.
	Header http.Header

	// HTTPClient makes the HTTP requests; nil is one of the client's own. See
	// [transport.LinkOptions].
	HTTPClient *http.Client

	// Transport says how a URL is spoken to, where that is not to be found out: http
	// (streamable) or sse.
	Transport string

	// Revision is the revision of the protocol to offer first, the latest if empty;
	// where Memory knows the server, the era that it spoke is tried first.
	// The server may know another; what is spoken is in [ServerInfo]. Connect fails
	// if there is none that both know.
	Revision string

	// Memory remembers which servers speak what, so that they are not asked each
	// time; nil is one of the client's own. Clients may share one.
	Memory *Memory

	// Elicit answers a question to the user, in a form or by a page to open. What a
	// form's answer lacks is filled in from the defaults of its schema (2025-11-25,
	// elicitation). nil declares no such capability.
	Elicit func(ctx context.Context, q *Elicitation) (*Elicited, error)

	// ElicitURL says that Elicit also takes questions of URL mode.
	ElicitURL bool

	// Sample has a model continue a conversation. SampleTools says that the model
	// may be given tools.
	Sample      func(ctx context.Context, s *Sampling) (*tool.Sampled, error)
	SampleTools bool

	// Roots returns the folders that the server may work in. See also
	// Client.RootsChanged.
	Roots func(ctx context.Context) ([]tool.Root, error)

	// OnLog gets the log messages of the server: see LogLevel and Client.SetLevel. It
	// is called where messages are read, in order, and must not wait. nil logs them
	// with Logger.
	OnLog func(ctx context.Context, m *LogMessage)

	// LogLevel is what SetLevel sets, from the beginning; "" leaves it to the server
	// what it sends.
	LogLevel string

	// OnChange is told that a list has changed: tools, prompts or resources. It is
	// called once at a time.
	OnChange func(list string)

	// CheckOutput refuses structured results that do not fit the tool's output
	// schema. It costs a listing of the tools before the first call.
	CheckOutput bool

	// Timeout bounds each request, unless its context ends before: none if zero.
	Timeout time.Duration

	// Reconnect says how often and when a lost connection is made again. A call that
	// was under way fails with [ErrLost]; one that begins later waits for the new
	// connection.
	Reconnect transport.Retry

	// Logger gets what goes wrong and whom to tell there is nobody; nil is
	// slog.Default.
	Logger *slog.Logger

	Raw
}

// Format writes the options as any struct, without the values of headers and of
// connection arguments that are secrets.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options // which has no Format
	args, header := make(url.Values, len(o.Args)), make(http.Header, len(o.Header))
	for name, values := range o.Args {
		if tool.IsSecretName(name, o.SecretArgs...) {
			values = []string{"[redacted]"}
		}
		args[name] = values
	}
	for name := range o.Header {
		header[name] = []string{"[redacted]"}
	}
	o.Args, o.Header = args, header
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

// Raw is for programs that pass messages on: what they set comes before, or
// instead of, what the other options say.
type Raw struct {
	// Info and Capabilities are what the server is told of the client, as JSON
	// objects, and Initialize the whole params of the initialize request. Where that
	// is given and there is a handshake, any revision that the server answers is
	// taken, and its end is left to the program: it sends notifications/initialized
	// with Notify.
	Info, Capabilities, Initialize json.RawMessage

	// OnRequest answers requests of the server; handled is false for one that the
	// other options are to answer. The error may be a *jsonrpc.Error.
	OnRequest func(ctx context.Context, method string, params json.RawMessage) (result json.RawMessage, handled bool, err error)

	// OnNotification is given every notification of the server, in order, before
	// anything else is done with it, and says whether that is all: it is called where
	// the messages are read, and must not wait. A progress notification has the token
	// of the request as Do was given it. ctx is that of the call it belongs to, where
	// that is known.
	OnNotification func(ctx context.Context, method string, params json.RawMessage) (handled bool)
}

// Elicitation is a question to the user.
type Elicitation struct {
	Message string
	Schema  json.RawMessage // of the form; nil in URL mode
	URL     string          // to open, of http or https; "" in form mode
	ID      string          // of a question of URL mode, up to 2025-11-25
	Raw     json.RawMessage // the params as they came
}

// Elicited is what the user did.
type Elicited struct {
	Action  string         // accept, decline or cancel; "" is accept
	Content map[string]any // of a form that was accepted
}

// Sampling is a conversation for a model to continue.
type Sampling struct {
	Messages    []SamplingMessage `json:"messages"`
	System      string            `json:"systemPrompt"`
	MaxTokens   int               `json:"maxTokens"`
	Temperature *float64          `json:"temperature"`
	Stop        []string          `json:"stopSequences"`
	Preferences json.RawMessage   `json:"modelPreferences"`
	Tools       json.RawMessage   `json:"tools"`
	ToolChoice  json.RawMessage   `json:"toolChoice"`
	Raw         json.RawMessage   `json:"-"` // the params as they came
}

// SamplingMessage is one message of a conversation.
type SamplingMessage struct {
	Role    tool.Role
	Content []tool.Content
}

// LogMessage is a log message of the server.
type LogMessage struct {
	Level  string // debug to emergency
	Logger string
	Data   json.RawMessage
}

// Progress is how far a call is.
type Progress struct {
	Done    float64 `json:"progress"`
	Total   float64 `json:"total"` // 0 is not known
	Message string  `json:"message"`
}

// CallOption says something about one request.
type CallOption func(*callOptions)

type callOptions struct {
	progress func(Progress)
	meta     map[string]json.RawMessage
	header   http.Header
	single   bool
}

// OnProgress asks the server to tell how far it is. fn is called where messages
// are read, in order: it must not wait.
func OnProgress(fn func(Progress)) CallOption { return func(o *callOptions) { o.progress = fn } }

// Meta sets a key of the request's _meta.
func Meta(key string, value json.RawMessage) CallOption {
	return func(o *callOptions) {
		if o.meta == nil {
			o.meta = make(map[string]json.RawMessage)
		}
		o.meta[key] = value
	}
}

// Header adds headers to the HTTP request that takes the request to the server.
func Header(h http.Header) CallOption { return func(o *callOptions) { o.header = h } }

// SingleRound returns a result that asks for input as it is (2026-07-28, multi
// round-trip requests), instead of having the handlers of Options answer it.
func SingleRound() CallOption { return func(o *callOptions) { o.single = true } }

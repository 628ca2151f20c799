// Command techdebt is an MCP server that collects the technical debts which a
// model comes across while it works on code. Each API key has a list of its
// own: the tools never name the key, they find it in the connection.
//
// Start it:
//
//	go run ./examples/techdebt
//
// and connect a client to http://127.0.0.1:8080/sse?auth=KEY, with any KEY, or
// have the client start it with --stdio --arg auth=KEY. A connection without a
// key is refused. The lists are kept in memory and end with the process.
package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"log"
	"slices"
	"sync"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// source makes the comments below the descriptions that clients read.
//
//go:embed *.go
var source embed.FS

// Anyone can come with a new key and never stop storing: both limits together
// keep what the process holds finite.
const (
	maxKeys  = 1000
	maxBytes = 256 << 10 // of one key's debts
)

// caller is what the URL has to say. Without auth the connection is refused.
type caller struct {
	Key tool.Secret `arg:"auth,required"`
}

// account stands for the key, so that the key itself is not kept.
type account [sha256.Size]byte

func (c caller) account() account { return sha256.Sum256([]byte(c.Key.Reveal())) }

// authenticate takes any key that is not empty. A real service looks it up here.
func authenticate(c *server.Connect) (principal any, err error) {
	who := c.Bound.(*caller)
	if who.Key.IsZero() {
		return nil, tool.Errorf("auth is empty: connect with ?auth=KEY")
	}
	return who.account(), nil
}

// Debt is a technical debt at one place in the code.
type Debt struct {
	// What is owed, in a few words, such as "no retries".
	ConceptName string `json:"concept_name" jsonschema:"minLength=1"`
	// What is wrong and what it costs.
	ConceptDescription string `json:"concept_description" jsonschema:"minLength=1"`
	// The lines of code in question.
	Code string `json:"code"`
	// The file they stand in, relative to the root of the project.
	FilePath string `json:"file_path" jsonschema:"minLength=1"`
	// The first of the lines, counted from 1.
	StartLine int `json:"start_line" jsonschema:"minimum=1"`
	// The last of the lines.
	EndLine int `json:"end_line" jsonschema:"minimum=1"`
	// Files, issues or pages to read about it.
	References []string `json:"references,omitempty"`
	// What one has to know of the project to understand it.
	ProjectContext string `json:"project_context,omitempty"`
}

// size is about what the debt takes in memory.
func (d *Debt) size() int {
	n := 256 + len(d.ConceptName) + len(d.ConceptDescription) + len(d.Code) + len(d.FilePath) + len(d.ProjectContext)
	for _, r := range d.References {
		n += 16 + len(r)
	}
	return n
}

// List is the debts of one caller.
type List struct {
	// In the order they were collected.
	Debts []Debt `json:"debts"`
}

// ledger holds the debts of every account.
type ledger struct {
	mu    sync.Mutex
	debts map[account][]Debt
}

// CollectTechDebt stores a technical debt for the caller. If the caller's list
// is full, the oldest debts make room.
func (l *ledger) CollectTechDebt(ctx *tool.Context, in Debt) (string, error) {
	switch {
	case in.EndLine < in.StartLine:
		return "", tool.Errorf("end_line %d is before start_line %d", in.EndLine, in.StartLine)
	case in.size() > maxBytes:
		return "", tool.Errorf("the debt is larger than %d bytes: quote less code", maxBytes)
	}
	who := tool.ArgsOf[caller](ctx).account()
	l.mu.Lock()
	defer l.mu.Unlock()
	debts, known := l.debts[who]
	if !known && len(l.debts) == maxKeys {
		return "", tool.Errorf("this server holds the debts of %d keys and takes no more", maxKeys)
	}
	debts = append(debts, in)
	total, first := 0, len(debts)
	for first > 0 && total+debts[first-1].size() <= maxBytes {
		first--
		total += debts[first].size()
	}
	l.debts[who] = slices.Delete(debts, 0, first)
	return fmt.Sprintf("Collected %q; you have %d.", in.ConceptName, len(debts)-first), nil
}

// ListTechDebts lists the technical debts that the caller has stored.
func (l *ledger) ListTechDebts(ctx *tool.Context) List {
	l.mu.Lock()
	defer l.mu.Unlock()
	debts := l.debts[tool.ArgsOf[caller](ctx).account()]
	return List{Debts: append([]Debt{}, debts...)} // [] rather than null
}

func newServer() *server.Server {
	srv := server.New("techdebt", "1.0.0", server.Options{
		Source:       tool.MustSource(source),
		Args:         caller{},
		Authenticate: authenticate,
	})
	l := &ledger{debts: make(map[account][]Debt)}
	srv.Tool(l.CollectTechDebt, tool.Destructive(false), tool.OpenWorld(false))
	srv.Tool(l.ListTechDebts, tool.ReadOnly(), tool.OpenWorld(false))
	return srv
}

func main() {
	if err := newServer().Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

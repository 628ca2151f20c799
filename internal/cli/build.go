package cli

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessionmcp/sessionmcp/internal/gen"
)

// buildCommand returns the command that makes a server binary of a package.
func (p *program) buildCommand() *cobra.Command {
	var o gen.Options
	var framework string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "build [flags] PACKAGE",
		Short: "Compile a package of plain Go functions into a server binary",
		Long: `Compile a package of plain Go functions into one static server binary.

Each exported function becomes a tool: its doc comment the description, its
parameters the arguments, the constants of their types the values allowed. The
package need not import anything of ours, and nothing is written to its module.

Comment lines above a function say more:
  //mcp:readonly  //mcp:destructive  //mcp:destructive=false  //mcp:idempotent
  //mcp:openworld=false  //mcp:name NAME  //mcp:title TEXT  //mcp:timeout 30s
  //mcp:skip      the function is no tool
and above a type
  //mcp:noenum    its constants are not all there is
and above the package clause
  //mcp:name NAME  //mcp:version VERSION  //mcp:instructions TEXT

GOOS and GOARCH choose the system to compile for.`,
		Example: "  " + p.name + " build ./weather\n  GOOS=linux " + p.name + " build -o dist/weather ./weather\n  " + p.name + " build --emit cmd/weather ./weather",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one package, such as ./weather: see %s build --help", p.name)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.Pattern = args[0]
			if o.Emit != "" && o.Output != "" {
				return usagef("--emit writes source and -o names a binary: give one of them")
			}
			if o.Emit == "" {
				if o.Framework, err = gen.FindFramework(framework); err != nil {
					return err
				}
			}
			report, err := gen.Build(cmd.Context(), o)
			if err != nil {
				return err
			}
			return p.printBuilt(cmd, report, o.Emit != "", asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Output, "output", "o", "", "write the binary to this `file` (default: the package's name, with -server behind it if that is a folder)")
	f.StringVar(&o.Emit, "emit", "", "write the program's source into this `folder` instead of compiling it")
	f.StringVar(&o.Name, "name", "", "the server's `name` (default: that of the package)")
	f.StringVar(&o.Version, "version", "", "the server's `version` (default: the latest tag of git, or 0.0.0)")
	f.StringVar(&framework, "framework", "", "build with the checkout of sessionmcp in this `folder` (default: $"+gen.SourceVariable+")")
	f.BoolVar(&asJSON, "json", false, "print what was made as JSON")
	return cmd
}

func (p *program) printBuilt(cmd *cobra.Command, r *gen.Report, emitted, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	r.Print(out)
	if !emitted {
		fmt.Fprintf(out, "\nServe it:  %s --http 127.0.0.1:8080   or   %[1]s --stdio\n", r.File)
		return nil
	}
	fmt.Fprintf(out, "\nNext:\n")
	dir := filepath.Dir(r.File)
	list := exec.CommandContext(cmd.Context(), "go", "list", "-m", module)
	list.Dir = dir
	if list.Run() != nil {
		fmt.Fprintf(out, "  go get %s\n", module)
	}
	fmt.Fprintf(out, "  go build %s\n", goFolder(dir))
	return nil
}

// module is the import path of this module.
const module = "github.com/sessionmcp/sessionmcp"

// goFolder names a folder as the go command wants it: relative, with ./ in front.
func goFolder(dir string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return dir
	}
	rel, err := filepath.Rel(here, dir)
	if err != nil || strings.HasPrefix(rel, "..") {
		return dir
	}
	return "./" + filepath.ToSlash(rel)
}

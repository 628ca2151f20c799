package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessionmcp/sessionmcp/internal/gen"
	"github.com/sessionmcp/sessionmcp/internal/scaffold"
)

// newCommand returns the command that makes a new module with a server.
func (p *program) newCommand() *cobra.Command {
	var o scaffold.Options
	var framework string
	cmd := &cobra.Command{
		Use:   "new [flags] NAME",
		Short: "Make a new module with a server that builds, tests and runs",
		Long: `Make a folder NAME with a module in it: a server, its tools, their test, and a
Dockerfile. The templates are
  hello    one tool that knows who is calling
  weather  typed input and output, limits, defaults, errors that a model can use
  args     connection arguments bound to a struct, keys, users that may connect`,
		Example: "  " + p.name + " new weather --template weather --module example.com/me/weather",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name the server, such as weather: see %s new --help", p.name)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name = args[0]
			with, err := gen.FindFramework(framework)
			if err != nil {
				return err
			}
			o.Version, o.Framework = with.Version, with.Dir
			dir, err := scaffold.New(cmd.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is made. Next:\n  cd %[1]s\n  go test ./...\n  go run .\n", dir)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Module, "module", "", "import `path` of the module (default: example.com/NAME)")
	f.StringVar(&o.Template, "template", scaffold.Templates[0], "`template` to begin with: "+strings.Join(scaffold.Templates, ", "))
	f.StringVar(&framework, "framework", "", "use the checkout of sessionmcp in this `folder` (default: $"+gen.SourceVariable+")")
	return cmd
}

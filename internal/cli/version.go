package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
)

// versionInfo is what the command is made of.
type versionInfo struct {
	Version   string   `json:"version"`
	Commit    string   `json:"commit,omitempty"`
	Modified  bool     `json:"modified,omitempty"` // the checkout had changes that were not committed
	Go        string   `json:"go"`
	System    string   `json:"system"`
	Revisions []string `json:"revisions"` // of the protocol, that are spoken
}

func versionOf() *versionInfo {
	v := &versionInfo{Version: version(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Commit = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	for _, r := range mcp.Revisions {
		v.Revisions = append(v.Revisions, r.Date)
	}
	return v
}

func (p *program) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version and the revisions of the protocol",
		Args:  p.wants("version", 0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, out := versionOf(), cmd.OutOrStdout()
			if asJSON {
				return printJSON(out, v)
			}
			fmt.Fprintf(out, "%s %s\n", p.name, v.Version)
			if v.Commit != "" {
				modified := ""
				if v.Modified {
					modified = ", modified"
				}
				fmt.Fprintf(out, "commit %s%s\n", v.Commit, modified)
			}
			fmt.Fprintf(out, "built with %s for %s\n", v.Go, v.System)
			fmt.Fprintf(out, "speaks MCP %s\n", strings.Join(v.Revisions, ", "))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

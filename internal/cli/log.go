package cli

import (
	"io"
	"log/slog"
	"strings"
)

// leastLevels are what --log-level takes, in any case. The ancestors' names are among
// them: critical is theirs for the worst, of which there is no more here.
var leastLevels = map[string]slog.Level{
	"debug":    slog.LevelDebug,
	"info":     slog.LevelInfo,
	"warn":     slog.LevelWarn,
	"warning":  slog.LevelWarn,
	"error":    slog.LevelError,
	"critical": slog.LevelError,
}

// newLogger returns a logger that writes lines of key=value. debug wins over level.
func newLogger(w io.Writer, level string, debug bool) (*slog.Logger, error) {
	least, ok := leastLevels[strings.ToLower(level)]
	if !ok {
		return nil, usagef("--log-level %s: there are debug, info, warn, error", cut(level, 40))
	}
	if debug {
		least = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: least})), nil
}

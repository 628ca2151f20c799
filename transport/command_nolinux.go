//go:build !linux && !windows

package transport

// awaitExit reports that the child cannot be waited for without reaping it.
func awaitExit(int) bool { return false }

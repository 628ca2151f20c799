//go:build !unix

package transport

import "os"

// TakeStdout returns the process's standard output and points os.Stdout at
// standard error until restore is called: a stray print must not stand between
// two messages. Code that holds the descriptor itself is not caught here.
func TakeStdout() (stdout *os.File, restore func(), err error) {
	stdout = os.Stdout
	os.Stdout = os.Stderr
	return stdout, func() { os.Stdout = stdout }, nil
}

// unread reports that somebody may read what is written to f.
func unread(*os.File) bool { return false }

package server_test

import (
	"bufio"
	"io"
	"strings"
)

// eventReader returns a function that reads the next event of a stream, and
// empty strings at its end. It shares no code with what writes the stream.
func eventReader(r io.Reader) func() (event, data string) {
	lines := bufio.NewReader(r)
	return func() (event, data string) {
		for {
			line, err := lines.ReadString('\n')
			line = strings.TrimRight(line, "\r\n")
			switch {
			case err != nil:
				return "", ""
			case line == "" && data != "":
				return event, data
			case strings.HasPrefix(line, "event: "):
				event = line[len("event: "):]
			case strings.HasPrefix(line, "data: "):
				data += line[len("data: "):]
			}
		}
	}
}

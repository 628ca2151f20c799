package client

import (
	"errors"
	"net/url"
	"strings"

	"github.com/sessionmcp/sessionmcp/tool"
)

// secretsOf collects what must not be printed: the secrets among the connection
// arguments, the password of a URL, and the values of all headers that were given.
func secretsOf(target Target, o *Options) tool.Args {
	values, names := url.Values{}, append([]string(nil), o.SecretArgs...)
	add := func(args url.Values) {
		for name, all := range args {
			values[name] = append(values[name], all...)
		}
	}
	add(o.Args)
	if u, ok := target.(URL); ok {
		if parsed, err := url.Parse(string(u)); err == nil {
			add(parsed.Query())
			if password, ok := parsed.User.Password(); ok {
				values.Add("password", password)
			}
		}
	}
	for name, all := range o.Header {
		name = "header " + name
		names = append(names, name)
		for _, value := range all {
			values.Add(name, value)
			if _, token, ok := strings.Cut(value, " "); ok { // Bearer and the like
				values.Add(name, token)
			}
		}
	}
	return tool.NewArgs(values, names...)
}

// redact hides secrets in the text of an error.
func (c *Client) redact(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	clean := c.secrets.Redact(text)
	if clean == text {
		return err
	}
	return &redactedError{clean, hide(err)}
}

// redactedError is an error with another text. What is in its chain can be told by
// [errors.Is] and [errors.As], and is not to be had by who prints a chain.
type redactedError struct {
	text string
	err  hidden[error]
}

func (e *redactedError) Error() string        { return e.text }
func (e *redactedError) Is(target error) bool { return errors.Is(e.err(), target) }
func (e *redactedError) As(target any) bool   { return errors.As(e.err(), target) }

// hidden is a value that fmt does not print, nor what looks through reflection, of
// a struct that has it.
type hidden[T any] func() T

func hide[T any](v T) hidden[T] { return func() T { return v } }

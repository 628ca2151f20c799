package tool

import (
	"errors"
	"fmt"
)

// userError marks text that was written for the caller.
type userError struct{ err error }

func (e *userError) Error() string { return e.err.Error() }
func (e *userError) Unwrap() error { return e.err }

// Errorf makes an error whose text the caller may see, even where the server
// masks errors. %w wraps, as in [fmt.Errorf].
func Errorf(format string, args ...any) error {
	return &userError{fmt.Errorf(format, args...)}
}

// UserError marks err's text as one that the caller may see, even where the
// server masks errors. It is nil if err is.
func UserError(err error) error {
	if err == nil {
		return nil
	}
	return &userError{err}
}

// UserText returns the text of the [Errorf] or [UserError] in err's chain, and
// whether there is one. Text that was wrapped around it is left out: it was not
// marked.
func UserText(err error) (text string, ok bool) {
	if e, ok := errors.AsType[*userError](err); ok {
		return e.Error(), true
	}
	return "", false
}

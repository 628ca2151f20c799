package schema

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A format is one that a string of a form may have (2025-11-25 schema,
// StringSchema).
type format struct {
	words string // what is wanted
	check func(s string) error
}

var formats = map[string]format{
	"email":     {"an email address", checkEmail},
	"uri":       {"a URI such as https://example.com/", checkURI},
	"date":      {"a date such as 2006-01-02", checkDate},
	"date-time": {"a date-time such as 2006-01-02T15:04:05Z", checkDateTime},
}

// useFormat has n, the node of a string, enforce its format, and returns what the
// document says of it.
func useFormat(n *node) (string, error) {
	name := n.schema.Format
	f, known := formats[name]
	switch {
	case name == "" || name == "uuid" && n.typ.Name() == "UUID": // the Go type enforces it
		return "", nil
	case !known:
		return "", fmt.Errorf("format=%s: a form has email, uri, date and date-time: use one of those", name)
	case n.typ == timeType && name != "date-time":
		return "", fmt.Errorf("format=%s: a time.Time is a date-time: use a string", name)
	case n.typ == durationType:
		return "", fmt.Errorf("format=%s: a time.Duration has none: remove it", name)
	}
	c := n.codec.(*text)
	set := c.set
	c.plain, c.choices = false, texts{} // what follows has a say
	c.set = func(v reflect.Value, s string) error {
		if err := f.check(s); err != nil {
			return err
		}
		return set(v, s)
	}
	n.want = f.words + sizeRange(c.min, c.max, "character")
	if c.pattern != nil {
		n.want += " matching " + n.schema.Pattern
	}
	if n.schema.Default == nil {
		return name, nil
	}
	return name, n.check("default", n.schema.Default)
}

var errFormat = errors.New("not of that format")

// checkEmail takes a bare address (RFC 5321, section 4.1.2, Mailbox), without the
// name that a header may put before it. A quoted local part is refused: nobody
// has one but those who test parsers.
func checkEmail(s string) error {
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
		return errFormat
	}
	return nil
}

// checkURI takes a URI with a scheme (RFC 3986, section 3).
func checkURI(s string) error {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return errFormat
		}
	}
	if u, err := url.Parse(s); err != nil || !u.IsAbs() {
		return errFormat
	}
	return nil
}

// checkDate takes a full-date (RFC 3339, section 5.6).
func checkDate(s string) error {
	_, err := time.Parse(time.DateOnly, s)
	return err
}

// checkDateTime takes a date-time (RFC 3339, section 5.6). Package time takes
// more: a comma, an hour of one digit.
func checkDateTime(s string) error {
	if !dateTime().MatchString(s) {
		return errFormat
	}
	_, err := time.Parse(time.RFC3339, s)
	return err
}

var dateTime = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)
})

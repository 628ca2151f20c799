// Package jsonenc writes Go values as encoding/json does with
// SetEscapeHTML(false), byte for byte, and appends them to a slice: what a type
// needs is decided once, and nothing that was written is read again.
//
// Types that write themselves, interfaces and [json.Number] are served here too.
// Whatever is not in order (a value that JSON has no form for, a method that
// fails, more than 1,000 pointers on the way, which may be a cycle) is left to
// encoding/json, which starts anew: so the errors are its own. But for one: what
// is nested more than 10,000 deep, which it would not read, is not written.
package jsonenc

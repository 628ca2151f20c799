// Package repo holds the tests of the repository as a whole: which package may
// import which, how large things may grow, what has to be documented, what must
// not be in a file, and that the documents are right. It has no code of its own.
//
// After a change of size, the table in the README is rewritten by
//
//	go test ./internal/repo -update
package repo

// Package hostile attacks this module as somebody would who wants to harm a
// server that stands on the internet: to reach what belongs to another client, to
// make the server hold more than it should, to keep others out, or to have a
// secret printed. All of it is tests, over real sockets and against real
// processes; docs/security.md says which promise each of them holds.
//
//	go test ./internal/hostile                      the short form, minutes
//	go test ./internal/hostile -long                more of everything
//	go test ./internal/hostile -run TestSoak -soak 30m -v
//
// Nothing here asserts how long anything takes. What was measured once is written
// down in README.md, with how to measure it again.
package hostile

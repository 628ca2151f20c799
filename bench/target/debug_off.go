//go:build nodebug

package main

func serveDebug(string) {}

//go:build nodebug

package serve

func debugOn(string) {}

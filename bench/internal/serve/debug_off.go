//go:build nodebug

package serve

func debugOn(string) error { return nil }

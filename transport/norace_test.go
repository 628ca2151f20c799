//go:build !race

package transport

const poolsDrop = false

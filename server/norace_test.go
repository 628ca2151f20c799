//go:build !race

package server_test

const poolsDrop = false

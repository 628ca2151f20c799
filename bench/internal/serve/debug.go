//go:build !nodebug

package serve

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
)

// debugOn serves /debug/pprof/ and, at /debug/stats, what a load generator asks
// for between two measurements; ?gc=1 collects garbage first. It prints the
// address that it got on standard error. The build tag nodebug leaves it out, for
// the size of the binary.
func debugOn(addr string) error {
	if addr == "" {
		return nil
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "debugging", listener.Addr())
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/stats", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("gc") != "" {
			runtime.GC()
			debug.FreeOSMemory()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		stats := map[string]any{
			"mallocs": m.Mallocs, "total_alloc": m.TotalAlloc, "heap_alloc": m.HeapAlloc,
			"heap_inuse": m.HeapInuse, "stack_inuse": m.StackInuse, "num_gc": m.NumGC,
			"goroutines": runtime.NumGoroutine(),
		}
		if err := json.NewEncoder(w).Encode(stats); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	go func() { log.Fatal(http.Serve(listener, mux)) }()
	return nil
}

package hostile

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	report   = flag.Bool("report", false, "print what attacks mean for clients that mean well")
	reportOf = flag.String("report.of", "", "of those attacks alone whose name has this in it")
)

// attackEnv has this program be an attacker: the name of the attack and the host.
const attackEnv = "SESSIONMCP_HOSTILE_ATTACK"

func init() { programs[attackEnv] = attackForEver }

func attacks() []attack { return slices.Concat(floods, works) }

// attackForEver is the main function of an attacker. It says so when it has begun.
func attackForEver() {
	name, host, _ := strings.Cut(os.Getenv(attackEnv), "\n")
	for _, at := range attacks() {
		if at.name != name {
			continue
		}
		fmt.Println("attacking")
		for {
			_ = at.run(&attacker{host, 1}) // what it did before is in the way of what it does now
		}
	}
}

// TestAbuseReport prints, with -report, how long calls of clients that mean well take
// before an attack and in it, as a table. The attacker is a process of its own.
func TestAbuseReport(t *testing.T) {
	if !*report {
		t.Skip("it takes minutes and asserts no time: see -report")
	}
	t.Log("\n| attack | p50 before | during | | p99 before | during | |\n|---|--:|--:|--:|--:|--:|--:|")
	for _, at := range attacks() {
		if !strings.Contains(at.name, *reportOf) {
			continue
		}
		before, during, err := measure(t, &at)
		if err != nil {
			t.Errorf("%s: %v", at.name, err)
			continue
		}
		row := "| " + at.name
		for _, p := range []float64{0.5, 0.99} {
			b, d := quantile(before, p), quantile(during, p)
			row += fmt.Sprintf(" | %v | %v | %.1f", b.Round(time.Microsecond), d.Round(time.Microsecond), float64(d)/float64(b))
		}
		fmt.Println(row + " |")
	}
}

// measure takes the times of calls before an attack and in it.
func measure(t *testing.T, at *attack) (before, during []time.Duration, err error) {
	t.Helper()
	p := startServer(t, at.o)
	guests, err := invite(t.Context(), p.url, at.o.Users)
	defer func() {
		for _, g := range guests {
			g.c.Close()
		}
		_ = p.cmd.Process.Kill()
		<-p.gone
	}()
	if err != nil {
		return nil, nil, err
	}
	prefer(p.cmd.Process.Pid, os.Getpid())
	if _, err = sample(t.Context(), guests, 200); err != nil { // to warm it
		return nil, nil, err
	}
	if before, err = sample(t.Context(), guests, often(1000, 5000)); err != nil {
		return nil, nil, err
	}
	stop, err := startAttack(at.name, p.host())
	if err != nil {
		return nil, nil, err
	}
	defer stop()
	if _, err = sample(t.Context(), guests, 200); err != nil { // to be in the midst of it
		return nil, nil, err
	}
	during, err = sample(t.Context(), guests, often(1000, 5000))
	return before, during, err
}

// prefer has processes come before others on the machine, where that is allowed.
func prefer(pids ...int) {
	for _, pid := range pids {
		_ = exec.Command("renice", "-n", "-5", "-p", strconv.Itoa(pid)).Run() // or there is more noise in the figures
	}
}

// sample has each guest make so many calls, one after another, and takes their times.
// Between two there is a pause, as there is with people: or the guests would be the
// load that they measure.
func sample(ctx context.Context, guests []*guest, n int) (took []time.Duration, err error) {
	for _, g := range guests {
		g.took = g.took[:0]
	}
	done := make(chan error, len(guests))
	for _, g := range guests {
		go func() {
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for range n {
				<-tick.C
				if err := g.visit(ctx); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range guests {
		if failed := <-done; failed != nil {
			err = failed
		}
	}
	for _, g := range guests {
		took = append(took, g.took...)
	}
	return took, err
}

// startAttack starts an attacker, which stop ends. It gets the time that server and
// guests leave: they have one machine, and an attacker has his own.
func startAttack(name, host string) (stop func(), err error) {
	cmd := exec.Command("nice", "-n", "19", os.Args[0])
	if _, err := exec.LookPath("nice"); err != nil {
		cmd = exec.Command(os.Args[0])
	}
	cmd.Env = append(os.Environ(), attackEnv+"="+name+"\n"+host)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill() // an error says that it has ended
		_ = cmd.Wait()
	}
	if _, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		stop()
	}
	return stop, err
}

func quantile(all []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

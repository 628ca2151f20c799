package server

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// seal encrypts what travels through a client and must come back unchanged.
type seal struct{ aead func() cipher.AEAD }

// newSeal makes a seal of a key, or of a random one for none. That is made when it
// is first needed: most servers never seal anything.
func newSeal(key []byte) (seal, error) {
	if len(key) == 0 {
		return seal{sync.OnceValue(func() cipher.AEAD {
			key := make([]byte, 32)
			rand.Read(key) // does not fail
			aead, err := newAEAD(key)
			if err != nil {
				panic(err) // never: the key has the right length
			}
			return aead
		})}, nil
	}
	if len(key) < 32 {
		return seal{}, errors.New("it has fewer than 32 bytes")
	}
	aead, err := newAEAD(key)
	return seal{func() cipher.AEAD { return aead }}, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "sessionmcp requestState", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// close seals text for what binding says: with another one it does not open.
func (s seal) close(text, binding []byte) string {
	digest := sha256.Sum256(binding)
	return base64.RawURLEncoding.EncodeToString(s.aead().Seal(nil, nil, text, digest[:]))
}

func (s seal) open(sealed string, binding []byte) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return nil, err
	}
	if base64.RawURLEncoding.EncodedLen(len(b)) != len(sealed) {
		return nil, errors.New("it has line breaks, which package base64 passes over")
	}
	digest := sha256.Sum256(binding)
	return s.aead().Open(nil, nil, b, digest[:])
}

// ledger remembers what has run, by name, so that it runs once. The zero value
// remembers everything for as long as it lives.
//
// With a limit nobody may have more than there is left: one caller gets half of it
// at most, and the next half of the rest, so that none takes it from the others.
type ledger struct {
	limit int           // entries; 0 for no limit
	bytes int           // of results, all together; with a limit
	keep  time.Duration // how long each is remembered; with a limit

	mu      sync.Mutex
	entries map[string]*onceResult
	order   []*onceResult // by age; with a limit
	size    int           // bytes of results
	callers map[fingerprint]*callerShare
}

// fingerprint stands for a caller.
type fingerprint [sha256.Size]byte

// callerShare is what the ledger has of one caller.
type callerShare struct{ entries, bytes int }

type onceResult struct {
	name    string
	who     fingerprint
	expires time.Time
	done    chan struct{}
	result  []byte
	ok      bool // set before done is closed; not so for a run that failed
}

var errLedgerFull = jsonrpc.Errorf(jsonrpc.CodeServerBusy, "too many calls that ask their client are under way: try again later")

// do runs run unless it has run under this name, and returns its result. Who
// comes while it runs waits. A run that fails is not remembered.
func (l *ledger) do(ctx context.Context, who fingerprint, name string, run func() ([]byte, error)) ([]byte, error) {
	for {
		e, mine, err := l.enter(who, name)
		if err != nil {
			return nil, err
		}
		if mine {
			return l.fill(e, run)
		}
		select {
		case <-e.done:
			if e.ok {
				return e.result, nil
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// enter returns the entry of a name, and whether it is the caller's to fill.
func (l *ledger) enter(who fingerprint, name string) (e *onceResult, mine bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.entries[name]; e != nil {
		return e, false, nil
	}
	e = &onceResult{name: name, who: who, done: make(chan struct{})}
	if l.limit > 0 && !l.claim(e) {
		return nil, false, errLedgerFull
	}
	if l.entries == nil {
		l.entries = make(map[string]*onceResult)
	}
	l.entries[name] = e
	return e, true, nil
}

// claim gives an entry its place, if there is one for its caller.
func (l *ledger) claim(e *onceResult) bool {
	now := time.Now()
	for len(l.order) > 0 && now.After(l.order[0].expires) {
		l.forget(l.order[0])
		l.order = l.order[1:]
	}
	share := l.callers[e.who]
	if share == nil {
		share = new(callerShare)
	}
	if share.entries >= l.limit-len(l.order) || share.bytes >= l.bytes-l.size {
		return false
	}
	if l.callers == nil {
		l.callers = make(map[fingerprint]*callerShare)
	}
	l.callers[e.who] = share
	share.entries++
	e.expires = now.Add(l.keep)
	l.order = append(l.order, e)
	return true
}

func (l *ledger) forget(e *onceResult) {
	if l.entries[e.name] != e {
		return
	}
	delete(l.entries, e.name)
	l.size -= len(e.result)
	share := l.callers[e.who]
	if share == nil { // there is no limit
		return
	}
	share.bytes -= len(e.result)
	if share.entries--; share.entries == 0 {
		delete(l.callers, e.who)
	}
}

func (l *ledger) fill(e *onceResult, run func() ([]byte, error)) ([]byte, error) {
	defer func() { // also after a panic
		if !e.ok {
			l.mu.Lock()
			l.forget(e)
			if i := slices.Index(l.order, e); i >= 0 { // or a function that fails would use up the limit
				l.order = slices.Delete(l.order, i, i+1)
			}
			l.mu.Unlock()
		}
		close(e.done)
	}()
	result, err := run()
	if err == nil {
		l.mu.Lock()
		e.result, e.ok = result, true
		if l.entries[e.name] == e { // or it took longer than it is remembered
			l.size += len(result)
			if share := l.callers[e.who]; share != nil {
				share.bytes += len(result)
			}
		}
		l.mu.Unlock()
	}
	return result, err
}

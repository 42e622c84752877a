package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The header by which an order that is sent again is told from a second one. See the IETF's
// draft-ietf-httpapi-idempotency-key-header.
const (
	keyHeader = "Idempotency-Key"
	mostKey   = 100 // characters
	// What was answered is kept for so many keys, and no longer than this.
	mostKeys   = 1000
	keysMemory = 24 * time.Hour
)

// orderKey is what tells the orders of one caller apart; empty: nothing does.
type orderKey string

// keyOf returns the key of a request by a user. The header is text in quotes, as the draft
// has it, or without.
func keyOf(r *http.Request, user string) (orderKey, error) {
	var ps problems
	text := ps.text(keyHeader, strings.Trim(r.Header.Get(keyHeader), `" `), mostKey)
	if text == "" && len(ps) == 0 {
		return "", nil
	}
	return orderKey(user + "\n" + text), ps.err()
}

// id is a short name of the key.
func (k orderKey) id() string {
	sum := sha256.Sum256([]byte(k))
	return hex.EncodeToString(sum[:8])
}

// replies are what was answered to orders with a key.
type replies struct {
	mu    sync.Mutex
	byKey map[orderKey]*reply
}

type reply struct {
	request [sha256.Size]byte // the sum of all of it
	at      time.Time
	done    chan struct{} // closed once it is answered, or forgotten
	data    any
}

// fingerprint sums a request up, and lets it be read once more.
func fingerprint(r *http.Request) ([sha256.Size]byte, error) {
	body, err := io.ReadAll(r.Body)
	if long, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return [sha256.Size]byte{}, tooLong(long)
	}
	if err != nil {
		return [sha256.Size]byte{}, refuse(http.StatusBadRequest, "the body cannot be read: %s", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return sha256.Sum256(append([]byte(r.Method+" "+r.URL.RequestURI()+"\n"), body...)), nil
}

// once carries an order out unless that was done before, and then answers what it answered.
// An order that was refused may be sent again.
func (p *replies) once(r *http.Request, key orderKey, now time.Time, do func() (any, error)) (any, error) {
	request, err := fingerprint(r)
	if err != nil {
		return nil, err
	}
	for {
		known, first := p.begin(key, request, now)
		if first {
			return known.settle(p, key, do)
		}
		if known.request != request {
			return nil, refuse(http.StatusUnprocessableEntity, "%s was used for another order; use another one", keyHeader)
		}
		select {
		case <-known.done:
		case <-r.Context().Done():
			return nil, r.Context().Err() // nobody listens
		}
		if known.data != nil {
			return known.data, nil
		}
	}
}

// begin returns the reply to a key, which is new if it is the first one.
func (p *replies) begin(key orderKey, request [sha256.Size]byte, now time.Time) (known *reply, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known = p.byKey[key]; known != nil && now.Sub(known.at) < keysMemory {
		return known, false
	}
	if p.byKey == nil {
		p.byKey = map[orderKey]*reply{}
	}
	p.forget()
	known = &reply{request: request, at: now, done: make(chan struct{})}
	p.byKey[key] = known
	return known, true
}

// forget makes room for one more key.
func (p *replies) forget() {
	if len(p.byKey) < mostKeys {
		return
	}
	var oldest orderKey
	for key, r := range p.byKey {
		if oldest == "" || r.at.Before(p.byKey[oldest].at) {
			oldest = key
		}
	}
	delete(p.byKey, oldest)
}

// settle carries the order out. What is refused is forgotten.
func (r *reply) settle(p *replies, key orderKey, do func() (any, error)) (any, error) {
	defer func() {
		if r.data == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.byKey[key] == r {
				delete(p.byKey, key)
			}
		}
		close(r.done)
	}()
	data, err := do()
	if err != nil {
		return nil, err
	}
	r.data = data
	return data, nil
}

package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/prometheus/common/config"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// Endpoint says where events are sent, and which.
type Endpoint struct {
	Name       string // in logs and metrics
	URL        string // who knows it may send to it: it is never logged
	Events     []Type
	SecretFile string        // read anew for each attempt, so that the secret can change
	Timeout    time.Duration // of one attempt
	HTTP       config.HTTPClientConfig
}

// The headers that prove who sent an event, and when.
const (
	timestampHeader = "X-Signature-Timestamp" // in seconds since 1970
	signatureHeader = "X-Signature-256"
)

const maxSecret = 4096 // bytes

// target is an endpoint with a client. It is immutable.
type target struct {
	Endpoint
	client *http.Client
}

func newTarget(e Endpoint) (*target, error) {
	e.HTTP.FollowRedirects = false
	// Events are rare: a connection kept for the next one would mostly be closed by then.
	client, err := config.NewClientFromConfig(e.HTTP, "webhook", config.WithKeepAlivesDisabled(), config.WithUserAgent("scaling-adapter"))
	if err != nil {
		return nil, fmt.Errorf("client of webhook %s: %w", e.Name, err)
	}
	client.Timeout = e.Timeout
	return &target{e, client}, nil
}

func (t *target) wants(typ Type) bool { return slices.Contains(t.Events, typ) }

// outcome is what became of an event. It is a closed set: it labels metrics.
type outcome string

const (
	delivered outcome = "delivered"
	refused   outcome = "refused" // answered with what is no success and will be none
	failed    outcome = "failed"  // no attempt succeeded in time
)

// attempt is what became of one request.
type attempt struct {
	outcome
	retry bool          // another one may succeed
	wait  time.Duration // that the endpoint asks for before it
	err   error         // without the URL; nil if it was delivered
}

// send makes one request. The answer's body is not read: it could repeat the URL.
func (t *target) send(ctx context.Context, body []byte) attempt {
	secret, err := t.secret()
	if err != nil {
		return attempt{failed, true, 0, err} // somebody may be about to write it
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return attempt{failed, false, 0, withoutURL(err)}
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set(timestampHeader, timestamp)
	req.Header.Set(signatureHeader, sign(secret, timestamp, body))
	resp, err := t.client.Do(req)
	retry, _ := retryablehttp.DefaultRetryPolicy(ctx, resp, err)
	if err != nil {
		return attempt{failed, retry, 0, withoutURL(err)}
	}
	_ = resp.Body.Close() // it was not read
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return attempt{outcome: delivered}
	case retry:
		return attempt{failed, true, retryablehttp.DefaultBackoff(0, 0, 0, resp), answered(resp.StatusCode)}
	}
	return attempt{refused, false, 0, answered(resp.StatusCode)}
}

func answered(status int) error {
	return fmt.Errorf("the endpoint answered %d %s", status, http.StatusText(status))
}

// secret reads the key of signatures. The end of a line is not part of it.
func (t *target) secret() ([]byte, error) {
	data, err := strictyaml.ReadFile(t.SecretFile, maxSecret)
	if err != nil {
		return nil, fmt.Errorf("read secret_file %s: %w", t.SecretFile, err)
	}
	data = bytes.TrimRight(data, "\r\n")
	if len(data) == 0 {
		return nil, fmt.Errorf("secret_file %s is empty", t.SecretFile)
	}
	return data, nil
}

// sign returns the signature of a body that is sent at a time: the HMAC-SHA256 of both,
// with a dot between. The time is signed as well, so that an event which was recorded
// cannot be sent again later.
func sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%s", timestamp, body) // a hash takes all
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// withoutURL takes the URL out of an error: it may be a secret.
func withoutURL(err error) error {
	if wrong, ok := errors.AsType[*url.Error](err); ok {
		return wrong.Err
	}
	return err
}

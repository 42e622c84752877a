package promquery

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/api"
)

// partialKey is the context's key of a *bool that is set when the answer says
// that it is partial.
type partialKey struct{}

// partialDetector notices VictoriaMetrics' isPartial, which client_golang does
// not decode.
type partialDetector struct{ api.Client }

// Do implements [api.Client].
func (d partialDetector) Do(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	resp, body, err := d.Client.Do(ctx, r)
	if partial, ok := ctx.Value(partialKey{}).(*bool); ok && err == nil && saysPartial(body) {
		*partial = true
	}
	return resp, body, err
}

// saysPartial reads the top level of an answer without its data.
func saysPartial(body []byte) bool {
	if !bytes.Contains(body, []byte(`"isPartial"`)) {
		return false
	}
	var top struct {
		IsPartial bool            `json:"isPartial"`
		Data      json.RawMessage `json:"data"`
	}
	return json.Unmarshal(body, &top) == nil && top.IsPartial
}

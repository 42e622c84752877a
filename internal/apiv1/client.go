package apiv1

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

const askTimeout = 10 * time.Second

// MostAnswer are the bytes that a [Client] reads at most.
const MostAnswer = 32 << 20

// Errors of a [Client] that its callers can say more about.
var (
	ErrNobody   = errors.New("nobody answers")
	ErrStranger = errors.New("does not know who asks, or not with this password")
)

// Client asks a running adapter.
type Client struct {
	Address string       // such as http://127.0.0.1:9876
	HTTP    *http.Client // says who asks
}

// Request is what an adapter is asked or told at a path below /api/v1.
type Request struct {
	Method, Path string
	Query        url.Values
	Body         any // that is sent as JSON; nil: none
}

// Call fills data with what the adapter answers. Its errors are for people; they
// wrap [ErrNobody] if no adapter listens and [ErrStranger] if the adapter wants to
// know who asks.
func (c Client) Call(ctx context.Context, r Request, data any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	message, err := c.message(ctx, r)
	if err != nil {
		return err
	}
	host := message.URL.Host
	response, err := c.HTTP.Do(message)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w at %s", ErrNobody, host)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer within %s", host, askTimeout)
	case err != nil:
		return fmt.Errorf("ask the adapter: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MostAnswer+1))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer within %s", host, askTimeout)
	case err != nil:
		return fmt.Errorf("read the answer of %s: %w", host, err)
	case len(body) > MostAnswer:
		return fmt.Errorf("the answer of %s has more than %d bytes", host, MostAnswer)
	case response.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("the adapter at %s %w", host, ErrStranger)
	}
	var told json.RawMessage
	answer := Answer{Data: &told}
	err = json.Unmarshal(body, &answer)
	if err == nil && answer.Error != "" {
		return fmt.Errorf("the adapter at %s says: %s", host, answer.Error)
	}
	if err == nil && answer.Status == Success {
		err = json.Unmarshal(told, data)
	}
	if err != nil || answer.Status != Success {
		return c.NoAdapter(response.Status)
	}
	return nil
}

// message is the request as it is sent.
func (c Client) message(ctx context.Context, r Request) (*http.Request, error) {
	address, err := url.Parse(c.Address)
	if err != nil {
		return nil, err
	}
	address = address.JoinPath("api/v1", r.Path)
	address.RawQuery = r.Query.Encode()
	var body bytes.Buffer
	if r.Body != nil {
		if err := json.NewEncoder(&body).Encode(r.Body); err != nil {
			return nil, err
		}
	}
	message, err := http.NewRequestWithContext(ctx, r.Method, address.String(), &body)
	if err != nil {
		return nil, err
	}
	if r.Body != nil {
		message.Header.Set("Content-Type", "application/json")
	}
	return message, nil
}

// NoAdapter is the error about an answer that no adapter gives.
func (c Client) NoAdapter(answered string) error {
	return fmt.Errorf("%s does not answer like a scaling-adapter: %s", c.Address, answered)
}

package main

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

const (
	askTimeout = 10 * time.Second
	mostAnswer = 32 << 20
)

// adapter is a running adapter that a command asks over HTTP.
type adapter struct {
	Address string `name:"address" env:"SCALING_ADAPTER_ADDRESS" default:"http://127.0.0.1:9876" help:"The adapter that is asked."`
}

// errNobody is wrapped by the error that says that no adapter listens.
var errNobody = errors.New("nobody answers")

// check reports an address that is none.
func (a adapter) check() error {
	if u, err := url.Parse(a.Address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--address %q is not like http://127.0.0.1:9876", a.Address)
	}
	return nil
}

// request is what an adapter is asked or told at a path below /api/v1.
type request struct {
	method, path string
	query        url.Values
	body         any // that is sent as JSON; nil: none
}

// ask fills data with what the adapter says at a path below /api/v1.
func (a adapter) ask(ctx context.Context, path string, query url.Values, data any) error {
	return a.call(ctx, http.DefaultClient, request{method: http.MethodGet, path: path, query: query}, data)
}

// call fills data with what the adapter answers.
func (a adapter) call(ctx context.Context, client *http.Client, r request, data any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	address, err := url.Parse(a.Address)
	if err != nil {
		return err
	}
	address = address.JoinPath("api/v1", r.path)
	address.RawQuery = r.query.Encode()
	var sent bytes.Buffer
	if r.body != nil {
		if err := json.NewEncoder(&sent).Encode(r.body); err != nil {
			return err
		}
	}
	message, err := http.NewRequestWithContext(ctx, r.method, address.String(), &sent)
	if err != nil {
		return err
	}
	if r.body != nil {
		message.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(message)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w at %s; start the adapter with scaling-adapter run or say where it is with --address", errNobody, address.Host)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer within %s", address.Host, askTimeout)
	case err != nil:
		return fmt.Errorf("ask the adapter: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer within %s", address.Host, askTimeout)
	case err != nil:
		return fmt.Errorf("read the answer of %s: %w", address.Host, err)
	case len(body) > mostAnswer:
		return fmt.Errorf("the answer of %s has more than %d bytes", address.Host, mostAnswer)
	case response.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("the adapter at %s does not know who asks, or not with this password; see --username and --password-file of override and event", address.Host)
	}
	var answer struct {
		Status string          `json:"status"`
		Error  string          `json:"error"`
		Data   json.RawMessage `json:"data"`
	}
	err = json.Unmarshal(body, &answer)
	if err == nil && answer.Error != "" {
		return fmt.Errorf("the adapter at %s says: %s", address.Host, answer.Error)
	}
	if err == nil && answer.Status == "success" {
		err = json.Unmarshal(answer.Data, data)
	}
	if err != nil || answer.Status != "success" {
		return a.stranger(response.Status)
	}
	return nil
}

// stranger is the error about an answer that no adapter gives.
func (a adapter) stranger(answered string) error {
	return fmt.Errorf("%s does not answer like a scaling-adapter: %s", a.Address, answered)
}

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// verify returns nil if the body was signed with the secret at most 5 minutes ago.
func verify(h http.Header, body, secret []byte) error {
	timestamp := h.Get("X-Signature-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return errors.New("too old")
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "." + string(body)))
	if !hmac.Equal([]byte(h.Get("X-Signature-256")), []byte("sha256="+hex.EncodeToString(mac.Sum(nil)))) {
		return errors.New("wrong signature")
	}
	return nil
}

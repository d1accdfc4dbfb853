package deliver

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"time"

	"example.org/relay/internal/store"
)

// Client posts events to webhooks.
type Client struct{ http *http.Client }

// NewClient is a client that waits ten seconds and stays where it was sent.
func NewClient() *Client {
	return &Client{&http.Client{
		Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

// Post sends one delivery and gives the status of the answer.
func (c *Client) Post(ctx context.Context, d store.Delivery) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Target, bytes.NewReader(d.Event.Body))
	if err != nil {
		return 0, err
	}
	mac := hmac.New(sha256.New, []byte(d.Secret))
	mac.Write(d.Event.Body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", d.ID)
	request.Header.Set("X-Relay-Signature", hex.EncodeToString(mac.Sum(nil)))
	answer, err := c.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	return answer.StatusCode, err
}

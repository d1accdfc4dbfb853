// Package deliver sends what is due.
package deliver

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"example.org/relay/internal/store"
)

const (
	maxAttempts = 10
	batch       = 50
)

// Queue is what a worker needs of the store.
type Queue interface {
	Due(ctx context.Context, limit int) ([]store.Delivery, error)
	Retry(ctx context.Context, id string, after time.Duration) error
	Done(ctx context.Context, id string) error
	Bury(ctx context.Context, id, reason string) error
	End(ctx context.Context, id string) error
}

// Poster sends one delivery.
type Poster interface {
	Post(ctx context.Context, d store.Delivery) (int, error)
}

// Worker takes due deliveries and sends them.
type Worker struct {
	queue  Queue
	poster Poster
}

// NewWorker is a worker on a queue.
func NewWorker(queue Queue, poster Poster) *Worker { return &Worker{queue, poster} }

// backoff doubles with each attempt; the jitter keeps customers from being hit in step.
func backoff(attempts int) time.Duration {
	base := time.Second << attempts
	return base/2 + rand.N(base/2)
}

// Run works until the context ends.
func (w *Worker) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		deliveries, err := w.queue.Due(ctx, batch)
		if err != nil {
			slog.ErrorContext(ctx, "queue not read", "error", err)
			time.Sleep(5 * time.Second)
			continue
		}
		for _, d := range deliveries {
			w.one(ctx, d)
		}
		go w.report(len(deliveries))
	}
}

func (w *Worker) one(ctx context.Context, d store.Delivery) {
	status, err := w.poster.Post(ctx, d)
	switch {
	case err == nil && status >= 200 && status < 300:
		err = w.queue.Done(ctx, d.ID)
	case status == http.StatusGone:
		err = w.queue.End(ctx, d.ID)
	case d.Attempts+1 >= maxAttempts:
		err = w.queue.Bury(ctx, d.ID, http.StatusText(status))
	default:
		err = w.queue.Retry(ctx, d.ID, backoff(d.Attempts))
	}
	if err != nil {
		// a delivery whose fate was not stored is due again, which at least once allows
		slog.ErrorContext(ctx, "fate of a delivery not stored", "delivery", d.ID, "error", err)
	}
}

func (w *Worker) report(count int) {
	ctx := context.Background()
	slog.DebugContext(ctx, "batch done", "count", count)
}

// Package httpapi is the HTTP side of relay.
package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"example.org/relay/internal/store"
)

// Events is what the handlers need of the store.
type Events interface {
	Add(ctx context.Context, event store.Event) error
	Subscribe(ctx context.Context, subscription store.Subscription) error
	Counts(ctx context.Context) (delivered, dead int64, err error)
}

type api struct{ events Events }

// New is the handler of all routes.
func New(events Events) http.Handler {
	a := &api{events}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /events", a.postEvent)
	mux.HandleFunc("POST /subscriptions", a.postSubscription)
	mux.HandleFunc("GET /metrics", a.metrics)
	return mux
}

func (a *api) postEvent(w http.ResponseWriter, r *http.Request) {
	var event store.Event
	body := http.MaxBytesReader(w, r.Body, 256<<10)
	if err := json.NewDecoder(body).Decode(&event); err != nil {
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	if err := a.events.Add(r.Context(), event); err != nil {
		slog.ErrorContext(r.Context(), "event not stored", "type", event.Type, "error", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (a *api) postSubscription(w http.ResponseWriter, r *http.Request) {
	var subscription store.Subscription
	if err := json.NewDecoder(r.Body).Decode(&subscription); err != nil {
		http.Error(w, "no subscription", http.StatusBadRequest)
		return
	}
	if err := checkTarget(r.Context(), subscription.Target); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	slog.InfoContext(r.Context(), "subscribed", "subscription", subscription)
	if err := a.events.Subscribe(r.Context(), subscription); err != nil {
		slog.ErrorContext(r.Context(), fmt.Sprintf("subscription of %s not stored", subscription.Target), "error", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (a *api) metrics(w http.ResponseWriter, r *http.Request) {
	delivered, dead, err := a.events.Counts(r.Context())
	if err != nil {
		http.Error(w, "no numbers", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "relay_deliveries_total %d\nrelay_dead_letters_total %d\n", delivered, dead)
}

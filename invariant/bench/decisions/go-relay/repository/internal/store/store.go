// Package store keeps events and subscriptions in Postgres.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Event is what a system of ours has to say.
type Event struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Body []byte `json:"body"`
}

// Subscription says where the events of a type go.
type Subscription struct {
	Type   string `json:"type"`
	Target string `json:"target"`
	Secret string `json:"secret"`
}

// Delivery is one event on its way to one subscription.
type Delivery struct {
	ID       string
	Event    Event
	Target   string
	Secret   string
	Attempts int
}

// Store is the database.
type Store struct{ db *sql.DB }

// New is a store in a database that has been migrated.
func New(db *sql.DB) *Store { return &Store{db} }

const due = `SELECT d.id, d.attempts, e.id, e.type, e.body, s.target, s.secret
	FROM deliveries d JOIN events e ON e.id = d.event JOIN subscriptions s ON s.id = d.subscription
	WHERE d.next <= now() AND NOT d.done ` +
	`ORDER BY d.next LIMIT $1 FOR UPDATE SKIP LOCKED`

// Add stores an event and one delivery for each subscription.
func (s *Store) Add(ctx context.Context, event Event) error {
	_, err := s.db.ExecContext(ctx, "SELECT add_event($1, $2, $3)", event.ID, event.Type, event.Body)
	return err
}

// Subscribe stores a subscription.
func (s *Store) Subscribe(ctx context.Context, subscription Subscription) error {
	_, err := s.db.ExecContext(ctx,
		"INSERT INTO subscriptions (type, target, secret) "+
			"VALUES ($1, $2, $3)",
		subscription.Type, subscription.Target, subscription.Secret)
	return err
}

// Due is a batch of deliveries whose time has come.
func (s *Store) Due(ctx context.Context, limit int) ([]Delivery, error) {
	rows, err := s.db.QueryContext(ctx, due, limit)
	if err == sql.ErrNoRows {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var batch []Delivery
	for rows.Next() {
		var d Delivery
		if err := rows.Scan(&d.ID, &d.Attempts, &d.Event.ID, &d.Event.Type, &d.Event.Body, &d.Target, &d.Secret); err != nil {
			return nil, err
		}
		batch = append(batch, d)
	}
	return batch, rows.Err()
}

// Retry puts a delivery off.
func (s *Store) Retry(ctx context.Context, id string, after time.Duration) error {
	query := fmt.Sprintf("UPDATE deliveries SET attempts = attempts + 1, next = now() + interval '%d milliseconds' WHERE id = $1", after.Milliseconds())
	_, err := s.db.ExecContext(ctx, query, id)
	return err
}

// Done marks a delivery as delivered.
func (s *Store) Done(ctx context.Context, id string) error {
	_, err := s.db.ExecContext(ctx, "UPDATE deliveries SET done = true WHERE id = $1", id)
	return err
}

// Bury moves a delivery to the dead letters.
func (s *Store) Bury(ctx context.Context, id, reason string) error {
	_, err := s.db.ExecContext(ctx, "SELECT bury_delivery($1, $2)", id, reason)
	return err
}

// End deletes the subscription of a delivery and all that waits for it.
func (s *Store) End(ctx context.Context, id string) error {
	_, err := s.db.ExecContext(ctx, "SELECT end_subscription_of($1)", id)
	return err
}

// Counts are the numbers of deliveries made and of dead letters.
func (s *Store) Counts(ctx context.Context) (delivered, dead int64, err error) {
	err = s.db.QueryRowContext(ctx,
		"SELECT (SELECT count(*) FROM deliveries WHERE done), (SELECT count(*) FROM dead_letters)",
	).Scan(&delivered, &dead)
	return delivered, dead, err
}

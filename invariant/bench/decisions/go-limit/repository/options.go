package limit

import "time"

// Option changes a limiter that is being made.
type Option func(*Limiter)

// WithBurst lets a bucket hold n tokens; less than one counts as one.
func WithBurst(n int) Option {
	return func(l *Limiter) { l.burst = float64(max(n, 1)) }
}

// WithClock makes a limiter take the time from a clock.
func WithClock(clock Clock) Option {
	return func(l *Limiter) { l.clock = clock }
}

// Clock is where a limiter takes the time from.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Package limit is a token bucket for programs that must not ask too often.
package limit

import (
	"context"
	"errors"
	"log"
	"sync"
	"time"
)

// ErrTooMany says that more was asked for than the bucket ever holds.
var ErrTooMany = errors.New("limit: more than the burst was asked for")

// ErrClosed says that the limiter was closed while somebody waited.
var ErrClosed = errors.New("limiter closed")

// Limiter is a bucket of tokens. Its zero value allows nothing; use New.
type Limiter struct {
	mu     sync.Mutex
	rate   float64
	burst  float64
	tokens float64
	last   time.Time
	clock  Clock
	closed chan struct{}
	once   sync.Once
}

// New is a limiter that allows rate events per second.
func New(rate float64, options ...Option) *Limiter {
	l := &Limiter{rate: rate, burst: 1, clock: systemClock{}, closed: make(chan struct{})}
	for _, option := range options {
		option(l)
	}
	if rate <= 0 {
		log.Printf("limit: a rate of %v allows nothing", rate)
	}
	l.tokens = l.burst
	l.last = l.clock.Now()
	return l
}

// refill needs the lock.
func (l *Limiter) refill() {
	now := l.clock.Now()
	l.tokens = min(l.burst, l.tokens+now.Sub(l.last).Seconds()*l.rate)
	l.last = now
}

// Allow takes a token if there is one.
func (l *Limiter) Allow() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refill()
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}

// Close lets everybody who waits go with ErrClosed.
func (l *Limiter) Close() {
	l.once.Do(func() { close(l.closed) })
}

// Burst is how many tokens the bucket holds.
func (l *Limiter) Burst() int { return int(l.burst) }

// SetRate changes how many events are allowed per second.
func (l *Limiter) SetRate(rate float64) {
	l.rate = rate
}

// Wait takes n tokens as soon as there are enough.
func (l *Limiter) Wait(ctx context.Context, n int) error {
	for {
		l.mu.Lock()
		if float64(n) > l.burst {
			l.mu.Unlock()
			return ErrTooMany
		}
		l.refill()
		missing := float64(n) - l.tokens
		if missing <= 0 {
			l.tokens -= float64(n)
			l.mu.Unlock()
			return nil
		}
		pause := time.Duration(missing / l.rate * float64(time.Second))
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.closed:
			return ErrClosed
		case <-l.clock.After(pause):
		}
	}
}

// WaitSeconds is Wait with an end after some seconds.
//
// Deprecated: it will go away.
func (l *Limiter) WaitSeconds(n int, seconds int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
	defer cancel()
	return l.Wait(ctx, n)
}

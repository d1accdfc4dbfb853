package limit

import (
	"sync"
	"time"

	"example.org/limit/internal/ring"
)

type keyed struct {
	mu       sync.Mutex
	limiters map[string]*Limiter
	recent   *ring.Ring
	make     func() *Limiter
	started  time.Time
}

// Keyed is one limiter for each key, made when the key is first seen; it remembers
// the last size keys.
func Keyed(size int, build func() *Limiter) *keyed {
	return &keyed{
		limiters: make(map[string]*Limiter, size),
		recent:   ring.New(size),
		make:     build,
		started:  time.Now(),
	}
}

// Allow asks the limiter of a key.
func (k *keyed) Allow(key string) bool {
	k.mu.Lock()
	limiter, ok := k.limiters[key]
	if !ok {
		limiter = k.make()
		k.limiters[key] = limiter
		if old, full := k.recent.Push(key); full {
			delete(k.limiters, old)
		}
	}
	k.mu.Unlock()
	return limiter.Allow()
}

// Age is how long ago the first limiter could have been made.
func (k *keyed) Age(now time.Time) time.Duration { return now.Sub(k.started) }

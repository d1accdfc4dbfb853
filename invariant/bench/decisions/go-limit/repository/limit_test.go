package limit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"example.org/limit"
)

type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After moves the clock, so that nobody waits.
func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	fired := make(chan time.Time, 1)
	fired <- c.now
	return fired
}

func TestAllowUsesUpTheBurst(t *testing.T) {
	l := limit.New(1, limit.WithBurst(2), limit.WithClock(&fakeClock{}))
	for n, want := range []bool{true, true, false} {
		if got := l.Allow(); got != want {
			t.Errorf("event %d: %v", n, got)
		}
	}
}

func TestWaitRefusesMoreThanTheBurst(t *testing.T) {
	l := limit.New(1, limit.WithClock(&fakeClock{}))
	if err := l.Wait(context.Background(), 2); !errors.Is(err, limit.ErrTooMany) {
		t.Errorf("got %v", err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	l := limit.New(0.001)
	l.Allow()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := l.Wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if time.Since(start) > time.Second {
		t.Error("took too long")
	}
}

func TestKeysDoNotShare(t *testing.T) {
	clock := &fakeClock{}
	k := limit.Keyed(10, func() *limit.Limiter { return limit.New(1, limit.WithClock(clock)) })
	if !k.Allow("a") || k.Allow("a") || !k.Allow("b") {
		t.Error("keys share a bucket")
	}
}

func FuzzBurst(f *testing.F) {
	f.Add(3)
	f.Fuzz(func(t *testing.T, n int) {
		l := limit.New(1, limit.WithBurst(n), limit.WithClock(&fakeClock{}))
		if l.Burst() < 1 {
			t.Errorf("burst of %d became %d", n, l.Burst())
		}
	})
}

func BenchmarkAllow(b *testing.B) {
	b.ReportAllocs()
	l := limit.New(1e9, limit.WithBurst(1000))
	for range make([]struct{}, b.N) {
		l.Allow()
	}
}

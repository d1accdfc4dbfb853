// Package limithttp limits how often a handler is asked.
package limithttp

import (
	"fmt"
	"net/http"

	"example.org/limit"
)

// RetryError says that somebody asked too often.
type RetryError struct{ Path string }

func (e *RetryError) Error() string {
	return fmt.Sprintf("limithttp: too many requests for %s", e.Path)
}

// Handler answers 429 when the limiter does not allow a request.
func Handler(next http.Handler, limiter *limit.Limiter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !limiter.Allow() {
			err := &RetryError{Path: r.URL.Path}
			w.Header().Set("Retry-After", "1")
			http.Error(w, err.Error(), http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Package clock says when an attempt is due, for tools and dashboards.
package clock

import "time"

// Schedule are the earliest times of the next attempts.
func Schedule(start time.Time, attempts int) []time.Time {
	times := make([]time.Time, 0, attempts)
	at := start
	for n := range attempts {
		at = at.Add(time.Second << n / 2)
		times = append(times, at)
	}
	return times
}

// Describe makes a map for a template; the values are times or texts.
func Describe(times []time.Time) map[string]interface{} {
	described := map[string]interface{}{"count": len(times)}
	if len(times) > 0 {
		described["last"] = times[len(times)-1].Format(time.RFC3339)
	}
	return described
}

// Package ring remembers the last few of many strings.
package ring

// Ring holds a fixed number of strings. Its zero value cannot be used; New makes one.
type Ring struct {
	slots []string
	next  int
	count int
}

// New is an empty ring of a size.
func New(size int) *Ring {
	return &Ring{slots: make([]string, max(size, 1))}
}

// Push adds a string and gives the one that had to go.
func (r *Ring) Push(s string) (old string, full bool) {
	full = r.count == len(r.slots)
	old = r.slots[r.next]
	r.slots[r.next] = s
	r.next = (r.next + 1) % len(r.slots)
	if !full {
		r.count++
	}
	return old, full
}

package ring

import (
	"reflect"
	"testing"
)

// mustPush panics when something had to go.
func mustPush(r *Ring, s string) {
	if old, full := r.Push(s); full {
		panic("lost " + old)
	}
}

func TestOldestGoesFirst(t *testing.T) {
	r := New(2)
	mustPush(r, "a")
	mustPush(r, "b")
	if old, full := r.Push("c"); !full || old != "a" {
		t.Errorf("lost %q, %v", old, full)
	}
	if want := []string{"c", "b"}; !reflect.DeepEqual(r.slots, want) {
		t.Errorf("holds %v, not %v", r.slots, want)
	}
}

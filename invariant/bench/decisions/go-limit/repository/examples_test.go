package limit_test

import (
	"fmt"
	"os"

	"example.org/limit"
)

func Example() {
	l := limit.New(10, limit.WithBurst(2), limit.WithClock(&fakeClock{}))
	fmt.Println(l.Allow(), l.Allow())
	if os.Getenv("LIMIT_VERBOSE") != "" {
		fmt.Println(l.Burst())
	}
	// Output: true true
}

package mask

import "testing"

func TestRules(t *testing.T) {
	t.Parallel()
	cases := []struct{ rule, line, want string }{
		{"email", "from ada@example.org", "from [address]"},
		{"email", "ada at example dot org", "ada at example dot org"},
		{"ipv4", "peer 10.0.0.7 left", "peer [ip] left"},
		{"ipv4", "version 1.22.3", "version 1.22.3"},
		{"card", "paid with 4111 1111 1111 1111", "paid with [card]"},
		{"card", "order 4111", "order 4111"},
		{"iban", "to DE89 3704 0044 0532 0130 00", "to [iban] 00"},
	}
	for _, c := range cases {
		if got := MustRule(c.rule)(c.line); got != c.want {
			t.Errorf("%s: %q became %q, not %q", c.rule, c.line, got, c.want)
		}
	}
}

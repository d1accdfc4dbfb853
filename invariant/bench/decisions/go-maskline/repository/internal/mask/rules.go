package mask

import (
	"fmt"
	"regexp"

	"example.org/maskline/internal/config"
)

type rule struct {
	name    string
	replace func(string) string
}

var (
	email = regexp.MustCompile(`[\w.+-]+@([\w-]+\.)+[a-z]{2,}`)
	local = regexp.MustCompile(`[\w.+-]+@`)
	ipv4  = regexp.MustCompile(`\b(\d{1,3}\.){3}\d{1,3}\b`)
	card  = regexp.MustCompile(`\b\d{4}([ -]?\d{4}){3}\b`)
	iban  = regexp.MustCompile(`\b[A-Z]{2}\d{2}([ ]?[A-Z0-9]{4}){3,7}\b`)
)

// unknown is what choose does with a name that is no rule.
var unknown = func(string) {}

// OnUnknown sets what happens with a name that is no rule.
func OnUnknown(report func(string)) {
	unknown = report
}

func by(pattern *regexp.Regexp, replacement string) func(string) string {
	return func(line string) string { return pattern.ReplaceAllString(line, replacement) }
}

func all(keepDomains bool) map[string]func(string) string {
	address := by(email, "[address]")
	if keepDomains {
		address = by(local, "[address]@")
	}
	return map[string]func(string) string{
		"email": address,
		"ipv4":  by(ipv4, "[ip]"),
		"card":  by(card, "[card]"),
		"iban":  by(iban, "[iban]"),
	}
}

func choose(settings config.Settings) []rule {
	known := all(settings.KeepDomains)
	var rules []rule
	for _, name := range settings.Rules {
		replace, ok := known[name]
		if !ok {
			unknown(name)
			continue
		}
		rules = append(rules, rule{name, replace})
	}
	return rules
}

// MustRule is the replacement of one rule, for tests and benchmarks.
func MustRule(name string) func(string) string {
	replace, ok := all(false)[name]
	if !ok {
		panic(fmt.Sprintf("no rule %s", name))
	}
	return replace
}

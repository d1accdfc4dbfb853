package mask

import (
	"bufio"
	"strings"
	"testing"

	"example.org/maskline/internal/config"
)

func TestCopy(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ in, want string }{
		"empty":          {"", ""},
		"nothing to do":  {"all quiet\n", "all quiet\n"},
		"no line end":    {"from ada@example.org", "from [address]\n"},
		"a name":         {"hello Ada Lovelace\n", "hello [name]\n"},
		"part of a word": {"Adage\n", "Adage\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text strings.Builder
			out := bufio.NewWriter(&text)
			masker := New(config.Settings{Names: []string{"Ada Lovelace", "Ada"}, Rules: []string{"email"}})
			if err := masker.Copy(out, strings.NewReader(c.in), "test"); err != nil {
				t.Fatal(err)
			}
			if err := out.Flush(); err != nil {
				t.Fatal(err)
			}
			if text.String() != c.want {
				t.Errorf("got %q, want %q", text.String(), c.want)
			}
		})
	}
}

func TestUnknownRulesAreReported(t *testing.T) {
	var names []string
	OnUnknown(func(name string) { names = append(names, name) })
	New(config.Settings{Rules: []string{"emial"}})
	if len(names) != 1 || names[0] != "emial" {
		t.Errorf("reported %v", names)
	}
}

// Package mask replaces what should not be seen in a line.
package mask

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"

	"example.org/maskline/internal/config"
)

const maxLine = 64 * 1024

// Masker copies lines and counts them.
type Masker struct {
	Lines, Masked int

	rules []rule
	names []string
}

// New makes a masker for the rules that the settings name.
func New(settings config.Settings) *Masker {
	return &Masker{rules: choose(settings), names: settings.Names}
}

// Copy writes each line of a source, masked.
func (m *Masker) Copy(out *bufio.Writer, in io.Reader, name string) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 4096), maxLine)
	number := 0
	for scanner.Scan() {
		number++
		masked, err := m.Line(scanner.Text())
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		out.WriteString(masked)
		if err := out.WriteByte('\n'); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read %s after line %d: %w", name, number, err)
	}
	return nil
}

// Line masks one line.
func (m *Masker) Line(line string) (string, error) {
	m.Lines++
	if strings.ContainsRune(line, 0) {
		return "", fmt.Errorf("line with a zero byte: %q", line)
	}
	masked := line
	for _, r := range m.rules {
		masked = r.replace(masked)
	}
	for _, name := range m.names {
		word := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(name) + `\b`)
		masked = word.ReplaceAllString(masked, "[name]")
	}
	if masked != line {
		m.Masked++
		progress(m.Masked)
	}
	return masked, nil
}

func progress(count int) {
	if count%1_000_000 == 0 {
		fmt.Printf("%d lines masked so far\n", count)
	}
}

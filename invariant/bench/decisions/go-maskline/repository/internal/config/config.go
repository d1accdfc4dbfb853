// Package config reads the file that says what is masked.
package config

import (
	"encoding/json"
	"fmt"
	"os"
)

// Settings say what is masked and how.
type Settings struct {
	KeepDomains bool     `json:"keepDomains"`
	Names       []string `json:"names"`
	Rules       []string `json:"rules"`
}

// Load reads a configuration file; the empty path stands for the defaults.
func Load(path string) (Settings, error) {
	settings := Settings{Rules: []string{"email", "ipv4", "card"}}
	if path == "" {
		return settings, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return settings, fmt.Errorf("read configuration: %w", err)
	}
	if err := json.Unmarshal(data, &settings); err != nil {
		return settings, fmt.Errorf("configuration %s: %v", path, err)
	}
	return settings, nil
}

// Dashboards writes the Grafana dashboards of grafana/dashboards. A test fails when what is
// committed is not what it writes.
//
//	go run ./tools/dashboards
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "grafana/dashboards", "directory to write to")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

// write writes a file for each dashboard.
func write(dir string) error {
	files, err := generate()
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil { //nolint:gosec // for Grafana to read
			return err
		}
	}
	return nil
}

// generate returns the files by name.
func generate() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, b := range map[string]*board{
		"overview.json": overview(), "pool.json": pool(), "forecast-quality.json": forecastQuality(), "operations.json": operations(),
	} {
		d, err := b.Build()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		text, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = append(text, '\n')
	}
	return files, nil
}

// Package rules holds rule files to start from, and embeds them for the demo.
package rules

import "embed"

// Files are the rule files and the calendars that they name.
//
//go:embed *.yml calendars/*.ics
var Files embed.FS

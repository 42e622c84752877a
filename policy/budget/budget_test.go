package budget

// testBudget is the one of the issue: 17 posts a day, off-peak 1, peak 3,
// breaking 8.
func testBudget() Budget {
	return Budget{Limit: 17, Window: LocalDay, Reserve: 2, PostsPerAgentHour: 0.1, Classes: []Class{
		{Name: "off_peak", Value: 1}, {Name: "peak", Value: 3}, {Name: "breaking", Value: 8},
	}}
}

// measured are counts that are known.
func measured(day, rolling int) map[Window]Count {
	return map[Window]Count{LocalDay: {Posts: float64(day), Known: true}, Rolling24h: {Posts: float64(rolling), Known: true}}
}

// Package scalingadapter holds the import table as a test.
package scalingadapter

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/scaling-adapter/scaling-adapter/"

// allowed says which of our packages each package may import. A new arrow is a
// decision: change the table in its own commit and say why.
var allowed = map[string][]string{
	"forecast":                     {"forecast/arima", "forecast/ets", "forecast/stl"},
	"forecast/arima":               {},
	"forecast/ets":                 {},
	"forecast/stl":                 {},
	"forecast/backtest":            {},
	"forecast/footprint":           {},
	"policy":                       {},
	"policy/budget":                {},
	"engine":                       {"forecast", "forecast/footprint", "policy", "policy/budget"},
	"promquery":                    {"forecast", "policy"},
	"actuator":                     {"actuator/dialect", "policy"},
	"actuator/dialect":             {"policy"}, // it words decisions
	"rulefile":                     {"engine", "forecast", "internal/strictyaml", "policy", "policy/budget"},
	"rulefile/ruletest":            {"engine", "internal/promengine", "internal/strictyaml", "policy", "promquery"},
	"rules":                        {},
	"internal/jsonschema":          {},
	"internal/strictyaml":          {"internal/jsonschema"},
	"internal/schematest":          {"internal/strictyaml"},
	"internal/disktest":            {},
	"internal/config":              {"actuator/dialect", "internal/strictyaml"}, // templates are compiled where their places are known
	"internal/promengine":          {},
	"internal/promengine/contract": {"internal/promengine"},
	"internal/simulator":           {},
	"internal/apiv1":               {"engine", "policy", "policy/budget"}, // shapes that the server encodes and the commands decode: plans, codes, modes
	"internal/api":                 {"engine", "forecast", "internal/apiv1", "internal/jsonschema", "internal/report", "policy", "policy/budget"},
	"internal/report":              {"engine", "forecast", "forecast/backtest", "internal/apiv1", "internal/forecastplot", "policy"},
	"internal/backtest":            {"engine", "forecast", "forecast/backtest", "internal/forecastplot", "policy"}, // the engine with a virtual clock, never a loop of its own
	"internal/api/apitest":         {},
	"internal/store":               {"engine", "policy", "policy/budget"},
	"internal/app":                 {"actuator", "actuator/dialect", "engine", "forecast", "internal/api", "internal/config", "internal/report", "internal/store", "internal/strictyaml", "internal/webhook", "policy", "promquery", "rulefile"},
	"internal/demo":                {"forecast", "internal/app", "internal/promengine", "internal/simulator", "policy", "rules"},
	"internal/demo/demotest":       {"internal/demo"},
	"internal/e2e":                 {},
	"internal/e2e/promtest":        {"internal/promengine"},
	"internal/csvseries":           {"forecast", "internal/strictyaml"},
	"internal/webhook":             {"engine", "internal/apiv1", "internal/strictyaml", "policy"}, // the API's words; secrets are read as other files
	"internal/forecastplot":        {"forecast"},
	"cmd/scaling-adapter":          {"engine", "forecast", "internal/apiv1", "internal/app", "internal/backtest", "internal/config", "internal/csvseries", "internal/demo", "internal/forecastplot", "internal/report", "internal/store", "internal/strictyaml", "policy", "rulefile", "rulefile/ruletest"},
}

// pure packages take values and return values: of the world outside the
// standard library they know these only.
var pure = map[string][]string{
	"actuator/dialect":   {"github.com/theory/jsonpath"},
	"forecast":           {"gonum.org/v1/gonum/"},
	"forecast/arima":     {"gonum.org/v1/gonum/"},
	"forecast/ets":       {"gonum.org/v1/gonum/"},
	"forecast/stl":       {"gonum.org/v1/gonum/"},
	"forecast/backtest":  {},
	"forecast/footprint": {"gonum.org/v1/gonum/"},
	"policy/budget":      {},
	"policy":             {"github.com/prometheus/alertmanager/timeinterval"},
}

// impure are the parts of the standard library that pure packages do not use.
var impure = []string{"context", "log", "log/slog", "net", "net/http", "os", "sync", "sync/atomic", "io", "embed", "math/rand", "math/rand/v2"}

func TestImportsFollowTheTable(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "tools" || name == "bin" || strings.HasPrefix(name, ".") && name != "."):
			return filepath.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		pkg := path.Dir(filepath.ToSlash(name))
		seen[pkg] = true
		table, listed := allowed[pkg]
		if !listed {
			t.Errorf("%s: package %s is not in the table", name, pkg)
		}
		for _, imported := range imports(t, name) {
			if own, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(table, own) {
				t.Errorf("%s: %s may not import %s", name, pkg, own)
			}
			checkPure(t, name, pkg, imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range allowed {
		if !seen[pkg] && pkg != "internal/e2e" {
			t.Errorf("package %s is in the table and not in the tree", pkg)
		}
	}
}

func imports(t *testing.T, name string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, imported)
	}
	return out
}

func checkPure(t *testing.T, name, pkg, imported string) {
	t.Helper()
	libraries, ok := pure[pkg]
	if !ok {
		return
	}
	outside := strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, module)
	if outside && !slices.ContainsFunc(libraries, func(prefix string) bool { return strings.HasPrefix(imported, prefix) }) {
		t.Errorf("%s: pure package %s may not import %s", name, pkg, imported)
	}
	if slices.Contains(impure, imported) {
		t.Errorf("%s: pure package %s may not import %s: it takes values and returns values", name, pkg, imported)
	}
}

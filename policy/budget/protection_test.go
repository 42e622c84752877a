package budget

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// cumulative returns P[Poisson(mean) ≤ k], each term by itself.
func cumulative(mean float64, k int) float64 {
	sum := 0.0
	for i := 0; i <= k; i++ {
		factorial, _ := math.Lgamma(float64(i + 1))
		sum += math.Exp(float64(i)*math.Log(mean) - mean - factorial)
	}
	return sum
}

func TestPoissonQuantile(t *testing.T) {
	// Tables of the Poisson distribution: P[≤ 0], P[≤ 1], … of mean 2 are 0.1353,
	// 0.4060, 0.6767, 0.8571, 0.9473.
	tests := []struct {
		name        string
		mean, level float64
		most, want  int
	}{
		{"below the first", 2, 0.13, 17, 0},
		{"above the first", 2, 0.14, 17, 1},
		{"below the third", 2, 0.67, 17, 2},
		{"above the third", 2, 0.68, 17, 3},
		{"above the fifth", 2, 0.95, 17, 5},
		{"not more than there is", 2, 0.95, 4, 4},
		{"of nothing", 2, 0.95, 0, 0},
		{"a level of 0", 1000, 0, 17, 0},
		{"a level below 0", 1000, -1, 17, 0},
		{"a level that is never reached", 2, 1.5, 17, 17},
		{"e^−mean is below the smallest float", 1000, 0.5, 10_000, 1000},
		{"more than can come", 1e12, 0.5, 17, 17},
		{"next to nothing", math.SmallestNonzeroFloat64, 0.99, 17, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := poissonQuantile(tt.mean, tt.level, tt.most); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		mean := rapid.Float64Range(0.01, 900).Draw(t, "mean")
		level := rapid.Float64Range(0, 0.999).Draw(t, "level")
		const tolerance = 1e-9
		k := poissonQuantile(mean, level, 2000)
		if got := cumulative(mean, k); got < level-tolerance {
			t.Fatalf("P[≤ %d] = %g is below %g", k, got, level)
		}
		if got := cumulative(mean, k-1); k > 0 && got > level+tolerance {
			t.Fatalf("P[≤ %d] = %g reaches %g already", k-1, got, level)
		}
	})
}

// With two classes of which the lesser comes first, the formula is the best there
// is (Littlewood's rule): no other number of units kept earns more.
func TestProtectionEarnsMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := testBudget()
		b.Classes = []Class{{Name: "lesser", Value: rapid.Float64Range(0.1, 9).Draw(t, "value")}, {Name: "better", Value: 10}}
		mean := rapid.Float64Range(0.01, 40).Draw(t, "mean")
		left := rapid.IntRange(0, 60).Draw(t, "left")
		// What is earned when so many are kept and the lesser take the others.
		earned := func(kept int) float64 {
			sum := b.Classes[0].Value * float64(left-kept)
			for k := range kept {
				sum += 10 * (1 - cumulative(mean, k))
			}
			return sum
		}
		got := b.protection(0, []float64{0, mean}, left)
		for kept := range left + 1 {
			if earned(kept) > earned(got)+1e-6 {
				t.Fatalf("keeping %d earns %g and keeping %d earns %g", got, earned(got), kept, earned(kept))
			}
		}
	})
}

func TestProtection(t *testing.T) {
	tests := []struct {
		name     string
		expected []float64 // off-peak, peak, breaking
		want     [3]int
	}{
		{"nothing better is expected", []float64{30, 0, 0}, [3]int{0, 0, 0}},
		// w̄ = (3·10 + 8·4)/14 = 4.43: P[Poisson(14) ≤ 16] = 0.756 < 1 − 1/4.43 = 0.774 ≤ 0.827;
		// P[Poisson(4) ≤ 4] = 0.629 ≥ 1 − 3/8 > 0.433.
		{"an evening", []float64{12, 10, 4}, [3]int{17, 4, 0}},
		// w̄ = 8: P[Poisson(1) ≤ 2] = 0.920 ≥ 1 − 1/8 > 0.736, P[≤ 1] ≥ 1 − 3/8 > 0.368.
		{"only breaking news", []float64{12, 0, 1}, [3]int{2, 1, 0}},
		{"more than the budget", []float64{12, 100, 100}, [3]int{17, 17, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := testBudget()
			for class, want := range tt.want {
				if got := b.protection(class, tt.expected, b.Limit); got != want {
					t.Errorf("%s: %d are kept, want %d", b.Classes[class].Name, got, want)
				}
			}
		})
	}
}

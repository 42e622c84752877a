package footprint

import "slices"

// Moments are weighted means of rows, and sums of squares and products about them.
type Moments struct {
	Mean []float64
	Sums []float64 // Σ w·(zᵢ−mᵢ)·(zⱼ−mⱼ) for j ≤ i, by rows
}

// place is where the sums have that of i and j ≤ i.
func place(i, j int) int { return i*(i+1)/2 + j }

func (m *Moments) at(i, j int) float64 { return m.Sums[place(max(i, j), min(i, j))] }

// square returns the sum of squares about zero, given Σ w.
func (m *Moments) square(i int, weight float64) float64 {
	return m.at(i, i) + weight*m.Mean[i]*m.Mean[i]
}

// holds reports whether it is of rows of so many numbers.
func (m *Moments) holds(numbers int) bool {
	return len(m.Mean) == numbers && len(m.Sums) == place(numbers, 0)
}

func (m *Moments) clone() Moments { return Moments{slices.Clone(m.Mean), slices.Clone(m.Sums)} }

// add takes in a row of weight 1, after the sums so far were multiplied by keep;
// weight is Σ w with the row.
//
//	d = z − m,   m ← m + d/W,   S ← λS + (1 − 1/W)·dd'
//
// # References
//
// West, Communications of the ACM 22 (1979), 532–535.
func (m *Moments) add(row []float64, keep, weight float64) {
	fresh := 1 - 1/weight
	for i, z := range row {
		d := fresh * (z - m.Mean[i])
		sums := m.Sums[place(i, 0):place(i+1, 0)]
		for j := range sums {
			sums[j] = keep*sums[j] + d*(row[j]-m.Mean[j])
		}
	}
	for i, z := range row {
		m.Mean[i] += (z - m.Mean[i]) / weight
	}
}

// grow adds a number that was zero.
func (m *Moments) grow() {
	m.Mean = append(m.Mean, 0)
	for range m.Mean {
		m.Sums = append(m.Sums, 0)
	}
}

// remove forgets a number.
func (m *Moments) remove(gone int) {
	var sums []float64
	for i := range m.Mean {
		for j := range i + 1 {
			if i != gone && j != gone {
				sums = append(sums, m.at(i, j))
			}
		}
	}
	m.Mean, m.Sums = slices.Delete(m.Mean, gone, gone+1), sums
}

// unite puts the sum of all numbers but the first in their place.
func (m *Moments) unite() {
	sums := []float64{m.Sums[0], 0, 0}
	for i := 1; i < len(m.Mean); i++ {
		sums[1] += m.at(i, 0)
		for j := 1; j < len(m.Mean); j++ {
			sums[2] += m.at(i, j)
		}
	}
	m.Mean, m.Sums = united(m.Mean), []float64{sums[0], sums[1], max(sums[2], 0)}
}

// united returns a row with the sum of all numbers but the first in their place.
func united(row []float64) []float64 {
	sum := 0.0
	for _, v := range row[1:] {
		sum += v
	}
	return []float64{row[0], sum}
}

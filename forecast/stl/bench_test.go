package stl

import (
	"fmt"
	"testing"
)

func BenchmarkMultiple(b *testing.B) {
	for _, size := range []struct {
		n       int
		periods []int
	}{{768, []int{24, 168}}, {8064, []int{288, 2016}}, {40320, []int{1440, 10080}}} {
		y := wavy(1, size.n, size.periods...)
		for _, kind := range []struct {
			name string
			o    MultipleOptions
		}{{"default", MultipleOptions{}}, {"periodic", MultipleOptions{Periodic: true}}, {"robust", MultipleOptions{Robust: true}}} {
			b.Run(fmt.Sprintf("%d/%s", size.n, kind.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Multiple(y, size.periods, kind.o); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

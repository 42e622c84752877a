package footprint

import (
	"fmt"
	"testing"
	"time"
)

func BenchmarkObserve(b *testing.B) {
	for _, pools := range []int{10, 50, 100} {
		b.Run(fmt.Sprintf("pools=%d", pools), func(b *testing.B) {
			os, _ := crowd(pools, 0, day)
			e := taught(os)
			at := e.State().At
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				o := os[i%len(os)]
				i++
				e.Observe(at.Add(time.Duration(i)*time.Minute), o.percent, o.agents)
			}
		})
	}
}

func BenchmarkEstimate(b *testing.B) {
	for _, pools := range []int{10, 50, 100} {
		b.Run(fmt.Sprintf("pools=%d", pools), func(b *testing.B) {
			os, _ := crowd(pools, 0, 7*day)
			e := taught(os)
			b.ReportAllocs()
			for b.Loop() {
				if fs := e.Estimate(); !fs[0].Known {
					b.Fatalf("%+v", fs[0])
				}
			}
		})
	}
}

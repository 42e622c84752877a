package budget

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// outlook is a path that makes sense, with its classes by their place.
type outlook struct {
	now     time.Time
	step    time.Duration
	classes []int     // one a step, at least one
	posts   []float64 // one a step; NaN: missing
	perDay  []float64 // unforeseen posts of each class
}

// outlook returns what the input expects, or what is wrong with its path.
func (b Budget) outlook(in Input) (outlook, error) {
	switch {
	case len(in.Path) == 0:
		return outlook{}, errors.New("the path of expected posts is empty")
	case in.Step <= 0:
		return outlook{}, fmt.Errorf("the path of expected posts has steps of %s", in.Step)
	}
	o := outlook{now: in.Now, step: in.Step, classes: make([]int, len(in.Path)), posts: make([]float64, len(in.Path))}
	for i, s := range in.Path {
		class, found := b.class(s.Class)
		if !found {
			return outlook{}, fmt.Errorf("the path of expected posts has a class %q, which the budget does not have", s.Class)
		}
		o.classes[i], o.posts[i] = class, math.NaN()
		if s.Posts >= 0 && !math.IsInf(s.Posts, 1) {
			o.posts[i] = min(s.Posts, maxNumber)
		}
	}
	for _, c := range b.Classes {
		o.perDay = append(o.perDay, c.PerDay)
	}
	return o, nil
}

// expected returns the posts of each class expected until an instant.
func (o outlook) expected(until time.Time) []float64 {
	posts := make([]float64, len(o.perDay))
	left := max(until.Sub(o.now), 0)
	for i, perDay := range o.perDay {
		posts[i] = perDay * left.Hours() / 24
	}
	for i := 0; i < len(o.posts) && left > 0; i++ {
		part := min(o.step, left)
		left -= part
		if !math.IsNaN(o.posts[i]) {
			posts[o.classes[i]] += o.posts[i] * float64(part) / float64(o.step)
		}
	}
	return posts
}

// nextHour returns the posts that the path expects in the next hour; of a path
// that ends sooner, the posts an hour until then. They are missing if any is.
// Unforeseen posts are not among them: a pool is not larger for what may never
// come.
func (o outlook) nextHour() float64 {
	posts, left := 0.0, time.Hour
	for i := 0; i < len(o.posts) && left > 0; i++ {
		part := min(o.step, left)
		left -= part
		posts += o.posts[i] * float64(part) / float64(o.step)
	}
	return posts * float64(time.Hour) / float64(time.Hour-left)
}

// reached returns the instant before until, to the second, at which so many posts
// are expected to have been made; zero if there is none.
func (o outlook) reached(total int, until time.Time) time.Time {
	if total <= 0 {
		return o.now
	}
	unforeseen := 0.0 // in a step
	for _, perDay := range o.perDay {
		unforeseen += perDay * o.step.Hours() / 24
	}
	posts, passed := float64(total), time.Duration(0)
	for i, left := 0, until.Sub(o.now); left > 0; i++ {
		part, rate := left, unforeseen
		if i < len(o.posts) {
			part = min(o.step, left)
			if !math.IsNaN(o.posts[i]) {
				rate += o.posts[i]
			}
		}
		expected := rate * float64(part) / float64(o.step)
		if expected > posts {
			return o.now.Add((passed + time.Duration(posts/expected*float64(part))).Round(time.Second))
		}
		posts -= expected
		passed += part
		left -= part
	}
	return time.Time{}
}

package strictyaml

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type house struct {
	Where
	Name   string            `yaml:"name"`
	Rooms  *int              `yaml:"rooms"`
	Labels map[string]string `yaml:"labels"`
	Roof   roof              `yaml:"roof"`
	Garden *roof             `yaml:"garden"`
	Doors  []string          `yaml:"doors"`
}

type roof struct {
	Where
	Colour string `yaml:"colour"`
	Tiles  int    `yaml:"tiles"`
}

func TestMerge(t *testing.T) {
	read := func(file, text string) house {
		var h house
		if ps := Decode(file, []byte(text), &h); len(ps) > 0 {
			t.Fatal(ps)
		}
		return h
	}
	base := read("base.yml", "name: base\nrooms: 3\nlabels: {a: x, b: x}\nroof: {colour: red, tiles: 7}\ngarden: {colour: green, tiles: 1}\ndoors: [front, back]")
	top := read("top.yml", "name: top\nlabels: {b: y, c: y}\nroof: {tiles: 0}\ngarden: {tiles: 2}\ndoors: [side]")
	got := Merge(base, top)
	three := 3
	want := house{
		Name: "top", Rooms: &three, Labels: map[string]string{"a": "x", "b": "y", "c": "y"},
		Roof: roof{Colour: "red", Tiles: 0}, Garden: &roof{Colour: "green", Tiles: 2}, Doors: []string{"side"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(Where{})); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	for key, file := range map[string]string{"name": "top.yml", "rooms": "base.yml", "roof": "top.yml"} {
		if got := got.At(key).File; got != file {
			t.Errorf("%s comes from %s, want %s", key, got, file)
		}
	}
	if !got.Has("rooms") || got.Roof.At("colour").File != "base.yml" || got.Roof.At("tiles").File != "top.yml" {
		t.Errorf("places are lost: %+v", got.Where)
	}
	if base.Labels["b"] != "x" || base.Garden.Tiles != 1 || len(base.Labels) != 2 {
		t.Errorf("the base was changed: %+v", base)
	}
	if diff := cmp.Diff(base, Merge(house{}, base), cmpopts.IgnoreTypes(Where{})); diff != "" {
		t.Errorf("nothing below changes what is above:\n%s", diff)
	}
}

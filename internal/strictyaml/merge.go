package strictyaml

import (
	"maps"
	"reflect"
)

// Merge returns top with what it does not say taken from base, both decoded by
// [Decode]. Structs with a [Where] are merged key by key, maps entry by entry; of
// everything else that of top counts if it is there.
func Merge[T any](base, top T) T {
	out := reflect.ValueOf(&top).Elem()
	merge(reflect.ValueOf(base), out)
	return top
}

// merge fills top with what it lacks of base.
func merge(base, top reflect.Value) {
	f := fieldsOf(top.Type())
	if f.where < 0 {
		return
	}
	lower, upper := base.Field(f.where).Interface().(Where), top.Field(f.where).Interface().(Where)
	keys := maps.Clone(lower.keys)
	if keys == nil {
		keys = map[string]Pos{}
	}
	maps.Copy(keys, upper.keys)
	for key, i := range f.byKey {
		from, to := base.Field(i), top.Field(i)
		switch {
		case !lower.Has(key):
		case !upper.Has(key):
			to.Set(from)
		case to.Kind() == reflect.Struct:
			merge(from, to)
		case to.Kind() == reflect.Pointer && !from.IsNil() && !to.IsNil() && to.Type().Elem().Kind() == reflect.Struct:
			both := reflect.New(to.Type().Elem())
			both.Elem().Set(to.Elem())
			merge(from.Elem(), both.Elem())
			to.Set(both)
		case to.Kind() == reflect.Map:
			both := reflect.MakeMap(to.Type())
			for _, m := range []reflect.Value{from, to} {
				for entries := m.MapRange(); entries.Next(); {
					both.SetMapIndex(entries.Key(), entries.Value())
				}
			}
			to.Set(both)
		}
	}
	pos := upper.pos
	if pos == (Pos{}) {
		pos = lower.pos
	}
	top.Field(f.where).Set(reflect.ValueOf(Where{pos, keys}))
}

package netlog

import (
	"container/list"
	"maps"
	"slices"
)

// A table holds the live sources of one kind by id. It is bounded: a hostile
// page can open sources without end, and the reader must not grow with them.
type table[T any] struct {
	max     int
	evicted func(*T) // called with the oldest entry when there is no more room
	byID    map[int64]*list.Element
	order   *list.List // of entry[T], oldest first
}

type entry[T any] struct {
	id    int64
	value *T
}

func newTable[T any](max int, evicted func(*T)) *table[T] {
	return &table[T]{max: max, evicted: evicted, byID: map[int64]*list.Element{}, order: list.New()}
}

// get returns the entry with the id, nil if there is none.
func (t *table[T]) get(id int64) *T {
	if e := t.byID[id]; e != nil {
		return e.Value.(entry[T]).value
	}
	return nil
}

// add enters a new zero value, or returns the one that is there.
func (t *table[T]) add(id int64) (v *T, isNew bool) {
	if v := t.get(id); v != nil {
		return v, false
	}
	if t.order.Len() >= t.max {
		oldest := t.order.Front().Value.(entry[T])
		t.remove(oldest.id)
		t.evicted(oldest.value)
	}
	v = new(T)
	t.byID[id] = t.order.PushBack(entry[T]{id, v})
	return v, true
}

func (t *table[T]) remove(id int64) {
	if e := t.byID[id]; e != nil {
		t.order.Remove(e)
		delete(t.byID, id)
	}
}

// ids returns the ids in ascending order.
func (t *table[T]) ids() []int64 { return slices.Sorted(maps.Keys(t.byID)) }

package forecast

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// codec writes state to bytes or reads it back: what is saved and what is
// restored is said in one place and cannot differ. After an error it does
// nothing more.
type codec struct {
	data    []byte // written so far, or left to read
	reading bool
	err     error
}

var errSnapshot = errors.New("not a snapshot")

func (c *codec) word(v uint64) uint64 {
	switch {
	case c.err != nil:
		return 0
	case !c.reading:
		c.data = binary.LittleEndian.AppendUint64(c.data, v)
		return v
	case len(c.data) < 8:
		c.err = fmt.Errorf("%w: it ends too early", errSnapshot)
		return 0
	}
	v = binary.LittleEndian.Uint64(c.data)
	c.data = c.data[8:]
	return v
}

func (c *codec) float(vs ...*float64) {
	for _, v := range vs {
		if x := math.Float64frombits(c.word(math.Float64bits(*v))); c.reading {
			*v = x
		}
	}
}

func (c *codec) int(vs ...*int) {
	for _, v := range vs {
		if x := int(int64(c.word(uint64(int64(*v))))); c.reading {
			*v = x
		}
	}
}

func (c *codec) int64(v *int64) {
	if x := int64(c.word(uint64(*v))); c.reading {
		*v = x
	}
}

// length passes the length of a list whose elements take size bytes at least.
func (c *codec) length(n, size int) int {
	v := c.word(uint64(n))
	if c.reading && v > uint64(len(c.data)/size) {
		if c.err == nil {
			c.err = fmt.Errorf("%w: a list of %d in %d bytes", errSnapshot, v, len(c.data))
		}
		return 0
	}
	return int(v)
}

func (c *codec) floats(vs *[]float64) {
	n := c.length(len(*vs), 8)
	if c.reading {
		*vs = make([]float64, n)
	}
	for i := range *vs {
		c.float(&(*vs)[i])
	}
}

func (c *codec) ints(vs *[]int) {
	n := c.length(len(*vs), 8)
	if c.reading {
		*vs = make([]int, n)
	}
	for i := range *vs {
		c.int(&(*vs)[i])
	}
}

func (c *codec) floats32(vs *[]float32) {
	n := c.length(len(*vs), 4)
	if c.reading {
		*vs = make([]float32, n)
	}
	for i := range *vs {
		c.float32(&(*vs)[i])
	}
}

func (c *codec) float32(v *float32) {
	switch {
	case c.err != nil:
	case !c.reading:
		c.data = binary.LittleEndian.AppendUint32(c.data, math.Float32bits(*v))
	case len(c.data) < 4:
		c.err = fmt.Errorf("%w: it ends too early", errSnapshot)
	default:
		*v = math.Float32frombits(binary.LittleEndian.Uint32(c.data))
		c.data = c.data[4:]
	}
}

// words passes numbers of 16 bits.
func words[T ~int16 | ~uint16](c *codec, vs *[]T) {
	n := c.length(len(*vs), 2)
	if c.reading {
		*vs = make([]T, n)
	}
	for i := range *vs {
		switch {
		case c.err != nil:
			return
		case !c.reading:
			c.data = binary.LittleEndian.AppendUint16(c.data, uint16((*vs)[i]))
		case len(c.data) < 2:
			c.err = fmt.Errorf("%w: it ends too early", errSnapshot)
		default:
			(*vs)[i] = T(binary.LittleEndian.Uint16(c.data))
			c.data = c.data[2:]
		}
	}
}

func (c *codec) bytes(bs *[]byte) {
	n := c.length(len(*bs), 1)
	switch {
	case c.err != nil:
	case !c.reading:
		c.data = append(c.data, *bs...)
	default:
		*bs = append([]byte(nil), c.data[:n]...)
		c.data = c.data[n:]
	}
}

func (c *codec) text(s *string) {
	bs := []byte(*s)
	c.bytes(&bs)
	*s = string(bs)
}

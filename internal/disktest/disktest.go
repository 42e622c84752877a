// Package disktest makes disks that are really full. It is for tests, on Linux and with the
// right to mount; without it they are skipped.
package disktest

package disktest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Disk is a file system of 2 MiB.
type Disk struct{ Dir, ballast string }

// New mounts one. It has no place among the others, so that nothing is left of it when the
// process ends, however it does.
func New(t *testing.T) Disk {
	t.Helper()
	dir := t.TempDir()
	switch err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		t.Skip("a small disk cannot be mounted here, which needs CAP_SYS_ADMIN: ", err)
	case err != nil:
		t.Fatal(err)
	}
	root, err := os.Open(dir)
	if err = errors.Join(err, syscall.Unmount(dir, syscall.MNT_DETACH)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	dir = fmt.Sprintf("/proc/self/fd/%d", root.Fd())
	return Disk{dir, filepath.Join(dir, "ballast")}
}

// Fill fills the disk up but for so many pages.
func (d Disk) Fill(t *testing.T, left int) {
	t.Helper()
	f, err := os.OpenFile(d.ballast, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // what is in it does not matter
	page := make([]byte, os.Getpagesize())
	size := 0
	for err == nil {
		var n int
		n, err = f.Write(page)
		size += n
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(max(size-left*len(page), 0))); err != nil {
		t.Fatal(err)
	}
}

// Free makes room again.
func (d Disk) Free(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.ballast); err != nil {
		t.Fatal(err)
	}
}

//go:build unix

package local

import "syscall"

// nonblock keeps an open from waiting when there is a pipe where a file should be.
const nonblock = syscall.O_NONBLOCK

// Otactl publishes MicroPython over-the-air updates to a static web server and rolls them back.
package main

import (
	"context"
	"os"
	"os/signal"
	"os/user"
	"syscall"
	"time"

	"github.com/otactl/otactl/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills
	os.Exit(cli.Main(ctx, environment()))
}

func environment() cli.Env {
	dir, _ := os.Getwd() // without it, paths are as they were given
	host, _ := os.Hostname()
	return cli.Env{
		Args: os.Args[1:], LookupEnv: os.LookupEnv, Environ: os.Environ(), Unsetenv: os.Unsetenv, Stdout: os.Stdout, Stderr: os.Stderr,
		Dir: dir, User: name(), Host: host, Version: cli.BuildVersion(), Now: time.Now,
		OpenTerminal: func() (*os.File, error) { return os.OpenFile("/dev/tty", os.O_RDWR, 0) },
	}
}

func name() string {
	u, err := user.Current()
	if err != nil {
		return os.Getenv("USER")
	}
	return u.Username
}

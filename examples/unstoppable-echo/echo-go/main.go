// Unstoppable Echo, in Go: `GET /hi!` answers a page that says `hi! right back at ya!`.
// What all five services promise is written in ../README.md.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// How long a request that is under way may take to end once we are told to stop.
const grace = 5 * time.Second

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "echo-go:", err)
		os.Exit(1)
	}
}

func run() error {
	settings, err := readSettings(os.LookupEnv)
	if err != nil {
		return err
	}
	// A reader of the log that went away is no reason to die.
	signal.Ignore(syscall.SIGPIPE)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)

	log := newLogger(os.Stdout, settings.logLevel)
	listener, err := net.Listen("tcp", net.JoinHostPort(settings.host, strconv.Itoa(settings.port)))
	if err != nil {
		return err
	}
	server := startServer(listener, log)
	log.event(levelInfo, "listening on "+listener.Addr().String())

	<-stop
	log.event(levelInfo, "stopping")
	if unfinished := server.stop(grace); unfinished > 0 {
		log.event(levelWarn, fmt.Sprintf("%d connections were still open after the grace time", unfinished))
	}
	log.event(levelInfo, "stopped")
	return nil
}

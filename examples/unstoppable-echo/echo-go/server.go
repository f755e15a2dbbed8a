package main

import (
	"net"
	"sync"
	"time"
)

const (
	// A connection beyond these is closed at once.
	connectionsMax = 1024
	// How long to wait after accepting failed, which means that descriptors or memory ran out.
	acceptPause = 50 * time.Millisecond
)

// server accepts connections, a goroutine for each, and stops without cutting off a request.
type server struct {
	listener net.Listener
	log      *logger

	mutex    sync.Mutex
	stopping bool
	open     map[*connection]struct{}
	// Closed when the server stops and the last connection has ended.
	finished chan struct{}
}

func startServer(listener net.Listener, log *logger) *server {
	s := &server{listener: listener, log: log, open: map[*connection]struct{}{}, finished: make(chan struct{})}
	go s.accept()
	return s
}

func (s *server) accept() {
	for {
		socket, err := s.listener.Accept()
		if err == nil {
			s.enter(socket.(*net.TCPConn))
			continue
		}
		if s.isStopping() {
			return
		}
		s.log.event(levelError, "cannot accept a connection: "+err.Error())
		time.Sleep(acceptPause)
	}
}

func (s *server) enter(socket *net.TCPConn) {
	c := &connection{TCPConn: socket, server: s}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.stopping || len(s.open) >= connectionsMax {
		_ = socket.Close()
		return
	}
	s.open[c] = struct{}{}
	go func() {
		defer s.leave(c)
		c.serve()
	}()
}

func (s *server) leave(c *connection) {
	_ = c.Close()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.open, c)
	if s.stopping && len(s.open) == 0 {
		close(s.finished)
	}
}

// stop stops accepting, closes what is idle, waits for the rest, and returns how many connections did not end.
func (s *server) stop(grace time.Duration) int {
	s.mutex.Lock()
	s.stopping = true
	for c := range s.open {
		if c.resting {
			endInput(c)
		}
	}
	idle := len(s.open) == 0
	s.mutex.Unlock()
	_ = s.listener.Close()
	if !idle {
		select {
		case <-s.finished:
		case <-time.After(grace):
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.open)
}

func (s *server) isStopping() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.stopping
}

// rest marks a connection as between requests: from here on, a stopping service ends it.
func (s *server) rest(c *connection) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	c.resting = true
	if s.stopping {
		endInput(c)
	}
}

// work marks that a request has begun: it will be answered.
func (s *server) work(c *connection) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	c.resting = false
}

// endInput leaves what the kernel already holds to be read, and served; then comes the end.
func endInput(c *connection) {
	_ = c.CloseRead()
}

package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"
)

const (
	// Longer than a gateway keeps an idle connection, so that it is the gateway that closes it.
	idleTimeout    = 75 * time.Second
	headTimeout    = 10 * time.Second
	writeTimeout   = 10 * time.Second
	lingerTimeout  = time.Second
	lingerBytesMax = 64 * 1024
	headBytesMax   = 64 * 1024
	// Room for a method and a version around the longest target.
	lineBytesMax = targetBytesMax + 64
)

var errGone = errors.New("the client went away or was too slow")

// connection serves request after request until either side has had enough.
type connection struct {
	*net.TCPConn
	server *server
	buffer []byte
	// Guarded by server.mutex: waiting for a request that has not begun.
	resting bool
}

func (c *connection) serve() {
	for {
		c.server.rest(c)
		if !c.waitForRequest() {
			return
		}
		c.server.work(c)
		if !c.exchange() {
			c.linger()
			return
		}
	}
}

// exchange reads one request, answers it, and says whether another may follow.
func (c *connection) exchange() bool {
	started := time.Now()
	head, err := c.readHead(started.Add(headTimeout))
	if err == errGone {
		return false
	}
	var asked request
	if err == nil {
		asked, err = parseRequest(head)
	}
	answer := respondToError(err)
	if err == nil {
		answer = respondTo(asked)
	}
	keepAlive := asked.keepAlive && !asked.hasBody && !c.server.isStopping()
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err = c.Write(answer.encode(asked.method == "HEAD", keepAlive))
	c.server.log.request(asked, answer.status, time.Since(started))
	return keepAlive && err == nil
}

// waitForRequest waits for the first byte of a request and says whether it came.
func (c *connection) waitForRequest() bool {
	return len(c.buffer) > 0 || c.fill(time.Now().Add(idleTimeout)) == nil
}

// readHead returns the next head, its blank line included.
func (c *connection) readHead(deadline time.Time) (string, error) {
	for {
		if end := bytes.Index(c.buffer, []byte("\r\n\r\n")); end >= 0 {
			head := string(c.buffer[:end+4])
			c.buffer = append([]byte(nil), c.buffer[end+4:]...)
			return head, nil
		}
		if len(c.buffer) > lineBytesMax && !bytes.Contains(c.buffer[:lineBytesMax], []byte{'\n'}) {
			return "", errTargetTooLong
		}
		if len(c.buffer) > headBytesMax {
			return "", errHeadTooLarge
		}
		if c.fill(deadline) != nil {
			return "", errGone
		}
	}
}

func (c *connection) fill(deadline time.Time) error {
	if err := c.SetReadDeadline(deadline); err != nil {
		return err
	}
	chunk := make([]byte, 16*1024)
	count, err := c.Read(chunk)
	c.buffer = append(c.buffer, chunk[:count]...)
	return err
}

// linger lets the client read the answer: closing with unread bytes in the buffer would reset the connection.
func (c *connection) linger() {
	if c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil {
		_, _ = io.CopyN(io.Discard, c, lingerBytesMax)
	}
}

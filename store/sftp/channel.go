package sftp

import (
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/crypto/ssh"
)

var errNoSFTP = errors.New("lets us in, but offers no SFTP")

// An exitError says that the SFTP server at the other end has ended, while the connection has not.
type exitError struct{ reason string }

func (e *exitError) Error() string { return "the SFTP server ended: " + e.reason }

// A channel is what an SFTP server reads and writes at the other end.
type channel struct {
	ssh.Channel
	base net.Conn
	exit chan string // how the server ended, if the connection lived to tell
}

// subsystem starts the SFTP server. Two trips.
func subsystem(base net.Conn, client *ssh.Client) (*channel, error) {
	ch, requests, err := client.OpenChannel("session", nil)
	if err := opened(err); err != nil {
		return nil, err
	}
	ok, err := ch.SendRequest("subsystem", true, ssh.Marshal(struct{ Name string }{"sftp"}))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errNoSFTP
	}
	c := &channel{ch, base, make(chan string, 1)}
	go c.watch(requests)
	go func() { _, _ = io.Copy(io.Discard, ch.Stderr()) }() // it would fill the window
	return c, nil
}

// opened is the error of opening a channel. Package ssh calls a lost connection an unexpected packet.
func opened(err error) error {
	var rejected *ssh.OpenChannelError
	if err == nil || errors.As(err, &rejected) {
		return err
	}
	return io.EOF
}

// watch waits for the news that the server has ended. It returns when the channel is closed.
func (c *channel) watch(requests <-chan *ssh.Request) {
	defer close(c.exit)
	told := false
	for r := range requests {
		reason := ""
		switch r.Type {
		case "exit-status":
			var status struct{ Status uint32 }
			_ = ssh.Unmarshal(r.Payload, &status) // 0 is as good as nothing
			reason = fmt.Sprintf("exit status %d", status.Status)
		case "exit-signal":
			reason = "by a signal"
		}
		if reason != "" && !told {
			told = true
			c.exit <- reason
		}
		if r.WantReply {
			_ = r.Reply(false, nil) // a keepalive of the server; only the answer counts
		}
	}
}

func (c *channel) Read(p []byte) (int, error) {
	n, err := c.Channel.Read(p)
	if errors.Is(err, io.EOF) {
		if reason, ok := <-c.exit; ok {
			err = &exitError{reason}
		}
	}
	return n, err
}

// Close ends the whole connection: the server needs no farewell.
func (c *channel) Close() error { return c.base.Close() }

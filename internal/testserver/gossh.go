package testserver

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// A Silence is the point from which a server says nothing more.
type Silence int

const (
	Talks       Silence = iota
	SilentTCP           // accepts connections
	SilentLogin         // shows its host key and never answers a login
	SilentSFTP          // starts the sftp subsystem
)

// GoSSHOptions say whom a server in this process lets in and what it serves. Without Password and Answer, ClientKey is
// let in.
type GoSSHOptions struct {
	User     string         // default "alice"
	Password string         // lets in by password
	Answer   string         // lets in by keyboard-interactive: one question, this answer
	HostKeys []string       // types of its host keys, as in SshdOptions
	Silent   Silence        // where it stops answering
	Handlers *sftp.Handlers // what it serves; default Root, by pkg/sftp, which has neither fsync nor a strict rename
}

// GoSSHServer is a running [GoSSH].
type GoSSHServer struct {
	*SSH
	mu        sync.Mutex
	passwords []string
}

// Passwords returns the passwords and answers that clients have sent.
func (s *GoSSHServer) Passwords() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.passwords)
}

// GoSSH starts an SSH server in this process: for what OpenSSH's needs a system account for, and for answers that OpenSSH
// never gives. With Handlers nil it serves the whole file system; Root is what relative names start from.
func GoSSH(t testing.TB, opts GoSSHOptions) *GoSSHServer {
	t.Helper()
	s := &GoSSHServer{SSH: newSSH(t, opts.HostKeys)}
	s.User = opts.User
	if s.User == "" {
		s.User = "alice"
	}
	config := s.serverConfig(t, opts)
	s.Serve(func(conn *net.TCPConn) {
		if opts.Silent == SilentTCP {
			_, _ = io.Copy(io.Discard, conn)
			return
		}
		s.converse(conn, config, opts)
	})
	return s
}

func (s *GoSSHServer) serverConfig(t testing.TB, opts GoSSHOptions) *ssh.ServerConfig {
	t.Helper()
	config := &ssh.ServerConfig{MaxAuthTries: -1}
	for i := range s.HostKeys {
		config.AddHostKey(readKey(t, s.hostKeyFile(i)))
	}
	if opts.Silent == SilentLogin {
		never := make(chan struct{})
		t.Cleanup(func() { close(never) })
		config.NoClientAuth = true
		config.NoClientAuthCallback = func(ssh.ConnMetadata) (*ssh.Permissions, error) {
			<-never
			return nil, errors.New("the test is over")
		}
		return config
	}
	if opts.Password != "" {
		config.PasswordCallback = func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			return s.check(string(password), opts.Password)
		}
	}
	if opts.Answer != "" {
		config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{"Code: "}, []bool{false})
			if err != nil || len(answers) != 1 {
				return nil, errors.Join(err, errors.New("no answer"))
			}
			return s.check(answers[0], opts.Answer)
		}
	}
	if opts.Password == "" && opts.Answer == "" {
		want := readKey(t, s.ClientKey).PublicKey().Marshal()
		config.PublicKeyCallback = func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if c.User() != s.User || !bytes.Equal(key.Marshal(), want) {
				return nil, errors.New("not the client key")
			}
			return &ssh.Permissions{}, nil
		}
	}
	return config
}

func (s *GoSSHServer) check(got, want string) (*ssh.Permissions, error) {
	s.mu.Lock()
	s.passwords = append(s.passwords, got)
	s.mu.Unlock()
	if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return nil, errors.New("wrong")
	}
	return &ssh.Permissions{}, nil
}

// converse serves one connection until it is closed.
func (s *GoSSHServer) converse(conn net.Conn, config *ssh.ServerConfig, opts GoSSHOptions) {
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	var open sync.WaitGroup
	defer open.Wait()
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		open.Go(func() { s.session(channel, requests, opts) })
	}
}

// session starts the sftp subsystem when it is asked to; nothing else can be had.
func (s *GoSSHServer) session(channel ssh.Channel, requests <-chan *ssh.Request, opts GoSSHOptions) {
	var running sync.WaitGroup
	defer running.Wait()
	for r := range requests {
		ok := r.Type == "subsystem" && string(r.Payload[min(4, len(r.Payload)):]) == "sftp"
		_ = r.Reply(ok, nil)
		if !ok {
			continue
		}
		running.Go(func() {
			defer func() { _ = channel.Close() }()
			_ = s.serveSFTP(channel, opts)
		})
	}
}

func (s *GoSSHServer) serveSFTP(channel ssh.Channel, opts GoSSHOptions) error {
	if opts.Silent == SilentSFTP {
		_, err := io.Copy(io.Discard, channel)
		return err
	}
	if opts.Handlers != nil {
		return sftp.NewRequestServer(channel, *opts.Handlers).Serve()
	}
	server, err := sftp.NewServer(channel, sftp.WithServerWorkingDirectory(s.Root))
	if err != nil {
		return err
	}
	return server.Serve()
}

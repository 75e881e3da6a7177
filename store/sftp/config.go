package sftp

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// A Config says how to connect. Only Home is needed for what ssh would do; nothing is taken from the environment.
type Config struct {
	KnownHosts string // file; "": those of ssh_config, else the usual ones
	HostKey    string // the only key that the target may have: SHA256:..., or a line of known_hosts or of a .pub file

	Identity   string // private key file; "": Key, else as ssh_config says, else the agent and the usual files
	Key        []byte // text of a private key
	Passphrase string // of the private key
	Password   string // to log in with if no key is accepted
	// PasswordAllowed says that the host key was pinned by the person who runs this, not by a file that came with a
	// source: otherwise that file could have the password sent to anybody.
	PasswordAllowed bool
	AgentSocket     string // SSH_AUTH_SOCK; "": no agent
	// Prompt asks for a secret; nil: there is nobody to ask.
	Prompt func(ctx context.Context, question string) (string, error)

	Home    string        // the home folder; "": there is none
	User    string        // the local user: the default for the remote one
	Timeout time.Duration // of connecting to each host, and of each answer later; 0: 15 s
	Warn    func(string)  // may be nil
	Trace   func(string)  // gets a line for each step; no secrets; may be nil
	Written func(n int64) // gets the number of bytes that were accepted, as they are; may be nil

	// Dial makes the first connection; nil: net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// inHome returns the paths of files in ~/.ssh. Without a home folder there are none: what lies below the current folder may
// be anybody's.
func (c *Config) inHome(names ...string) (paths []string) {
	if c.Home == "" {
		return nil
	}
	for _, name := range names {
		paths = append(paths, filepath.Join(c.Home, ".ssh", name))
	}
	return paths
}

// A ConfigError reports something in ssh_config, known_hosts or a setting that cannot be used.
type ConfigError struct {
	Setting string // what it is called there, such as ProxyCommand
	Host    string // for which host, if that matters
	Reason  string
}

func (e *ConfigError) Error() string {
	if e.Host == "" {
		return fmt.Sprintf("%s: %s", e.Setting, e.Reason)
	}
	return fmt.Sprintf("%s for %s: %s", e.Setting, e.Host, e.Reason)
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// A server is a web server that runs.
type server struct {
	name    string
	addr    netip.AddrPort
	tls     bool
	process *process
}

// Names of servers.
const (
	nginxServer = "nginx"
	serveServer = "otactl serve"
)

// A starter starts a web server for a server root.
type starter func(s *site, listen netip.Addr, tls bool) (*server, error)

// starters are the servers that are measured.
var starters = []starter{startNginx, startServe}

// serverBlock is the one that README recommends.
var serverBlock = regexp.MustCompile("(?s)```nginx\n(server \\{.*?\n\\})\n```")

// nginxConfig is what stands around a server block in Debian's nginx.conf, as far as it matters, with more connections.
const nginxConfig = `%[1]s
daemon off;
worker_processes auto;
worker_rlimit_nofile 16384;
pid %[2]s/nginx.pid;
events { worker_connections 8192; }
http {
	sendfile on;
	tcp_nopush on;
	default_type application/octet-stream;
	access_log %[2]s/access.log;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	%[3]s
}
`

func startNginx(s *site, listen netip.Addr, tls bool) (*server, error) {
	readme, err := os.ReadFile(filepath.Join(s.repo, "README.md"))
	if err != nil {
		return nil, err
	}
	block := serverBlock.FindSubmatch(readme)
	if block == nil {
		return nil, errors.New("README.md has no server block for nginx")
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: listen.AsSlice()})
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }() // if nginx dies now, devices are refused and do not wait
	socket, err := l.File()
	if err != nil {
		return nil, err
	}
	defer func() { _ = socket.Close() }() // nginx has it
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	text := fmt.Sprintf(nginxConfig, nginxUser(), s.dir, s.block(string(block[1]), addr, tls))
	config := filepath.Join(s.dir, "nginx.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	errorLog := filepath.Join(s.dir, "error.log")
	cmd := exec.Command(findNginx(), "-p", s.dir, "-e", errorLog, "-c", config)
	// nginx takes over a socket that listens already, as in an upgrade of its binary: no port has to be guessed.
	cmd.Env = append(os.Environ(), "NGINX=3;")
	cmd.ExtraFiles = []*os.File{socket}
	p, err := startProcess(cmd)
	if err != nil {
		return nil, fmt.Errorf("nginx: %w (apt-get install nginx-light)", err)
	}
	return &server{nginxServer, addr, tls, p}, nil
}

// block is the server block for this server root and address.
func (s *site) block(text string, addr netip.AddrPort, tls bool) string {
	listen := "listen " + addr.String() + ";"
	if tls {
		listen = fmt.Sprintf("listen %s ssl; ssl_certificate %s; ssl_certificate_key %s;", addr, s.path("cert.pem"), s.path("key.pem"))
	}
	return strings.NewReplacer("listen 80;", listen, "root /srv/ota;", "root "+s.root+";").Replace(text)
}

// nginxUser lets the workers of root read a temporary folder.
func nginxUser() string {
	if os.Geteuid() == 0 {
		return "user root;"
	}
	return ""
}

func findNginx() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx"
}

func startServe(s *site, listen netip.Addr, tls bool) (*server, error) {
	args := []string{"serve", s.root, "--addr", netip.AddrPortFrom(listen, 0).String()}
	if tls {
		args = append(args, "--tls-cert", s.path("cert.pem"), "--tls-key", s.path("key.pem"))
	}
	cmd := s.command(args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := startProcess(cmd)
	if err != nil {
		return nil, err
	}
	log := bufio.NewReader(out)
	url, err := log.ReadString('\n')
	go func() { _, _ = io.Copy(io.Discard, log) }() // the access log; it ends with the server
	_, hostPort, _ := strings.Cut(strings.TrimSpace(url), "://")
	addr, parseErr := netip.ParseAddrPort(hostPort)
	if err := errors.Join(err, parseErr); err != nil {
		_, stopErr := p.stop()
		return nil, errors.Join(fmt.Errorf("otactl serve: %w", err), stopErr)
	}
	return &server{serveServer, addr, tls, p}, nil
}

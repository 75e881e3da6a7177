package testserver

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/otactl/otactl/layout"
)

// A Device follows the protocol of the original micropython_ota client: HTTP/1.0 with a connection for each file, nothing
// encoded, only status 200 counts. It is stricter than the original in what would hurt it: a version of any other form
// than one tag and a line feed, a body that is shorter or longer than announced or not announced at all, and a chunked body.
type Device struct {
	Base    string         // of the server: http://host:port
	Project layout.Project // that it runs
	Kind    layout.Kind    // that it has baked in
	Files   []string       // that it has baked in, in the order in which it fetches them
}

// Poll fetches the live tag.
func (d Device) Poll() (layout.Tag, error) {
	body, err := d.get(d.Project.Pointer())
	if err != nil {
		return layout.Tag{}, err
	}
	text, ok := strings.CutSuffix(string(body), "\n")
	if !ok {
		return layout.Tag{}, fmt.Errorf("version %q: does not end in a line feed", body)
	}
	return layout.ParseTag(text)
}

// Update fetches the live tag and then its files, whose contents it returns in the order of Files.
func (d Device) Update() (layout.Tag, [][]byte, error) {
	tag, err := d.Poll()
	if err != nil {
		return layout.Tag{}, nil, err
	}
	contents := make([][]byte, 0, len(d.Files))
	for _, name := range d.Files {
		content, err := d.get(d.Project.File(d.Kind, tag, name))
		if err != nil {
			return tag, nil, err
		}
		contents = append(contents, content)
	}
	return tag, contents, nil
}

// get fetches what lies under a name on the server.
func (d Device) get(name string) ([]byte, error) {
	base, err := url.Parse(d.Base)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("tcp", base.Host, patience)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "GET %s/%s HTTP/1.0\r\nHost: %s\r\n\r\n", base.Path, name, base.Hostname()); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", name, err)
	}
	body, err := parseAnswer(answer)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", name, err)
	}
	return body, nil
}

func parseAnswer(answer []byte) ([]byte, error) {
	head, body, ok := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !ok {
		return nil, fmt.Errorf("no end of the headers in %q", answer)
	}
	lines := bufio.NewScanner(bytes.NewReader(head))
	lines.Scan()
	if words := strings.Fields(lines.Text()); len(words) < 2 || words[1] != "200" {
		return nil, fmt.Errorf("status %q", lines.Text())
	}
	length := ""
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		switch strings.ToLower(key) {
		case "transfer-encoding":
			return nil, fmt.Errorf("header %q", lines.Text())
		case "content-length":
			length = strings.TrimSpace(value)
		}
	}
	if length != strconv.Itoa(len(body)) {
		return nil, fmt.Errorf("%d bytes of %q announced", len(body), length)
	}
	return body, nil
}

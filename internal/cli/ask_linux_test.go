package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/otactl/otactl/internal/testserver"
)

// terminal opens a pair of terminals: what is written to the first one, somebody types at the other one, whose name is returned.
func terminal(t *testing.T) (keyboard *os.File, name string) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		testserver.Skip(t, "no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return keyboard, fmt.Sprintf("/dev/pts/%d", n)
}

// The passphrase of a key is asked for at the terminal, again if it is mistyped, and is shown nowhere.
func TestPassphraseIsAskedFor(t *testing.T) {
	testserver.Need(t, "openssl")
	for _, c := range []struct {
		typed []string
		want  int
	}{
		{[]string{"open sesame"}, exitDone},
		{[]string{"open sesam", "open sesame"}, exitDone},
		{[]string{"open", "open", "open"}, exitUsage},
	} {
		env, stdout, stderr := newEnv(t, nil, "publish", "v1.0.0", "main.py", "--to", "srv", "--project", "demo", "--key", "k")
		prepare(t, env.Dir, nil)
		command := exec.Command("openssl", "genpkey", "-algorithm", "RSA", "-aes256", "-pass", "pass:open sesame", "-out", "k")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		keyboard, name := terminal(t)
		env.OpenTerminal = func() (*os.File, error) { return os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0) }
		held, err := env.OpenTerminal() // a terminal that nobody has open forgets what was typed
		if err != nil {
			t.Fatal(err)
		}
		screen := make(chan string)
		go func() { screen <- typeIn(keyboard, c.typed) }()
		code := Main(context.Background(), env)
		_, _ = keyboard.WriteString("\x04")
		_ = held.Close()
		shown := <-screen
		if code != c.want || strings.Count(shown, "otactl: Passphrase of key k: ") != len(c.typed) {
			t.Errorf("%q: exit %d\n%s\n%s", c.typed, code, shown, stderr)
		}
		if all := shown + stdout.String() + stderr.String(); strings.Contains(all, "sesam") {
			t.Errorf("%q: shown\n%s", c.typed, all)
		}
	}
}

// typeIn answers each question with a line, and returns what the terminal showed until it was closed.
func typeIn(keyboard *os.File, lines []string) string {
	var shown bytes.Buffer
	buf := make([]byte, 1024)
	for {
		n, err := keyboard.Read(buf)
		shown.Write(buf[:n])
		if err != nil {
			return shown.String()
		}
		if bytes.HasSuffix(shown.Bytes(), []byte(": ")) && len(lines) > 0 {
			waitForSilence(keyboard)
			_, _ = keyboard.WriteString(lines[0] + "\n")
			lines = lines[1:]
		}
	}
}

// waitForSilence waits until the terminal does not show what is typed: nobody types faster than that.
func waitForSilence(keyboard *os.File) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if mode, err := unix.IoctlGetTermios(int(keyboard.Fd()), unix.TCGETS); err != nil || mode.Lflag&unix.ECHO == 0 {
			return
		}
	}
}

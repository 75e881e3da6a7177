package cli

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever does not wait until devices see a change is not told that there was none.
func TestInterruptedAfterTheChange(t *testing.T) {
	for _, n := range []string{"one", "two"} {
		t.Run(n, func(t *testing.T) {
			roots := []string{t.TempDir()}
			if n == "two" {
				roots = append(roots, t.TempDir())
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			version := filepath.Join(roots[0], "demo", "version")
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/demo/version" {
					http.FileServer(http.Dir(roots[0])).ServeHTTP(w, r)
					return
				}
				if _, err := os.Stat(version); err == nil {
					cancel()
				}
				http.NotFound(w, r)
			}))
			defer web.Close()
			env, stdout, stderr := newEnv(t, nil, "publish", "v1.0.0", "main.py", "--project", "demo", "--no-mpy-cross", "--url", web.URL)
			env.Args = append(env.Args, "--dir", env.Dir)
			for _, root := range roots {
				env.Args = append(env.Args, "--to", root)
			}
			if err := os.WriteFile(filepath.Join(env.Dir, "main.py"), []byte("print(1)\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			code := Main(ctx, env)
			if _, err := os.Stat(version); err != nil || ctx.Err() == nil {
				t.Fatalf("%v, %v: %s", err, ctx.Err(), stderr)
			}
			if code != exitDifferent || strings.Contains(stderr.String(), "not changed") || !strings.Contains(stdout.String(), "v1.0.0") {
				t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}

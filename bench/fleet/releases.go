package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Tags that are published.
const (
	firstTag  = "v1.0.0"
	secondTag = "v1.0.1"
	thirdTag  = "v1.0.2"
)

// Names of what is published.
const (
	sampleFiles = "sample"
	tenFiles    = "ten files"
)

// sampleReleases are those of README: three files of the sample project, of which one differs.
func sampleReleases(repo string) (map[string]files, error) {
	releases := map[string]files{firstTag: {}, secondTag: {}, thirdTag: {}}
	for _, name := range []string{"boot.py", "main.py", "node.py"} {
		text, err := os.ReadFile(filepath.Join(repo, "testdata/sample", name))
		if err != nil {
			return nil, err
		}
		for tag, pause := range map[string]string{firstTag: "sleep(60)", secondTag: "sleep(30)", thirdTag: "sleep(20)"} {
			releases[tag][name] = strings.ReplaceAll(string(text), "sleep(60)", pause)
		}
	}
	return releases, nil
}

// tenReleases are ten files of 4 KB, of which one differs.
func tenReleases() map[string]files {
	releases := map[string]files{}
	for _, tag := range []string{firstTag, secondTag} {
		releases[tag] = files{}
		for i := range 10 {
			line := fmt.Sprintf("# %061d\n", i)
			releases[tag][fmt.Sprintf("file%d.py", i)] = strings.Repeat(line, 64)
		}
	}
	changed := releases[secondTag]
	changed["file5.py"] = strings.ReplaceAll(changed["file5.py"], "# 0", "# 1")
	return releases
}

func (f files) size() (bytes int) {
	for _, text := range f {
		bytes += len(text)
	}
	return bytes
}

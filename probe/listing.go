package probe

import (
	"bytes"
	"context"
	"path"
)

// listing asks what an object store answers with a list: its bucket may be any folder of the URL, or its host.
func (c *check) listing(ctx context.Context) {
	for dir := c.site.folder; ; dir = path.Dir(dir) {
		if dir == "/" || dir == "." {
			dir = ""
		}
		text := oldest.request(dir+"/?list-type=2&max-keys=1", c.site.at.host, c.site.auth)
		v := look(c.recorder.get(ctx, c.site.at, text))
		if v.status == 200 && bytes.Contains(v.body, []byte("<ListBucketResult")) {
			c.report.add(openList)
		}
		if dir == "" {
			return
		}
	}
}

//go:build !linux

package local

import (
	"context"
	"errors"

	"github.com/otactl/otactl/store"
)

// Space is not known here.
func (*FS) Space(context.Context) (store.Space, error) { return store.Space{}, errors.ErrUnsupported }

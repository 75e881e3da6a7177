package storetest

import (
	"os"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.InMemory(m)) }

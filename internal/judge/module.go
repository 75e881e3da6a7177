package judge

import (
	"fmt"

	"github.com/otactl/otactl/source"
)

// The header of a .mpy file: 'M', version, feature byte, bits of a small integer.
// https://docs.micropython.org/en/latest/reference/mpyfiles.html
const (
	headerSize   = 4
	version      = 6  // of MicroPython 1.19 and later
	boardBits    = 31 // small integers of a 32-bit board
	subVersion   = 0x03
	extendedArch = 0x40 // the flags of the architecture follow the header
)

// architectures are the names that mpy-cross -march takes, by the number in the feature byte.
var architectures = []string{
	"", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin", "rv32imc", "rv64imc",
}

// architecture is that of the native code in a .mpy, "" if it has none.
func architecture(mpy []byte) string {
	n := int(mpy[2]&^(subVersion|extendedArch)) >> 2
	if n < len(architectures) {
		return architectures[n]
	}
	return fmt.Sprintf("an architecture that otactl does not know (%d)", n)
}

const again = "; compile it again, with the mpy-cross of MicroPython 1.19 or later"

// module judges the header of a .mpy file.
func module(f source.File) answer {
	head := f.Data[:min(len(f.Data), headerSize)]
	refuse := func(format string, args ...any) answer {
		return answer{err: &source.SyntaxError{Path: f.Path, Message: fmt.Sprintf(format, args...) + again}}
	}
	switch {
	case len(head) < headerSize:
		return refuse("%d bytes are no compiled module", len(head))
	case head[0] == 'C':
		return refuse("compiled for CircuitPython, and MicroPython does not load it")
	case head[0] != 'M':
		return refuse("no compiled module: it begins with %q, not with 'M'", head[:1])
	case head[1] != version:
		return refuse("a compiled module of version %d, and MicroPython 1.19 and later load only version %d", head[1], version)
	case head[3] == 0 || head[3] > 64:
		return refuse("no compiled module: small integers of %d bits", head[3])
	}
	var a answer
	if arch := architecture(head); arch != "" {
		a.warnings = note(f, 0, "has native code for %s, .mpy version %d.%d: boards of another architecture or version cannot import it",
			arch, version, head[2]&subVersion)
	}
	if head[3] > boardBits {
		a.warnings = append(a.warnings, note(f, 0, "was compiled for small integers of %d bits: boards of 32 bits cannot import it", head[3])...)
	}
	return a
}

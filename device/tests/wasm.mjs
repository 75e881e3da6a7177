// Runs a program of this folder in a WebAssembly build of MicroPython, with a copy of a folder as its current folder.
//
//   node wasm.mjs BUILD FOLDER PROGRAM
import fs from "node:fs";
import path from "node:path";

const [build, folder, program] = process.argv.slice(2).map((arg, i) => (i < 2 ? path.resolve(arg) : arg));
const tests = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
process.chdir(build); // where 1.20 looks for its .wasm
const { loadMicroPython } = await import(path.join(build, "micropython.mjs"));
const python = await loadMicroPython({ heapsize: 12 << 20, linebuffer: true, stdout: (line) => console.log(line) });

function copy(from, to) {
  python.FS.mkdir(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), to + "/" + entry.name];
    if (entry.isDirectory()) copy(source, target);
    else python.FS.writeFile(target, new Uint8Array(fs.readFileSync(source)));
  }
}

copy(folder, "/board");
copy(tests, "/tests");
python.runPython(`
import os, sys
print('#version', '%d.%d' % sys.implementation[1][:2])
os.chdir('/board')
sys.path.insert(0, '/tests')


class NoCollector:  # 1.20 cannot collect garbage
    def collect():
        pass


sys.modules['gc'] = NoCollector
import board

sys.modules['os'] = board.Instead(os, urandom=bytes)  # which these builds lack
execfile('/tests/${program}')
`);
process.exit(0); // nothing of the build may keep it from ending

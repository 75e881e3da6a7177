// Asks a WebAssembly build of MicroPython which sources it compiles.
//
//   node oracle.mjs BUILD <SOURCES >VERDICTS
//
// SOURCES is a JSON list of sources, VERDICTS has one for each: "" if it compiles, else the exception.
import fs from "node:fs";
import path from "node:path";

const build = path.resolve(process.argv[2]);
const sources = JSON.parse(fs.readFileSync(0, "utf8"));
const room = 300_000; // how many bytes one instance compiles: 1.20 cannot collect garbage
process.chdir(build); // where 1.20 looks for its .wasm
const { loadMicroPython } = await import(path.join(build, "micropython.mjs"));

async function compile(batch) {
  const lines = [];
  const python = await loadMicroPython({ heapsize: 14 << 20, linebuffer: true, stdout: (line) => lines.push(line) });
  batch.forEach((source, i) => python.FS.writeFile("/" + i, source));
  python.runPython(`
def verdict(i):
    with open('/%d' % i) as f:
        source = f.read()
    try:
        compile(source, 'x', 'exec')
        print('=')
    except Exception as e:
        import sys
        print('=' + type(e).__name__, repr(e.args))
for i in range(${batch.length}):
    verdict(i)
`);
  const verdicts = lines.filter((line) => line.startsWith("=")).map((line) => line.slice(1));
  if (verdicts.length !== batch.length) throw new Error(`${batch.length} sources, ${verdicts.length} verdicts`);
  return verdicts;
}

const verdicts = [];
for (let i = 0; i < sources.length; ) {
  const batch = [];
  for (let size = 0; i < sources.length && size < room && batch.length < 1000; i++) {
    batch.push(sources[i]);
    size += sources[i].length + 100;
  }
  verdicts.push(...(await compile(batch)));
}
process.stdout.write(JSON.stringify(verdicts), () => process.exit(0)); // nothing of the build may keep it from ending

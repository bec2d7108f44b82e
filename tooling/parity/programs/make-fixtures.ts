// Makes fixtures/programs.json again: programs, and what PyTorch computes. Run it under the pinned Node with
// `--conditions=@gpt/source`; it needs a Python with PyTorch, as ../make-fixtures.py does.
import { writeFileSync } from "node:fs";
import { fixturePath } from "../fixtures.ts";
import { findPython } from "../python.ts";
import { generateProgram } from "./generate.ts";
import { Torch } from "./torch.ts";
import { written } from "./written.ts";

const python = findPython();
if (!python) throw new Error("there is no python3 with PyTorch here; GPT_PYTHON names one elsewhere");
const generated = Array.from({ length: 120 }, (_, seed) => generateProgram(seed, { ops: 6, elements: 24 }));
const programs = [...written, ...generated];
const torch = new Torch(python);
const lines: string[] = [];
for await (const expected of torch.evaluate(programs)) {
  const program = programs[lines.length];
  // What a later step uses shows there as well: to leave it out halves the file.
  const used = new Set(program.steps.flatMap((step) => step.in));
  const shown = Object.entries(expected).filter(([place]) => !used.has(Number(place)));
  lines.push(JSON.stringify({ program, expected: Object.fromEntries(shown) }));
}
torch.dispose();
writeFileSync(fixturePath("programs.json"), `[\n${lines.join(",\n")}\n]\n`);
